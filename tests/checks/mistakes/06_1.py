"""Classic mistakes in SGD with momentum."""

import torch


class Right:
    """A correct optimizer; the mistakes below replace its update."""

    def __init__(self, parameters, lr, momentum=0.9):
        self.parameters, self.lr, self.momentum = list(parameters), lr, momentum
        self.v = [torch.zeros_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self):
        for p, v in zip(self.parameters, self.v):
            if p.grad is not None:
                self.update(p, v)

    def update(self, p, v):
        v.mul_(self.momentum).add_(p.grad)
        p -= self.lr * v


class Uphill(Right):
    def update(self, p, v):
        v.mul_(self.momentum).add_(p.grad)
        p += self.lr * v


class Plain(Right):
    def update(self, p, v):
        p -= self.lr * p.grad


class ForgetsVelocity(Right):
    def update(self, p, v):
        # a new tensor: self.v remains zero
        v = self.momentum * v + p.grad
        p -= self.lr * v


class NeverForgets(Right):
    def update(self, p, v):
        v += p.grad
        p -= self.lr * v


class Average(Right):
    def update(self, p, v):
        v.mul_(self.momentum).add_(p.grad, alpha=1 - self.momentum)
        p -= self.lr * v


class Nesterov(Right):
    def update(self, p, v):
        v.mul_(self.momentum).add_(p.grad)
        p -= self.lr * (p.grad + self.momentum * v)


class OldVelocity(Right):
    def update(self, p, v):
        p -= self.lr * v
        v.mul_(self.momentum).add_(p.grad)


class NewTensor(Right):
    def update(self, p, v):
        v.mul_(self.momentum).add_(p.grad)
        p = p - self.lr * v


class ChangesTheGradient(Right):
    def update(self, p, v):
        v.copy_(p.grad.add_(self.momentum * v))
        p -= self.lr * v


class NeedsEveryGradient(Right):
    @torch.no_grad()
    def step(self):
        for p, v in zip(self.parameters, self.v):
            self.update(p, v)


class Recorded(Right):
    def step(self):
        for p, v in zip(self.parameters, self.v):
            if p.grad is not None:
                self.update(p, v)


class RateTwice(Right):
    def update(self, p, v):
        v.mul_(self.momentum).add_(self.lr * p.grad)
        p -= self.lr * v


class WithNumbers(Right):
    def update(self, p, v):
        v.mul_(0.8).add_(p.grad)
        p -= 0.1 * v


class StopsAtTheFirst(Right):
    @torch.no_grad()
    def step(self):
        for p, v in zip(self.parameters, self.v):
            if p.grad is None:
                break
            self.update(p, v)


MISTAKES = [
    (Uphill, "go uphill"),
    (Plain, "without momentum"),
    (ForgetsVelocity, "v.mul_(…) changes it in place"),
    (NeverForgets, "forgets nothing"),
    (Average, "you add (1 − μ) g"),
    (Nesterov, "Nesterov's rule"),
    (OldVelocity, "v of the previous step"),
    (NewTensor, "only makes a new tensor"),
    (ChangesTheGradient, "step() changes the gradient"),
    (NeedsEveryGradient, "whose grad is None"),
    (Recorded, "keep @torch.no_grad()"),
    (WithNumbers, "With other options"),
    (StopsAtTheFirst, "the others should move"),
    (torch.optim.SGD, "PyTorch's own optimizer"),
    (RateTwice, "Starting at step 1,"),
]
