"""The receptive field: formula against gradient on random networks, and against published values."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision import models as classics

from course_utils.complexity import profile, receptive_field, receptive_field_by_gradient
from course_utils.models import CNNModel, LeNet5

CHANNELS = 4
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))
small = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def layer(draw):
    """A convolution or a pooling with random kernel, stride, padding, dilation and groups, or a pointwise layer."""
    kind = draw(st.sampled_from(["convolution", "max", "average", "power", "pointwise"]))
    kernel, stride, dilation = draw(pairs), draw(small), draw(small)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    if kind == "convolution":
        groups = draw(st.sampled_from([1, 2, CHANNELS]))
        return nn.Conv2d(CHANNELS, CHANNELS, kernel, stride, padding, dilation, groups)
    if kind == "max":
        return nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=draw(st.booleans()))
    if kind == "average":
        return nn.AvgPool2d(kernel, stride, padding, ceil_mode=draw(st.booleans()))
    if kind == "power":
        return nn.LPPool2d(2, kernel, stride)
    return draw(st.sampled_from([nn.ReLU(), nn.Tanh(), nn.BatchNorm2d(CHANNELS), nn.Dropout2d(0.5)]))


def image_shape(model):
    """An image so large that the central output pixel sees no padding."""
    field = receptive_field(model, (CHANNELS, 300, 300))
    return CHANNELS, *(2 * (size - start + jump) for size, jump, start in zip(*field, strict=True))


def assert_formula_equals_gradient(model):
    shape = image_shape(model)
    field, seen = receptive_field(model, shape), receptive_field_by_gradient(model, shape)
    assert field.size == seen.size
    outputs = model.eval()(torch.zeros(1, *shape)).shape[2:]
    for axis in (0, 1):  # the rows, the columns
        first = seen.gradient.sum(1 - axis).nonzero()[0].item()
        assert first == field.start[axis] + outputs[axis] // 2 * field.jump[axis]


@settings(max_examples=60, deadline=None)
@given(st.lists(layer(), min_size=1, max_size=4))
def test_formula_and_gradient_agree_on_random_stacks(layers):
    assert_formula_equals_gradient(nn.Sequential(*layers))


class Branches(nn.Module):
    """Functional calls, a shortcut, and branches that are concatenated."""

    def __init__(self, left, right):
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x):
        x = x + F.pad(self.left(x), (2, 2, 1, 1))
        x = F.max_pool2d(x, 3, stride=2)
        return torch.relu_(torch.cat([F.avg_pool2d(x, 5, 1), self.right(x)], dim=1))


def test_branches_are_joined():
    left = nn.Conv2d(CHANNELS, CHANNELS, (3, 5))
    right = nn.Conv2d(CHANNELS, CHANNELS, 3, dilation=(2, 1), padding=(0, 1))
    right = nn.Sequential(right, nn.Conv2d(CHANNELS, CHANNELS, (1, 5)))
    model = nn.Sequential(Branches(left, right), nn.Conv2d(2 * CHANNELS, CHANNELS, 3))
    assert_formula_equals_gradient(model)


@pytest.mark.parametrize(
    ("layers", "size", "jump"),
    [
        ([nn.Conv2d(4, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3)], 8, 2),
        ([nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)], 5, 1),
        ([nn.Conv2d(4, 4, 3, dilation=d) for d in (1, 2, 4)], 15, 1),
        ([nn.Conv2d(4, 4, 1)], 1, 1),
        ([nn.Conv2d(4, 4, 3, padding="same", padding_mode="reflect")], 3, 1),
    ],
)
def test_fields_known_by_hand(layers, size, jump):
    model = nn.Sequential(*layers)
    field = receptive_field(model, (4, 40, 40))
    assert (field.size, field.jump) == ((size, size), (jump, jump))
    assert receptive_field_by_gradient(model, (4, 40, 40)).size == (size, size)


def features(network):
    """The layers of a torchvision network before its classifier."""
    parts = dict(network.named_children())
    return parts.get("features") or nn.Sequential(
        *[parts[name] for name in parts if name not in ("avgpool", "fc")]
    )


# Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks" (Distill, 2019)
@pytest.mark.parametrize(("name", "size"), [("alexnet", 195), ("vgg16", 212), ("resnet18", 435)])
def test_published_fields_of_the_classics(name, size):
    model = features(classics.get_model(name, weights=None))
    assert receptive_field(model, (3, 256, 256)).size == (size, size)


class UpTo(nn.Module):
    """A network that ends with one of its layers."""

    def __init__(self, model, layer):
        super().__init__()
        self.model, self.layer = model, layer

    def forward(self, x):
        outputs = []
        handle = self.model.get_submodule(self.layer).register_forward_hook(
            lambda *call: outputs.append(call[2])
        )
        self.model(x)
        handle.remove()
        return outputs[0]


# one network of each family: width and number of blocks do not change how a block is built
FAMILIES = (
    "alexnet vgg11_bn googlenet inception_v3 resnet18 resnet50 densenet121 squeezenet1_1 shufflenet_v2_x0_5 "
    "mnasnet0_5 mobilenet_v2 mobilenet_v3_small efficientnet_b0 efficientnet_v2_s regnet_x_400mf regnet_y_400mf "
    "convnext_tiny swin_t"
).split()


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_fields_inside_the_classics_are_those_of_the_gradient(name):
    shape = (3, 96, 96)
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model = classics.get_model(name, weights=None, **options)
    fields = {layer.name: layer.receptive_field for layer in profile(model, shape, repeats=0).layers}
    windows = [name for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d | nn.MaxPool2d)]
    # the last layer whose field at the centre does not reach beyond the border
    last = [layer for layer in windows if layer in fields and fields[layer] and max(fields[layer]) <= 64][-1]
    assert receptive_field(UpTo(model, last), shape).size == fields[last]
    assert receptive_field_by_gradient(UpTo(model, last), shape).size == fields[last]


def test_gradient_finds_the_field_of_a_residual_network():
    model = features(classics.resnet18(weights=None))
    assert receptive_field_by_gradient(model, (3, 512, 512)).size == (435, 435)


@pytest.mark.parametrize(
    ("model", "image", "size"),
    [
        (LeNet5(), (1, 32, 32), (32, 32)),
        (
            CNNModel(),
            (1, 28, 28),
            (26, 26),
        ),  # the last pooling drops a row and a column
        (nn.Sequential(nn.Flatten(), nn.Linear(12, 3), nn.Softmax(1)), (1, 3, 4), (3, 4)),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1)), (1, 9, 7), (9, 7)),
        (nn.Sequential(nn.AdaptiveMaxPool2d(2), nn.Conv2d(1, 1, 1)), (1, 8, 6), (4, 3)),
        (nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(2, 4)), (1, 8, 6), (8, 6)),
    ],
)
def test_a_linear_layer_or_a_mean_sees_all_that_its_input_sees(model, image, size):
    assert receptive_field(model, image).size == size
    assert receptive_field_by_gradient(model, image).size == size


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=True)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    receptive_field(model, (1, 9, 9))
    receptive_field_by_gradient(model, (1, 9, 9))
    assert model.training
    assert torch.equal(random, torch.get_rng_state())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_dilation_leaves_holes_that_the_gradient_shows():
    gradient = receptive_field_by_gradient(nn.Conv2d(1, 1, 3, dilation=2), (1, 9, 9)).gradient
    assert (gradient > 0).sum() == 9
    assert (gradient > 0)[2:7:2, 2:7:2].all()


class Detached(nn.Module):
    def forward(self, x):
        return x.detach()


@pytest.mark.parametrize(
    ("function", "model", "image", "words"),
    [
        (receptive_field, nn.Conv2d(1, 1, 3), (1, 1, 8, 8), "shape of one image"),
        (receptive_field, nn.Conv2d(3, 1, 3), (1, 8, 8), "stopped at an image of shape"),
        (receptive_field, nn.ConvTranspose2d(1, 1, 2, 2), (1, 8, 8), "receptive_field_by_gradient"),
        (receptive_field, nn.AdaptiveAvgPool2d(3), (1, 8, 8), "does not know"),
        (receptive_field_by_gradient, nn.Conv2d(3, 1, 3), (1, 8, 8), "stopped at an image of shape"),
        (receptive_field_by_gradient, Detached(), (1, 8, 8), "does not depend on the image"),
    ],
)
def test_what_cannot_be_done_is_said(function, model, image, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        function(model, image)
