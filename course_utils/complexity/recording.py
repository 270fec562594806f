"""What each module of a network does while one image goes through it."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from course_utils.complexity.field_tracking import FollowField
from course_utils.complexity.layer_table import Costs, Layer
from course_utils.complexity.macs import CountMACs
from course_utils.complexity.trial import forward


def record(model: nn.Module, image: Tensor) -> list[Layer]:
    """Send one image through: what each module does by itself, in the order of their first calls.

    The last ones are those never called. The network itself has the name "".
    """
    recorder = _Recorder(model)
    with recorder.hooks(), _attention_in_steps(), _fields_followed(image), CountMACs(recorder.add_operation):
        forward(model, image)
    recorder.add_parameters()
    return recorder.in_order()


class _Recorder:
    """One Layer for each module, filled while the model runs."""

    def __init__(self, model: nn.Module):
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
        layer.receptive_field = _field_size(tensors)

    def add_operation(self, macs: int, new_bytes: int, operands: list[object]) -> None:
        """Add the costs of one operation to the module that is running."""
        self.running[-1].costs += Costs(macs=macs, activation_bytes=new_bytes)
        self.operands.update(map(id, operands))

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


def _field_size(outputs: list[Tensor]) -> tuple[int, int] | None:
    field = getattr(outputs[0], "field", None) if outputs else None
    return field and tuple(axis.size for axis in field)


def _fields_followed(image: Tensor) -> contextlib.AbstractContextManager[object]:
    return FollowField(image, strict=False) if image.dim() == 4 else contextlib.nullcontext()


@contextlib.contextmanager
def _attention_in_steps() -> Iterator[None]:
    """Switch off the fast path of nn.MultiheadAttention, one operation that hides what is multiplied."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
