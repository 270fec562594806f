"""The networks of the course, short and readable. Shape comments state the shape that each line returns."""

from course_utils.models.alexnet import AlexNet
from course_utils.models.autoencoders import ConvAutoencoder, LinearAutoencoder
from course_utils.models.birds import BasicConvNet, BirdNet, DeeperConvNet
from course_utils.models.fashion import (
    MLP,
    FashionCNN,
    LeNet,
    LeNet_tiny,
    Net_Linear,
    Network,
    SeparableCNN,
    ThinResNet,
)  # fmt: skip
from course_utils.models.googlenet import GoogLeNet
from course_utils.models.initialization import he_normal
from course_utils.models.lenet import CNNModel, LeNet5
from course_utils.models.resnet import ResNet, SmallResNet
from course_utils.models.vgg import VGG, vgg_for_32x32

__all__ = [
    "MLP", "VGG", "AlexNet", "BasicConvNet", "BirdNet", "CNNModel", "ConvAutoencoder", "DeeperConvNet",
    "FashionCNN", "GoogLeNet", "LeNet", "LeNet5", "LeNet_tiny", "LinearAutoencoder", "Net_Linear", "Network",
    "ResNet", "SeparableCNN", "SmallResNet", "ThinResNet", "he_normal", "vgg_for_32x32",
]  # fmt: skip
