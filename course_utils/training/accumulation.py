"""One optimizer step from the gradients of several batches, or of several processes. Notebook 16."""

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_utils.training import distributed, schedules
from course_utils.training.batches import Batch
from course_utils.training.errors import TrainingError, first_line
from course_utils.training.fused import use_fused_step


class AccumulatingOptimizer:
    """An optimizer that takes one step from the gradients of ``accumulate`` batches, in all processes together.

    Each gradient is a mean over its batch. The gradients are weighted with the sizes of their batches, so that the
    step equals the step of one large batch, even if the last batch is smaller.

    Args:
        optimizer: takes the steps; in its fused form, if it has one, until ``close()``.
        accumulate: batches per step; the last batch of an epoch always completes a step.
        schedule: a learning-rate schedule that advances after each step.
        after_first_step: called once, after the first step.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        accumulate: int = 1,
        schedule: LRScheduler | None = None,
        after_first_step: Callable[[], None] = lambda: None,
    ):
        self.optimizer, self.accumulate, self.schedule = optimizer, accumulate, schedule
        self.after_first_step, self.steps = after_first_step, 0
        self.parameters: list[Tensor] = [p for group in optimizer.param_groups for p in group["params"]]
        self.alone = accumulate == 1 and distributed.size() == 1
        self.fused: list[dict[str, object]] = []  # parameter groups that are to lose the flag again
        # of the batches since the last step; a sum is None until a batch has a gradient for the parameter
        self.waiting, self.items = 0, 0
        self.sums: list[Tensor | None] = [None] * len(self.parameters)

    def zero_grad(self) -> None:
        """Clear the gradients of the batch before; the sums over batches are kept."""
        self.optimizer.zero_grad()

    def step(self, batch: Batch) -> None:
        """Take in the gradients of ``batch``, and move the weights if the batch completes a step.

        Raises:
            TrainingError: If the optimizer cannot use the gradients, or the schedule has ended.
        """
        self.waiting += 1
        complete = batch.last or self.waiting == self.accumulate
        if not self.alone:
            self._add(batch.size)
            if complete:
                self._set_mean_gradients()
        if complete:
            self.waiting = 0
            self._move()

    def close(self) -> None:
        """Leave the optimizer in the form it was given in."""
        for group in self.fused:
            group["fused"] = None
        self.fused = []

    def _move(self) -> None:
        if not self.steps:
            self.fused = use_fused_step(self.optimizer)
        try:
            self.optimizer.step()
        except (RuntimeError, ValueError, TypeError) as error:
            name = type(self.optimizer).__name__
            raise TrainingError(
                f"{name} cannot take a step with these gradients.\nPyTorch says: {first_line(error)}"
            ) from error
        self.steps += 1
        if self.steps == 1:
            self.after_first_step()
        if self.schedule:
            schedules.advance(self.schedule)

    def _add(self, size: int) -> None:
        """Add the gradients of a batch, summed over its items."""
        self.items += size
        for i, p in enumerate(self.parameters):
            if p.grad is not None and size:
                # sums of many small numbers need more digits than a gradient in bfloat16 has
                grad = p.grad.to(torch.promote_types(p.dtype, torch.float32)) * size
                before = self.sums[i]
                self.sums[i] = grad if before is None else before + grad

    def _set_mean_gradients(self) -> None:
        """Give each parameter its mean gradient over all items, of all processes."""
        items, sums = self._joined() if distributed.size() > 1 else (self.items, self.sums)
        for parameter, total in zip(self.parameters, sums, strict=True):
            # a gradient that no batch gave stays None: a zero would move a parameter that has momentum
            parameter.grad = None if total is None else (total / items).to(parameter.dtype)
        self.items, self.sums = 0, [None] * len(self.parameters)

    def _joined(self) -> tuple[int, list[Tensor | None]]:
        """The number of items and the sums of gradients of all processes."""
        known = [total is not None for total in self.sums]
        sparse = [total is not None and total.is_sparse for total in self.sums]
        head = torch.tensor([float(self.items), *known, *sparse], device=self.parameters[0].device)
        flat = [
            torch.zeros(p.numel(), dtype=p.dtype, device=p.device)
            if total is None
            else total.to_dense().flatten()
            for p, total in zip(self.parameters, self.sums, strict=True)
        ]
        row = torch.cat([head, *flat])
        dist.all_reduce(row)
        count = len(self.parameters)
        items, *flags = row[: 1 + 2 * count].tolist()
        totals = torch.split(row[1 + 2 * count :], [p.numel() for p in self.parameters])
        sums: list[Tensor | None] = []
        for i, (p, total) in enumerate(zip(self.parameters, totals, strict=True)):
            grad = total.view_as(p)
            sums.append((grad.to_sparse(1) if flags[count + i] else grad) if flags[i] else None)
        return int(items), sums
