"""ResNet: blocks that learn what to add to their input; and the same networks without the shortcuts."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_utils.models.initialization import he_normal


def _norm(channels: int, batch_norm: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if batch_norm else nn.Identity()


class Block(nn.Module):
    """y = ReLU(F(x) + shortcut(x)); the two subclasses define F.

    Args:
        inputs: number of input channels.
        width: number of channels inside; the output has ``expansion * width``.
        stride: 2 halves height and width.
        batch_norm: normalize after each convolution; without it, the convolutions have biases.
        shortcut: False omits the sum, which makes a plain network.
    """

    expansion: int

    def __init__(
        self, inputs: int, width: int, stride: int = 1, batch_norm: bool = True, shortcut: bool = True
    ):
        super().__init__()
        self.batch_norm, self.shortcut = batch_norm, shortcut
        outputs = self.expansion * width
        self.downsample = None
        if shortcut and (stride > 1 or inputs != outputs):
            # x does not have the shape of F(x): project it
            self.downsample = nn.Sequential(
                self._convolution(inputs, outputs, 1, stride), _norm(outputs, batch_norm)
            )

    def _convolution(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
        return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=not self.batch_norm)

    def residual(self, x: Tensor) -> Tensor:
        """Compute F(x)."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        out = self.residual(x)
        if self.shortcut:
            out = out + (x if self.downsample is None else self.downsample(x))
        return torch.relu(out)


class BasicBlock(Block):
    """Two 3×3 convolutions: ``(N, inputs, H, W)`` → ``(N, width, H / stride, W / stride)``."""

    expansion = 1

    def __init__(
        self, inputs: int, width: int, stride: int = 1, batch_norm: bool = True, shortcut: bool = True
    ):
        super().__init__(inputs, width, stride, batch_norm, shortcut)
        self.conv1 = self._convolution(inputs, width, 3, stride)
        self.bn1 = _norm(width, batch_norm)
        self.conv2 = self._convolution(width, width, 3)
        self.bn2 = _norm(width, batch_norm)

    def residual(self, x: Tensor) -> Tensor:
        return self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))


class Bottleneck(Block):
    """1×1 to fewer channels, 3×3, 1×1 to many: ``(N, inputs, H, W)`` → ``(N, 4 * width, H / stride, W / stride)``.

    The stride is in the 3×3 convolution, as in torchvision ("ResNet 1.5"). In the paper it is in the first 1×1
    convolution, which then ignores three quarters of the pixels.
    """

    expansion = 4

    def __init__(
        self, inputs: int, width: int, stride: int = 1, batch_norm: bool = True, shortcut: bool = True
    ):
        super().__init__(inputs, width, stride, batch_norm, shortcut)
        self.conv1 = self._convolution(inputs, width, 1)
        self.bn1 = _norm(width, batch_norm)
        self.conv2 = self._convolution(width, width, 3, stride)
        self.bn2 = _norm(width, batch_norm)
        self.conv3 = self._convolution(width, 4 * width, 1)
        self.bn3 = _norm(4 * width, batch_norm)

    def residual(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))
        return self.bn3(self.conv3(x))


DEPTHS: dict[int, tuple[type[Block], Sequence[int]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
}


def _stages(
    block: type[Block], counts: Sequence[int], width: int, batch_norm: bool, shortcut: bool
) -> list[nn.Sequential]:
    """Make stages of ``counts[i]`` blocks; each one but the first halves height and width and doubles the channels."""
    stages, channels = [], width
    for stage, count in enumerate(counts):
        inside = width * 2**stage
        blocks: list[Block] = []
        for number in range(count):
            stride = 2 if stage and not number else 1
            blocks.append(block(channels, inside, stride, batch_norm, shortcut))
            channels = block.expansion * inside
        stages.append(nn.Sequential(*blocks))
    return stages


class ResNet(nn.Module):
    """ResNet 18, 34 or 50 for colour images of at least 32×32 pixels. Notebook 14.

    He, Zhang, Ren and Sun, "Deep residual learning for image recognition" (CVPR, 2016), table 1. Parameters have
    torchvision's names, so that ``load_state_dict`` accepts torchvision's weights.

    Args:
        depth: number of layers with weights: 18, 34 or 50.
        classes: number of classes.
        batch_norm: normalize after each convolution; without it, the convolutions have biases.
        width: channels of the first convolution; all others change in proportion.
        shortcuts: False omits the sums, which makes the paper's plain network.

    Shapes: images ``(N, 3, H, W)`` → logits ``(N, classes)``; the comments are for 18 and 34 and 224×224.

    Raises:
        ValueError: If the depth is not 18, 34 or 50.
    """

    def __init__(
        self,
        depth: int = 18,
        classes: int = 1000,
        *,
        batch_norm: bool = True,
        width: int = 64,
        shortcuts: bool = True,
    ):
        super().__init__()
        if depth not in DEPTHS:
            raise ValueError(f"depth must be 18, 34 or 50, got {depth!r}.")
        block, counts = DEPTHS[depth]
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=not batch_norm)
        self.bn1 = _norm(width, batch_norm)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1, self.layer2, self.layer3, self.layer4 = _stages(
            block, counts, width, batch_norm, shortcuts
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * width * block.expansion, classes)
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))  # (N, 64, 56, 56)
        x = self.layer2(self.layer1(x))  # (N, 128, 28, 28)
        x = self.layer4(self.layer3(x))  # (N, 512, 7, 7)
        return self.fc(self.avgpool(x).flatten(1))  # (N, classes)


class SmallResNet(nn.Module):
    """The paper's network for CIFAR-10: one 3×3 convolution, three stages of basic blocks, one linear layer.

    Section 4.2 of the same paper. Notebook 14 trains deep and shallow ones, with and without shortcuts.

    Args:
        depth: number of layers with weights, 6n + 2: 8, 14, 20, 32, 44, 56, 110. Projections are not counted.
        classes: number of classes.
        width: channels of the first stage, 16 in the paper; the third has four times as many.
        batch_norm: normalize after each convolution; without it, the convolutions have biases.
        shortcuts: False omits the sums, which makes the plain network.

    Shapes: images ``(N, 3, H, W)`` of at least 4×4 pixels → logits ``(N, classes)``; the comments are for 32×32.

    Raises:
        ValueError: If the depth is not 6n + 2.
    """

    def __init__(
        self,
        depth: int = 20,
        classes: int = 10,
        *,
        width: int = 16,
        batch_norm: bool = True,
        shortcuts: bool = True,
    ):
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            raise ValueError(f"depth must be 6n + 2, for example 8, 20, 32 or 56; got {depth!r}.")
        self.conv1 = nn.Conv2d(3, width, kernel_size=3, padding=1, bias=not batch_norm)
        self.bn1 = _norm(width, batch_norm)
        counts = 3 * [depth // 6]
        self.layer1, self.layer2, self.layer3 = _stages(BasicBlock, counts, width, batch_norm, shortcuts)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4 * width, classes)
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))  # (N, 16, 32, 32)
        x = self.layer3(self.layer2(self.layer1(x)))  # (N, 64, 8, 8)
        return self.fc(self.avgpool(x).flatten(1))  # (N, classes)
