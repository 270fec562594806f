"""The usual mistakes in the arguments of ``fit``, found before anything runs and described in a sentence."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_utils.data import ImageSet
from course_utils.training.batches import Augment, Source, check_not_empty
from course_utils.training.errors import CheckpointError, TrainingError
from course_utils.training.inference import device_of


def check_arguments(
    *,
    model: nn.Module,
    train: Source,
    epochs: int,
    optimizer: Optimizer,
    loss: Callable[..., Tensor],
    validation: Source | None,
    batch_size: int,
    accumulate: int,
    augment: Augment | None,
    scheduler: LRScheduler | None,
    scheduler_step: str,
    patience: int | None,
    checkpoint: str | Path | None,
    resume: bool,
    precision: str,
) -> None:
    """Check all arguments of ``fit`` without running the model or reading the data.

    Raises:
        TrainingError: If an argument cannot work; the message says which, what was expected, and what to try.
        CheckpointError: If the checkpoint exists and ``resume`` is False.
    """
    for dataset in (train, validation):
        if dataset is not None:
            check_not_empty(dataset)
            _check_same_device(model, dataset)
    for name, count in (("epochs", epochs), ("batch_size", batch_size), ("accumulate", accumulate)):
        if not isinstance(count, int) or count < 1:
            raise TrainingError(f"{name} must be a positive integer, got {count!r}.")
    for name, value, known in (
        ("scheduler_step", scheduler_step, ("epoch", "batch")),
        ("precision", precision, ("float32", "bf16")),
    ):
        if value not in known:
            raise TrainingError(f"{name} must be {known[0]!r} or {known[1]!r}, got {value!r}.")
    _check_optimizer(model, optimizer, scheduler)
    if patience is not None and (validation is None or patience < 1):
        raise TrainingError(
            "patience watches the validation loss: give fit a validation set and a patience of 1 or more."
        )
    if augment is not None and (isinstance(augment, type) or not callable(augment)):
        raise TrainingError(
            "augment must be a function that takes a batch (B, C, H, W) and returns one, for example "
            f"RandomShift(2), with the parentheses; got {augment!r}."
        )
    if checkpoint and Path(checkpoint).exists() and not resume:
        raise CheckpointError(
            f"{checkpoint} exists already and is not overwritten. Continue it with resume=True, or choose "
            "another name."
        )


def _check_same_device(model: nn.Module, dataset: Source) -> None:
    device = device_of(model)
    images = dataset.images.device if isinstance(dataset, ImageSet) else torch.device("cpu")
    if device.type == "meta" or images.type not in ("cpu", device.type):
        raise TrainingError(
            f"The model is on {device}, the images are on {images}. Move the model with model.to({str(images)!r})."
        )


def _check_optimizer(model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler | None) -> None:
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


def stop_unless_finite(losses: list[Tensor], epoch: int) -> None:
    """Raise TrainingError if one of the last 50 losses is NaN or infinite; the message names epoch and step."""
    start = max(len(losses) - 50, 0)
    wrong = (~torch.stack(losses[start:]).isfinite()).nonzero()
    if len(wrong):
        step = start + int(wrong[0])
        raise TrainingError(
            f"The loss became {float(losses[step])} in epoch {epoch}, step {step + 1}. Most often the learning rate is "
            "too large: try a tenth of it. Otherwise look for log(0), a division by 0, or NaN in the data."
        )
