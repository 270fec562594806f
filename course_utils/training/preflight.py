"""The usual mistakes, found before the first training step and said in words."""

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import IterableDataset

from course_utils.data import ImageSet


class TrainingError(RuntimeError):
    """Model, data, loss and optimizer do not fit together; the message says what to try."""


def device_of(model: nn.Module) -> torch.device:
    """The device that holds all of the model's parameters and buffers; the CPU for a model without any.

    Raises:
        TrainingError: they lie on several devices.
    """
    devices = {tensor.device for tensor in [*model.parameters(), *model.buffers()]}
    if len(devices) > 1:
        names = ", ".join(sorted(map(str, devices)))
        raise TrainingError(
            f"The model lies on several devices: {names}. Move all of it with model.to(device), and register "
            "your own tensors as nn.Parameter or with register_buffer, so that they move too."
        )
    return devices.pop() if devices else torch.device("cpu")


def check_arguments(
    model, train, optimizer, epochs, validation, scheduler, scheduler_step, patience, precision
):
    """Look at the arguments of ``fit`` without running anything.

    Raises:
        TrainingError: one of them cannot work; says which, what was expected, what to try.
    """
    for dataset in (train, validation):
        if dataset is not None:
            check_not_empty(dataset)
            _check_same_device(model, dataset)
    if not isinstance(epochs, int) or epochs < 1:
        raise TrainingError(f"epochs is {epochs!r}; it must be a whole number of at least 1.")
    ours = {id(p) for p in model.parameters()}
    if not any(id(p) in ours for group in optimizer.param_groups for p in group["params"]):
        raise TrainingError(
            "The optimizer holds none of this model's parameters, so the model would never learn. "
            "Make the optimizer from model.parameters() after the model."
        )
    if scheduler is not None and scheduler.optimizer is not optimizer:
        raise TrainingError(
            "The scheduler belongs to another optimizer. Make it from the optimizer given to fit."
        )
    if patience is not None and (validation is None or patience < 1):
        raise TrainingError(
            "patience watches the validation loss: give fit a validation set and a patience of 1 or more."
        )
    for name, value, known in [
        ("scheduler_step", scheduler_step, ("epoch", "batch")),
        ("precision", precision, ("float32", "bf16")),
    ]:
        if value not in known:
            raise TrainingError(f"{name} is {value!r}; it can be {known[0]!r} or {known[1]!r}.")


def check_not_empty(dataset) -> None:
    """Raise TrainingError for a data set without items, or one whose length is not known."""
    if isinstance(getattr(dataset, "dataset", dataset), IterableDataset):
        raise TrainingError(
            "This data set has no length. fit needs a map-style data set: __len__ and __getitem__."
        )
    if len(dataset) == 0:
        raise TrainingError("The data set is empty. Look at len(train): was everything filtered away?")


def _check_same_device(model: nn.Module, dataset) -> None:
    device = device_of(model)
    images = dataset.images.device if isinstance(dataset, ImageSet) else torch.device("cpu")
    if device.type == "meta" or images.type not in ("cpu", device.type):
        raise TrainingError(
            f"The model is on {device}, the images are on {images}. Move the model with model.to({str(images)!r})."
        )


def check_first_batch(model: nn.Module, x: Tensor, y: Tensor, loss: Callable, source) -> None:
    """Try the first items without learning from them, and see whether model, loss and targets fit together.

    Raises:
        TrainingError: the model cannot take the batch, or its outputs do not fit the targets.
    """
    with eval_mode(model):  # so that batch norm and dropout notice nothing
        out = forward(model, x)
        check_targets(out, y, source)
        try:
            value = loss(out, y)
        except (RuntimeError, ValueError, IndexError) as error:
            raise TrainingError(
                f"The loss cannot compare outputs {_describe(out)} with targets {_describe(y)}.\n"
                f"PyTorch says: {first_line(error)}"
            ) from None
    if value.dim() != 0:
        raise TrainingError(
            f"The loss is of shape {tuple(value.shape)}; it must be one number: use reduction='mean'."
        )


@contextlib.contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Inside, the model is in eval mode and records no gradients; after it, each part is in its old mode again."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def forward(model: nn.Module, x: Tensor) -> Tensor:
    """``model(x)``, with the input's shape in the message if it does not fit."""
    try:
        return model(x)
    except (RuntimeError, ValueError, IndexError) as error:
        raise TrainingError(
            f"The model cannot take a batch {_describe(x)}.\nPyTorch says: {first_line(error)}\n"
            "Try model(x) on one batch, and print the shape after each layer."
        ) from error


def check_targets(out: Tensor, y: Tensor, source=None) -> None:
    """See whether outputs and targets fit: class labels in range, or equal shapes.

    Raises:
        TrainingError: they do not.
    """
    if are_labels(y):
        labels = source.labels if isinstance(source, ImageSet) else y
        low, high = int(labels.min()), int(labels.max())
        if out.dim() < 2:
            raise TrainingError(
                f"Class labels need one output a class, (B, classes); the model gives {_describe(out)}."
            )
        if low < 0 or high >= out.shape[1]:
            raise TrainingError(
                f"The labels go from {low} to {high}, but the model has {out.shape[1]} outputs, for the labels "
                f"0 to {out.shape[1] - 1}. Give the last layer {high + 1} outputs, or renumber the labels from 0."
            )
    elif y.is_floating_point() and out.shape != y.shape:
        raise TrainingError(
            f"The outputs are {_describe(out)} and the targets {_describe(y)}: subtracting them would broadcast and "
            "compare each output with each target. Try y.reshape(-1, 1), or net(X).squeeze(1)."
        )


def are_labels(y: Tensor) -> bool:
    """Whether targets are class labels: whole numbers, one an item."""
    return y.dim() == 1 and not y.is_floating_point()


def stop_unless_finite(losses: list[Tensor], epoch: int) -> None:
    """Raise TrainingError if one of the last 50 losses is NaN or infinite; the message names epoch and step."""
    start = max(len(losses) - 50, 0)
    wrong = (~torch.stack(losses[start:]).isfinite()).nonzero()
    if len(wrong):
        step = start + int(wrong[0])
        raise TrainingError(
            f"The loss became {float(losses[step])} in epoch {epoch}, step {step + 1}. Most often the learning rate is "
            "too large: try a tenth of it. Else look for log(0), a division by 0, or NaN in the data."
        )


def use_fused_step(optimizer: torch.optim.Optimizer) -> None:
    """Let a new SGD, Adam or AdamW update all parameters in one fused call, which is the fastest way.

    Nothing is changed where the user chose an implementation, or the optimizer already has a state.
    """
    if type(optimizer) not in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW) or optimizer.state:
        return
    for group in optimizer.param_groups:
        plain = all(
            p.is_floating_point() and p.device.type in ("cpu", "cuda", "mps") for p in group["params"]
        )
        free = group["fused"] is None and group["foreach"] is None and not group["differentiable"]
        if plain and free and not isinstance(group["lr"], Tensor):
            group["fused"] = True


def _describe(tensor: Tensor) -> str:
    return f"of shape {tuple(tensor.shape)} and type {str(tensor.dtype).removeprefix('torch.')}"


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its name if it has none."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
