"""The autoencoders of notebook 15, for 28×28 grey images: one linear, one convolutional."""

import torch
from torch import Tensor, nn


class LinearAutoencoder(nn.Module):
    """One linear layer down to the code and one back up: a principal component analysis. Notebook 15.

    See Baldi and Hornik, "Neural networks and principal component analysis" (Neural Networks, 1989).

    Args:
        code: size of the code.

    Shapes: images ``(N, 1, 28, 28)`` → images of the same shape; ``encode`` gives ``(N, code)``.
    """

    def __init__(self, code: int = 32):
        super().__init__()
        self.down = nn.Linear(28 * 28, code)
        self.up = nn.Linear(code, 28 * 28)

    def encode(self, x: Tensor) -> Tensor:
        return self.down(x.flatten(1))  # (N, code)

    def decode(self, code: Tensor) -> Tensor:
        return self.up(code).unflatten(1, (1, 28, 28))  # (N, 1, 28, 28)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class ConvAutoencoder(nn.Module):
    """Two strided convolutions down to the code, two transposed convolutions back up. Notebook 15.

    Args:
        code: size of the code.

    Shapes: images ``(N, 1, 28, 28)`` in [0, 1] → images of the same shape in [0, 1]; ``encode`` gives ``(N, code)``.
    """

    def __init__(self, code: int = 32):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, stride=2, padding=1),  # (N, 16, 14, 14)
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1),  # (N, 32, 7, 7)
            nn.ReLU(),
            nn.Flatten(),  # (N, 1568)
            nn.Linear(32 * 7 * 7, code),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, 32 * 7 * 7),
            nn.ReLU(),
            nn.Unflatten(1, (32, 7, 7)),
            nn.ConvTranspose2d(32, 16, kernel_size=4, stride=2, padding=1),  # (N, 16, 14, 14)
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, kernel_size=4, stride=2, padding=1),  # (N, 1, 28, 28)
        )

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)  # (N, code)

    def decode(self, code: Tensor) -> Tensor:
        return torch.sigmoid(self.decoder(code))  # (N, 1, 28, 28)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
