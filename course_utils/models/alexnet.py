"""AlexNet, the network that won the ImageNet competition of 2012."""

from torch import Tensor, nn


class AlexNet(nn.Module):
    """AlexNet for colour images of at least 63×63 pixels; 61 100 840 parameters with 1000 classes. Notebook 13.

    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks" (NIPS,
    2012), in the form of Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014): not
    split over two GPUs, and without local response normalization. Parameters have torchvision's names, so that
    ``load_state_dict`` accepts torchvision's weights.

    Args:
        classes: number of classes.
        dropout: the fraction of values set to 0 before each of the two hidden linear layers.

    Shapes: images ``(N, 3, H, W)`` → logits ``(N, classes)``; the comments are for 224×224.
    """

    def __init__(self, classes: int = 1000, dropout: float = 0.5):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),  # (N, 64, 55, 55)
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # (N, 64, 27, 27)
            nn.Conv2d(64, 192, kernel_size=5, padding=2),  # (N, 192, 27, 27)
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # (N, 192, 13, 13)
            nn.Conv2d(192, 384, kernel_size=3, padding=1),  # (N, 384, 13, 13)
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),  # (N, 256, 13, 13)
            nn.ReLU(),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),  # (N, 256, 13, 13)
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # (N, 256, 6, 6)
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)  # (N, 256, 6, 6) from any size
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x)).flatten(1)  # (N, 9216)
        return self.classifier(x)  # (N, classes)
