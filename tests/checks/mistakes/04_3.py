"""Classic mistakes in training a network on the two moons."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits


def train(x, y, net, steps=60, momentum=0.9):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=momentum)
    for _ in range(steps):
        optimizer.zero_grad()
        binary_cross_entropy_with_logits(net(x)[:, 0], y).backward()
        optimizer.step()
    return net


def mlp(*end, outputs=1):
    return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, outputs), *end)


def without_backward(x, y):
    """Return a network that always predicts class 1, because its weights are never updated."""
    net = mlp()
    with torch.no_grad():
        net[-1].weight.mul_(0.01)
        net[-1].bias.fill_(3)
    return net


class Nearest(nn.Module):
    """Predict the class of the nearest training point, without any network."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def forward(self, x):
        return 2 * self.y[torch.cdist(x, self.x).argmin(1)][:, None] - 1


MISTAKES = [
    (lambda x, y: train(x, y, mlp(), steps=1) and None, "Expected the trained network"),
    (lambda x, y: mlp(outputs=2), "not (1000, 1)"),
    (lambda x, y: train(x, y, mlp(nn.Sigmoid())), "outputs are probabilities"),
    (lambda x, y: train(x, y, nn.Sequential(nn.Linear(2, 16), nn.Linear(16, 1))), "Your network is linear"),
    (lambda x, y: train(x, 1 - y, mlp(), steps=200), "classes are swapped"),
    (Nearest, "no trainable parameters"),
    (without_backward, "hardly been trained"),
    (lambda x, y: train(x, y, mlp()), "asks for 98 %"),
]
