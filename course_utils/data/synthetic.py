"""Synthetic stand-ins for the data sets, made from installed packages, so that all code runs without a network.

They have the shapes, types and classes of the real sets, but accuracies measured on them do not carry over.
"""

import colorsys
import functools
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from course_utils.data.published import Split
from course_utils.data.synthetic_shapes import Shape

if TYPE_CHECKING:
    import numpy
    from numpy.random import Generator
    from numpy.typing import NDArray

    Pixels = NDArray[numpy.float64]  # (size, size) or (size, size, 3)
    Draw = Callable[[Shape, int, Generator], Pixels]

Colour = int | tuple[int, int, int]

SOURCES = {
    "mnist": "stand-in (scikit-learn's digits, enlarged)",
    "fashion_mnist": "stand-in (drawn garments)",
    "cifar10": "stand-in (drawn objects)",
}
PER_CLASS = 200, 50  # drawn images for training and for testing
DETAIL = 3  # images are drawn at this multiple of the final size, then averaged


def make(name: str) -> tuple[Split, Split]:
    """Return synthetic training and test images for the data set ``name``, the same every time."""
    makers: dict[str, Callable[[], tuple[Split, Split]]] = {
        "mnist": digits,
        "fashion_mnist": garments,
        "cifar10": objects,
    }
    train, test = makers[name]()
    return Split(train.images.clone(), train.labels.clone()), Split(test.images.clone(), test.labels.clone())


def digits() -> tuple[Split, Split]:
    """scikit-learn's 1 797 handwritten digits, uint8 ``(N, 1, 28, 28)``; every fifth image of a class is a test image.

    The 8×8 pixels are enlarged to 20×20 in the middle of the image, where MNIST's digits are too.
    """
    import numpy

    # load_digits() reads this file too, but importing it takes longer than everything below.
    spec = importlib.util.find_spec("sklearn")
    assert spec is not None and spec.origin is not None  # a dependency of the course
    package = Path(spec.origin).parent
    rows = torch.from_numpy(numpy.loadtxt(package / "datasets/data/digits.csv.gz", delimiter=","))
    pixels, labels = rows[:, :-1].float().reshape(-1, 1, 8, 8), rows[:, -1].long()
    images = F.interpolate(pixels * (255 / 16), (20, 20), mode="bicubic").clamp(0, 255).round().byte()
    images = F.pad(images, (4, 4, 4, 4))
    place = torch.empty_like(labels)  # of each image within its class
    for digit in range(10):
        place[labels == digit] = torch.arange(int((labels == digit).sum()))
    test = place % 5 == 4
    return Split(images[~test], labels[~test]), Split(images[test], labels[test])


@functools.cache  # drawing takes seconds
def garments() -> tuple[Split, Split]:
    """Grey drawings of the ten Fashion-MNIST garments on black, uint8 ``(N, 1, 28, 28)``."""
    from course_utils.data.synthetic_shapes import GARMENTS

    return _draw_all(list(GARMENTS.values()), 28, _garment)


@functools.cache  # drawing takes seconds
def objects() -> tuple[Split, Split]:
    """Coloured drawings of the ten CIFAR-10 objects in front of a landscape, uint8 ``(N, 3, 32, 32)``."""
    from course_utils.data.synthetic_shapes import OBJECTS

    return _draw_all(list(OBJECTS.values()), 32, _object)


def _draw_all(shapes: Sequence[Shape], size: int, draw: "Draw") -> tuple[Split, Split]:
    """Draw the training and the test images of all shapes, with the classes in the order 0, 1, …, 9, 0, 1, …"""
    import numpy

    splits = []
    for seed, count in enumerate(PER_CLASS):
        rng = numpy.random.default_rng(seed)
        pixels = numpy.stack([draw(shape, size, rng) for _ in range(count) for shape in shapes])
        noisy = pixels + rng.normal(scale=10, size=pixels.shape)
        images = torch.from_numpy(noisy.clip(0, 255).round().astype("uint8"))
        images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()
        splits.append(Split(images, torch.arange(len(shapes)).repeat(count)))
    return splits[0], splits[1]


def _garment(shape: Shape, size: int, rng: "Generator") -> "Pixels":
    """One grey garment, float ``(size, size)``: light or dark, with strong or faint details."""
    grey, contrast = rng.uniform(60, 220), rng.uniform(0.1, 0.5)
    dark, light = grey * (1 - contrast), min(255, grey * (1 + contrast))
    colours: dict[str, Colour] = {"body": round(grey), "dark": round(dark), "light": round(light), "none": 0}
    return _draw(shape, size, rng, colours, background=None)


def _object(shape: Shape, size: int, rng: "Generator") -> "Pixels":
    """One object in random colours, float ``(size, size, 3)``, in front of a sky and a ground."""
    hue, sky, ground = rng.uniform(0, 1), rng.uniform(0.4, 0.7), rng.uniform(0.05, 0.65)
    body = _rgb(hue, rng.uniform(0.1, 0.9), rng.uniform(0.35, 1))
    second = _rgb(hue + rng.uniform(-0.1, 0.1), rng.uniform(0.1, 0.9), rng.uniform(0.2, 0.9))
    colours: dict[str, Colour] = {"body": body, "second": second, "dark": _rgb(0, 0, rng.uniform(0, 0.25))}
    colours["light"] = _rgb(0.15, 0.1, rng.uniform(0.75, 1))
    background = _rgb(sky, 0.35, rng.uniform(0.5, 1)), _rgb(ground, 0.4, rng.uniform(0.25, 0.8))
    return _draw(shape, size, rng, colours, background)


def _rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _draw(
    shape: Shape,
    size: int,
    rng: "Generator",
    colours: dict[str, Colour],
    background: tuple[Colour, Colour] | None,
) -> "Pixels":
    """Draw a shape after a random affine map: grey on black, or in colour on a background of sky and ground."""
    import numpy
    from PIL import Image, ImageDraw

    pixels = size * DETAIL
    image = Image.new("RGB" if background else "L", (pixels, pixels), background[0] if background else 0)
    canvas = ImageDraw.Draw(image)
    if background:
        canvas.rectangle((0, pixels * rng.uniform(0.4, 0.8), pixels, pixels), background[1])
    matrix, shift = _affine(rng)
    for role, points in shape:
        wobbly = numpy.array(points) + rng.normal(scale=0.03, size=(len(points), 2))
        corners = (wobbly @ matrix + shift + 1) * (pixels / 2)  # (corners, 2)
        canvas.polygon([tuple(corner) for corner in corners.tolist()], colours[role])
    left, right = rng.uniform(0.8, 1.1, size=2)
    light = numpy.linspace(left, right, size)
    drawn: Pixels = numpy.asarray(image.reduce(DETAIL), dtype=float)
    return drawn * (light if background is None else light[:, None])


def _affine(rng: "Generator") -> "tuple[NDArray[numpy.float64], NDArray[numpy.float64]]":
    """A random rotation, scaling, shear, reflection and shift: the matrix ``(2, 2)`` and the vector ``(2,)``."""
    import numpy

    angle, slant = rng.normal(scale=0.15), rng.normal(scale=0.1)
    turn = numpy.array([[numpy.cos(angle), numpy.sin(angle)], [-numpy.sin(angle), numpy.cos(angle)]])
    stretch = numpy.array([[1, 0], [slant, 1]]) * rng.uniform(0.6, 0.95, size=(2, 1))
    if rng.random() < 0.5:
        stretch[0] *= -1
    return stretch @ turn, rng.uniform(-0.15, 0.15, size=2)
