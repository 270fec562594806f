"""A loss whose first use is checked: whether it fits the model's outputs and the targets of the data."""

import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler, TensorDataset, default_collate

from course_utils.data import ImageSet
from course_utils.training.batches import Source
from course_utils.training.errors import TrainingError, describe, first_line

# takes what the model returns and the targets, and returns the mean over the batch
Loss = Callable[..., Tensor]

OF_CLASSES = (F.cross_entropy, F.nll_loss)
OF_CLASSES_TYPES = (nn.CrossEntropyLoss, nn.NLLLoss)
OF_DIFFERENCES = (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss)
OF_DIFFERENCES_TYPES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)


class CheckedLoss:
    """A loss that looks at outputs, targets and value when it is first called, and explains its failures.

    Args:
        loss: takes (outputs, targets) and returns the mean over the batch.
        dataset: where the targets come from; labels that are in memory are checked all at once.

    Raises:
        TrainingError: When called, if outputs, targets and loss do not fit together.
    """

    def __init__(self, loss: Loss, dataset: Source):
        self.loss, self.labels, self.checked = loss, labels_in_memory(dataset), False

    def __call__(self, out: object, y: Tensor) -> Tensor:
        if not self.checked and isinstance(out, Tensor):
            _check_targets(self.loss, out, y, self.labels)
        try:
            value = self.loss(out, y)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise TrainingError(_explain(error, out, y)) from error
        if not self.checked:
            _check_value(value)
            self.checked = True
        return value


def labels_in_memory(dataset: Source) -> Tensor | None:
    """All class labels that a data set will give, if it has them as one tensor, otherwise None."""
    source = dataset
    if isinstance(dataset, DataLoader):
        every_item = isinstance(dataset.sampler, SequentialSampler | RandomSampler)
        if not every_item or dataset.collate_fn is not default_collate:
            return None
        source = dataset.dataset
    if isinstance(source, ImageSet):
        return source.labels
    if isinstance(source, TensorDataset) and are_labels(source.tensors[-1]):
        return source.tensors[-1]
    return None


def are_labels(y: Tensor) -> bool:
    """Whether targets are class labels: integers, one per item."""
    return y.dim() == 1 and not y.is_floating_point()


def _check_targets(loss: Loss, out: Tensor, y: Tensor, labels: Tensor | None) -> None:
    """Check that outputs and targets fit: class labels in range, or equal shapes."""
    if are_labels(y) and (loss in OF_CLASSES or isinstance(loss, OF_CLASSES_TYPES)):
        if out.dim() < 2:
            raise TrainingError(
                f"Class labels need one output per class, (B, classes); the model gives {describe(out)}."
            )
        _check_range(y if labels is None else labels, out.shape[1], getattr(loss, "ignore_index", -100))
    elif y.shape != out.shape:
        subtracts = loss in OF_DIFFERENCES or isinstance(loss, OF_DIFFERENCES_TYPES)
        if out.numel() == y.numel() and (subtracts or _broadcasts(loss, out, y)):
            raise TrainingError(
                f"The outputs are {describe(out)} and the targets {describe(y)}: subtracting them would broadcast and "
                "compare each output with each target. Try y.reshape(-1, 1), or net(X).squeeze(1)."
            )
        if subtracts:
            raise TrainingError(
                f"The loss cannot compare outputs {describe(out)} with targets {describe(y)}: it subtracts them, so "
                "both must have the same shape."
            )


def _check_range(labels: Tensor, classes: int, ignored: int) -> None:
    """Check that class labels are 0 to classes - 1, or the label that the loss ignores."""
    counted = labels[labels != ignored]
    low, high = (int(counted.min()), int(counted.max())) if len(counted) else (0, 0)
    if low < 0:
        raise TrainingError(
            f"The labels go from {low} to {high}. Class labels are counted from 0: renumber them, 0 to {high - low}."
        )
    if high >= classes:
        raise TrainingError(
            f"The labels go from {low} to {high}, but the model has {classes} outputs, for the labels "
            f"0 to {classes - 1}. Give the last layer {high + 1} outputs, or renumber the labels from 0."
        )


@torch.no_grad()
def _broadcasts(loss: Loss, out: Tensor, y: Tensor) -> bool:
    """Whether the loss of equally many outputs and targets changes if both are given the same shape."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return not torch.allclose(loss(out, y), loss(out.reshape(y.shape), y), equal_nan=True)
    except (RuntimeError, ValueError, IndexError, TypeError):
        return False


def _explain(error: Exception, out: object, y: Tensor) -> str:
    """Why a loss failed, and what to try."""
    if not isinstance(out, Tensor):
        part = f"out[{next(iter(out), None)!r}]" if isinstance(out, dict) else "out[0]"
        what = (
            f"The model returns a {type(out).__name__}, which this loss cannot take. Give fit a loss that can, for "
            f"example: lambda out, y: F.cross_entropy({part}, y)."
        )
    elif are_labels(y) and y.dtype != torch.int64 and out.dim() > 1:
        what = f"Class labels must be int64; these are {describe(y)}. Try y.long()."
    elif are_labels(y) and "out of bounds" in str(error):
        what = f"The model gives outputs {describe(out)}; there is a class label without an output."
    elif y.dim() == 1 and y.is_floating_point() and out.dim() == 2 and out.shape[1] > 1:
        what = f"Class labels must be integers; the targets are {describe(y)}. Try y.long()."
    elif y.dim() == 2 and y.shape[1] == 1 and not y.is_floating_point():
        what = f"Class labels must have shape (B,); the targets are {describe(y)}. Try y.squeeze(1)."
    else:
        what = f"The loss cannot compare outputs {describe(out)} with targets {describe(y)}."
    return f"{what}\nPyTorch says: {first_line(error)}"


def _check_value(value: object) -> None:
    """Check that a loss is one number that a gradient can be computed of."""
    if not isinstance(value, Tensor):
        raise TrainingError(
            f"The loss returns a {type(value).__name__}; it must return a tensor, since the gradient is computed from "
            "it. Leave out .item() and float()."
        )
    if value.numel() != 1:
        raise TrainingError(
            f"The loss has shape {tuple(value.shape)}; it must be one number: use reduction='mean'."
        )
    if torch.is_grad_enabled() and not value.requires_grad:
        raise TrainingError(
            "The loss does not depend on any parameter that requires a gradient. Look in model and loss for detach(), "
            "argmax, .data, or torch.no_grad()."
        )
