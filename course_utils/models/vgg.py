"""VGG: only 3×3 convolutions, from 11 to 19 layers deep."""

from torch import Tensor, nn

from course_utils.models.initialization import he_normal

# number of 3×3 convolutions in each of the five stages; with the three linear layers they add up to the depth
STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (1, 2, 4, 8, 8)  # channels of each stage, as multiples of the first one's


class VGG(nn.Module):
    """VGG 11, 13, 16 or 19 for colour images of at least 32×32 pixels. Notebook 13.

    Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition" (ICLR, 2015):
    columns A, B, D and E of its table 1. Parameters have torchvision's names, so that ``load_state_dict`` accepts
    torchvision's weights.

    Args:
        depth: number of layers with weights: 11, 13, 16 or 19.
        classes: number of classes.
        batch_norm: normalize after each convolution, which is usual today but not in the paper.
        width: channels of the first stage; the last has eight times as many.
        grid: the last feature map is averaged to grid × grid pixels: 7 for 224×224, 1 for 32×32.
        hidden: size of the two hidden linear layers.
        dropout: the fraction of values set to 0 after each of them.

    Shapes: images ``(N, 3, H, W)`` → logits ``(N, classes)``; the comments are for the defaults and 224×224.

    Raises:
        ValueError: If the depth is not 11, 13, 16 or 19.
    """

    def __init__(
        self,
        depth: int = 16,
        classes: int = 1000,
        *,
        batch_norm: bool = False,
        width: int = 64,
        grid: int = 7,
        hidden: int = 4096,
        dropout: float = 0.5,
    ):
        super().__init__()
        if depth not in STAGES:
            raise ValueError(f"depth must be 11, 13, 16 or 19, got {depth!r}.")
        layers: list[nn.Module] = []
        channels = 3
        for convolutions, times in zip(STAGES[depth], WIDTHS, strict=True):
            for _ in range(convolutions):
                layers.append(nn.Conv2d(channels, times * width, kernel_size=3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(times * width))
                layers.append(nn.ReLU())
                channels = times * width
            layers.append(nn.MaxPool2d(2))  # (N, 64, 112, 112), then 128×56², 256×28², 512×14², 512×7²
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(grid)  # (N, 512, 7, 7) from any size
        self.classifier = nn.Sequential(
            nn.Linear(channels * grid * grid, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x)).flatten(1)  # (N, 25088)
        return self.classifier(x)  # (N, classes)


def vgg_for_32x32(depth: int = 16, classes: int = 10) -> VGG:
    """VGG for 32×32 images: five poolings leave one pixel, so 512-4096-4096-classes, dropout 0.65. Notebook 13.

    VGG16 then has 33.6 million parameters with ten classes, a quarter of those for 224×224 images.
    """
    return VGG(depth, classes, grid=1, dropout=0.65)
