"""Weight initialization for deep networks with ReLU."""

from torch import nn


def he_normal(model: nn.Module) -> None:
    """Draw the weights of all convolutions and linear layers so that ReLU layers preserve the scale of their input.

    Normal with mean 0 and variance 2 / fan_in, where fan_in is the number of inputs of one output element; biases are
    set to 0. The factor 2 compensates for the half that ReLU sets to 0. See He, Zhang, Ren and Sun, "Delving deep
    into rectifiers" (ICCV, 2015). Notebook 13.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
