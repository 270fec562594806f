"""Advance a learning-rate schedule."""

from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from course_utils.training.errors import TrainingError, first_line
from course_utils.training.history import History


def advance(schedule: LRScheduler) -> None:
    """Advance a schedule that needs no measurement.

    Raises:
        TrainingError: If the schedule has ended.
    """
    try:
        schedule.step()
    except ValueError as error:
        raise TrainingError(
            f"The schedule {type(schedule).__name__} is shorter than the training ({first_line(error)}). "
            "Give it as many steps as there are epochs, or with scheduler_step='batch' steps in all epochs."
        ) from None


def advance_after_epoch(schedule: LRScheduler, epoch: History) -> None:
    """Advance a schedule after an epoch; ``ReduceLROnPlateau`` is given what it watches.

    In mode "min" that is the loss, in mode "max" the accuracy, of the validation set if there is one.

    Raises:
        TrainingError: If the schedule has ended, or watches an accuracy although the targets are not class labels.
    """
    if not isinstance(schedule, ReduceLROnPlateau):
        advance(schedule)
        return
    if schedule.mode == "max":
        watched, what = (epoch.val_accuracy[0], epoch.train_accuracy[0]), "accuracy"
    else:
        watched, what = (epoch.val_loss[0], epoch.train_loss[0]), "loss"
    values = [value for value in watched if value is not None]
    if not values:
        raise TrainingError(
            f"ReduceLROnPlateau(mode={schedule.mode!r}) watches the {what}, but the targets are not class labels. "
            "Use mode='min', which watches the loss."
        )
    schedule.step(values[0])
