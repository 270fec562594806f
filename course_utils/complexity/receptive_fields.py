"""The receptive field of a network, which is what one output pixel sees, by formula and by gradient. Notebook 07."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_utils.complexity.averaging import AverageInsteadOfMax
from course_utils.complexity.field_tracking import FollowField
from course_utils.complexity.trial import evaluation_copy, forward

Pair = tuple[int, int]


class ReceptiveField(NamedTuple):
    """The input pixels that an output pixel sees, as pairs (height, width).

    Output row i sees ``size`` input rows, from row ``start + i * jump`` on (holes of a dilation included);
    rows outside of the image are padding. A jump of 0 means that all outputs see the same pixels.
    """

    size: Pair
    jump: Pair
    start: Pair


class Seen(NamedTuple):
    """The input pixels that the central output pixel depends on.

    ``size`` is the height and width of the smallest rectangle around them, ``gradient`` ``(H, W)`` says how
    strongly the output depends on each input pixel: 0 where it does not see it.
    """

    size: Pair
    gradient: Tensor


def receptive_field(model: nn.Module, input_shape: tuple[int, int, int]) -> ReceptiveField:
    """Compute by formula how many input pixels one output pixel of ``model`` sees, however large the image.

    A layer with a window of k pixels, stride s, dilation d and padding p turns (size, jump, start) into

        size + (k - 1) * d * jump,   jump * s,   start - p * jump,

    beginning with (1, 1, 0). Branches that meet again are joined; a linear layer sees what all pixels of its
    input see together.

    Args:
        model: any network of one image; functional calls and branches count, too.
        input_shape: of one image, ``(C, H, W)``.

    Raises:
        ValueError: the model cannot take such an image, or does something whose field is not known here.

    Notebook 07; the arithmetic is that of Dumoulin and Visin, "A guide to convolution arithmetic" (2016).
    """
    model = evaluation_copy(model, "cpu", torch.float32)
    image = _image(input_shape, torch.float32)
    with torch.no_grad(), FollowField(image) as fields:
        out = _one_tensor(model, image)
    field = fields.of(out)
    if field is None:
        raise ValueError("The output does not depend on the image. Try: look at what forward returns.")
    if isinstance(field, str):
        raise ValueError(
            f"The formula does not know what is seen through the operation {field!r}.\n"
            "Try: receptive_field_by_gradient, which needs no formula."
        )
    axes = field.of_an_output(out.dim())
    if axes is None:
        raise ValueError(
            "The formula does not know which rectangle of the image an output sees.\n"
            "Try: receptive_field_by_gradient, which needs no formula."
        )
    rows, columns = axes
    return ReceptiveField((rows.size, columns.size), (rows.jump, columns.jump), (rows.start, columns.start))


def receptive_field_by_gradient(model: nn.Module, input_shape: tuple[int, int, int]) -> Seen:
    """Find by gradient which input pixels the central output pixel of ``model`` sees.

    It works on a copy with positive weights, and averages where the model takes a maximum, so that no pixel
    is missed by chance. Pixels beyond the border do not exist: where the field reaches beyond it, the size found is
    smaller than the formula's. Then try a larger image.

    Args:
        model: any network of one image.
        input_shape: of one image, ``(C, H, W)``.

    Raises:
        ValueError: the model cannot take such an image, or its output does not depend on it.

    Notebook 07. How uneven the gradient is, see Luo, Li, Urtasun and Zemel, "Understanding the effective
    receptive field in deep convolutional neural networks" (NeurIPS, 2016).
    """
    generator = torch.Generator().manual_seed(0)
    model = _positive_copy(model, generator)
    image = _image(input_shape, torch.float64).requires_grad_()
    with torch.enable_grad(), AverageInsteadOfMax():
        out = _one_tensor(model, image)
        if out.dim() == 4:
            out = out[..., out.shape[2] // 2, out.shape[3] // 2]  # (1, C)
        # weights for the sum, because outputs that add up to a constant would have no gradient
        value = (out * torch.rand(out.shape, generator=generator, dtype=out.dtype)).sum()
    if not value.requires_grad:
        raise ValueError("The output does not depend on the image. Try: look at what forward returns.")
    gradient = torch.autograd.grad(value, image)[0].abs().sum((0, 1))  # (H, W)
    rows, columns = (gradient.sum(axis).nonzero() for axis in (1, 0))
    if not len(rows):
        raise ValueError("No gradient reaches the image. Try: look for detach() or no_grad() in forward.")
    return Seen((int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1), gradient)


def _positive_copy(model: nn.Module, generator: torch.Generator) -> nn.Module:
    """A copy in double precision whose layers take averages: positive weights, no biases."""
    model = evaluation_copy(model, "cpu", torch.float64)
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.is_floating_point():
            weights_of_one_output = max(1, math.prod(tensor.shape[1:]))
            tensor.data.uniform_(0.9, 1.1, generator=generator).div_(weights_of_one_output)
            if name.endswith(("bias", "running_mean")):
                tensor.data.zero_()
    return model


def _image(input_shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """One image of ones, (1, C, H, W)."""
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise ValueError(
            f"input_shape is the shape of one image, (C, H, W), for example (3, 32, 32); got {tuple(input_shape)}."
        )
    return torch.ones(1, *input_shape, dtype=dtype)


def _one_tensor(model: nn.Module, image: Tensor) -> Tensor:
    out = forward(model, image)
    if not isinstance(out, Tensor):
        raise ValueError(f"Expected one tensor from the model, got {type(out).__name__}.")
    return out
