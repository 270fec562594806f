"""Initial weights for deep networks with ReLU."""

from torch import nn


def he_normal(model: nn.Module) -> None:
    """Initialize all convolutions and linear layers so that ReLU layers preserve the size of their signal. Notebook 13.

    The weights are normal with mean 0 and variance 2 / (inputs of one output value); the biases are 0. The factor 2
    compensates for the half that a ReLU sets to 0. He, Zhang, Ren and Sun, "Delving deep into rectifiers" (ICCV, 2015).
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
