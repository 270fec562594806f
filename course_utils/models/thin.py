"""Three more networks for Fashion-MNIST, none with more than 100 000 parameters. Notebook 12.

Each turns grey images ``(N, 1, 28, 28)`` into logits ``(N, classes)``.
"""

from torch import Tensor, nn


class MLP(nn.Module):
    """Two hidden layers with batch norm, no convolution; 96 970 parameters. Notebook 12."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),  # (N, 784)
            nn.Linear(28 * 28, 112, bias=False),
            nn.BatchNorm1d(112),
            nn.ReLU(),
            nn.Linear(112, 72, bias=False),
            nn.BatchNorm1d(72),
            nn.ReLU(),
            nn.Linear(72, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)  # (N, classes)


def _conv(i: int, o: int, kernel: int = 3, groups: int = 1) -> nn.Conv2d:
    """A convolution that keeps height and width; batch norm follows, so it needs no bias."""
    return nn.Conv2d(i, o, kernel, padding=kernel // 2, groups=groups, bias=False)


class SeparableCNN(nn.Module):
    """Convolutions taken apart: each channel filtered alone, then all channels mixed at each pixel; 35 610
    parameters. Notebook 12.

    Depthwise separable convolutions as in Howard and others, "MobileNets: efficient convolutional neural networks
    for mobile vision applications" (2017).
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 24, 3, stride=2, padding=1, bias=False),  # (N, 24, 14, 14)
            nn.BatchNorm2d(24),
            nn.ReLU(),
            *_separable(24, 64),  # (N, 64, 14, 14)
            *_separable(64, 64),
            nn.MaxPool2d(2),  # (N, 64, 7, 7)
            *_separable(64, 128),  # (N, 128, 7, 7)
            *_separable(128, 128),
        )
        self.linear = nn.Linear(128, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.features(x).mean((2, 3)))  # (N, 128) → (N, classes)


def _separable(i: int, o: int) -> list[nn.Module]:
    """A 3×3 filter for each channel, then a 1×1 convolution that mixes the channels."""
    return [_conv(i, i, groups=i), nn.BatchNorm2d(i), nn.ReLU(), _conv(i, o, 1), nn.BatchNorm2d(o), nn.ReLU()]


class ThinResNet(nn.Module):
    """A thin residual network; 81 690 parameters, 12.9 million MACs. Notebook 12.

    At each of three scales one convolution has a shortcut around it (He, Zhang, Ren and Sun, "Deep residual learning
    for image recognition", 2016; notebook 14). Pooling comes before batch norm, which then has a quarter of the
    pixels to work on, and a maximum over all places ends the convolutions.
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(
            ConvNorm(1, 16),  # (N, 16, 28, 28)
            Shortcut(16),
            ConvNorm(16, 32, nn.MaxPool2d(2)),  # (N, 32, 14, 14)
            Shortcut(32),
            ConvNorm(32, 56, nn.MaxPool2d(2)),  # (N, 56, 7, 7)
            Shortcut(56),
            ConvNorm(56, 40),  # (N, 40, 7, 7)
        )
        self.linear = nn.Linear(40, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.features(x).amax((2, 3)))  # (N, 40) → (N, classes)


class ConvNorm(nn.Sequential):
    """3×3 convolution, pooling if any, batch norm, ReLU."""

    def __init__(self, i: int, o: int, pool: nn.Module | None = None):
        super().__init__(_conv(i, o), pool or nn.Identity(), nn.BatchNorm2d(o), nn.ReLU())


class Shortcut(nn.Module):
    """``x + f(x)``, where f is one :class:`ConvNorm` that keeps the shape."""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = ConvNorm(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)  # (N, C, H, W)
