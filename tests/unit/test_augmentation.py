"""Augmentation against torchvision, image by image, and inside ``fit``."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms.v2 import functional as tv

from course_utils.augmentation import (
    Compose,
    Cutout,
    RandomHorizontalFlip,
    RandomShift,
    cut_out,
    horizontal_flip,
    shift,
)
from course_utils.data import ImageSet
from course_utils.training import TrainingError, evaluate, fit, predict, seed_everything

ALL = [RandomHorizontalFlip(), RandomShift(3), Cutout(4), Compose(RandomHorizontalFlip(), RandomShift(2))]


@st.composite
def batches(draw):
    """Random images: one to six of them, grey or RGB, any size, uint8 or float; no pixel is 0."""
    count, channels = draw(st.integers(1, 6)), draw(st.sampled_from([1, 3]))
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    pixels = torch.randint(
        1,
        256,
        (count, channels, height, width),
        generator=torch.Generator().manual_seed(draw(st.integers(0)) % 999),
    )
    return pixels.to(torch.uint8) if draw(st.booleans()) else pixels.float() / 255


def whole_numbers(data, count, low, high):
    return torch.tensor(data.draw(st.lists(st.integers(low, high), min_size=count, max_size=count)))


def same(ours, expected):
    return ours.dtype == expected.dtype and torch.equal(ours, expected)


@given(batches(), st.data())
def test_a_mirror_image_is_torchvisions(images, data):
    chosen = whole_numbers(data, len(images), 0, 1).bool()
    expected = [tv.horizontal_flip(image) if c else image for image, c in zip(images, chosen, strict=True)]
    assert same(horizontal_flip(images, chosen), torch.stack(expected))


@given(batches(), st.data())
def test_a_shift_is_torchvisions_crop(images, data):
    down, right = (whole_numbers(data, len(images), -4, 4) for _ in range(2))
    height, width = images.shape[2:]
    expected = [
        tv.crop(tv.pad(image, 4), 4 - int(d), 4 - int(r), height, width)
        for image, d, r in zip(images, down, right, strict=True)
    ]
    assert same(shift(images, down, right), torch.stack(expected))


@given(batches(), st.integers(1, 6), st.data())
def test_a_cut_is_the_loops(images, size, data):
    row, column = (whole_numbers(data, len(images), -6, 9) for _ in range(2))
    expected = images.clone()
    for image, top, left in zip(expected, row.tolist(), column.tolist(), strict=True):
        for i in range(top, top + size):
            for j in range(left, left + size):
                if 0 <= i < image.shape[1] and 0 <= j < image.shape[2]:
                    image[:, i, j] = 0
    assert same(cut_out(images, row, column, size), expected)


@given(batches(), st.integers(1, 6), st.data())
def test_a_cut_inside_the_image_is_torchvisions_erase(images, size, data):
    height, width = images.shape[2:]
    size = min(size, height, width)
    row = whole_numbers(data, len(images), 0, height - size)
    column = whole_numbers(data, len(images), 0, width - size)
    expected = [
        tv.erase(image, int(i), int(j), size, size, torch.zeros(1, 1, 1, dtype=image.dtype))
        for image, i, j in zip(images, row, column, strict=True)
    ]
    assert same(cut_out(images, row, column, size), torch.stack(expected))


@settings(max_examples=50)
@given(batches(), st.sampled_from(ALL), st.integers(0, 999))
def test_every_augmentation_keeps_the_form_leaves_its_input_and_repeats_with_a_seed(images, augment, seed):
    before = images.clone()
    torch.manual_seed(seed)
    first = augment(images)
    torch.manual_seed(seed)
    assert same(augment(images), first)
    assert first.shape == images.shape and first.dtype == images.dtype
    assert torch.equal(images, before)


def candidates(image, augment):
    """All that may become of one image, made by torchvision, with the number of ways to get there."""
    height, width = image.shape[1:]
    if isinstance(augment, RandomHorizontalFlip):
        return [image, tv.horizontal_flip(image)]
    if isinstance(augment, RandomShift):
        padded, places = tv.pad(image, augment.pixels), range(2 * augment.pixels + 1)
        return [tv.crop(padded, i, j, height, width) for i in places for j in places]
    found = []
    for i in range(height):
        for j in range(width):
            top, left = (max(0, centre - augment.size // 2) for centre in (i, j))
            bottom, end = (centre - augment.size // 2 + augment.size for centre in (i, j))
            cut = image.clone()
            cut[:, top:bottom, left:end] = 0
            found.append(cut)
    return found


@pytest.mark.parametrize("augment", [RandomHorizontalFlip(), RandomShift(2), Cutout(3), Cutout(4)], ids=repr)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_draws_for_itself_and_all_outcomes_are_equally_likely(augment, channels):
    image = torch.randint(1, 256, (channels, 5, 6), generator=torch.Generator().manual_seed(0))
    possible = torch.stack(candidates(image, augment))
    assert len(possible.flatten(1).unique(dim=0)) == len(possible)
    torch.manual_seed(0)
    count = 400 * len(possible)
    out = augment(image.expand(count, *image.shape))
    hits = (out[:, None] == possible).flatten(2).all(2)  # (count, outcomes)
    assert hits.sum(1).eq(1).all()
    # 400 expected of each; the binomial spread is below 20, and 100 is five of it
    assert (hits.sum(0) - 400).abs().max() < 100


@pytest.mark.parametrize("p", [0.0, 0.2, 1.0])
def test_the_share_of_mirror_images_is_p(p):
    torch.manual_seed(0)
    images = torch.rand(10_000, 1, 1, 2)
    share = (RandomHorizontalFlip(p)(images) != images).flatten(1).any(1).float().mean().item()
    assert share == pytest.approx(p, abs=5 * (p * (1 - p) / 10_000) ** 0.5)


def test_compose_is_one_after_the_other():
    images, parts = torch.rand(8, 3, 7, 7), (RandomShift(2), Cutout(3), torch.neg)
    torch.manual_seed(4)
    expected = images
    for part in parts:
        expected = part(expected)
    torch.manual_seed(4)
    composed = Compose(*parts)
    assert torch.equal(composed(images), expected)
    assert "RandomShift(pixels=2), Cutout(size=3)" in repr(composed)


@pytest.mark.parametrize("device", ["cuda", "mps"])
@pytest.mark.parametrize("augment", ALL, ids=repr)
def test_a_seed_means_the_same_on_each_device(augment, device):
    if not getattr(torch, device).is_available():
        pytest.skip(f"no {device} here")
    images = torch.rand(16, 3, 9, 9)
    torch.manual_seed(0)
    expected = augment(images)
    torch.manual_seed(0)
    out = augment(images.to(device))
    assert out.device.type == device and torch.equal(out.cpu(), expected)


def test_misuse_is_explained():
    for augment in ALL:
        with pytest.raises(
            ValueError, match=r"batch of images \(B, C, H, W\); got shape \(3, 8, 8\).*image\[None\]"
        ):
            augment(torch.rand(3, 8, 8))
    with pytest.raises(ValueError, match="got list"):
        RandomShift(1)([1, 2])
    for wrong in (0, -1, 1.5):
        with pytest.raises(ValueError, match=f"pixels must be a positive integer, got {wrong}"):
            RandomShift(wrong)
        with pytest.raises(ValueError, match="size must be a positive integer"):
            Cutout(wrong)
    with pytest.raises(ValueError, match="between 0 and 1, got 50"):
        RandomHorizontalFlip(50)
    with pytest.raises(ValueError, match=r"Try Compose\(\*parts\)"):
        Compose([RandomShift(1)])


# inside fit


def images(count=40, seed=0):
    pixels = torch.randint(
        0, 256, (count, 1, 6, 6), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8
    )
    return ImageSet(pixels, torch.arange(count) % 3, tuple("abc"))


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 3))


def run(model, data, **options):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return fit(
        model, data, optimizer=optimizer, **{"epochs": 2, "batch_size": 16, "progress": False} | options
    )


def test_fit_trains_on_what_augment_returns():
    data, ours, twin = images(), network(), network()
    augment = Compose(RandomHorizontalFlip(), RandomShift(1))
    seed_everything(3)
    history = run(ours, data, augment=augment, epochs=1)
    seed_everything(3)
    optimizer, losses = torch.optim.SGD(twin.parameters(), lr=0.1), []
    for part in torch.randperm(len(data)).split(16):
        x, y = data.batch(part)
        optimizer.zero_grad()
        loss = F.cross_entropy(twin(augment(x)), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert history.batch_losses == pytest.approx(losses, abs=1e-6)


@pytest.mark.parametrize("kind", ["images", "data set", "loader"])
def test_every_kind_of_source_is_augmented_in_training_and_nowhere_else(kind):
    data, seen = images(), []
    source = {
        "images": data,
        "data set": TensorDataset(*data[:]),
        "loader": DataLoader(TensorDataset(*data[:]), batch_size=16, shuffle=True),
    }[kind]

    class Watching(nn.Module):
        """Notes in which mode it was called, and whether on the constant images that `augment` makes."""

        def __init__(self):
            super().__init__()
            self.inner = network()

        def forward(self, x):
            seen.append((self.training, bool((x == 0.5).all())))
            return self.inner(x)

    model = Watching()
    run(model, source, validation=source, augment=lambda x: torch.full_like(x, 0.5))
    assert {constant for training, constant in seen if training} == {True}
    assert {constant for training, constant in seen if not training} == {False}
    seen.clear()
    evaluate(model, source), predict(model, source)
    assert seen and not any(constant for _, constant in seen)


def test_a_resumed_run_with_augmentation_is_bit_equal_to_one_that_never_stopped(tmp_path):
    options = {
        "augment": Compose(RandomHorizontalFlip(), RandomShift(1), Cutout(2)),
        "validation": images(seed=1),
    }
    seed_everything(0)
    whole = network()
    uninterrupted = run(whole, images(), epochs=4, **options)
    seed_everything(0)
    options["checkpoint"] = tmp_path / "run.pt"
    run(network(), images(), epochs=2, **options)
    torch.manual_seed(12345)  # whatever happened in between
    fresh = network(seed=8)
    resumed = run(fresh, images(), epochs=4, resume=True, **options)
    assert resumed.batch_losses == uninterrupted.batch_losses and len(resumed) == 4
    assert all(torch.equal(a, b) for a, b in zip(fresh.parameters(), whole.parameters(), strict=True))


@pytest.mark.parametrize(
    ("augment", "words"),
    [
        ("flip", "augment must be a function.*got 'flip'"),
        (RandomShift, "with the parentheses"),
        (lambda x: x[:, :, 1:], r"the shape of a batch from \(16, 1, 6, 6\) to \(16, 1, 5, 6\)"),
        (lambda x: x[:3], r"to \(3, 1, 6, 6\). It must return as many images"),
        (lambda x: x.double(), "the type of a batch from torch.float32 to torch.float64"),
        (lambda x: x.to("meta"), "the device of a batch from cpu to meta"),
        (lambda x: None, "augment returned NoneType.*Is a return missing"),
    ],
)
def test_an_augmentation_that_does_not_fit_is_named_before_the_first_step(augment, words):
    model = network()
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(TrainingError, match=words):
        run(model, images(), augment=augment)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
