"""The three surfaces of the optimizer race, and the paths of PyTorch's optimizers on them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, optim


@dataclass(frozen=True)
class Surface:
    """A function of two variables to race on.

    ``height`` takes points ``(..., 2)`` and returns their heights ``(...)``. The race goes from ``start`` to any of
    the ``minima``; an optimizer arrives when its height stays below ``goal``. ``rates`` are learning rates that suit
    the surface: one for optimizers that use the gradient unchanged, and one for those that rescale it.
    """

    name: str
    height: Callable[[Tensor], Tensor]
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...]
    xlim: tuple[float, float]
    ylim: tuple[float, float]
    goal: float
    rates: tuple[float, float]


def _valley(p: Tensor) -> Tensor:
    x, y = p.unbind(-1)
    return 0.05 * x**2 + y**2


def _saddle(p: Tensor) -> Tensor:
    x, y = p.unbind(-1)
    return 0.5 * x**2 - 0.5 * y**2 + 0.125 * y**4 + 0.5  # minima of height 0 at (0, ±√2), a saddle at (0, 0)


def _banana(p: Tensor) -> Tensor:
    x, y = p.unbind(-1)
    return 0.25 * (1 - x) ** 2 + 2 * (y - x**2) ** 2  # Rosenbrock's function, less steep than the original


SURFACES = (
    Surface("long valley", _valley, (-5, 2), ((0, 0),), (-6, 3), (-3, 3), 1e-3, (0.1, 0.1)),
    Surface(
        "saddle", _saddle, (-2, 0.001), ((0, 2**0.5), (0, -(2**0.5))), (-3, 2), (-1, 2.5), 1e-3, (0.1, 0.05)
    ),
    Surface("curved valley", _banana, (-1.2, 1.5), ((1, 1),), (-2, 2), (-1, 3), 1e-3, (0.02, 0.05)),
)

# name → PyTorch's optimizer, its options, and whether it rescales the gradient
OPTIMIZERS: dict[str, tuple[Callable[..., optim.Optimizer], dict[str, float], bool]] = {
    "SGD": (optim.SGD, {}, False),
    "momentum": (optim.SGD, {"momentum": 0.9}, False),
    "Nesterov": (optim.SGD, {"momentum": 0.9, "nesterov": True}, False),
    "RMSprop": (optim.RMSprop, {}, True),
    "Adam": (optim.Adam, {}, True),
    "Adamax": (optim.Adamax, {}, True),
    "Adadelta": (optim.Adadelta, {}, True),
}


def trajectory(surface: Surface, optimizer: str, steps: int = 150, scale: float = 1.0) -> Tensor:
    """Run one of ``OPTIMIZERS`` on a surface and return the points it visits, ``(steps + 1, 2)``.

    Args:
        scale: multiplies the learning rate that suits the surface.
    """
    kind, options, _ = OPTIMIZERS[optimizer]
    point = torch.tensor(surface.start, dtype=torch.float32, requires_grad=True)
    runner = kind([point], lr=scale * rate(surface, optimizer), **options)
    path = [point.detach().clone()]
    for _ in range(steps):
        runner.zero_grad()
        surface.height(point).backward()
        runner.step()
        path.append(point.detach().clone())
    return torch.stack(path)


def bands(surface: Surface, size: int, count: int = 16) -> Tensor:
    """Compute heights on a grid ``(size, size)``, top row first, rounded to bands from 0 (lowest) to 1 (highest).

    Higher bands are wider, so the lowest part, where the paths end, is shown in detail.
    """
    y, x = torch.linspace(*surface.ylim, size).flip(0), torch.linspace(*surface.xlim, size)
    z = surface.height(torch.cartesian_prod(y, x).flip(1)).reshape(size, size)
    level = ((z - z.min()) / (z.max() - z.min())) ** (1 / 3)
    return (count * level).floor().clamp(max=count - 1) / (count - 1)


def rate(surface: Surface, optimizer: str) -> float:
    """Return the learning rate of an optimizer on a surface."""
    if optimizer == "Adadelta":
        return 10.0  # it adapts its step size, which is very small at first
    return surface.rates[OPTIMIZERS[optimizer][2]]


def arrival(surface: Surface, path: Tensor) -> int | None:
    """Return the first step after which a path stays below the surface's goal, or None if it never does."""
    above = (~(surface.height(path) < surface.goal)).nonzero()  # nan counts as above
    step = int(above[-1]) + 1 if len(above) else 0
    return step if step < len(path) else None
