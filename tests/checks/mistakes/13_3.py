"""Classic mistakes in the lowest loss with one softmax too many."""

from math import e, log

MISTAKES = [
    (lambda n: 0, "the logits are (1, 0, …, 0)"),
    (lambda n: log(n), "the loss of a uniform guess"),
    (lambda n: log(e / (e + n - 1)), "A loss is positive"),
    (lambda n: log(e + n - 1), "subtract the logit"),
    (lambda n: log(e + n) - 1, "One class too many"),
    (lambda n: e / (e + n - 1), "This is the probability"),
    (lambda n: log(1 + (n - 1) * e) - 1, "compute the softmax of (1, 0, …, 0)"),
]
