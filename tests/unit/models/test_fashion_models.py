"""The assignment's networks: parameter counts computed independently, and every weight trainable."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import models


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def convolution(i, o, k, bias=1):
    return (i * k * k + bias) * o


def lenet(a, b, hidden):
    return (
        convolution(1, a, 5)
        + convolution(a, b, 5)
        + convolution(b * 16, hidden, 1)
        + convolution(hidden, 10, 1)
    )


FASHION_CNN = convolution(1, 32, 3) + 2 * 32 + convolution(32, 64, 3) + 2 * 64
FASHION_CNN += 2305 * 600 + 601 * 120 + 121 * 10
NETWORK = convolution(1, 6, 5) + convolution(6, 12, 5) + 193 * 120 + 121 * 60 + 61 * 10
THIN = [(1, 16), (16, 16), (16, 32), (32, 32), (32, 56), (56, 56), (56, 40)]
COUNTS = {
    "Net_Linear": (7_850, 785 * 10),
    "LeNet": (431_080, lenet(20, 50, 500)),
    "LeNet_tiny": (27_027, lenet(20 // 4, 50 // 4, 500 // 4)),
    "FashionCNN": (1_475_338, FASHION_CNN),
    "Network": (32_998, NETWORK),
    "MLP": (96_970, 784 * 112 + 2 * 112 + 112 * 72 + 2 * 72 + 73 * 10),
    "ThinResNet": (81_690, sum(convolution(i, o, 3, bias=0) + 2 * o for i, o in THIN) + 41 * 10),
}
NAMES = [*COUNTS, "SeparableCNN"]


@pytest.mark.parametrize("name", COUNTS)
def test_the_parameters_are_those_that_the_docstring_states(name):
    stated, expected = COUNTS[name]
    model = getattr(models, name)
    assert parameters(model()) == expected == stated
    assert f"{stated:,}".replace(",", " ") in model.__doc__


@pytest.mark.parametrize("name", ["MLP", "SeparableCNN", "ThinResNet"])
def test_the_three_additional_networks_have_fewer_than_100_000_parameters(name):
    assert parameters(getattr(models, name)()) < 100_000


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("name", NAMES)
def test_each_has_one_logit_per_class_and_a_gradient_for_every_weight(name, classes):
    torch.manual_seed(0)
    model = getattr(models, name)(classes)
    out = model(torch.randn(8, 1, 28, 28))
    assert out.shape == (8, classes)
    F.cross_entropy(out, torch.arange(8) % classes).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_in_eval_mode_an_output_depends_only_on_its_image(name):
    model, x = getattr(models, name)().eval(), torch.randn(5, 1, 28, 28)
    torch.testing.assert_close(model(x)[2:3], model(x[2:3]), rtol=1e-4, atol=1e-5)


def test_lenet_is_the_composition_of_its_layers():
    model, x = models.LeNet(), torch.randn(2, 1, 28, 28)
    y = F.max_pool2d(F.relu(F.conv2d(x, model.conv1.weight, model.conv1.bias)), 2)
    y = F.max_pool2d(F.relu(F.conv2d(y, model.conv2.weight, model.conv2.bias)), 2)
    y = F.relu(F.linear(y.flatten(1), model.linear1.weight, model.linear1.bias))
    torch.testing.assert_close(model(x), F.linear(y, model.linear2.weight, model.linear2.bias))


def test_the_linear_layers_of_fashion_cnn_are_one_in_eval_mode():
    model = models.FashionCNN().eval()
    first, second, third = (layer for layer in model.classifier if isinstance(layer, nn.Linear))
    weight = third.weight @ second.weight @ first.weight
    bias = third.weight @ (second.weight @ first.bias + second.bias) + third.bias
    x = torch.randn(4, 2304)
    torch.testing.assert_close(model.classifier(x), F.linear(x, weight, bias), rtol=1e-4, atol=1e-5)


def test_a_block_with_zero_weights_is_the_identity():
    model, x = models.ThinResNet(), torch.randn(2, 16, 8, 8)
    block = model.features[1]
    for p in block.parameters():
        nn.init.zeros_(p)
    assert torch.equal(block(x), x)
