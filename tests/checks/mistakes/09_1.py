"""Classic mistakes in building LeNet-5."""

from torch import nn


def build(pool=nn.AvgPool2d, activation=nn.Tanh, after=(), third=True, channels=16):
    """Build LeNet-5; the arguments make the mistakes."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), activation(), pool(2),
        nn.Conv2d(6, channels, 5), activation(), pool(2),
        nn.Conv2d(channels, 120, 5), activation() if third else nn.Identity(),
        nn.Flatten(), nn.Linear(120, 84), activation(), nn.Linear(84, 10), *after,
    )  # fmt: skip


def swapped():
    """The sizes of the last layers are swapped: the network runs, but is not LeNet-5."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(16, 84, 5), nn.Tanh(), nn.Flatten(), nn.Linear(84, 120), nn.Tanh(), nn.Linear(120, 10),
    )  # fmt: skip


def shallow():
    return nn.Sequential(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(6 * 49, 10))


MISTAKES = [
    (lambda: build, "Expected a network"),
    (lambda: nn.Sequential(nn.Flatten(), nn.Linear(1024, 11)), "not (2, 10)"),
    (swapped, "120 → 84 → 10"),
    (shallow, "LeNet-5 has 5"),
    (lambda: build(channels=12), "not 61 706"),
    (lambda: build(after=[nn.Softmax(1)]), "leave out softmax"),
    (lambda: build(pool=nn.MaxPool2d), "LeNet-5 averages"),
    (lambda: build(activation=nn.ReLU), "Your activation is ReLU"),
    (lambda: build(third=False), "tanh after each convolution"),
]
