"""Classic mistakes in a binary cross-entropy of logits."""

import torch
import torch.nn.functional as F

right = F.binary_cross_entropy_with_logits


def naive(logits, targets, tiny=0.0):
    z = torch.sigmoid(logits)
    return -(targets * (z + tiny).log() + (1 - targets) * (1 - z + tiny).log()).mean()


def two_branches(logits, targets):
    softplus = torch.where(logits > 20, logits, torch.log1p(torch.exp(logits)))
    return (softplus - logits * targets).mean()


MISTAKES = [
    (lambda s, y: right(s, y, reduction="none"), "Expected one number"),
    (lambda s, y: -(y * s.log() + (1 - y) * (1 - s).log()).mean(), "logits are not probabilities"),
    (lambda s, y: right(s, y, reduction="sum"), "the sum of the losses"),
    (lambda s, y: -right(s, y), "a loss is positive"),
    (lambda s, y: right(s, 1 - y), "two classes swapped"),
    (lambda s, y: -(y * F.logsigmoid(s)).mean(), "Only the examples of class 1"),
    (lambda s, y: ((torch.sigmoid(s) - y) ** 2).mean(), "for one example, s = 0"),
    (naive, "never form σ(s)"),
    (lambda s, y: (torch.log(1 + torch.exp(s)) - s * y).mean(), "too large for float32"),
    (lambda s, y: naive(s, y, tiny=1e-7), "Something limits the logarithm"),
    (lambda s, y: right(s.detach(), y), "has no gradient"),
    (two_branches, "torch.where computes both branches"),
    (right, "one of PyTorch's losses"),
]
