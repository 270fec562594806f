"""Counting multiply-accumulate operations (MACs) while PyTorch executes a computation. Notebook 11."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from course_utils.complexity.operations import FREE, arguments, name_of

Arguments = Mapping[str, Any]


def _attention(given: Arguments) -> int:
    """Scores and weighted values: every query meets every key twice."""
    query, key, value = given["query"].shape, given["key"].shape, given["value"].shape
    macs: int = query[:-1].numel() * key[-2] * (query[-1] + value[-1])
    return macs


def _recurrent(x: Tensor, weights: Sequence[Tensor]) -> int:
    """Every weight of every matrix is used once per step: x is (steps, images, features)."""
    return x.shape[0] * x.shape[1] * sum(w.numel() for w in weights if w.dim() == 2)


def _trilinear(given: Arguments) -> int:
    """nn.Bilinear: two operands are multiplied, and summed over the dimensions that the third lacks, then all three."""
    missing = [set(given[f"expand{i}"]) for i in (1, 2, 3)]
    n = given["i1"].dim() + len(missing[0])
    sizes = [1] * n
    for i, absent in enumerate(missing):
        present = (dim for dim in range(n) if dim not in absent)
        for dim, size in zip(present, given[f"i{i + 1}"].shape, strict=True):
            sizes[dim] = max(sizes[dim], size)
    summed_first: int = math.prod(sizes[dim] for dim in missing[2] if dim in given["sumdim"])
    products: int = math.prod(sizes)
    return products + products // summed_first


# What torch's own counter leaves out: products with vectors, fused kernels of some devices (that of the CPU in
# PyTorch 2.14). Name of the operation → MACs from its arguments.
_OTHERS: dict[str, Callable[[Arguments], int]] = {
    "mv": lambda given: given["self"].numel(),
    "addmv": lambda given: given["mat"].numel(),
    "dot": lambda given: given["self"].numel(),
    "vdot": lambda given: given["self"].numel(),
    "addbmm": lambda given: given["batch1"].numel() * given["batch2"].shape[-1],
    "_addmm_activation": lambda given: given["mat1"].numel() * given["mat2"].shape[-1],
    "_trilinear": _trilinear,
    "affine_grid_generator": lambda given: given["theta"].numel() * math.prod(given["size"][2:]),
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_attention_math_for_mps": _attention,
    "_scaled_dot_product_fused_attention_overrideable": _attention,
    "mkldnn_rnn_layer": lambda given: _recurrent(given["input"], [given["weight0"], given["weight1"]]),
    "_cudnn_rnn": lambda given: _recurrent(given["input"], given["weight"]),
}


@dataclass(frozen=True)
class Operation:
    """One operation that PyTorch has executed.

    ``macs`` is None if it is not known how many it takes. ``new_bytes`` is the memory of its result, 0 for a view or
    an operation in place.
    """

    name: str
    macs: int | None
    new_bytes: int
    operands: list[object]


class CountMACs(TorchDispatchMode):
    """Inside this context each operation that PyTorch executes is given to ``report``.

    All of them are seen: those of a layer, of a function of ``torch.nn.functional``, of ``@`` and ``einsum``. A MAC
    is one multiplication and the addition that follows; those of convolutions and matrix products count, those of
    batch norm, pooling and activations do not.
    """

    def __init__(self, report: Callable[[Operation], None]):
        # torch leaves this __init__ without types
        super().__init__()  # type: ignore[no-untyped-call]
        self.report = report

    def __torch_dispatch__(
        self,
        func: OpOverload[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        counted = func.overloadpacket in flop_registry or name_of(func) in FREE | _OTHERS.keys()
        if not counted and func is not torch.ops.prim.device.default:
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        operands = tree_leaves((args, kwargs))
        macs = _macs(func, args, kwargs, result)
        self.report(Operation(name_of(func), macs, _new_bytes(result, operands), operands))
        return result


def _macs(
    func: OpOverload[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], result: object
) -> int | None:
    if func.overloadpacket in flop_registry:
        # a multiplication and an addition are two operations there
        return int(flop_registry[func.overloadpacket](*args, **kwargs, out_val=result)) // 2
    if (name := name_of(func)) in _OTHERS:
        return _OTHERS[name](arguments(func, args, kwargs))
    free = name in FREE or func.is_view or {torch.Tag.pointwise, torch.Tag.reduction} & set(func.tags)
    returns_tensors = any(isinstance(leaf, Tensor) for leaf in tree_leaves(result))
    return 0 if free or not returns_tensors else None


def _new_bytes(result: object, operands: Sequence[object]) -> int:
    """Bytes of the first tensor among the results (others are by-products, such as pooling's indices)."""
    out = next((t for t in tree_leaves(result) if isinstance(t, Tensor)), None)
    if out is None:
        return 0
    known = {t.untyped_storage()._cdata for t in operands if isinstance(t, Tensor)}
    return 0 if out.untyped_storage()._cdata in known else out.numel() * out.element_size()
