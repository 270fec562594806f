"""The usual mistakes in a training, found before its first step and described in a sentence."""

import contextlib
import inspect
import math
import os
import warnings
from collections.abc import Callable, Iterator
from numbers import Integral
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.utils.hooks import RemovableHandle

from course_utils.data import ImageSet
from course_utils.training import distributed
from course_utils.training.batches import Augment, Batches, Source, check_not_empty
from course_utils.training.errors import CheckpointError, TrainingError, first_line
from course_utils.training.inference import device_of

PERSISTENT = (
    "With persistent_workers=True, worker processes are seeded only when the call of fit starts. So a run that is "
    "resumed from its checkpoint is a valid run, but not bit for bit the run that did not stop. Without "
    "persistent_workers it would be."
)
# words in the message of an error that is raised in the backward pass, and what to do about it
IN_BACKWARD = {
    "modified by an inplace operation": "The model changes a tensor in place that the gradient needs. Leave out "
    "inplace=True, and write x = x + y instead of x += y.",
    "second time": "The loss depends on a tensor that was computed for an earlier batch. "
    "Use detach() on everything that the model keeps from one batch to the next, such as a hidden state.",
}


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
        CheckpointError: If the checkpoint exists and ``resume`` is False, or its folder does not exist.
    """
    for dataset in (train, validation):
        if dataset is not None:
            check_not_empty(dataset)
            _check_same_device(model, dataset)
    for name, count in (("epochs", epochs), ("batch_size", batch_size), ("accumulate", accumulate)):
        if not isinstance(count, Integral) or count < 1:
            raise TrainingError(f"{name} must be a positive integer, got {count!r}.")
    for name, value, known in (
        ("scheduler_step", scheduler_step, ("epoch", "batch")),
        ("precision", precision, ("float32", "bf16")),
    ):
        if value not in known:
            raise TrainingError(f"{name} must be {known[0]!r} or {known[1]!r}, got {value!r}.")
    _check_optimizer(model, optimizer)
    if scheduler is not None:
        _check_scheduler(scheduler, optimizer, scheduler_step)
    if not callable(loss) or isinstance(loss, type):
        raise TrainingError(
            f"loss must be a function of outputs and targets, such as F.cross_entropy or nn.MSELoss(); got {loss!r}."
        )
    if patience is not None and (validation is None or patience < 1):
        raise TrainingError(
            "patience watches the validation loss: give fit a validation set and a patience of 1 or more."
        )
    if augment is not None and (isinstance(augment, type) or not callable(augment)):
        raise TrainingError(
            "augment must be a function that takes a batch (B, C, H, W) and returns one, for example "
            f"RandomShift(2), with the parentheses; got {augment!r}."
        )
    if checkpoint:
        _check_file(Path(checkpoint), resume)
        if any(getattr(dataset, "persistent_workers", False) for dataset in (train, validation)):
            warnings.warn(PERSISTENT, stacklevel=3)


def _check_file(file: Path, resume: bool) -> None:
    if file.exists() and not resume:
        raise CheckpointError(
            f"{file} exists already and is not overwritten. Continue it with resume=True, or choose another name."
        )
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        raise CheckpointError(
            f"The checkpoint {file} cannot be written. Choose a file in a folder that exists and can be written."
        )


def _check_same_device(model: nn.Module, dataset: Source) -> None:
    device = device_of(model)
    images = dataset.images.device if isinstance(dataset, ImageSet) else torch.device("cpu")
    if device.type == "meta" or images.type not in ("cpu", device.type):
        raise TrainingError(
            f"The model is on {device}, the images are on {images}. Move the model with model.to({str(images)!r})."
        )


def _check_optimizer(model: nn.Module, optimizer: Optimizer) -> None:
    held = {id(p): p for group in optimizer.param_groups for p in group["params"]}
    ours = [p for p in model.parameters() if id(p) in held]
    if not ours:
        raise TrainingError(
            "The optimizer holds none of this model's parameters, so the model would never learn. "
            "Make the optimizer from model.parameters() after the model."
        )
    if not any(p.requires_grad for p in ours):
        raise TrainingError(
            "All parameters that the optimizer holds are frozen (requires_grad is False), so the model would never "
            "learn. Set requires_grad = True for those to be trained."
        )
    if distributed.size() > 1 and any(is_lazy(p) for p in model.parameters()):
        raise TrainingError(
            "Run the model on one batch first: with multiple processes, lazy layers must exist."
        )
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise TrainingError(
            f"{type(optimizer).__name__} computes the loss several times per step and needs a closure for that; fit "
            "computes it once. Use SGD or Adam, or write the loop yourself."
        )
    for group in optimizer.param_groups:
        if not math.isfinite(float(group["lr"])):
            raise TrainingError(f"The learning rate must be finite, got {float(group['lr'])}.")


def _check_scheduler(scheduler: LRScheduler, optimizer: Optimizer, scheduler_step: str) -> None:
    if scheduler.optimizer is not optimizer:
        raise TrainingError(
            "The scheduler belongs to another optimizer. Make it from the optimizer given to fit."
        )
    if isinstance(scheduler, ReduceLROnPlateau) and scheduler_step == "batch":
        raise TrainingError(
            "ReduceLROnPlateau watches the result of an epoch: leave out scheduler_step='batch'."
        )


@contextlib.contextmanager
def single_items_refused(model: nn.Module, batches: Batches) -> Iterator[None]:
    """Look at the first inputs of batch norm, if the last batch has one item, and say if it would fail there.

    Raises:
        TrainingError: In the first forward pass, if batch norm would get one value per channel in the last batch.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    handles: dict[nn.Module, RemovableHandle] = {}

    def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        handles.pop(module).remove()
        values = inputs[0].numel() // inputs[0].shape[1] // batches.batch_size
        if module.training and values == 1:
            raise TrainingError(
                "The last batch of each epoch has one item, and batch norm needs more than one value per channel in "
                "training. Choose another batch_size, or give fit a DataLoader with drop_last=True."
            )

    if batches.has_single_item_at_end():
        handles = {module: module.register_forward_pre_hook(look) for module in norms}
    try:
        yield
    finally:
        for handle in handles.values():
            handle.remove()


@contextlib.contextmanager
def backward_explained() -> Iterator[None]:
    """Explain the two usual errors of a backward pass.

    Raises:
        TrainingError: If a tensor that the gradient needs was changed in place, or belongs to an earlier batch.
    """
    try:
        yield
    except RuntimeError as error:
        for words, advice in IN_BACKWARD.items():
            if words in str(error):
                raise TrainingError(f"{advice}\nPyTorch says: {first_line(error)}") from error
        raise


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


def stop_unless_weights_finite(model: nn.Module) -> None:
    """Raise TrainingError if a parameter is NaN or infinite: no loss was computed after the last step."""
    finite = [p.detach().isfinite().all() for p in model.parameters()]
    if finite and not torch.stack(finite).all():
        raise TrainingError(
            "The weights are no longer finite after the last step. Most often the learning rate is too large: try a "
            "tenth of it."
        )
