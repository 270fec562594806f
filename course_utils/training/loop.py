"""The training loop of notebook 06, written once: zero_grad, forward, loss, backward, step."""

import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Never

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_utils.training import distributed, preflight, schedules
from course_utils.training.accumulation import AccumulatingOptimizer
from course_utils.training.batches import Augment, Batches, Source
from course_utils.training.history import History
from course_utils.training.inference import Scores, Tally, device_of, forward, measure, modes_restored
from course_utils.training.loss import CheckedLoss, Loss
from course_utils.training.precision import InBfloat16
from course_utils.training.run import Run
from course_utils.training.snapshot import Snapshot

if TYPE_CHECKING:
    from tqdm import tqdm


def seed_everything(seed: int = 0) -> None:
    """Seed Python, NumPy and torch: on one machine, with one number of threads, a run then repeats bit for bit."""
    import numpy

    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False


def fit(
    model: nn.Module,
    train: Source,
    *,
    epochs: int,
    optimizer: Optimizer,
    loss: Loss = F.cross_entropy,
    validation: Source | None = None,
    batch_size: int = 64,
    accumulate: int = 1,
    augment: Augment | None = None,
    scheduler: LRScheduler | None = None,
    scheduler_step: str = "epoch",
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    precision: str = "float32",
    progress: bool = True,
) -> History:
    """Train ``model`` on ``train`` and return the record of the run; notebook 06 writes this loop by hand.

    The data is moved to the model's device; of model and optimizer only weights and state are changed, and nothing if
    the call fails before its first step. Afterwards the model is in the mode it was found in. Ctrl-C ends the training
    and returns the whole epochs done so far. If multiple processes work together (notebook 16), the result is that of
    one process, up to rounding.

    Args:
        model: any module; inputs ``(B, ...)`` → outputs ``(B, classes)`` if the targets are class labels.
        train: an ``ImageSet`` (fastest), any other map-style data set, or a ``DataLoader``.
        epochs: number of passes over the data; with ``resume`` the total, including the saved epochs.
        optimizer: made from ``model.parameters()``.
        loss: takes (outputs, targets) and returns the mean over the batch. It receives whatever the model returns: for
            auxiliary heads a tuple or dict in training, often a single tensor in evaluation. The accuracy is that of
            the first tensor.
        validation: data to measure on after each epoch.
        batch_size: items per batch, of all processes together; a ``DataLoader`` has its own.
        accumulate: batches per step; their gradients are averaged before the weights move.
        augment: changes the inputs of each training batch, never those of the validation: see ``augmentation``.
        scheduler: a learning-rate schedule of this optimizer, which advances after each ``scheduler_step``.
            ``ReduceLROnPlateau`` watches the loss, with ``mode="max"`` the accuracy: of the validation if there is one.
        scheduler_step: ``"epoch"`` or ``"batch"`` (with ``accumulate``: after each step).
        patience: stop if the validation loss has not improved for that many epochs, and keep the best weights.
        checkpoint: file that receives the whole state of the run after each epoch.
        resume: continue from ``checkpoint`` if it exists, bit for bit as if the run had not stopped, if all random
            numbers come from the global generators of torch, NumPy and Python, or from that of the ``DataLoader``;
            not with ``persistent_workers``.
        precision: ``"float32"``, or ``"bf16"`` for a forward pass in bfloat16, which is faster on some processors.
        progress: show a progress bar.

    Raises:
        TrainingError: If model, data, loss and optimizer do not fit together, or the loss is no longer finite.
        CheckpointError: If the checkpoint cannot be written or read, or belongs to a run with other parts or settings.
    """
    preflight.check_arguments(
        model=model,
        train=train,
        epochs=epochs,
        optimizer=optimizer,
        loss=loss,
        validation=validation,
        batch_size=batch_size,
        accumulate=accumulate,
        augment=augment,
        scheduler=scheduler,
        scheduler_step=scheduler_step,
        patience=patience,
        checkpoint=checkpoint,
        resume=resume,
        precision=precision,
    )
    device = device_of(model)
    batches = Batches(train, batch_size, device, shuffle=True, augment=augment)
    held_out = None if validation is None else Batches(validation, 512, device, shuffle=False)
    generators = batches.generators() + (held_out.generators() if held_out else [])
    run = Run(model, optimizer, scheduler, checkpoint, generators)
    before = Snapshot(model, optimizer, scheduler, generators, weights=run.is_saved())
    per_step, per_epoch = (scheduler, None) if scheduler_step == "batch" else (None, scheduler)
    updates = AccumulatingOptimizer(optimizer, accumulate, per_step, after_first_step=before.forget)
    modes, closed = modes_restored(model), contextlib.closing(updates)
    with before, modes, closed, preflight.single_items_refused(model, batches):
        distributed.own_randomness()
        run.resume()
        distributed.copy_from_first([*model.parameters(), *model.buffers()])
        network = InBfloat16(model) if precision == "bf16" else model
        losses = CheckedLoss(loss, train), CheckedLoss(loss, train if validation is None else validation)
        with _progress_bar(progress, epochs, len(batches), done=len(run.history)) as bar:

            def one_epoch() -> History:
                start, lr = time.perf_counter(), float(optimizer.param_groups[0]["lr"])
                number = len(run.history) + 1
                tally = train_epoch(network, batches, losses[0], updates, number, bar.update)
                # batch norm's statistics differ from rank to rank
                distributed.copy_from_first(model.buffers())
                measured = None if held_out is None else measure(model, held_out, losses[1])
                epoch = _record(tally, measured, lr, seconds=time.perf_counter() - start)
                if per_epoch is not None:
                    schedules.advance_after_epoch(per_epoch, epoch)
                bar.set_postfix_str(f"loss {epoch.train_loss[0]:.4f}")
                return epoch

            _run_epochs(run, one_epoch, epochs, patience)
    return run.history


@preflight.backward_explained()
def _run_epochs(run: Run, one_epoch: Callable[[], History], epochs: int, patience: int | None) -> None:
    """Train until the run has ``epochs`` epochs, or until it is stale or interrupted; with patience, keep the best."""
    try:
        while len(run.history) < epochs and not run.is_stale(patience):
            run.finish_epoch(one_epoch(), keep_best=patience is not None)
        if patience is None:
            preflight.stop_unless_weights_finite(run.model)
    except KeyboardInterrupt:
        # several ranks may be at different steps: all of them must end
        if distributed.size() > 1:
            raise
        print(f"Interrupted: the history holds the {len(run.history)} whole epochs of {epochs}.")
    if patience is not None:
        run.back_to_best()


def train_epoch(
    model: nn.Module,
    batches: Batches,
    loss: Loss,
    optimizer: AccumulatingOptimizer,
    epoch: int = 1,
    after_batch: Callable[[], object] = lambda: None,
) -> Tally:
    """Go through the data once and train; return the results of all batches.

    Raises:
        TrainingError: If a loss is not finite; the message names ``epoch`` and step.
    """
    model.train()
    tally = Tally()
    for batch in batches:
        optimizer.zero_grad()
        out = forward(model, batch.x)  # (B, classes)
        value = loss(out, batch.y)
        value.backward()
        optimizer.step(batch)
        tally.add(value, out, batch)
        after_batch()
        if batch.last or len(tally.losses) % 50 == 0:
            preflight.stop_unless_finite(tally.losses, epoch)
    return tally.of_all_processes()


def _record(tally: Tally, measured: Scores | None, lr: float, seconds: float) -> History:
    """One epoch as a history of length one."""
    trained = tally.scores()
    return History(
        [trained.loss],
        [trained.accuracy],
        [measured.loss if measured else None],
        [measured.accuracy if measured else None],
        [lr],
        [seconds],
        torch.stack(tally.losses).tolist(),
    )


def _progress_bar(show: bool, epochs: int, steps: int, done: int) -> "tqdm[Never]":
    """One bar for the whole run; it disappears at the end, the history stays."""
    from course_utils.progress import progress_bar

    show = show and distributed.rank() == 0
    return progress_bar(epochs * steps, unit="batch", done=done * steps, show=show)
