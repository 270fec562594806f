"""Classic mistakes in designing networks for 28×28 grey images."""

import torch
from torch import nn

from course_utils.models import MLP, LeNet_tiny, SeparableCNN, ThinResNet


class Large(nn.Sequential):
    def __init__(self, width=200):
        super().__init__(nn.Flatten(), nn.Linear(784, width), nn.ReLU(), nn.Linear(width, 10))


def with_third(third):
    return lambda: {"mlp": MLP, "separable": SeparableCNN, "third": third}


class Unused(MLP):
    """A layer that forward never calls."""

    def __init__(self):
        super().__init__()
        self.forgotten = nn.Linear(10, 10)


class Detached(MLP):
    def forward(self, x):
        with torch.no_grad():
            return super().forward(x)


class OverTheBatch(MLP):
    """Centres its outputs over the batch, in eval mode too."""

    def forward(self, x):
        out = super().forward(x)
        return out - out.mean(0)


class Dead(MLP):
    def forward(self, x):
        return super().forward(x) * 0


ready = ThinResNet()

MISTAKES = [
    (lambda: [MLP, SeparableCNN, ThinResNet], "got list"),
    (lambda: {"mlp": MLP, "thin": ThinResNet}, "got 2 networks"),
    (with_third(ready), "already built"),
    (with_third(lambda: ready), "the same network each time"),
    (with_third(lambda: "ThinResNet"), "not a network"),
    (
        with_third(lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(5408, 10))),
        "cannot process six",
    ),
    (with_third(lambda: nn.Sequential(nn.Conv2d(1, 10, 3))), "ten logits"),
    (with_third(lambda: nn.Sequential(ThinResNet(), nn.Softmax(1))), "leave out softmax"),
    (with_third(Unused), "never used"),
    (with_third(Detached), "no trainable parameters"),
    (with_third(Dead), "all zero or not finite"),
    (with_third(OverTheBatch), "depends on the other images"),
    (with_third(MLP), "has the same shapes as 'mlp'"),
    (with_third(LeNet_tiny), "the given LeNet_tiny"),
    (lambda: {f"mlp {n}": lambda n=n: Large(n) for n in (200, 300, 400)}, "one must have fewer"),
]
