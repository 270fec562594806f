"""Shapes, counts and outputs of the networks."""

import pytest
import torch
from torch import nn

from course_utils.models import CNNModel, LeNet5
from course_utils.models.initialization import he_normal


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def convolution(i, o, k):
    return (i * k * k + 1) * o


def test_lenet5_has_the_number_of_parameters_in_its_table():
    convolutions = convolution(1, 6, 5) + convolution(6, 16, 5) + convolution(16, 120, 5)
    assert parameters(LeNet5()) == convolutions + 121 * 84 + 85 * 10 == 61_706


def test_cnn_model_has_the_parameters_of_its_layers():
    assert parameters(CNNModel()) == convolution(1, 16, 3) + convolution(16, 32, 3) + 801 * 10 == 12_810


@pytest.mark.parametrize(("model", "size"), [(CNNModel, 28), (LeNet5, 32)])
@pytest.mark.parametrize("classes", [2, 10])
def test_there_is_one_logit_per_class(model, size, classes):
    assert model(classes)(torch.zeros(3, 1, size, size)).shape == (3, classes)


def test_lenet5_is_the_composition_of_its_layers():
    model, x = LeNet5(), torch.randn(2, 1, 32, 32)
    f = nn.functional
    c1, c2, c3 = (layer for layer in model.features if isinstance(layer, nn.Conv2d))
    l1, l2 = (layer for layer in model.classifier if isinstance(layer, nn.Linear))
    y = f.avg_pool2d(torch.tanh(f.conv2d(x, c1.weight, c1.bias)), 2)
    y = f.avg_pool2d(torch.tanh(f.conv2d(y, c2.weight, c2.bias)), 2)
    y = torch.tanh(f.conv2d(y, c3.weight, c3.bias)).flatten(1)
    torch.testing.assert_close(model(x), l2(torch.tanh(l1(y))))


def test_the_activation_can_be_chosen():
    assert not any(isinstance(layer, nn.Tanh) for layer in LeNet5(activation=nn.ReLU).modules())


def test_he_initialization_preserves_the_scale_through_twenty_layers_and_the_default_does_not():
    torch.manual_seed(0)
    layers = [layer for _ in range(20) for layer in (nn.Linear(600, 600), nn.ReLU())]
    model, x = nn.Sequential(*layers), torch.randn(100, 600)
    by_default = model(x).square().mean()
    he_normal(model)
    assert 1 / 3 < model(x).square().mean() / x.square().mean() < 3
    assert by_default < 0.01
    assert not any(layer.bias.any() for layer in layers[::2])
