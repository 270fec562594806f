"""Classic mistakes in a softmax."""

import torch


def normalised(weights):
    return weights / weights.sum(dim=1, keepdim=True)


MISTAKES = [
    (lambda s: s.exp().sum(dim=1), "shape of the logits"),
    (lambda s: torch.softmax(s, dim=0), "columns sum to 1"),
    (lambda s: s.exp() / s.exp().sum(), "All numbers together"),
    (lambda s: torch.log_softmax(s, dim=1), "logarithms of the probabilities"),
    (lambda s: s.exp(), "The rows do not sum to 1.\n"),
    (lambda s: (s - s.max(1, keepdim=True).values).exp(), "the largest entry of each is 1"),
    (lambda s: normalised((s / s.max(1, keepdim=True).values).exp()), "do not divide by it"),
    (lambda s: normalised(s.exp()), "Logits around 1000 give nan"),
    (lambda s: normalised((s - s.max()).exp()), "A row around −1000"),
    (lambda s: normalised((s - s.mean(1, keepdim=True)).exp()), "the largest, so that none is above 0"),
    (lambda s: s.softmax(dim=1), "PyTorch's own softmax"),
]
