"""Starting weights for deep networks of ReLUs."""

from torch import nn


def he_normal(model: nn.Module) -> None:
    """Draw the weights of all convolutions and linear layers so that ReLU layers keep the size of their signal.

    Normal with mean 0 and variance 2 / (inputs of one output value); biases are set to 0. The factor 2 stands
    for the half that a ReLU cuts off. He, Zhang, Ren and Sun, "Delving deep into rectifiers" (ICCV, 2015). Notebook 13.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
