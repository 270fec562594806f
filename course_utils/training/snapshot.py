"""Model, optimizer and random numbers as they were before a training that may fail."""

import copy

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_utils.training import random_state


class Snapshot:
    """The state that a training changes before its first step, to be restored if it fails by then.

    Layers that a lazy module has made stay: they cannot be unmade.

    Args:
        model: its gradients and buffers are kept.
        optimizer: its settings and state are kept.
        scheduler: its state is kept, if there is one.
        generators: random number generators besides the global ones.
        weights: whether to copy the parameters too, because a checkpoint will be loaded.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        scheduler: LRScheduler | None,
        generators: list[torch.Generator],
        *,
        weights: bool,
    ):
        parameters = list(model.parameters())
        self.gradients = [(p, p.grad) for p in parameters]
        self.buffers = [(m, name, b) for m in model.modules() for name, b in m._buffers.items()]
        tensors = [*model.buffers(), *(parameters if weights else [])]
        self.copies = [(t, t.detach().clone()) for t in tensors if not is_lazy(t)]
        self.optimizer, self.groups = optimizer, optimizer.param_groups
        self.settings = [dict(group) for group in self.groups]
        self.state = {p: copy.copy(state) for p, state in optimizer.state.items()}
        self.scheduler = scheduler
        self.schedule = copy.deepcopy(scheduler.state_dict()) if scheduler else {}
        self.generators, self.random = generators, random_state.get(generators)
        self.valid = True

    def __enter__(self) -> "Snapshot":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if kind is not None:
            self.restore()

    def forget(self) -> None:
        """Free the copies: the training has taken a step, and a later failure restores nothing."""
        self.valid, self.copies, self.state = False, [], {}

    @torch.no_grad()
    def restore(self) -> None:
        """Put everything back, unless the training has taken a step."""
        if not self.valid:
            return
        for parameter, grad in self.gradients:
            parameter.grad = grad
        for module, name, buffer in self.buffers:
            module._buffers[name] = buffer
        for tensor, saved in self.copies:
            tensor.copy_(saved)
        for group, settings in zip(self.groups, self.settings, strict=True):
            group.clear()
            group.update(settings)
        self.optimizer.param_groups = self.groups
        self.optimizer.state.clear()
        self.optimizer.state.update(self.state)
        if self.scheduler:
            self.scheduler.load_state_dict(self.schedule)
        random_state.restore(self.random, self.generators)
