"""The model behind the network playground, without widgets: points, a small network, and its training."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from course_utils.playground.points import features_of, make_points, plane

ACTIVATIONS = {"tanh": nn.Tanh, "ReLU": nn.ReLU, "sigmoid": nn.Sigmoid, "none": nn.Identity}
BATCH = 20  # points per step
GRID = 64  # side of a unit's map in pixels


@dataclass(frozen=True)
class Settings:
    """Everything that can be chosen before training begins."""

    data: str = "circle"
    noise: float = 0.1
    features: tuple[str, ...] = ("x₁", "x₂")
    widths: tuple[int, ...] = (4, 2)  # units of each hidden layer
    activation: str = "tanh"
    rate: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.features:
            raise ValueError("features is empty: choose at least one feature.")


@dataclass
class Experiment:
    """Train a network on the points that ``settings`` describe, by SGD on the binary cross-entropy.

    ``train_losses`` and ``test_losses`` hold one value per call of ``measure()``, ``measured_at`` the epoch of each.
    """

    settings: Settings
    steps: int = 0
    measured_at: list[float] = field(default_factory=list)
    train_losses: list[float] = field(default_factory=list)
    test_losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        s = self.settings
        self.points, self.labels = make_points(s.data, s.noise, seed=2 * s.seed)  # (240, 2), (240,)
        test_points, self.test_labels = make_points(s.data, s.noise, seed=2 * s.seed + 1)
        self.x, self.x_test = features_of(self.points, s.features), features_of(test_points, s.features)
        self.x_plane = features_of(plane(GRID), s.features)  # (64 · 64, features)
        self.generator = torch.Generator().manual_seed(s.seed)
        self.net = build(len(s.features), s.widths, s.activation, s.seed)
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=s.rate)
        self.batches: list[Tensor] = []
        self.measure()

    @property
    def epoch(self) -> float:
        return self.steps * BATCH / len(self.x)

    def set_rate(self, rate: float) -> None:
        """Continue with another learning rate."""
        self.optimizer.param_groups[0]["lr"] = rate

    def step(self) -> None:
        """Take one step of SGD on the next batch."""
        if not self.batches:
            self.batches = list(torch.randperm(len(self.x), generator=self.generator).split(BATCH))
        chosen = self.batches.pop()
        self.optimizer.zero_grad()
        binary_cross_entropy_with_logits(self.net(self.x[chosen])[:, 0], self.labels[chosen]).backward()
        self.optimizer.step()
        self.steps += 1

    @torch.no_grad()
    def measure(self) -> None:
        """Record the losses on all training points and on all test points."""
        self.measured_at.append(self.epoch)
        for losses, x, labels in (
            (self.train_losses, self.x, self.labels),
            (self.test_losses, self.x_test, self.test_labels),
        ):
            losses.append(binary_cross_entropy_with_logits(self.net(x)[:, 0], labels).item())

    @torch.no_grad()
    def accuracy(self) -> float:
        """Return the fraction of test points on the correct side of the boundary."""
        return ((self.net(self.x_test)[:, 0] > 0) == (self.test_labels > 0.5)).float().mean().item()

    @torch.no_grad()
    def maps(self) -> list[Tensor]:
        """Compute the output of each unit at each point of the plane, as one tensor ``(units, 64, 64)`` per layer.

        The first tensor holds the features; the last holds the probability of class 1, rescaled to [-1, 1].
        """
        signals, x = [self.x_plane], self.x_plane
        for module in self.net:
            x = module(x)
            if not isinstance(module, nn.Linear):
                signals.append(x)
        signals.append(2 * torch.sigmoid(x) - 1)  # the last module is linear
        return [signal.T.reshape(-1, GRID, GRID) for signal in signals]

    def weights(self) -> list[Tensor]:
        """Return the weights ``(units, inputs)`` of each layer; the output layer is last."""
        return [module.weight.detach() for module in self.net if isinstance(module, nn.Linear)]


def build(inputs: int, widths: tuple[int, ...], activation: str, seed: int) -> nn.Sequential:
    """Build a network with an activation after each hidden layer and one linear output unit."""
    layers: list[nn.Module] = []
    # the notebook's random numbers are unchanged
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for width in widths:
            layers += [nn.Linear(inputs, width), ACTIVATIONS[activation]()]
            inputs = width
        layers.append(nn.Linear(inputs, 1))
    return nn.Sequential(*layers)
