"""Measuring a network layer by layer: ``complexity.profile``. Notebook 11."""

import dataclasses
import itertools

import torch
from torch import nn

from course_utils.complexity.layer_table import Costs, Profile
from course_utils.complexity.recording import record
from course_utils.complexity.stopwatch import seconds, seconds_by_layer
from course_utils.complexity.trial import evaluation_copy, random_batch, random_numbers_kept
from course_utils.formatting import times


def count_parameters(model: nn.Module) -> int:
    """The number of values in the parameters of ``model``, frozen ones included, shared ones once. Notebook 07."""
    return sum(p.numel() for p in model.parameters())


def profile(
    model: nn.Module,
    input_shape: tuple[int, ...],
    *,
    batch_size: int = 1,
    device: str | torch.device | None = None,
    repeats: int = 5,
) -> Profile:
    """Measure what ``model`` costs for one image: parameters, MACs, FLOPs, activation memory, receptive field, time.

    Everything is measured on a copy in evaluation mode; the model is left unchanged. The operations that PyTorch
    executes are counted, so functional calls, ``@`` and raw parameters count like layers. A module that is
    called twice has its parameters counted once and its MACs twice. A MAC is one multiplication and one
    addition of a convolution, a matrix product or an attention; FLOPs are 2·MACs. If an operation is not known,
    its name is in ``total.costs.uncounted`` and below the table: then the MACs are at least those counted.

    Args:
        model: any network that takes one tensor of numbers.
        input_shape: shape of one image without the batch, for example ``(3, 224, 224)``.
        batch_size: number of images in the batch whose time is measured; times are still per image.
        device: where to measure; the model's own device if left out. On ``"meta"`` there are shapes and no
            numbers: everything but the time, at once, for a network of any size.
        repeats: the time is the fastest of ``repeats`` passes; 0 leaves it out.

    Raises:
        ValueError: If the model cannot be copied, or cannot take such an image.

    Notebook 11; used from there on.
    """
    if not input_shape or min(input_shape) < 1 or batch_size < 1 or repeats < 0:
        raise ValueError(
            f"input_shape is the shape of one image, for example (3, 32, 32), batch_size at least 1; "
            f"got {tuple(input_shape)}, batch_size={batch_size}, repeats={repeats}."
        )
    tensors = itertools.chain(model.parameters(), model.buffers())
    device = torch.device(device or next((t.device for t in tensors), "cpu"))
    model = evaluation_copy(model, device)
    milliseconds = None
    with torch.no_grad(), random_numbers_kept(device):
        batch = random_batch(model, (batch_size, *input_shape), device)
        recorded = record(model, batch[:1])
        layers = recorded.layers
        if device.type != "meta" and repeats:
            milliseconds = 1000 * seconds(model, batch, repeats) / batch_size
            own = seconds_by_layer(model, batch, repeats)
            for layer in layers:
                if layer.name in own:
                    layer.costs += Costs(milliseconds=1000 * own[layer.name] / batch_size)
    whole = next(layer for layer in layers if layer.name == "")
    costs = sum((layer.costs for layer in layers), Costs())
    total = dataclasses.replace(whole, calls=1, costs=dataclasses.replace(costs, milliseconds=milliseconds))
    about = f"For one {times(input_shape)} image on {device}"
    about += f", {batch_size} at a time." if batch_size > 1 else "."
    if costs.uncounted:
        about += f" The MACs and FLOPs are at least these: not counted are {', '.join(costs.uncounted)}."
    if recorded.without_field:
        about += f" The field is not known behind {', '.join(recorded.without_field)}."
    return Profile(total, layers, about)
