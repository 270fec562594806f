"""How a receptive field grows from one operation to the next: the arithmetic behind ``complexity.receptive_field``."""

import math
from typing import NamedTuple

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# Operations whose every output depends on all pixels of their input.
_MIXERS = {"mm", "addmm", "bmm", "baddbmm", "native_group_norm", "native_layer_norm"}
_REDUCTIONS = {"mean", "sum", "amax"}
_VIEWS = {"view", "_unsafe_view", "squeeze"}


class Axis(NamedTuple):
    """A receptive field along one axis: output i sees ``size`` pixels, from ``start + i * jump`` on."""

    size: int = 1
    jump: int = 1
    start: int = 0

    def through(self, kernel: int, stride: int, padding: int = 0, dilation: int = 1) -> "Axis":
        """The field after one more layer that slides a window."""
        size = self.size + (kernel - 1) * dilation * self.jump
        return Axis(size, self.jump * stride, self.start - padding * self.jump)

    def joined(self, other: "Axis") -> "Axis":
        """The field of an output that depends on both; a jump of 0 means that one has seen all there is."""
        if 0 in (self.jump, other.jump):
            return min(self, other, key=lambda axis: axis.jump)
        start = min(self.start, other.start)
        end = max(self.start + self.size, other.start + other.size)
        return Axis(end - start, max(self.jump, other.jump), start)

    def together(self, outputs: int, pixels: int) -> "Axis":
        """The field of all ``outputs`` of this axis together, within an image of so many ``pixels``."""
        start, end = max(0, self.start), self.start + (outputs - 1) * self.jump + self.size
        return Axis(min(end, pixels) - start, 0, start)


class FollowField(TorchDispatchMode):
    """Inside this context every tensor computed from ``image`` gets a ``field``: one Axis down, one across.

    It sees each operation that PyTorch carries out, so that branches and functional calls count like layers.
    An operation whose field is not known raises a ValueError; with ``strict=False`` all that depends on its
    result gets the field None instead.
    """

    def __init__(self, image: Tensor, strict: bool = True):
        super().__init__()
        image.field = (Axis(), Axis())
        self.pixels, self.strict = image.shape[2:], strict

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        known = [t for t in tree_leaves((args, kwargs)) if hasattr(t, "field")]
        results = func(*args, **kwargs)
        tensors = [t for t in tree_leaves(results) if isinstance(t, Tensor)]
        if known and tensors:
            given = dict(zip((a.name for a in func._schema.arguments), args, strict=False)) | kwargs
            try:
                field = None
                if all(t.field for t in known):
                    field = self._after(func.overloadpacket.__name__, given, known, tensors[0])
            except ValueError:
                if self.strict:
                    raise
            for t in tensors:
                t.field = field
        return results

    def _after(self, name: str, given: dict, known: list[Tensor], out: Tensor) -> tuple[Axis, Axis]:
        """The field behind the operation ``name``, which makes ``out`` from tensors whose fields are known."""
        x, field = known[0], known[0].field
        for other in known[1:]:
            field = tuple(a.joined(b) for a, b in zip(field, other.field, strict=True))
        if field[0].jump == field[1].jump == 0:
            return field
        together = tuple(
            axis.together(*sizes) for axis, *sizes in zip(field, x.shape[-2:], self.pixels, strict=True)
        )
        if name in _MIXERS:
            return together
        if (windows := _windows(name, given, x)) is not None:
            return tuple(axis.through(*window) for axis, window in zip(field, windows, strict=True))
        if name.endswith("pad2d") or name == "constant_pad_nd":
            left, _, top, *_ = [*(given.get("padding") or given["pad"]), 0, 0]
            return field[0].through(1, 1, top), field[1].through(1, 1, left)
        if out.shape[-2:] == x.shape[-2:]:
            return field
        if name in _REDUCTIONS or (name in _VIEWS and out.dim() < 4):
            return together
        raise ValueError(
            f"The formula does not know what the operation {name!r} sees, which makes {tuple(out.shape)} out of "
            f"{tuple(x.shape)}.\nTry: receptive_field_by_gradient, which works for any model."
        )


def _windows(name: str, given: dict, x: Tensor) -> list[tuple[int, ...]] | None:
    """(kernel, stride, padding, dilation) for each axis if the operation slides a window, else None."""
    if name in ("_adaptive_avg_pool2d", "adaptive_max_pool2d"):
        steps = [math.ceil(n / m) for n, m in zip(x.shape[-2:], given["output_size"], strict=True)]
        even = all(s * m == n for s, n, m in zip(steps, x.shape[-2:], given["output_size"], strict=True))
        return [(step, step) for step in steps] if even else None
    if name == "convolution" and not given["transposed"] and given["weight"].dim() == 4:
        kernel = given["weight"].shape[2:]
    elif name in ("avg_pool2d", "max_pool2d_with_indices"):
        kernel = given["kernel_size"]
    else:
        return None
    others = given.get("stride") or kernel, given.get("padding", (0, 0)), given.get("dilation", (1, 1))
    return list(zip(kernel, *others, strict=True))
