"""The networks of notebook 08: the parameter counts in their tables, and the outputs of their layers."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from course_utils.models import BasicConvNet, BirdNet, DeeperConvNet


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def convolution(i, o, k):
    return (i * k * k + 1) * o


def test_the_bird_net_has_the_sizes_of_its_table():
    sizes = [p.numel() for p in BirdNet().parameters()]
    assert sizes == [3 * 9 * 16, 16, 16 * 9 * 8, 8, 512 * 32, 32, 32 * 2, 2]
    assert sum(sizes) == 18_090


@pytest.mark.parametrize(("first", "second", "hidden"), [(8, 16, 256), (16, 32, 256), (3, 5, 7)])
def test_the_basic_net_has_the_parameters_of_its_layers(first, second, hidden):
    linear = (second * 25 + 1) * hidden + (hidden + 1) * 10
    expected = convolution(3, first, 5) + convolution(first, second, 5) + linear
    assert parameters(BasicConvNet(channels=(first, second), hidden=hidden)) == expected


@pytest.mark.parametrize("w", [4, 32])
def test_the_deeper_net_has_the_parameters_of_its_layers(w):
    convolutions = convolution(3, w, 3) + convolution(w, 2 * w, 3) + convolution(2 * w, 4 * w, 3)
    assert parameters(DeeperConvNet(width=w)) == convolutions + (4 * w * 16 + 1) * 10


@pytest.mark.parametrize("model", [BirdNet, BasicConvNet, DeeperConvNet])
@pytest.mark.parametrize("classes", [2, 10])
def test_there_is_one_logit_per_class(model, classes):
    assert model(classes)(torch.zeros(3, 3, 32, 32)).shape == (3, classes)


def test_the_bird_net_is_the_composition_of_its_layers():
    model, x = BirdNet(), torch.randn(2, 3, 32, 32)
    w1, b1, w2, b2, w3, b3, w4, b4 = model.parameters()
    y = F.max_pool2d(F.conv2d(x, w1, b1, padding=1).tanh(), 2)
    y = F.max_pool2d(F.conv2d(y, w2, b2, padding=1).tanh(), 2)
    assert_close(model(x), (y.flatten(1) @ w3.T + b3).tanh() @ w4.T + b4)


def test_the_basic_net_is_the_composition_of_its_layers():
    model, x = BasicConvNet(), torch.randn(2, 3, 32, 32)
    w1, b1, w2, b2, w3, b3, w4, b4 = model.parameters()
    y = F.max_pool2d(F.conv2d(x, w1, b1).relu(), 2)
    y = F.max_pool2d(F.conv2d(y, w2, b2).relu(), 2)
    assert_close(model(x), (y.flatten(1) @ w3.T + b3).relu() @ w4.T + b4)


def test_the_deeper_net_is_the_composition_of_its_layers():
    model, y = DeeperConvNet(width=4), torch.randn(2, 3, 32, 32)
    x, weights = y, list(model.parameters())
    for weight, bias in zip(weights[0:6:2], weights[1:6:2], strict=True):
        y = F.max_pool2d(F.conv2d(y, weight, bias, padding=1).relu(), 2)
    assert_close(model(x), y.flatten(1) @ weights[6].T + weights[7])
