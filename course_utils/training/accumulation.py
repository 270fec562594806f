"""One optimizer step from the gradients of several batches, or of several processes. Notebook 16."""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_utils.training import distributed
from course_utils.training.batches import Batch


class AccumulatingOptimizer:
    """An optimizer that takes one step from the gradients of ``accumulate`` batches, in all processes together.

    Each gradient is a mean over its batch. The gradients are weighted with the sizes of their batches, so that the
    step equals the step of one large batch, even if the last batch is smaller.

    Args:
        optimizer: takes the steps.
        accumulate: batches per step; the last batch of an epoch always completes a step.
        schedule: a learning-rate schedule that advances after each step.
    """

    def __init__(self, optimizer: Optimizer, accumulate: int = 1, schedule: LRScheduler | None = None):
        self.optimizer, self.accumulate, self.schedule = optimizer, accumulate, schedule
        self.parameters: list[Tensor] = [p for group in optimizer.param_groups for p in group["params"]]
        self.alone = accumulate == 1 and distributed.size() == 1
        self.waiting = 0  # batches since the last step
        self.sums: Tensor | None = None  # of those batches

    def zero_grad(self) -> None:
        """Clear the gradients of the batch before; the sums over batches are kept."""
        self.optimizer.zero_grad()

    def step(self, batch: Batch) -> None:
        """Take in the gradients of ``batch``, and move the weights if the batch completes a step."""
        self.waiting += 1
        complete = batch.last or self.waiting == self.accumulate
        if not self.alone:
            sums = self._sums_of_batch(batch.size)
            self.sums = sums if self.sums is None else self.sums + sums
            if complete:
                self._set_mean_gradients(self.sums)
                self.sums = None
        if complete:
            self.waiting = 0
            self.optimizer.step()
            if self.schedule:
                self.schedule.step()

    def _sums_of_batch(self, size: int) -> Tensor:
        """The number of items, for each parameter the number it has a gradient from, and the summed gradients."""
        grads = [p.grad for p in self.parameters]
        counts = torch.tensor([1.0, *(grad is not None for grad in grads)], device=self.parameters[0].device)
        flat = [
            torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in self.parameters
        ]
        row = torch.cat([counts, *flat])
        return row * size if size else torch.zeros_like(row)

    def _set_mean_gradients(self, sums: Tensor) -> None:
        """Add up the sums of all processes, and give each parameter its mean gradient."""
        if distributed.size() > 1:
            dist.all_reduce(sums)
        items = sums[0]
        lengths = [1, len(self.parameters), *(p.numel() for p in self.parameters)]
        _, counts, *totals = sums.split(lengths)
        for parameter, count, total in zip(self.parameters, counts.tolist(), totals, strict=True):
            # a gradient that no batch gave stays None: a zero would move a parameter that has momentum
            parameter.grad = (total / items).view_as(parameter).to(parameter.dtype) if count else None
