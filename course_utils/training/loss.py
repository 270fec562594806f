"""A loss whose first use is checked: whether it fits the model's outputs and the targets of the data."""

from collections.abc import Callable

from torch import Tensor

from course_utils.data import ImageSet
from course_utils.training.batches import Source
from course_utils.training.errors import TrainingError, describe, first_line

Loss = Callable[[Tensor, Tensor], Tensor]


class CheckedLoss:
    """A loss that looks at outputs, targets and value when it is first called.

    Args:
        loss: takes (outputs, targets) and returns the mean over the batch.
        dataset: where the targets come from; the labels of an ``ImageSet`` are checked all at once.

    Raises:
        TrainingError: In the first call, if outputs, targets and loss do not fit together.
    """

    def __init__(self, loss: Loss, dataset: Source):
        self.loss, self.checked = loss, False
        self.labels = dataset.labels if isinstance(dataset, ImageSet) else None

    def __call__(self, out: Tensor, y: Tensor) -> Tensor:
        if self.checked:
            return self.loss(out, y)
        check_targets(out, y, self.labels)
        try:
            value = self.loss(out, y)
        except (RuntimeError, ValueError, IndexError) as error:
            raise TrainingError(
                f"The loss cannot compare outputs {describe(out)} with targets {describe(y)}.\n"
                f"PyTorch says: {first_line(error)}"
            ) from None
        if value.dim() != 0:
            raise TrainingError(
                f"The loss has shape {tuple(value.shape)}; it must be one number: use reduction='mean'."
            )
        self.checked = True
        return value


def check_targets(out: Tensor, y: Tensor, labels: Tensor | None = None) -> None:
    """Check that outputs and targets fit: class labels in range, or equal shapes.

    Args:
        out: outputs of the model.
        y: targets.
        labels: all labels of the data set, if they are known.

    Raises:
        TrainingError: If they do not fit.
    """
    if are_labels(y):
        labels = y if labels is None else labels
        low, high = int(labels.min()), int(labels.max())
        if out.dim() < 2:
            raise TrainingError(
                f"Class labels need one output per class, (B, classes); the model gives {describe(out)}."
            )
        if low < 0 or high >= out.shape[1]:
            raise TrainingError(
                f"The labels go from {low} to {high}, but the model has {out.shape[1]} outputs, for the labels "
                f"0 to {out.shape[1] - 1}. Give the last layer {high + 1} outputs, or renumber the labels from 0."
            )
    elif y.is_floating_point() and out.shape != y.shape:
        raise TrainingError(
            f"The outputs are {describe(out)} and the targets {describe(y)}: subtracting them would broadcast and "
            "compare each output with each target. Try y.reshape(-1, 1), or net(X).squeeze(1)."
        )


def are_labels(y: Tensor) -> bool:
    """Whether targets are class labels: integers, one per item."""
    return y.dim() == 1 and not y.is_floating_point()
