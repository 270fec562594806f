"""Classic mistakes in batch norm."""

import torch
from torch import nn


class Right(nn.Module):
    """A correct batch norm; the mistakes below replace parts of it."""

    def __init__(self, features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def statistics(self, x):
        return x.mean(0), x.var(0, correction=0)

    def scale(self, var):
        return torch.sqrt(var + self.eps)

    def update_running(self, x):
        with torch.no_grad():
            self.running_mean += self.momentum * (x.mean(0) - self.running_mean)
            self.running_var += self.momentum * (x.var(0) - self.running_var)

    def affine(self, x_hat):
        return self.weight * x_hat + self.bias

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = self.statistics(x)
            self.update_running(x)
        return self.affine((x - mean) / self.scale(var))


def with_part(name, function):
    return type("Wrong", (Right,), {name: function})


class AlwaysTheBatch(Right):
    def forward(self, x):
        mean, var = self.statistics(x)
        if self.training:
            self.update_running(x)
        return self.affine((x - mean) / self.scale(var))


class AlwaysUpdates(Right):
    def forward(self, x):
        out = super().forward(x)
        if not self.training:
            self.update_running(x)
        return out


class AlwaysRunning(Right):
    def forward(self, x):
        out = self.affine((x - self.running_mean) / self.scale(self.running_var))
        if self.training:
            self.update_running(x)
        return out


class NoWeightInEvaluation(Right):
    def affine(self, x_hat):
        return super().affine(x_hat) if self.training else x_hat


def with_graph(self, x):
    self.running_mean = 0.9 * self.running_mean + 0.1 * x.mean(0)
    self.running_var = 0.9 * self.running_var + 0.1 * x.var(0)


def biased(self, x):
    with torch.no_grad():
        self.running_mean += self.momentum * (x.mean(0) - self.running_mean)
        self.running_var += self.momentum * (x.var(0, correction=0) - self.running_var)


def swapped(self, x):
    with torch.no_grad():
        self.running_mean.mul_(self.momentum).add_((1 - self.momentum) * x.mean(0))
        self.running_var.mul_(self.momentum).add_((1 - self.momentum) * x.var(0))


def forgets_the_variance(self, x):
    with torch.no_grad():
        self.running_mean += self.momentum * (x.mean(0) - self.running_mean)


def over_features(self, x):
    return x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True)


class IgnoresArguments(Right):
    """Uses the default values, whatever the arguments are."""

    def __init__(self, features, eps=1e-5, momentum=0.1):
        super().__init__(features)


MISTAKES = [
    (lambda features: Right(features), "Expected a module class"),
    (with_part("forward", lambda self, x: x.mean(0)), "tensor of the shape of x"),
    (with_part("affine", lambda self, x_hat: x_hat), "weight and bias are not used"),
    (with_part("statistics", lambda self, x: (x.mean(0), x.var(0))), "batch norm normalises with N"),
    (with_part("statistics", over_features), "that is layer norm"),
    (with_part("scale", lambda self, var: var.sqrt()), "ε is missing"),
    (with_part("scale", lambda self, var: var.sqrt() + self.eps), "ε is outside the root"),
    (with_part("scale", lambda self, var: var + self.eps), "divide by the variance"),
    (AlwaysRunning, "In training you use the running statistics"),
    (
        with_part("affine", lambda self, x_hat: self.bias * x_hat + self.weight),
        "In training the output differs",
    ),
    (
        with_part("statistics", lambda self, x: (x.mean(0).detach(), x.var(0, correction=0).detach())),
        "the gradient of x is not",
    ),
    (with_part("update_running", with_graph), "keep a graph"),
    (with_part("update_running", lambda self, x: None), "running_mean has not changed"),
    (with_part("update_running", swapped), "are swapped"),
    (with_part("update_running", biased), "should average the variance"),
    (with_part("update_running", forgets_the_variance), "After four batches"),
    (AlwaysTheBatch, "still use the batch's statistics"),
    (AlwaysUpdates, "In evaluation the running statistics change"),
    (NoWeightInEvaluation, "In evaluation the output differs"),
    (IgnoresArguments, "With eps = 0.1 and momentum = 0.3"),
    (nn.BatchNorm1d, "PyTorch's own batch norm"),
]
