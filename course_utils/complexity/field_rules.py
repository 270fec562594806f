"""One rule per operation of PyTorch, by its name in ATen: how it changes a receptive field. Notebook 07."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from course_utils.complexity.fields import Field, UnknownField, Window
from course_utils.complexity.operations import (
    ADAPTIVE_POOLS,
    ALONG,
    BATCH_NORMS,
    MIXERS,
    PADS,
    POOLS,
    REDUCTIONS,
    SELECTIONS,
    UNCHANGED,
    VIEWS,
)

Windows = dict[int, Window]


class Call(NamedTuple):
    """An operation with its arguments by name, seen from one operand: its argument, its shape; the output's shape."""

    name: str
    given: Mapping[str, Any]
    argument: str
    shape: Sequence[int]
    out: Sequence[int]
    pointwise: bool


def after(call: Call, field: Field) -> Field:
    """The field behind an operation, as far as it depends on one operand, whose field is given.

    Raises:
        UnknownField: If there is no rule for the operation.
    """
    if call.name in VIEWS:
        return field.viewed(call.shape, call.out)
    if call.name in ALONG | SELECTIONS and field.dims & (dims := _dims(call, "dim", "dims")):
        if call.name != "cat":
            raise UnknownField
        # behind the class token of a vision transformer, for example: all places are still there, under other indices
        field = field.flattened(dims)
    if call.pointwise or call.name in UNCHANGED | ALONG:
        windows = _broadcast(call)
    elif call.name in PRODUCTS:
        windows = _product(call)
    elif call.name not in RULES:
        raise UnknownField
    elif call.argument in ("self", "input", "tensors"):
        windows = RULES[call.name](call)
    else:
        # a weight that depends on the image
        windows = {}
    return field.moved(windows, call.out)


def _keep(dims: Iterable[int]) -> Windows:
    return {dim: Window(dim) for dim in dims}


def _dims(call: Call, *names: str) -> set[int]:
    """The dimensions that an argument names; all of them if it names none."""
    dims = next((call.given[name] for name in names if call.given.get(name) is not None), ())
    if call.name == "repeat":
        # one factor per dimension of the output, which the input's dimensions are the last of
        more = len(call.out) - len(call.shape)
        return {i - more for i, factor in enumerate(call.given["repeats"]) if factor > 1}
    n = len(call.shape)
    return {dim % n for dim in ([dims] if isinstance(dims, int) else dims)} or set(range(n))


def _broadcast(call: Call) -> Windows:
    """The dimensions are aligned at the last one; those of size 1 that become larger are mixed."""
    shift = len(call.out) - len(call.shape)
    return {
        dim: Window(dim + shift)
        for dim, size in enumerate(call.shape)
        if size == call.out[dim + shift] or size > 1
    }


def _reduction(call: Call) -> Windows:
    gone = _dims(call, "dim")
    kept = [dim for dim in range(len(call.shape)) if dim not in gone]
    if len(call.out) == len(call.shape):
        return _keep(kept)
    return {dim: Window(place) for place, dim in enumerate(kept)}


def _mixer(call: Call) -> Windows:
    return _keep(set(range(len(call.shape))) - _dims(call, "dim"))


def _batch_norm(call: Call) -> Windows:
    """With the statistics of the image itself, all positions of a channel are mixed."""
    own = call.given.get("training", call.given.get("train", True))
    return _keep([1] if own else range(len(call.shape)))


def _layer_norm(call: Call) -> Windows:
    return _keep(range(len(call.shape) - len(call.given["normalized_shape"])))


def _permuted(order: Sequence[int]) -> Windows:
    return {dim % len(order): Window(place) for place, dim in enumerate(order)}


def _transpose(call: Call) -> Windows:
    order = list(range(len(call.shape)))
    one, two = call.given.get("dim0", 0), call.given.get("dim1", len(call.shape) - 1)
    order[one], order[two] = order[two], order[one]
    return _permuted(order)


def _unsqueeze(call: Call) -> Windows:
    new = call.given["dim"] % len(call.out)
    return {dim: Window(dim + (dim >= new)) for dim in range(len(call.shape))}


def _squeeze(call: Call) -> Windows:
    gone = {dim for dim in _dims(call, "dim") if call.shape[dim] == 1}
    kept = (dim for dim in range(len(call.shape)) if dim not in gone)
    return {dim: Window(place) for place, dim in enumerate(kept)}


def _slice(call: Call) -> Windows:
    """A slice is a window of one pixel that begins at ``start``: a negative padding."""
    dim = call.given["dim"] % len(call.shape)
    size = call.shape[dim]
    start = call.given["start"] or 0
    start = min(max(start + size if start < 0 else start, 0), size)
    return _keep(range(len(call.shape))) | {dim: Window(dim, stride=call.given["step"], padding=-start)}


def _pad(call: Call) -> Windows:
    pad = call.given.get("padding") or call.given["pad"]
    n = len(call.shape)
    return _keep(range(n)) | {
        n - 1 - i: Window(n - 1 - i, padding=before) for i, before in enumerate(pad[::2])
    }


def _convolution(call: Call) -> Windows:
    """Sums over dimension 1, the channels, and slides a window over those behind it."""
    given = call.given
    kernel = given["weight"].shape[2:]
    if given["transposed"] and max(*kernel, *given["stride"]) > 1:
        raise UnknownField("transposed convolution")
    settings = (given["stride"], given["padding"], given["dilation"])
    return _keep([0]) | _sliding(2, kernel, *settings)


def _pool(call: Call) -> Windows:
    given, n = call.given, 3 if "3d" in call.name else 2
    settings = given["kernel_size"], given["stride"] or given["kernel_size"], given["padding"]
    # PyTorch takes one number for all dimensions
    whole = (
        [*numbers] * n if len(numbers) == 1 else numbers
        for numbers in (*settings, given.get("dilation", [1]))
    )
    first = len(call.shape) - n
    return _keep(range(first)) | _sliding(first, *whole)


def _adaptive_pool(call: Call) -> Windows:
    """Windows of one size if the input can be divided evenly."""
    sizes = call.given["output_size"]
    first = len(call.shape) - len(sizes)
    ratios = [n / m for n, m in zip(call.shape[first:], sizes, strict=True)]
    if not all(ratio.is_integer() for ratio in ratios):
        raise UnknownField
    steps = [int(ratio) for ratio in ratios]
    return _keep(range(first)) | _sliding(first, steps, steps, [0] * len(steps), [1] * len(steps))


def _pixel_unshuffle(call: Call) -> Windows:
    first, step = len(call.shape) - 2, [call.given["downscale_factor"]] * 2
    return _keep(range(first)) | _sliding(first, step, step, [0, 0], [1, 1])


def _sliding(first: int, *settings: Sequence[int]) -> Windows:
    """Windows over ``first`` and the dimensions after it; kernels, strides, paddings, dilations."""
    return {first + i: Window(first + i, *window) for i, window in enumerate(zip(*settings, strict=True))}


def _without(call: Call) -> Windows:
    gone = call.given["dim"] % len(call.shape)
    return {dim: Window(dim - (dim > gone)) for dim in range(len(call.shape)) if dim != gone}


# For each operand of a matrix product: which of its dimensions become which of the output's.
_ROWS, _COLUMNS = {0: 0}, {1: 1}
_BATCHED_ROWS, _BATCHED_COLUMNS = {0: 0, 1: 1}, {0: 0, 2: 2}
PRODUCTS: dict[str, dict[str, dict[int, int]]] = {
    "mm": {"self": _ROWS, "mat2": _COLUMNS},
    "addmm": {"mat1": _ROWS, "mat2": _COLUMNS},
    "_addmm_activation": {"mat1": _ROWS, "mat2": _COLUMNS},
    "bmm": {"self": _BATCHED_ROWS, "mat2": _BATCHED_COLUMNS},
    "baddbmm": {"batch1": _BATCHED_ROWS, "batch2": _BATCHED_COLUMNS},
    "addbmm": {"batch1": {1: 0}, "batch2": {2: 1}},
    "mv": {"self": _ROWS, "vec": {}},
    "addmv": {"mat": _ROWS, "vec": {}},
    "dot": {"self": {}, "tensor": {}},
}
# Each query sees all keys, and the values at their places: (images, heads, tokens, width).
_ATTENTION = {"query": {0: 0, 1: 1, 2: 2}, "key": {0: 0, 1: 1}, "value": {0: 0, 1: 1, 3: 3}}
for _name in ("flash_attention_for_cpu", "flash_attention", "efficient_attention", "cudnn_attention"):
    PRODUCTS[f"_scaled_dot_product_{_name}"] = _ATTENTION


def _product(call: Call) -> Windows:
    moves = PRODUCTS[call.name].get(call.argument)
    # the summand of addmm
    return _broadcast(call) if moves is None else {dim: Window(to) for dim, to in moves.items()}


RULES: dict[str, Callable[[Call], Windows]] = {
    **dict.fromkeys(REDUCTIONS, _reduction),
    **dict.fromkeys(MIXERS, _mixer),
    **dict.fromkeys(BATCH_NORMS, _batch_norm),
    "_native_batch_norm_legit_no_training": _broadcast,
    "native_group_norm": lambda call: _keep([0]),
    "native_layer_norm": _layer_norm,
    "_fused_rms_norm": _layer_norm,
    **dict.fromkeys(POOLS, _pool),
    **dict.fromkeys(ADAPTIVE_POOLS, _adaptive_pool),
    **dict.fromkeys(PADS, _pad),
    "convolution": _convolution,
    "pixel_unshuffle": _pixel_unshuffle,
    "permute": lambda call: _permuted(call.given["dims"]),
    "transpose": _transpose,
    "t": _transpose,
    "unsqueeze": _unsqueeze,
    "stack": _unsqueeze,
    "squeeze": _squeeze,
    "slice": _slice,
    **dict.fromkeys(SELECTIONS, _without),
}
