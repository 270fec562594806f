"""Four data sets of points in a plane with two classes each, and features of the points."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

SIDE = 6.0  # all points lie in the square from -6 to 6, or slightly outside with noise


def circle(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A disc inside a ring."""
    inside = torch.arange(n) % 2 == 0
    random = torch.rand(n, generator=generator)
    radius = torch.where(inside, 2.5 * random.sqrt(), 3.5 + 1.5 * random)
    angle = 2 * math.pi * torch.rand(n, generator=generator)
    return _polar(radius, angle), inside.float()


def xor(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Four squares; class 1 if both coordinates have the same sign."""
    points = 10 * torch.rand(n, 2, generator=generator) - 5
    points += 0.3 * points.sign()  # a gap between the squares
    return points, (points.prod(1) > 0).float()


def gauss(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two clouds."""
    label = (torch.arange(n) % 2).float()
    return torch.randn(n, 2, generator=generator) + (4 * label - 2)[:, None], label


def spiral(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two arms; one is the other rotated by half a turn."""
    label = (torch.arange(n) % 2).float()
    along = torch.rand(n, generator=generator).sqrt()  # evenly spread over the arm
    return _polar(5 * along, 3.5 * math.pi * along + math.pi * label), label


def _polar(radius: Tensor, angle: Tensor) -> Tensor:
    return torch.stack([radius * angle.sin(), radius * angle.cos()], dim=1)  # (n, 2)


DATA_SETS: dict[str, Callable[[int, torch.Generator], tuple[Tensor, Tensor]]] = {
    "circle": circle,
    "xor": xor,
    "gauss": gauss,
    "spiral": spiral,
}

# Each is scaled to a similar range, because a network trains poorly on values as large as 36.
FEATURES: dict[str, Callable[[Tensor], Tensor]] = {
    "x₁": lambda p: p[:, 0] / 3,
    "x₂": lambda p: p[:, 1] / 3,
    "x₁²": lambda p: p[:, 0] ** 2 / 18,
    "x₂²": lambda p: p[:, 1] ** 2 / 18,
    "x₁x₂": lambda p: p[:, 0] * p[:, 1] / 18,
    "sin x₁": lambda p: p[:, 0].sin(),
    "sin x₂": lambda p: p[:, 1].sin(),
}


def make_points(name: str, noise: float, n: int = 240, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw ``n`` points of a data set: coordinates ``(n, 2)`` and classes 0.0 or 1.0 ``(n,)``.

    Args:
        name: one of ``DATA_SETS``.
        noise: from 0 to 1; each point is moved by a normal random vector with twice this standard deviation.
    """
    generator = torch.Generator().manual_seed(seed)
    points, labels = DATA_SETS[name](n, generator)
    return points + 2 * noise * torch.randn(n, 2, generator=generator), labels


def features_of(points: Tensor, names: tuple[str, ...]) -> Tensor:
    """Compute the chosen features of points ``(n, 2)``, one column each: ``(n, features)``."""
    return torch.stack([FEATURES[name](points) for name in names], dim=1)


def plane(size: int) -> Tensor:
    """Return the centres of size × size squares that tile the plane, row by row from the top: ``(size · size, 2)``."""
    middles = SIDE * ((torch.arange(size) + 0.5) / size * 2 - 1)
    y, x = torch.meshgrid(middles.flip(0), middles, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)
