"""Draw the network of the playground: its units' maps, its weights, the boundary and the losses."""

import math

from course_utils.playground.canvas import LINE, Canvas, diverging, grey
from course_utils.playground.experiment import Experiment
from course_utils.playground.points import SIDE

WIDTH, HEIGHT = 960, 430
TOP, PITCH, UNIT = 40, 47, 36  # the units of a layer: top, spacing, size
FIRST, LAST = 66, 500  # left edges of the maps of the features and of the last hidden layer
BIG, BIG_X = 300, 650  # the output's map: size and left edge
CHART = (BIG_X, TOP + BIG + 22, BIG, HEIGHT - TOP - BIG - 30)  # the losses: x, y, width, height
PALE = 0.55
TRAIN, TEST = LINE + 6, LINE + 2  # black and green


class NetworkView:
    """Draw frames of one experiment; the parts that never change are drawn once."""

    def __init__(self, experiment: Experiment):
        self.experiment = experiment
        counts = [len(experiment.settings.features), *experiment.settings.widths]
        self.columns = [
            _column(i, len(counts), n) for i, n in enumerate(counts)
        ]  # positions of the units' maps
        self.base = Canvas(WIDTH, HEIGHT)
        self._labels(counts)

    def frame(self) -> bytes:
        """Draw the current state of the experiment as a PNG file."""
        canvas, maps = self.base.copy(), self.experiment.maps()
        self._lines(canvas)
        for column, signals in zip(self.columns, maps, strict=False):
            for (x, y), signal in zip(column, signals, strict=True):
                canvas.map(x, y, (UNIT, UNIT), signal / signal.abs().max().clamp(min=1), smooth=True)
                canvas.box(x, y, (UNIT, UNIT), grey(0.55))
        canvas.map(BIG_X, TOP, (BIG, BIG), PALE * maps[-1][0])  # pale, so that the points stand out
        for point, label in zip(
            self.experiment.points.tolist(), self.experiment.labels.tolist(), strict=True
        ):
            if max(map(abs, point)) < SIDE:
                x, y = ((c / SIDE + 1) / 2 * BIG for c in (point[0], -point[1]))
                canvas.dot(BIG_X + x, TOP + y, 3.5, diverging(2 * label - 1))
        canvas.box(BIG_X, TOP, (BIG, BIG), grey(0.55))
        self._chart(canvas)
        return canvas.png()

    def _labels(self, counts: list[int]) -> None:
        for (x, y), name in zip(self.columns[0], self.experiment.settings.features, strict=True):
            self.base.text(x - 8, y + UNIT / 2, name, 15, "rm")
        for i, (column, n) in enumerate(zip(self.columns, counts, strict=True)):
            title = "features" if i == 0 else f"{n} unit{'s' * (n > 1)}"
            self.base.text(column[0][0] + UNIT / 2, 18, title, 15)
        self.base.text(BIG_X + BIG / 2, 18, "output and training points", 15)
        legend = (
            "blue: positive   orange: negative   lines: weights   squares: output of a unit at each point"
        )
        self.base.text(10, HEIGHT - 10, legend, 13, "lm", 0.6)
        x, y, width, _ = CHART
        self.base.text(x, y - 10, "loss", 13, "lm")
        for right, name, colour in ((width - 74, "training", TRAIN), (width, "test", TEST)):
            self.base.text(x + right, y - 10, name, 13, "rm")
            left = x + right - (36 if name == "test" else 66)
            self.base.line([(left - 16, y - 10), (left, y - 10)], colour, 2)

    def _lines(self, canvas: Canvas) -> None:
        """Draw each weight as a line: blue or orange by its sign, and thicker for larger weights."""
        output = (float(BIG_X), TOP + BIG / 2 - UNIT / 2)
        ends = [*self.columns[1:], [output]]
        for starts, stops, weights in zip(self.columns, ends, self.experiment.weights(), strict=True):
            for stop, row in zip(stops, weights.tolist(), strict=True):
                for start, weight in zip(starts, row, strict=True):
                    _curve(canvas, start, stop, weight)

    def _chart(self, canvas: Canvas) -> None:
        """Draw both losses from the start until now."""
        x, y, width, height = CHART
        canvas.line([(x, y + height), (x + width, y + height)], grey(0.4))
        e = self.experiment
        highest = max(0.8, min(2.0, max(e.train_losses[0], e.test_losses[0])))
        every = max(1, len(e.measured_at) // 300)
        for losses, colour in ((e.test_losses, TEST), (e.train_losses, TRAIN)):
            line = [
                (
                    x + width * at / max(e.epoch, 1),
                    y + height * (1 - min(loss, highest) / highest if math.isfinite(loss) else 0),
                )
                for at, loss in list(zip(e.measured_at, losses, strict=True))[::every]
            ]
            if len(line) > 1:
                canvas.line(line, colour, 1.5)


def _column(i: int, columns: int, units: int) -> list[tuple[float, float]]:
    """Return the upper left corners of the maps of layer ``i``, vertically centred on the output's map."""
    x = FIRST + (LAST - FIRST) * i / max(columns - 1, 1)
    above = TOP + (8 * PITCH - units * PITCH) / 2
    return [(x, above + PITCH * j) for j in range(units)]


def _curve(canvas: Canvas, start: tuple[float, float], stop: tuple[float, float], weight: float) -> None:
    """Draw an S-shaped line from the right side of one map to the left side of another."""
    if not math.isfinite(weight):
        return
    (x0, y0), (x1, y1) = (start[0] + UNIT, start[1] + UNIT / 2), (stop[0], stop[1] + UNIT / 2)
    points = []
    for i in range(13):
        t = i / 12
        points.append((x0 + (x1 - x0) * t, y0 + (y1 - y0) * t * t * (3 - 2 * t)))
    size = min(abs(weight), 3)
    sign = 1 if weight > 0 else -1
    canvas.line(points, diverging(sign * min(0.25 + size, 1)), 0.5 + 1.7 * size)
