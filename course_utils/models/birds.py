"""The networks of notebook 08, for colour images of 32×32 pixels: two classes, then ten."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BirdNet(nn.Module):
    """Two 3×3 convolutions and two linear layers with tanh; 18 090 parameters with two classes. Notebook 08.

    Args:
        classes: number of classes.

    Shapes: images ``(N, 3, 32, 32)`` → logits ``(N, classes)``.
    """

    def __init__(self, classes: int = 2):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 8, kernel_size=3, padding=1)
        self.linear1 = nn.Linear(8 * 8 * 8, 32)
        self.linear2 = nn.Linear(32, classes)

    def forward(self, x: Tensor) -> Tensor:
        # tanh keeps the order of numbers, so it may follow the maximum: the same result for a quarter of the work
        x = torch.tanh(F.max_pool2d(self.conv1(x), 2))  # (N, 16, 32, 32) → (N, 16, 16, 16)
        x = torch.tanh(F.max_pool2d(self.conv2(x), 2))  # (N, 8, 16, 16) → (N, 8, 8, 8)
        x = torch.tanh(self.linear1(x.flatten(1)))  # (N, 512) → (N, 32)
        return self.linear2(x)  # (N, classes)


class BasicConvNet(nn.Module):
    """Two 5×5 convolutions without padding and two linear layers with ReLU; 109 050 parameters. Notebook 08.

    Args:
        classes: number of classes.
        channels: filters in the first and in the second convolution.
        hidden: units in the hidden linear layer.

    Shapes: images ``(N, 3, 32, 32)`` → logits ``(N, classes)``.
    """

    def __init__(self, classes: int = 10, channels: tuple[int, int] = (8, 16), hidden: int = 256):
        super().__init__()
        first, second = channels
        self.features = nn.Sequential(
            nn.Conv2d(3, first, kernel_size=5),  # (N, 8, 28, 28)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 8, 14, 14)
            nn.Conv2d(first, second, kernel_size=5),  # (N, 16, 10, 10)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 16, 5, 5)
        )
        self.classifier = nn.Sequential(
            nn.Linear(second * 5 * 5, hidden),  # 400 → 256
            nn.ReLU(),
            nn.Linear(hidden, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


class DeeperConvNet(nn.Module):
    """Three 3×3 convolutions of w, 2w and 4w filters, and one linear layer, with ReLU. Notebook 08.

    Args:
        classes: number of classes.
        width: w, the number of filters in the first convolution; 32 gives 113 738 parameters with ten classes.

    Shapes: images ``(N, 3, 32, 32)`` → logits ``(N, classes)``.
    """

    def __init__(self, classes: int = 10, width: int = 32):
        super().__init__()
        sizes = [3, width, 2 * width, 4 * width]
        layers: list[nn.Module] = []
        for inputs, outputs in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Conv2d(inputs, outputs, kernel_size=3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)  # (N, 128, 4, 4) at width 32
        self.classifier = nn.Linear(4 * width * 4 * 4, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))
