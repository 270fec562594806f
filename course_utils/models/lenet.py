"""The two networks of notebook 09: a first CNN, and LeNet-5."""

import torch
from torch import Tensor, nn


class CNNModel(nn.Module):
    """Two convolutions and one linear layer for 28×28 grey images; 12 810 parameters. Notebook 09.

    Args:
        classes: number of classes.

    Shapes: images ``(N, 1, 28, 28)`` → logits ``(N, classes)``.
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3)
        self.pool = nn.MaxPool2d(2)
        self.linear = nn.Linear(32 * 5 * 5, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(torch.relu(self.conv1(x)))  # (N, 16, 26, 26) → (N, 16, 13, 13)
        x = self.pool(torch.relu(self.conv2(x)))  # (N, 32, 11, 11) → (N, 32, 5, 5)
        return self.linear(x.flatten(1))  # (N, 800) → (N, classes)


class LeNet5(nn.Module):
    """LeNet-5 for 32×32 grey images; 61 706 parameters with ten classes. Notebook 09.

    The convolutional network of LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
    recognition" (Proceedings of the IEEE, 1998), in the form that is taught today: average pooling without weights,
    every filter of the second convolution sees all six feature maps, and the output is ten logits.

    Args:
        classes: number of classes.
        activation: the class of the nonlinearity.

    Shapes: images ``(N, 1, 32, 32)`` → logits ``(N, classes)``.
    """

    def __init__(self, classes: int = 10, activation: type[nn.Module] = nn.Tanh):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, kernel_size=5),  # (N, 6, 28, 28)
            activation(),
            nn.AvgPool2d(2),  # (N, 6, 14, 14)
            nn.Conv2d(6, 16, kernel_size=5),  # (N, 16, 10, 10)
            activation(),
            nn.AvgPool2d(2),  # (N, 16, 5, 5)
            nn.Conv2d(16, 120, kernel_size=5),  # (N, 120, 1, 1)
            activation(),
        )
        self.classifier = nn.Sequential(
            nn.Linear(120, 84),
            activation(),
            nn.Linear(84, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))  # (N, 120) → (N, classes)
