"""Trying a network on one image and leaving it unchanged: copies, random images, a forward pass with clear errors."""

import contextlib
import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy


def evaluation_copy(
    model: nn.Module, device: torch.device | str, dtype: torch.dtype | None = None
) -> nn.Module:
    """A copy on ``device`` in evaluation mode; one on "meta" takes no memory.

    Raises:
        ValueError: If the model cannot be copied.
    """
    # results of an earlier pass that the model keeps: PyTorch copies no tensor that has a graph behind it
    values = [value for module in model.modules() for value in vars(module).values()]
    made = {id(v): v.detach() for v in values if isinstance(v, Tensor) and not v.is_leaf}
    if torch.device(device).type == "meta":
        parameters = [p for p in model.parameters() if not is_lazy(p)]
        made |= {id(p): nn.Parameter(p.detach().to(device), p.requires_grad) for p in parameters}
    try:
        return copy.deepcopy(model, made).to(device, dtype).eval()
    except (TypeError, RuntimeError) as error:
        raise ValueError(
            f"The model cannot be copied, and it is measured on a copy: {error}\n"
            "Try: copy.deepcopy(model) yourself; something that the model holds besides its layers is in the way."
        ) from error


def random_batch(model: nn.Module, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Random numbers in the precision of the model's parameters, the same ones each time."""
    dtypes = [p.dtype for p in model.parameters() if p.dtype.is_floating_point]
    batch = torch.rand(shape, generator=torch.Generator().manual_seed(0), device="cpu")
    return batch.to(device, dtypes[0] if dtypes else None)


def forward(model: nn.Module, image: Tensor) -> object:
    """``model(image)``.

    Raises:
        ValueError: If the model raises an exception; the message has the shape of the image.
    """
    try:
        return model(image)
    except Exception as error:  # whatever can go wrong in a student's network
        raise ValueError(
            f"The model stopped at an image of shape {tuple(image.shape[1:])}: {type(error).__name__}: {error}\n"
            "Try: model(torch.zeros(1, *input_shape)); input_shape is the shape of one image, without the batch."
        ) from error


@contextlib.contextmanager
def random_numbers_kept(device: torch.device) -> Iterator[None]:
    """Restore the generators of the CPU and of ``device`` at the end."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        before = torch.mps.get_rng_state() if device.type == "mps" else None
        try:
            yield
        finally:
            if before is not None:
                torch.mps.set_rng_state(before)
