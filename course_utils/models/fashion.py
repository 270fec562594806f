"""The networks of the assignment on Fashion-MNIST: four given ones, and more with fewer than 100 000 parameters.

Notebook 12. Each turns grey images ``(N, 1, 28, 28)`` into logits ``(N, classes)``.
"""

import torch
from torch import Tensor, nn


class Net_Linear(nn.Module):
    """One linear layer on the 784 pixels; 7 850 parameters. Notebook 12."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.linear = nn.Linear(28 * 28, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(1))  # (N, 784) → (N, classes)


class LeNet(nn.Module):
    """Two convolutions with pooling, two linear layers; 431 080 parameters with these widths. Notebook 12.

    A variant of LeNet-5 with ReLU and max pooling, known from Caffe's examples.

    Args:
        classes: number of classes.
        widths: channels of the two convolutions, units of the hidden layer.
    """

    def __init__(self, classes: int = 10, widths: tuple[int, int, int] = (20, 50, 500)):
        super().__init__()
        first, second, hidden = widths
        self.conv1 = nn.Conv2d(1, first, kernel_size=5)
        self.conv2 = nn.Conv2d(first, second, kernel_size=5)
        self.pool = nn.MaxPool2d(2)
        self.linear1 = nn.Linear(second * 4 * 4, hidden)
        self.linear2 = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(torch.relu(self.conv1(x)))  # (N, 20, 24, 24) → (N, 20, 12, 12)
        x = self.pool(torch.relu(self.conv2(x)))  # (N, 50, 8, 8) → (N, 50, 4, 4)
        x = torch.relu(self.linear1(x.flatten(1)))  # (N, 800) → (N, 500)
        return self.linear2(x)  # (N, classes)


class LeNet_tiny(LeNet):
    """:class:`LeNet` with its widths divided by four: 5, 12 and 125; 27 027 parameters. Notebook 12."""

    def __init__(self, classes: int = 10):
        super().__init__(classes, widths=(5, 12, 125))


class FashionCNN(nn.Module):
    """Two convolutions with batch norm, three linear layers; 1 475 338 parameters. Notebook 12.

    There is only dropout between the linear layers, as in the many published copies of this network: in eval mode the
    three are equal to one linear layer (notebook 04).
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, kernel_size=3, padding=1),  # (N, 32, 28, 28)
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 32, 14, 14)
            nn.Conv2d(32, 64, kernel_size=3),  # (N, 64, 12, 12)
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 64, 6, 6)
        )
        self.classifier = nn.Sequential(
            nn.Linear(64 * 6 * 6, 600),
            nn.Dropout(0.25),
            nn.Linear(600, 120),
            nn.Linear(120, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))  # (N, 2304) → (N, classes)


class Network(nn.Module):
    """A small network of two convolutions and three linear layers; 32 998 parameters. Notebook 12."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5)
        self.conv2 = nn.Conv2d(6, 12, kernel_size=5)
        self.pool = nn.MaxPool2d(2)
        self.linear1 = nn.Linear(12 * 4 * 4, 120)
        self.linear2 = nn.Linear(120, 60)
        self.linear3 = nn.Linear(60, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(torch.relu(self.conv1(x)))  # (N, 6, 24, 24) → (N, 6, 12, 12)
        x = self.pool(torch.relu(self.conv2(x)))  # (N, 12, 8, 8) → (N, 12, 4, 4)
        x = torch.relu(self.linear1(x.flatten(1)))  # (N, 192) → (N, 120)
        x = torch.relu(self.linear2(x))  # (N, 60)
        return self.linear3(x)  # (N, classes)


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
    """Separable convolutions: each channel is filtered alone, then all channels are mixed at each pixel. Notebook 12.

    35 610 parameters. Depthwise separable convolutions as in Howard and others, "MobileNets: efficient convolutional
    neural networks for mobile vision applications" (2017).
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
    """One 3×3 filter per channel, then a 1×1 convolution that mixes the channels."""
    return [_conv(i, i, groups=i), nn.BatchNorm2d(i), nn.ReLU(), _conv(i, o, 1), nn.BatchNorm2d(o), nn.ReLU()]


class ThinResNet(nn.Module):
    """A thin residual network; 81 690 parameters, 12.9 million MACs. Notebook 12.

    At each of three scales, one convolution has a shortcut around it (He, Zhang, Ren and Sun, "Deep residual learning
    for image recognition", 2016; notebook 14). Pooling comes before batch norm, which then processes a quarter of the
    pixels. The last convolution is followed by a maximum over all positions.
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
    """A 3×3 convolution, optional pooling, batch norm, ReLU."""

    def __init__(self, i: int, o: int, pool: nn.Module | None = None) -> None:
        super().__init__(_conv(i, o), pool or nn.Identity(), nn.BatchNorm2d(o), nn.ReLU())


class Shortcut(nn.Module):
    """``x + f(x)``, where f is one :class:`ConvNorm` that keeps the shape."""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = ConvNorm(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)  # (N, C, H, W)
