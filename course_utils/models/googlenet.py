"""GoogLeNet: nine inception modules, 22 layers with weights, one small linear layer."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from course_utils.models.initialization import he_normal

# filters of each module, in the columns of the paper's table 1: #1×1, #3×3 reduce, #3×3, #5×5 reduce, #5×5, pool proj
TABLE = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, batch_norm: bool = True
) -> nn.Module:
    """A convolution padded to keep the size (at stride 1), optional batch norm, ReLU."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["conv"] = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=not batch_norm)
    if batch_norm:
        parts["bn"] = nn.BatchNorm2d(outputs, eps=1e-3)
    parts["relu"] = nn.ReLU()
    return nn.Sequential(parts)


class Inception(nn.Module):
    """Four parallel branches on the same feature maps: 1×1, 3×3 and 5×5 convolutions, and pooling.

    Args:
        inputs: number of input channels.
        filters: a row of ``TABLE``; its numbers 0, 2, 4 and 5 add up to the output channels.
        batch_norm: normalize after each convolution.
        large_kernel: 5 in the paper, 3 in torchvision.

    Shapes: ``(N, inputs, H, W)`` → ``(N, outputs, H, W)``.
    """

    def __init__(self, inputs: int, filters: tuple[int, ...], batch_norm: bool = True, large_kernel: int = 3):
        super().__init__()
        one, reduce3, three, reduce5, five, projection = filters
        norm = {"batch_norm": batch_norm}
        self.branch1 = convolution(inputs, one, 1, **norm)
        self.branch2 = nn.Sequential(
            convolution(inputs, reduce3, 1, **norm), convolution(reduce3, three, 3, **norm)
        )
        self.branch3 = nn.Sequential(
            convolution(inputs, reduce5, 1, **norm), convolution(reduce5, five, large_kernel, **norm)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), convolution(inputs, projection, 1, **norm)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class AuxiliaryClassifier(nn.Module):
    """A classifier on an intermediate feature map; its loss adds gradient to the early layers in training only.

    Shapes: ``(N, inputs, H, W)`` → logits ``(N, classes)``.
    """

    def __init__(self, inputs: int, classes: int, width: int, batch_norm: bool):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(4)
        self.conv = convolution(inputs, 2 * width, 1, batch_norm=batch_norm)
        self.fc1 = nn.Linear(2 * width * 4 * 4, 16 * width)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(16 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.avgpool(x)).flatten(1)  # (N, 2048)
        return self.fc2(self.dropout(torch.relu(self.fc1(x))))  # (N, classes)


class GoogLeNet(nn.Module):
    """GoogLeNet for colour images of at least 32×32 pixels; 6 624 904 parameters by default. Notebook 14.

    Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke and Rabinovich, "Going deeper with convolutions"
    (CVPR, 2015). The defaults are torchvision's: batch norm instead of the paper's local response normalization, and
    3×3 instead of the paper's 5×5, an old mistake that is kept because of the pretrained weights.
    ``GoogLeNet(batch_norm=False, large_kernel=5)`` is closer to the paper.

    Args:
        classes: number of classes.
        batch_norm: normalize after each convolution.
        large_kernel: kernel of the third branch, 5 in the paper, 3 in torchvision.
        width: channels of the first convolution, a multiple of 4; all others change in proportion.
        auxiliary: add the paper's two auxiliary classifiers.
        dropout: the fraction of values set to 0 before the last layer; the paper has 0.4.

    Shapes: images ``(N, 3, H, W)`` → logits ``(N, classes)``; with ``auxiliary``, in train mode, the logits and
    those of the auxiliary classifiers after 4a and 4d. The comments are for the defaults and 224×224.
    """

    inception3a: nn.Module
    inception3b: nn.Module
    inception4a: nn.Module
    inception4b: nn.Module
    inception4c: nn.Module
    inception4d: nn.Module
    inception4e: nn.Module
    inception5a: nn.Module
    inception5b: nn.Module
    aux1: nn.Module
    aux2: nn.Module

    def __init__(
        self,
        classes: int = 1000,
        *,
        batch_norm: bool = True,
        large_kernel: int = 3,
        width: int = 64,
        auxiliary: bool = False,
        dropout: float = 0.2,
    ):
        super().__init__()
        norm, wide = {"batch_norm": batch_norm}, width * 3
        self.conv1 = convolution(3, width, 7, stride=2, **norm)
        self.conv2 = convolution(width, width, 1, **norm)
        self.conv3 = convolution(width, wide, 3, **norm)
        channels = wide
        for name, row in TABLE.items():
            if auxiliary and name in ("4b", "4e"):
                number = 1 if name == "4b" else 2
                setattr(self, f"aux{number}", AuxiliaryClassifier(channels, classes, width, batch_norm))
            filters = tuple(n * width // 64 for n in row)
            setattr(self, f"inception{name}", Inception(channels, filters, batch_norm, large_kernel))
            channels = filters[0] + filters[2] + filters[4] + filters[5]
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.pool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, classes)
        self.auxiliary = auxiliary
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        x = self.pool(self.conv1(x))  # (N, 64, 56, 56)
        x = self.pool(self.conv3(self.conv2(x)))  # (N, 192, 28, 28)
        x = self.pool(self.inception3b(self.inception3a(x)))  # (N, 480, 14, 14)
        x = after_4a = self.inception4a(x)  # (N, 512, 14, 14)
        x = after_4d = self.inception4d(self.inception4c(self.inception4b(x)))  # (N, 528, 14, 14)
        x = self.pool4(self.inception4e(x))  # (N, 832, 7, 7)
        x = self.inception5b(self.inception5a(x))  # (N, 1024, 7, 7)
        x = self.fc(self.dropout(self.avgpool(x).flatten(1)))  # (N, 1024) → (N, classes)
        return (x, self.aux1(after_4a), self.aux2(after_4d)) if self.auxiliary and self.training else x


def from_torchvision(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Remove the auxiliary classifiers from torchvision's weights: ``GoogLeNet().load_state_dict`` accepts the rest.

    The pretrained weights expect pixels scaled to [-1, 1] by ``2 * x - 1``, and not by the mean and the standard
    deviation of ImageNet. Notebook 14.
    """
    return {name: tensor for name, tensor in state.items() if not name.startswith(("aux1.", "aux2."))}
