"""Classic mistakes in the Kullback-Leibler divergence."""

import torch
import torch.nn.functional as F


def kl(p, q):
    return (p * (p / q).log()).sum(1)


MISTAKES = [
    (lambda p, q: kl(p, q).sum(), "one number for each row"),
    (lambda p, q: kl(q, p), "This is KL(q‖p)"),
    (lambda p, q: -kl(p, q), "never negative"),
    (lambda p, q: -(p * q.log()).sum(1), "cross-entropy H(p, q)"),
    (lambda p, q: (p * torch.log2(p / q)).sum(1), "in bits"),
    (lambda p, q: (p * (p / q).log()).mean(1), "mean over the classes"),
    (lambda p, q: F.kl_div(q, p, reduction="none").sum(1), "Σ p ln(p/q)"),
    (kl, "Where p is 0 your result is nan"),
    (lambda p, q: kl((p + 0.01 * (p == 0)), q), "certain of one class"),
]
