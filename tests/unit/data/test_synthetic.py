"""Stand-ins: the right shapes and classes, the same every time, learnable, and not too easy."""

import time

import pytest
import sklearn.datasets
import sklearn.linear_model
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from course_utils.data import ImageSet, published, synthetic, synthetic_shapes

NAMES = ["mnist", "fashion_mnist", "cifar10"]
SHAPES = {"mnist": (1, 28, 28), "fashion_mnist": (1, 28, 28), "cifar10": (3, 32, 32)}


@pytest.fixture(scope="module")
def splits():
    return {name: synthetic.make(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_shapes_and_labels_are_those_of_the_real_set(splits, name):
    for split in splits[name]:
        # ImageSet checks types, shapes and the range of the labels.
        images = ImageSet(split.images, split.labels, published.PUBLISHED[name].classes)
        assert images.images.shape[1:] == SHAPES[name]
        assert (torch.bincount(images.labels, minlength=10) >= 30).all()


@pytest.mark.parametrize("name", NAMES)
def test_they_are_the_same_every_time(splits, name):
    torch.manual_seed(time.time_ns())
    synthetic.garments.cache_clear()
    synthetic.objects.cache_clear()
    for first, second in zip(splits[name], synthetic.make(name), strict=True):
        assert_close(first.images, second.images, rtol=0, atol=0)
        assert_close(first.labels, second.labels, rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_who_changes_them_changes_their_own_copy(splits, name):
    for mine, kept in zip(synthetic.make(name), splits[name], strict=True):
        mine.images.zero_()
        mine.labels.zero_()
        assert kept.images.any() and kept.labels.any()
    assert_close(synthetic.make(name)[0].images, splits[name][0].images, rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_no_test_image_is_among_the_training_images(splits, name):
    train, test = ({image.numpy().tobytes() for image in split.images} for split in splits[name])
    assert len(train) == len(splits[name][0].images) and not train & test


@pytest.mark.parametrize("name", NAMES)
def test_the_global_random_state_is_left_alone(name):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    synthetic.make(name)
    assert_close(torch.rand(3), expected, rtol=0, atol=0)


def test_digits_are_all_of_scikit_learns(splits):
    pixels, labels = sklearn.datasets.load_digits(return_X_y=True)
    train, test = splits["mnist"]
    assert torch.equal(
        torch.bincount(torch.cat([train.labels, test.labels])), torch.bincount(torch.as_tensor(labels))
    )
    # Shrunk again, each image is nearest to a digit of its own label.
    small = F.interpolate(train.images[:, :, 4:24, 4:24].float(), (8, 8), mode="area") * 16 / 255
    nearest = torch.cdist(small.flatten(1), torch.as_tensor(pixels).float()).argmin(1)
    assert torch.equal(torch.as_tensor(labels)[nearest], train.labels)


def test_the_drawn_classes_stand_in_the_order_of_their_names():
    assert tuple(synthetic_shapes.GARMENTS) == published.PUBLISHED["fashion_mnist"].classes
    assert tuple(synthetic_shapes.OBJECTS) == published.PUBLISHED["cifar10"].classes


def test_every_outline_lies_within_the_image():
    for shapes in (synthetic_shapes.GARMENTS, synthetic_shapes.OBJECTS):
        for name, shape in shapes.items():
            assert all(-1 <= x <= 1 and -1 <= y <= 1 for _, points in shape for x, y in points), name


@pytest.mark.parametrize(("name", "floor"), [("fashion_mnist", 0.85), ("cifar10", 0.75)])
def test_a_small_cnn_learns_what_a_linear_model_does_not(splits, one_thread, name, floor):
    train, test = splits[name]
    x, x_test = train.images.float() / 255, test.images.float() / 255
    linear = sklearn.linear_model.RidgeClassifier(alpha=100).fit(x.flatten(1).numpy(), train.labels.numpy())
    linear_accuracy = linear.score(x_test.flatten(1).numpy(), test.labels.numpy())
    cnn_accuracy = accuracy_of_small_cnn(x, train.labels, x_test, test.labels)
    assert cnn_accuracy > floor
    assert 0.2 < linear_accuracy < cnn_accuracy - 0.02


def accuracy_of_small_cnn(x, y, x_test, y_test) -> float:
    torch.manual_seed(0)
    features = [nn.LazyConv2d(12, 5, stride=2), nn.ReLU(), nn.LazyConv2d(32, 3), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*features, nn.Flatten(), nn.LazyLinear(10))
    model(x[:2])
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(10):
        for index in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(x[index]), y[index]).backward()
            optimizer.step()
    return float((model(x_test).argmax(1) == y_test).float().mean())
