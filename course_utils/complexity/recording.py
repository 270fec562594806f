"""A record of what each module of a network does while one image passes through it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from course_utils.complexity.field_tracking import FollowField
from course_utils.complexity.fields import Field
from course_utils.complexity.layer_table import Costs, Layer
from course_utils.complexity.macs import CountMACs, Operation
from course_utils.complexity.trial import forward


@dataclass(frozen=True)
class Record:
    """A record of what each module does by itself, in the order of the first calls; those never called come last.

    The network itself has the name "". ``without_field`` names the operations that end what is known about the
    receptive field.
    """

    layers: list[Layer]
    without_field: list[str]


def record(model: nn.Module, image: Tensor) -> Record:
    """Send one image through, and write down what each module does."""
    fields = FollowField(image) if image.dim() == 4 else None
    recorder = _Recorder(model, fields)
    with (
        recorder.hooks(),
        _attention_in_steps(),
        fields or contextlib.nullcontext(),
        CountMACs(recorder.add_operation),
    ):
        forward(model, image)
    recorder.add_parameters()
    return Record(recorder.in_order(), list(fields.unknown) if fields else [])


class _Recorder:
    """One Layer for each module, filled while the model runs."""

    def __init__(self, model: nn.Module, fields: FollowField | None):
        self.fields = fields
        self.layers = {module: Layer(name, type(module).__name__) for name, module in model.named_modules()}
        self.called: list[Layer] = []
        self.operands: set[int] = set()
        # the modules that are being called, the innermost last; what happens outside of all belongs to the model
        self.running = [self.layers[model]]

    @contextlib.contextmanager
    def hooks(self) -> Iterator[None]:
        """Inside, each call of a module is recorded."""
        handles = [module.register_forward_pre_hook(self._begin) for module in self.layers]
        handles += [module.register_forward_hook(self._end) for module in self.layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _begin(self, module: nn.Module, args: object) -> None:
        layer = self.layers[module]
        layer.calls += 1
        if layer.calls == 1:
            self.called.append(layer)
        self.running.append(layer)

    def _end(self, module: nn.Module, args: object, output: object) -> None:
        layer, tensors = self.running.pop(), [t for t in tree_leaves(output) if isinstance(t, Tensor)]
        layer.output = tuple(tuple(t.shape[1:]) for t in tensors)
        field = self.fields.of(tensors[0]) if self.fields and tensors else None
        if isinstance(field, Field) and (axes := field.of_an_output(tensors[0].dim())):
            layer.receptive_field = axes[0].size, axes[1].size

    def add_operation(self, operation: Operation) -> None:
        """Add the costs of one operation to the module that is running."""
        uncounted = (operation.name,) if operation.macs is None else ()
        self.running[-1].costs += Costs(
            macs=operation.macs or 0, activation_bytes=operation.new_bytes, uncounted=uncounted
        )
        self.operands.update(map(id, operation.operands))

    def add_parameters(self) -> None:
        """Count each parameter once, in the first module that has it, and see which ones were used."""
        seen: set[int] = set()
        for module, layer in self.layers.items():
            own = {id(p): p.numel() for p in module.parameters(recurse=False) if id(p) not in seen}
            seen |= set(own)
            layer.costs += Costs(parameters=sum(own.values()))
            layer.used = bool(layer.calls or self.operands & set(own))

    def in_order(self) -> list[Layer]:
        return [*self.called, *(layer for layer in self.layers.values() if not layer.calls)]


@contextlib.contextmanager
def _attention_in_steps() -> Iterator[None]:
    """Switch off the fast path of nn.MultiheadAttention, one operation that hides what is multiplied."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
