"""Classic mistakes in dropout."""

import torch
from torch.nn import functional as F


def masked(x, keep, p, training=True):
    return x * keep / (1 - p) if training else x


def in_place(x, p, training):
    x[torch.rand_like(x) < p] = 0
    return x / (1 - p)


def seeded(x, p, training):
    torch.manual_seed(0)
    return masked(x, torch.rand_like(x) >= p, p, training)


def with_factor(factor):
    return lambda x, p, training: x * (torch.rand_like(x) >= p) * factor(p)


MISTAKES = [
    (lambda x, p, training: x[torch.rand_like(x) >= p], "tensor of the shape of x"),
    (lambda x, p, training: x / (1 - p), "Nothing is set to zero"),
    (in_place, "changes its input"),
    (lambda x, p, training: masked(x, torch.rand_like(x) < p, p), "fraction to drop, not to keep"),
    (lambda x, p, training: masked(x, torch.rand_like(x) >= p**2, p), "torch.rand_like(x) < p is true"),
    (lambda x, p, training: masked(x, torch.rand(x.shape[1]) >= p, p), "Whole rows or columns"),
    (with_factor(lambda p: 1), "not scaled"),
    (with_factor(lambda p: 1 - p), "multiply by 1 − p"),
    (with_factor(lambda p: 1 / p), "You divide by p"),
    (with_factor(lambda p: 1 + p / 3), "one factor for all"),
    (seeded, "Two calls drop the same"),
    (
        lambda x, p, training: masked(x.detach(), torch.rand_like(x) >= p, p, training),
        "The gradient should be",
    ),
    (with_factor(lambda p: 1 / (1 - p)), "In evaluation the output should be x itself"),
    (lambda x, p, training: masked(x, torch.rand_like(x) > (p or 0.5), p, training), "With p = 0"),
    (F.dropout, "PyTorch's own dropout"),
]
