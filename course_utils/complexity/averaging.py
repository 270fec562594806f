"""Averages in place of maxima: a maximum passes its gradient to one number only, an average to all of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

POOLS = {"max_pool1d", "max_pool2d", "max_pool3d"}
ADAPTIVE_POOLS = {
    "adaptive_max_pool1d": F.adaptive_avg_pool1d,
    "adaptive_max_pool2d": F.adaptive_avg_pool2d,
    "adaptive_max_pool3d": F.adaptive_avg_pool3d,
}
# They choose among all numbers along a dimension. Name → position of the argument ``dim``, and its default value.
CHOICES: dict[str, tuple[int, int | None]] = {
    **dict.fromkeys(("amax", "amin", "max", "min", "median", "nanmedian"), (1, None)),
    **dict.fromkeys(("mode", "sort", "argsort"), (1, -1)),
    **dict.fromkeys(("topk", "kthvalue"), (2, -1)),
    **dict.fromkeys(("quantile", "nanquantile"), (2, None)),
    "aminmax": (1, None),
}
OF_TWO = {"maximum", "minimum", "fmax", "fmin", "where"}
# They are flat in places, where no gradient passes: the identity takes their place.
FLAT = {"relu", "relu6", "hardtanh", "clamp", "clip", "clamp_min", "clamp_max", "hardsigmoid", "hardswish"}
FLAT |= {"threshold", "hardshrink", "softshrink", "rrelu"}


class AverageInsteadOfMax(TorchFunctionMode):
    """Inside this context the functions that choose one of many numbers return the average instead."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "").strip("_").removesuffix("_with_indices")
        x: Any = args[0] if args else kwargs.get("input")
        if name in FLAT:
            return x
        result = func(*args, **kwargs)
        if name in POOLS:
            return _with_first(result, lambda out: _average_pool(name, out.shape, *args, **kwargs))
        if name in ADAPTIVE_POOLS:
            return _with_first(result, lambda out: ADAPTIVE_POOLS[name](x, args[1]))
        others = [value for value in (*args[1:], *kwargs.values()) if isinstance(value, Tensor)]
        if name in OF_TWO | {"max", "min"} and others:
            # the first operand of ``where`` is the condition
            return sum(others) / len(others) if name == "where" else (x + others[0]) / 2
        if name in CHOICES:
            place, default = CHOICES[name]
            dim = args[place] if len(args) > place else kwargs.get("dim", default)
            return _with_first(result, lambda out: _average(x, dim, out))
        return result


def _with_first(result: Any, new: Callable[[Tensor], Tensor]) -> object:
    """Replace the first tensor of ``result`` (others are indices) by ``new`` of it; integers are left unchanged."""
    if isinstance(result, Tensor):
        return new(result) if result.is_floating_point() else result
    return type(result)((new(result[0]), *result[1:]))


def _average(x: Tensor, dim: int | Sequence[int] | None, out: Tensor) -> Tensor:
    """The average along ``dim``, of the shape of ``out``."""
    dims = tuple(range(x.dim())) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    average = x.mean(dims, keepdim=True)
    if out.dim() < x.dim():
        average = average.squeeze(dims)
    return average.expand_as(out)


def _average_pool(
    name: str,
    shape: torch.Size,
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    **_: object,
) -> Tensor:
    """Average where max pooling with these arguments, which gives ``shape``, takes the maximum.

    A convolution, because PyTorch's average pooling has no dilation.
    """
    n = int(name[-2])
    kernel = (kernel_size,) * n if isinstance(kernel_size, int) else tuple(kernel_size)
    channels = shape[-n - 1]
    weight = torch.full((channels, 1, *kernel), 1 / math.prod(kernel), dtype=input.dtype)
    stride = stride or kernel_size
    # indices beyond the end, which ceil_mode may need
    beyond = stride if isinstance(stride, int) else max(stride)
    convolution: Callable[..., Tensor] = (F.conv1d, F.conv2d, F.conv3d)[n - 1]
    out = convolution(F.pad(input, (0, beyond) * n), weight, None, stride, padding, dilation, channels)
    for dim in range(-n, 0):
        out = out.narrow(dim, 0, shape[dim])
    return out
