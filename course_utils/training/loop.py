"""The training loop of notebook 06, written once: zero_grad, forward, loss, backward, step.

``fit`` trains, ``evaluate`` measures, ``predict`` returns the outputs.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from course_utils.training import checkpoints, distributed, preflight
from course_utils.training.accumulation import Steps
from course_utils.training.batches import Batches
from course_utils.training.history import History
from course_utils.training.preflight import TrainingError, device_of

__all__ = ["History", "Scores", "TrainingError", "evaluate", "fit", "predict", "seed_everything"]

Loss = Callable[[Tensor, Tensor], Tensor]


class Scores(NamedTuple):
    """What ``evaluate`` measures: the mean loss, and the share of right answers (None without class labels)."""

    loss: float
    accuracy: float | None

    def __repr__(self) -> str:
        return f"loss {self.loss:.4f}" + (
            "" if self.accuracy is None else f", accuracy {100 * self.accuracy:.2f} %"
        )


def seed_everything(seed: int = 0) -> None:
    """Seed Python, NumPy and torch: on one machine, with one number of threads, a run then repeats bit for bit."""
    import numpy

    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False


def fit(
    model: nn.Module,
    train: Dataset | DataLoader,
    *,
    epochs: int,
    optimizer: torch.optim.Optimizer,
    loss: Loss = F.cross_entropy,
    validation: Dataset | DataLoader | None = None,
    batch_size: int = 64,
    accumulate: int = 1,
    augment: Callable[[Tensor], Tensor] | None = None,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    scheduler_step: str = "epoch",
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    precision: str = "float32",
    progress: bool = True,
) -> History:
    """Train ``model`` on ``train`` and return the record of the run; notebook 06 writes this loop by hand.

    The data follows the model to its device. Ctrl-C ends the training and returns the whole epochs done so far.
    In several processes (notebook 16) the work is shared and the result is that of one process, up to rounding.

    Args:
        model: any module; inputs ``(B, ...)`` → outputs ``(B, classes)`` where the targets are class labels.
        train: an ``ImageSet`` (fastest), any other map-style data set, or a ``DataLoader``.
        epochs: how often to go through the data; with ``resume`` the total, the saved epochs included.
        optimizer: made from ``model.parameters()``.
        loss: takes (outputs, targets) and returns the mean over the batch.
        validation: data to measure on after each epoch.
        batch_size: items a batch, of all processes together; a ``DataLoader`` brings its own.
        accumulate: batches a step: their gradients are joined before the weights move.
        augment: changes the inputs of each training batch, never of the validation's: see ``augmentation``.
        scheduler: a learning-rate schedule of this optimizer, moved on after each ``scheduler_step``,
            which is ``"epoch"`` or ``"batch"`` (with ``accumulate`` a step).
        patience: stop when the validation loss has not improved for that many epochs, and keep the best weights.
        checkpoint: file that receives the whole state of the run after each epoch.
        resume: go on from ``checkpoint`` if it exists, bit for bit as if the run had not stopped.
        precision: ``"float32"``, or ``"bf16"`` for a forward pass in bfloat16: faster where the processor has it.
        progress: show a progress bar.

    Raises:
        TrainingError: model, data, loss and optimizer do not fit together, or the loss is no finite number any more.
        CheckpointError: the checkpoint cannot be written or read.
    """
    preflight.check_arguments(
        model, train, optimizer, epochs, validation, scheduler, scheduler_step, patience, precision
    )
    distributed.own_randomness()
    run = checkpoints.Run(model, optimizer, scheduler, checkpoint, resume)
    distributed.copy_from_first([*model.parameters(), *model.buffers()])
    batches = Batches(train, batch_size, device_of(model), shuffle=True, augment=augment)
    validation = None if validation is None else Batches(validation, 512, device_of(model), shuffle=False)
    forward = _in_bfloat16(model) if precision == "bf16" else model
    preflight.use_fused_step(optimizer)
    steps = Steps(optimizer, batches, accumulate)
    with _progress_bar(progress, epochs, len(batches), done=len(run.history)) as bar:

        def after_batch() -> None:
            bar.update()
            if scheduler and scheduler_step == "batch" and steps.complete:
                scheduler.step()

        try:
            while len(run.history) < epochs and not run.waited(patience):
                start, lr = time.perf_counter(), optimizer.param_groups[0]["lr"]
                row = _train_epoch(model, forward, batches, loss, steps, run.history, after_batch)
                distributed.copy_from_first(model.buffers())  # batch norm's, which differ from share to share
                if validation is not None:
                    row["val_loss"], row["val_accuracy"] = _measure(model, validation, loss)
                if scheduler and scheduler_step == "epoch":
                    _step_epoch(scheduler, row)
                row |= {"lr": lr, "seconds": time.perf_counter() - start}
                run.finish_epoch(row, keep_best=patience is not None)
                bar.set_postfix_str(f"loss {row['train_loss']:.4f}")
        except KeyboardInterrupt:
            if distributed.size() > 1:  # the processes may stand at different steps: all must end
                raise
            print(f"Stopped by hand: the history holds the {len(run.history)} whole epochs of {epochs}.")
    if patience is not None:
        run.back_to_best()
    return run.history


def _train_epoch(model, forward, batches, loss, optimizer, history, after_batch) -> dict[str, float | None]:
    """Go through the data once; return the mean loss and the accuracy."""
    model.train()
    losses, right, sizes = [], [], []  # tensors, read once an epoch: reading makes a GPU wait
    for x, y in batches:
        if not history.batch_losses and not losses:
            preflight.check_first_batch(model, x[:2], y[:2], loss, batches.source)
        optimizer.zero_grad()
        out = forward(x)  # (B, classes)
        value = loss(out, y)
        value.backward()
        optimizer.step()
        losses.append(value.detach())
        right.append(_count_right(out.detach(), y))
        sizes.append(batches.size)
        after_batch()
        if len(losses) % 50 == 0:
            preflight.stop_unless_finite(losses, epoch=len(history) + 1)
    preflight.stop_unless_finite(losses, epoch=len(history) + 1)
    losses, right, sizes = distributed.join_batches(losses, right, sizes)
    history.batch_losses.extend(torch.stack(losses).tolist())
    return dict(zip(("train_loss", "train_accuracy"), _means(losses, right, sizes), strict=True))


def evaluate(
    model: nn.Module, dataset: Dataset | DataLoader, loss: Loss = F.cross_entropy, batch_size: int = 512
) -> Scores:
    """Measure the mean loss and the accuracy of ``model`` on a data set; notebook 06.

    Runs in eval mode without gradients, and leaves the model in the mode it was found in.

    Raises:
        TrainingError: the data set is empty, or the model cannot take its items.
    """
    preflight.check_not_empty(dataset)
    return _measure(model, Batches(dataset, batch_size, device_of(model), shuffle=False), loss)


def predict(model: nn.Module, dataset: Dataset | DataLoader, batch_size: int = 512) -> Tensor:
    """Return the model's outputs for all items, in their order, on the CPU: ``(N, classes)``. Notebook 09.

    Runs in eval mode without gradients, and leaves the model in the mode it was found in.

    Raises:
        TrainingError: the data set is empty, or the model cannot take its items.
    """
    preflight.check_not_empty(dataset)
    with preflight.eval_mode(model):
        batches = Batches(dataset, batch_size, device_of(model), shuffle=False)
        parts = [preflight.forward(model, x).float().cpu()[: batches.size] for x, _ in batches]
    return torch.cat([part for shares in zip(*distributed.from_all(parts), strict=True) for part in shares])


def _measure(model, batches, loss) -> Scores:
    losses, right, sizes = [], [], []
    with preflight.eval_mode(model):
        for x, y in batches:
            out = preflight.forward(model, x)
            losses.append(loss(out, y))
            right.append(_count_right(out, y))
            sizes.append(batches.size)
    return Scores(*_means(*distributed.join_batches(losses, right, sizes)))


def _count_right(out: Tensor, y: Tensor) -> Tensor | None:
    """How many of the batch's class labels are predicted right; None where the targets are no class labels."""
    return (out.argmax(1) == y).sum() if preflight.are_labels(y) else None


def _means(losses: list[Tensor], right: list[Tensor | None], sizes: list[int]) -> tuple[float, float | None]:
    """Means over the items: batches may differ in size, so the mean of the batch means would be wrong."""
    weights = torch.tensor(sizes, dtype=torch.float64)
    mean_loss = (torch.stack(losses).cpu().double() * weights).sum() / weights.sum()
    accuracy = None if right[0] is None else (torch.stack(right).cpu().sum() / weights.sum()).item()
    return mean_loss.item(), accuracy


def _in_bfloat16(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """The model's forward pass in bfloat16; weights, loss and update stay in float32."""
    device = device_of(model)
    model.to(memory_format=torch.channels_last)

    def forward(x: Tensor) -> Tensor:
        x = x.to(memory_format=torch.channels_last) if x.dim() == 4 else x
        with torch.autocast(device.type, dtype=torch.bfloat16):
            return model(x).float()

    return forward


def _step_epoch(scheduler, row: dict) -> None:
    if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        scheduler.step(row.get("val_loss", row["train_loss"]))
    else:
        scheduler.step()


def _progress_bar(show: bool, epochs: int, steps: int, done: int):
    """One bar for the whole run; it disappears at the end, the history stays."""
    from tqdm.auto import tqdm

    show = show and distributed.rank() == 0
    return tqdm(total=epochs * steps, initial=done * steps, unit="batch", leave=False, disable=not show)
