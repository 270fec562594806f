"""Learning curves and other lines, contour lines with the paths of optimizers."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from course_utils.plots.style import COLOURS, DASHES, Picture, drawable, new, show
from course_utils.training import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES_IN_AXES = 6  # with more lines, the legend is below the panels


def learning_curves(
    histories: History | Mapping[str, History], reference: Mapping[str, Sequence[float]] | None = None
) -> Picture:
    """Loss and accuracy against epochs, for one run or for several by name.

    Args:
        histories: one History, or histories by name.
        reference: published curves to compare with, by column: ``{"val_accuracy": [0.34, …]}``.

    Raises:
        ValueError: If there is no run, or a run has no epochs.
    """
    runs = {"": histories} if isinstance(histories, History) else dict(histories)
    empty = [name or "the history" for name, run in runs.items() if not len(run)]
    if empty or not runs:
        raise ValueError(f"There are no epochs to draw in {', '.join(empty) or 'no histories'}: train first.")
    runs = dict(zip(drawable(list(runs)), runs.values(), strict=True))
    panels = {what: _curves_of(runs, reference or {}, what) for what in ("loss", "accuracy")}
    panels = {what: lines for what, lines in panels.items() if lines}
    styles = {
        name: _line_style(i) for i, name in enumerate(dict.fromkeys(n for p in panels.values() for n in p))
    }
    rows = -(-len(styles) // 3) if len(styles) > LINES_IN_AXES else 0  # of the legend below the panels
    figure, _ = new(1, len(panels), (12 if len(panels) > 1 else 9, 4.5 + 0.3 * rows))
    told = []
    for axis, (what, lines) in zip(figure.axes, panels.items(), strict=True):
        for name, values in lines.items():
            marker = "o" if len(values) == 1 else ""  # a line through one point would be invisible
            heights = [math.nan if value is None else value for value in values]
            axis.plot(range(1, len(values) + 1), heights, marker=marker, label=name, **styles[name])
            known = [value for value in values if value is not None]
            told.append(f"{name} {what} goes from {known[0]:.3g} to {known[-1]:.3g} in {len(known)} epochs")
        axis.set(xlabel="epoch", ylabel=what)
        axis.locator_params(axis="x", integer=True)
        if not rows:
            axis.legend()
    if rows:
        figure.legend(*_legend_entries(figure), loc="outside lower center", ncols=3)
    return show(figure, f"Learning curves: {'; '.join(told)}.")


def _curves_of(
    runs: Mapping[str, History], reference: Mapping[str, Sequence[float]], what: str
) -> dict[str, Sequence[float | None]]:
    """The lines to draw: name → values, training and validation of each run, then the published ones."""
    lines: dict[str, Sequence[float | None]] = {}
    for kind, label in [("train", "training"), ("val", "validation")]:
        for name, run in runs.items():
            values: list[float | None] = getattr(run, f"{kind}_{what}")
            if any(value is not None for value in values):
                lines[f"{name} {label}".strip()] = values
        if f"{kind}_{what}" in reference:
            lines[f"published {label}"] = reference[f"{kind}_{what}"]
    return lines


def _line_style(i: int) -> dict[str, Any]:
    """Colour and dashes of line ``i``: 49 different pairs."""
    return {"color": COLOURS[i % 7], "linestyle": DASHES[(i + i // 7) % 7]}


def _legend_entries(figure: "Figure") -> tuple[list[Any], list[str]]:
    """Lines and labels of all panels, each label once."""
    lines = {line.get_label(): line for axis in figure.axes for line in axis.get_lines()}
    return list(lines.values()), [str(label) for label in lines]


def curves(
    series: Mapping[str, Sequence[float] | Tensor],
    x: Sequence[float] | Tensor | None = None,
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    log: bool = False,
) -> Picture:
    """Draw several lines over one axis, by name; ``log`` makes the vertical axis logarithmic.

    Raises:
        ValueError: If there are no values to draw.
    """
    lines = {name: torch.as_tensor(values).tolist() for name, values in series.items()}
    if not lines or not all(lines.values()):
        raise ValueError("There are no values to draw: each line needs at least one.")
    labels = drawable(list(lines))
    figure, axis = new()
    told = []
    for i, (label, (name, values)) in enumerate(zip(labels, lines.items(), strict=True)):
        axis.plot(range(1, len(values) + 1) if x is None else x, values, label=label, **_line_style(i))
        told.append(f"{name}: from {values[0]:.3g} to {values[-1]:.3g}, smallest {min(values):.3g}")
    axis.set(xlabel=xlabel, ylabel=ylabel, title=title, yscale="log" if log else "linear")
    if len(series) > 2:
        figure.legend(loc="outside right upper")
    elif len(series) == 2:
        axis.legend()
    return show(figure, f"{title or ylabel} against {xlabel}. {'; '.join(told)}.")


def surface(
    height: Callable[[Tensor, Tensor], Tensor],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    paths: Mapping[str, Tensor] | None = None,
    *,
    xlabel: str = "x",
    ylabel: str = "y",
    title: str = "",
) -> Picture:
    """Contour lines of a function of two variables, with the paths ``(steps, 2)`` of some optimizers on it.

    Args:
        height: takes grids x and y ``(100, 100)``, returns the values ``(100, 100)``.
    """
    x, y = torch.meshgrid(torch.linspace(*xlim, 100), torch.linspace(*ylim, 100), indexing="xy")
    z = height(x, y)
    figure, axis = new(size=(8, 6))
    # closer levels near the bottom, where the paths end
    levels = (z.min() + (z.max() - z.min()) * torch.linspace(0, 1, 15) ** 2).tolist()
    axis.contourf(x, y, z, levels=levels, cmap="Blues", alpha=0.7)
    axis.contour(x, y, z, levels=levels, colors="0.5", linewidths=0.7, linestyles="-")
    axis.grid(False)
    told = []
    for (name, path), marker in zip((paths or {}).items(), "osD^v", strict=False):
        path = path.detach()
        axis.plot(path[:, 0], path[:, 1], marker=marker, markersize=5, label=name, linewidth=1.5)
        ends = [f"({p[0]:.2f}, {p[1]:.2f})" for p in path[[0, -1]].tolist()]
        told.append(f"{name} goes from {ends[0]} to {ends[1]} in {len(path) - 1} steps")
    axis.set(xlabel=xlabel, ylabel=ylabel, title=title, xlim=xlim, ylim=ylim)
    if paths:
        axis.legend()
    return show(figure, f"{title or 'Contour lines'} over {xlabel} and {ylabel}. {'; '.join(told)}.")
