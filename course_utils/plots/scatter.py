"""Scatter plots whose points have names."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from course_utils.plots.label_placement import label_points
from course_utils.plots.style import COLOURS, WIDEST, Picture, drawable, new, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def labelled_scatter(
    x: Mapping[str, Sequence[float]],
    y: Sequence[float],
    labels: Sequence[str],
    *,
    ylabel: str,
    title: str = "",
    log: str = "",
    areas: Sequence[float] | None = None,
) -> Picture:
    """Draw points with their names next to them, placed so that names overlap neither each other nor the points.

    Args:
        x: the axis label and the values of each panel: ``{"parameters": […], "seconds": […]}`` makes two panels.
        y: the values on the vertical axis, shared by the panels.
        labels: the name of each point.
        log: the logarithmic axes: ``"x"``, ``"y"`` or ``"xy"``.
        areas: of the dots, in square points (1/72 inch); each dot then has its own colour.

    Raises:
        ValueError: If there is no panel or no point, or the numbers of values and labels differ.
    """
    lengths = {len(values) for values in (*x.values(), y, labels, areas or labels)}
    if not x or lengths != {len(labels)} or not labels:
        raise ValueError(
            f"x, y, labels and areas need one value per point, at least one; got {sorted(lengths)}."
        )
    figure, axes = new(1, len(x), (WIDEST, 5) if len(x) > 1 else (9, 5))
    colours = [COLOURS[i % 7] for i in range(len(labels))] if areas else COLOURS[0]
    for axis, (xlabel, values) in zip(figure.axes, x.items(), strict=True):
        axis.scatter(values, y, s=areas or 80, color=colours, alpha=0.5 if areas else 1)
        axis.set(xlabel=xlabel, ylabel=ylabel, title=title)
        axis.margins(0.15)
        for letter in log:
            _log_axis(axis, letter, values if letter == "x" else y)
    for axis, values in zip(figure.axes, x.values(), strict=True):
        label_points(axis, values, y, drawable(labels), areas or [80.0] * len(labels))
    told = []
    for i, label in enumerate(labels):
        numbers = [f"{name} {_number(values[i])}" for name, values in [*x.items(), (ylabel, y)]]
        told.append(f"{label}: {', '.join(numbers)}")
    return show(figure, f"{title or f'{ylabel} against ' + ' and '.join(x)}. {'; '.join(told)}.")


def _number(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if value == round(value) else f"{value:.4g}"


def _log_axis(axis: "Axes", letter: str, values: Sequence[float]) -> None:
    """Make one axis logarithmic; over a short range of small numbers the ticks are plain: 1, 2, 5, 10, …"""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set(**{f"{letter}scale": "log"})
    if max(values) < min(200 * min(values), 10_000):
        ticks = axis.xaxis if letter == "x" else axis.yaxis
        ticks.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ticks.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ticks.set_minor_formatter(NullFormatter())
