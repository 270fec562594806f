"""The optimizer race of notebook 06: seven optimizers on three surfaces."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from course_utils import plots
from course_utils.playground.canvas import LINE, Canvas, grey
from course_utils.playground.interactive import Interactive, Player, playing_buttons
from course_utils.playground.surfaces import OPTIMIZERS, SURFACES, Surface, arrival, bands, trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEPS = 200
SCALES = (0.1, 0.3, 1.0, 3.0, 10.0)
WIDTH, HEIGHT = 960, 440
MAP = (10, 34, 500, 390)  # the surface: x, y, width, height
CHART = (590, 34, 350, 180)  # the heights
TABLE = (590, 262, 24)  # the names: x, y, line spacing
LOWEST = 1e-5  # lower limit of the chart


def optimizer_race() -> Interactive:
    """Let SGD, momentum, Nesterov, RMSprop, Adam, Adamax and Adadelta descend three surfaces. Notebook 06.

    The widget runs the race step by step, with a learning rate to choose; the static form shows all paths.
    """
    return Interactive(_static(), lambda: Race().widget)


def _static() -> plots.Picture:
    figure, axes = plots.new(1, len(SURFACES), (plots.WIDEST, 5.6))
    told = []
    for axis, surface in zip(axes, SURFACES, strict=True):
        paths = {name: trajectory(surface, name, STEPS) for name in OPTIMIZERS}
        _draw(axis, surface, paths)
        steps = {name: arrival(surface, path) for name, path in paths.items()}
        told.append(f"{surface.name}: " + ", ".join(f"{n} {s or 'not yet'}" for n, s in steps.items()))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(OPTIMIZERS))
    alt = f"Paths of {len(OPTIMIZERS)} optimizers on three surfaces, {STEPS} steps each. Steps until they arrive: "
    return plots.show(figure, alt + "; ".join(told) + ".")


def _draw(axis: "Axes", surface: Surface, paths: dict[str, Tensor]) -> None:
    """Draw a surface, the paths on it, its start and its minima."""
    extent = (*surface.xlim, *surface.ylim)
    axis.imshow(bands(surface, 300).numpy(), cmap="Greys", vmax=2.5, extent=extent, aspect="auto")
    for name, path in paths.items():
        axis.plot(*path.T.numpy(), label=name, linewidth=2)
    axis.plot(*surface.start, "o", color="black", markersize=8)
    for minimum in surface.minima:
        axis.plot(*minimum, "*", color="black", markersize=16)
    axis.set(title=surface.name, xlim=surface.xlim, ylim=surface.ylim)
    axis.grid(False)


class Race:
    """The widget: all paths are computed first, then shown step by step."""

    def __init__(self) -> None:
        import ipywidgets as w

        self.player, wide = Player(self._tick), w.Layout(width="100%", max_width=f"{WIDTH}px")
        self.picture = w.Image(format="png", layout=wide)
        self.picture.add_class("optimizer-race")
        named = [(surface.name, surface) for surface in SURFACES]
        style = {"description_width": "initial"}
        self.surface = w.Dropdown(
            description="Surface", options=named, style=style, layout=w.Layout(width="200px")
        )
        rates = [(f"{scale:g} × what suits it", scale) for scale in SCALES]
        self.scale = w.Dropdown(
            description="Learning rate", options=rates, value=1.0, style=style, layout=w.Layout(width="260px")
        )
        self.shown = {name: w.Checkbox(True, description=name, indent=False) for name in OPTIMIZERS}
        for box in self.shown.values():
            box.layout.width = "105px"
            box.observe(lambda _: self._show(), "value")
        for control in (self.surface, self.scale):
            control.observe(lambda _: self._prepare(), "value")
        top = w.HBox([playing_buttons(self.player, self._step, self._reset), self.surface, self.scale])
        self.widget = w.VBox([top, w.HBox(list(self.shown.values())), self.picture], layout=wide)
        self._prepare()

    def _prepare(self) -> None:
        """Run the whole race again, and go back to its start."""
        surface, scale = self.surface.value, self.scale.value
        self.paths = {name: trajectory(surface, name, STEPS, scale) for name in OPTIMIZERS}
        self.heights = {name: surface.height(path) for name, path in self.paths.items()}
        self.base = self._background()
        self._reset()

    def _reset(self) -> None:
        self.step = 0
        self._show()

    def _step(self) -> None:
        self.step = min(self.step + 1, STEPS)
        self._show()

    def _tick(self) -> bool:
        if self.step == STEPS:
            self.step = 0  # at the end, Play starts again
        self._step()
        return self.step < STEPS

    def _background(self) -> Canvas:
        canvas, (x, y, width, height) = Canvas(WIDTH, HEIGHT), MAP
        canvas.photo(x, y, (width, height), 1 - 0.3 * bands(self.surface.value, 250))
        canvas.text(x + width / 2, 16, self.surface.value.name, 15)
        for minimum in self.surface.value.minima:
            canvas.text(*self._place(minimum), "★", 28, darkness=1)
        x, y, width, height = CHART
        canvas.text(x + width / 2, 16, "height", 15)
        canvas.box(x, y, (width, height), grey(0.4))
        for power in range(-5, 2, 2):
            canvas.text(x - 8, self._level(10.0**power), f"{10.0**power:g}", 12, "rm")
        canvas.text(x, y + height + 14, "0", 12)
        canvas.text(x + width, y + height + 14, str(STEPS), 12)
        return canvas

    def _place(self, point: Sequence[float]) -> tuple[float, float]:
        """Return the position in the picture of a point on the surface."""
        x, y, width, height = MAP
        (left, right), (bottom, top) = self.surface.value.xlim, self.surface.value.ylim
        across, up = (point[0] - left) / (right - left), (point[1] - bottom) / (top - bottom)
        # points outside the map are drawn near it: Pillow cannot draw at infinity
        return x + width * max(-1.0, min(2.0, across)), y + height * (1 - max(-1.0, min(2.0, up)))

    def _level(self, value: float) -> float:
        """Return the y position of a height in the chart, which is logarithmic."""
        fraction = math.log10(max(value, LOWEST) / LOWEST) / math.log10(100 / LOWEST)
        return CHART[1] + CHART[3] * (1 - min(fraction, 1))

    def _show(self) -> None:
        canvas = self.base.copy()
        canvas.text(CHART[0] + CHART[2] / 2, CHART[1] + CHART[3] + 14, f"step {self.step}", 13)
        x, y, distance = TABLE
        for i, (name, path) in enumerate(self.paths.items()):
            if not self.shown[name].value:
                continue
            points = [self._place(p) for p in path[: self.step + 1].nan_to_num(1e9).tolist()]
            heights = self.heights[name][: self.step + 1].nan_to_num(1e9).tolist()
            levels = [(CHART[0] + CHART[2] * j / STEPS, self._level(h)) for j, h in enumerate(heights)]
            if self.step:
                canvas.line(points, LINE + i, 2)
                canvas.line(levels, LINE + i, 2)
            canvas.dot(*points[-1], 6, LINE + i)
            canvas.dot(x, y + i * distance, 6, LINE + i)
            arrived = arrival(self.surface.value, path)
            there = arrived is not None and arrived <= self.step
            end = f"arrives at step {arrived}" if there else f"height {heights[-1]:.4f}"
            canvas.text(x + 16, y + i * distance, name, 14, "lm")
            canvas.text(x + 120, y + i * distance, end if heights[-1] < 1e4 else "diverges", 14, "lm")
        self.picture.value = canvas.png()
