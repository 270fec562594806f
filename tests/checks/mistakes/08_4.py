"""Classic mistakes in building the deeper network."""

from torch import nn


def build(width, classes, grow=(1, 2, 4), padding=1, relu=True, pool=nn.MaxPool2d, after=(), before=()):
    """Build the deeper network; the other arguments make the mistakes."""
    layers, inside = [], 3
    for factor in grow:
        layers.append(nn.Conv2d(inside, factor * width, 3, padding=padding))
        layers += [nn.ReLU()] * relu + [pool(2)]
        inside = factor * width
    side = 32
    for _ in grow:
        side = (side + 2 * padding - 2) // 2
    head = [nn.Flatten()]
    return nn.Sequential(*layers, *head, *before, nn.Linear(inside * side**2, classes), *after)


MISTAKES = [
    (lambda w, c: build, "Expected a network"),
    (lambda w, c: build(w, c, grow=(1, 2)), "Expected three convolutions"),
    (lambda w, c: build(w, c, grow=(1, 1, 1)), "the same number of filters"),
    (lambda w, c: build(w, c, padding=0), "with padding 1"),
    (lambda w, c: build(w, c, after=[nn.Linear(c, c)]), "one linear layer"),
    (lambda w, c: build(w, c, after=[nn.Unflatten(1, (1, c))]), "nn.Flatten()"),
    (lambda w, c: build(w, c, after=[nn.Softmax(1)]), "leave out softmax"),
    (lambda w, c: build(w, c, after=[nn.ReLU()]), "no score can be negative"),
    (lambda w, c: build(w, c, relu=False), "nn.ReLU() after each"),
    (lambda w, c: build(w, c, pool=nn.AvgPool2d), "Your pooling averages"),
    (lambda w, c: build(w, c, before=[nn.Tanh()]), "and nothing else"),
]
