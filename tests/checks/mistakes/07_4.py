"""Classic mistakes in counting the parameters of a convolution."""

from torch import nn

MISTAKES = [
    (lambda i, o, k, g: print(o), "Expected one number"),
    (lambda i, o, k, g: o * (i // g) * k * k, "The biases are missing"),
    (lambda i, o, k, g: o * (i // g) * k * k + 1, "one bias for the whole layer"),
    (lambda i, o, k, g: o * (i // g) * (k * k + 1), "each pair of channels"),
    (lambda i, o, k, g: o * (i * k * k + 1), "right without groups"),
    (lambda i, o, k, g: o // g * (i // g * k * k + 1), "This is one group"),
    (lambda i, o, k, g: o * (i // g * k + 1), "square k"),
    (lambda i, o, k, g: o * (k * k + 1), "a window for each input channel"),
    (lambda i, o, k, g: i * o, "your answer is"),
    (
        lambda i, o, k, g: sum(p.numel() for p in nn.Conv2d(i, o, k, groups=g).parameters()),
        "You create the layer",
    ),
]
