"""One optimizer step from the gradients of several batches, or of several processes. Notebook 16."""

import torch
import torch.distributed as dist
from torch import Tensor

from course_utils.training import distributed
from course_utils.training.preflight import TrainingError


class Steps:
    """Stands where the optimizer stands in the training loop, and steps when all gradients of a step are in.

    Those are the gradients of ``accumulate`` batches, in all processes. Each is a mean over its batch. They are
    weighted with the sizes of their batches, so that the step is that of one large batch, exactly, also where
    the last batch is smaller.

    Args:
        optimizer: takes the steps.
        batches: the ``Batches`` that the loop goes through; the last one of an epoch always ends a step.
        accumulate: batches a step.

    Raises:
        TrainingError: ``accumulate`` is no whole number of at least 1.
    """

    def __init__(self, optimizer, batches, accumulate: int = 1):
        if not isinstance(accumulate, int) or accumulate < 1:
            raise TrainingError(
                f"accumulate is {accumulate!r}; it must be a whole number of batches, 1 or more."
            )
        self.optimizer, self.batches, self.accumulate = optimizer, batches, accumulate
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.alone = accumulate == 1 and distributed.size() == 1
        self.sums = None
        self.complete = False  # whether the last call of step() moved the weights

    def zero_grad(self) -> None:
        self.optimizer.zero_grad()

    def step(self) -> None:
        number = self.batches.number
        self.complete = number % self.accumulate == 0 or number == len(self.batches)
        if not self.alone:
            gradients = self._sums_of_batch()
            self.sums = gradients if self.sums is None else self.sums + gradients
            if self.complete:
                self._join()
        if self.complete:
            self.optimizer.step()

    def _sums_of_batch(self) -> Tensor:
        """The number of items, for each parameter the number it has a gradient from, and the summed gradients."""
        size, device = self.batches.size, self.parameters[0].device
        grads = [p.grad for p in self.parameters]
        counts = torch.tensor([1.0, *(grad is not None for grad in grads)], device=device)
        flat = [
            torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in self.parameters
        ]
        row = torch.cat([counts, *flat])
        return row * size if size else torch.zeros_like(row)

    def _join(self) -> None:
        """Add up over the processes, and give each parameter its mean gradient."""
        if distributed.size() > 1:
            dist.all_reduce(self.sums)
        items = self.sums[0]
        lengths = [1, len(self.parameters), *(p.numel() for p in self.parameters)]
        _, counts, *sums = self.sums.split(lengths)
        for parameter, count, total in zip(self.parameters, counts.tolist(), sums, strict=True):
            # without a gradient anywhere it stays None: a zero would move a parameter that has momentum
            parameter.grad = (total / items).view_as(parameter).to(parameter.dtype) if count else None
        self.sums = None
