"""Following receptive fields through all operations that PyTorch executes. Notebook 07."""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from course_utils.complexity.field_rules import Call, after
from course_utils.complexity.fields import Along, Axis, Field, UnknownField
from course_utils.complexity.operations import arguments, name_of

# Their results do not depend on the numbers in their operands; those in place forget what was there before.
CONSTANT = {"zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like", "randint_like"}
CONSTANT |= {"new_zeros", "new_ones", "new_full", "new_empty", "new_empty_strided"}
OVERWRITTEN = {"copy", "fill", "zero", "uniform", "normal", "bernoulli"}


class FollowField(TorchDispatchMode):
    """Inside this context every tensor computed from ``image``, (N, C, H, W), has a field.

    It sees each operation that PyTorch executes, so branches and functional calls count like layers. The name of
    an operation that has no rule is kept in place of the field, for its result and all that depends on it.
    """

    def __init__(self, image: Tensor):
        # torch leaves this __init__ without types
        super().__init__()  # type: ignore[no-untyped-call]
        height, width = image.shape[2:]
        rows, columns = (
            Along(Axis(), frozenset({2}), height, height),
            Along(Axis(), frozenset({3}), width, width),
        )
        self._fields: MutableMapping[Tensor, Field | str] = WeakTensorKeyDictionary()
        self._fields[image] = Field(rows, columns)
        # operations without a rule, in the order in which they were executed first
        self.unknown: dict[str, None] = {}

    def of(self, tensor: Tensor) -> Field | str | None:
        """The field of a tensor; the name of the operation behind which it is unknown; None for a constant."""
        return self._fields.get(tensor)

    def __torch_dispatch__(
        self,
        func: OpOverload[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        given = arguments(func, args, kwargs or {})
        name = name_of(func)
        changed = args[0] if func._schema.is_mutable and args and isinstance(args[0], Tensor) else None
        operands = [
            (argument, tensor, tensor.shape)
            for argument, value in given.items()
            for tensor in tree_leaves(value)
            if isinstance(tensor, Tensor) and tensor in self._fields and name not in CONSTANT
            if not (tensor is changed and name in OVERWRITTEN)
        ]
        result = func(*args, **(kwargs or {}))
        tensors = [tensor for tensor in tree_leaves(result) if isinstance(tensor, Tensor)]
        if not operands or not tensors:
            if changed is not None:
                self._fields.pop(changed, None)
            return result
        pointwise = torch.Tag.pointwise in func.tags
        out = tensors[0].shape
        calls = [
            (Call(name, given, argument, shape, out, pointwise), self._fields[tensor])
            for argument, tensor, shape in operands
        ]
        field = self._after(calls)
        if changed is not None and changed._base is not None and field != self._fields.get(changed):
            # the change of a part is not followed in the whole
            self._fields[changed._base] = self._unknown(f"{name}_")
        for tensor in tensors:
            # by-products of another shape, such as the variance in batch norm, have a rule of their own: none
            self._fields[tensor] = field if tensor.dim() == len(out) else name
        return result

    def _after(self, calls: Iterable[tuple[Call, Field | str]]) -> Field | str:
        """The field behind an operation from those of its operands."""
        known = []
        for call, field in calls:
            if isinstance(field, str):
                return field
            known.append((call, field))
        try:
            # where each operand sees the same everywhere, so does the result, whatever the operation
            fields = [after(call, field) if field.dims else field for call, field in known]
            whole = fields[0]
            for field in fields[1:]:
                whole = whole.joined(field)
            return whole
        except UnknownField as error:
            return self._unknown(str(error) or known[0][0].name)

    def _unknown(self, name: str) -> str:
        name = name.removeprefix("_")
        self.unknown[name] = None
        return name
