"""Place the labels of points in a figure so that they do not overlap each other or the points."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAP = 5.0  # points between a dot and its label
STARTS, ROUNDS = 8, 6  # of the search for the best places
# directions from the dot to its label, the preferred ones first
DIRECTIONS = (
    *((0, 1), (1, 0), (0, -1), (-1, 0)),
    *((1, 1), (-1, 1), (1, -1), (-1, -1)),
    *((0.5, 1), (-0.5, 1), (0.5, -1), (-0.5, -1)),
)


@dataclass(frozen=True)
class Box:
    """A rectangle by its centre and size, in pixels."""

    x: float
    y: float
    width: float
    height: float

    def overlap(self, other: "Box") -> float:
        """The area that both cover."""
        across = (self.width + other.width) / 2 - abs(self.x - other.x)
        up = (self.height + other.height) / 2 - abs(self.y - other.y)
        across, up = min(across, self.width, other.width), min(up, self.height, other.height)
        return max(0.0, across) * max(0.0, up)


def place(dots: Sequence[Box], sizes: Sequence[tuple[float, float]], frame: Box, gap: float) -> list[Box]:
    """Choose the place of one label per dot: next to its dot, inside the frame, with the least overlap.

    Args:
        dots: the points, as squares around them.
        sizes: width and height of each label.
        frame: the axes.
        gap: pixels between a dot and its label.
    """
    choices = [_choices(dot, size, gap) for dot, size in zip(dots, sizes, strict=True)]
    found: list[tuple[float, list[Box]]] = []
    for start in range(STARTS):
        labels = _improve([places[start] for places in choices], choices, dots, frame)
        found.append((sum(_cost(i, box, labels, dots, frame) for i, box in enumerate(labels)), labels))
        if not found[-1][0]:
            break
    return min(found, key=lambda costs_and_labels: costs_and_labels[0])[1]


def _improve(
    labels: list[Box], choices: Sequence[Sequence[Box]], dots: Sequence[Box], frame: Box
) -> list[Box]:
    """Move one label after the other to its best place, until none of them finds a better one."""
    for _ in range(ROUNDS):
        before = list(labels)
        for i, places in enumerate(choices):
            costs = [_cost(i, box, labels, dots, frame) for box in places]
            labels[i] = places[costs.index(min(costs))]  # of equal ones the first, which is preferred
        if labels == before:
            break
    return labels


def _cost(i: int, box: Box, labels: Sequence[Box], dots: Sequence[Box], frame: Box) -> float:
    """The area of label ``i``, if it is at ``box``, that overlaps a dot or another label or lies outside the frame."""
    outside = box.width * box.height - box.overlap(frame)
    others = [*dots, *labels[:i], *labels[i + 1 :]]
    return sum(box.overlap(other) for other in others) + max(0.0, outside)


def _choices(dot: Box, size: tuple[float, float], gap: float) -> list[Box]:
    """Places for a label of this size: twelve directions, near and farther away."""
    width, height = size
    boxes = []
    for distance in (gap, 3 * gap, 6 * gap):
        for right, up in DIRECTIONS:
            # at a corner the label may come nearer: the dot is round
            near = distance if not right or not up else distance * math.sqrt(0.5) - 0.15 * dot.width
            x = dot.x + right * ((dot.width + width) / 2 + near)
            y = dot.y + up * ((dot.height + height) / 2 + near)
            boxes.append(Box(x, y, width, height))
    return boxes


def label_points(
    axis: "Axes", x: Sequence[float], y: Sequence[float], labels: Sequence[str], areas: Sequence[float]
) -> None:
    """Write a label next to each point of a scatter plot. The axis must have its final limits and scales.

    Args:
        areas: of the dots, in square points, as in ``axis.scatter(s=areas)``.
    """
    figure = axis.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # sets the positions of the axes
    pixels = figure.dpi / 72  # per point
    notes = [
        axis.annotate(label, at, (0, 0), textcoords="offset points", ha="center", va="center")
        for label, at in zip(labels, zip(x, y, strict=True), strict=True)
    ]
    dots = []
    for at, area in zip(axis.transData.transform(list(zip(x, y, strict=True))), areas, strict=True):
        side = math.sqrt(area) * pixels  # the diameter: that is how matplotlib reads s
        dots.append(Box(at[0], at[1], side, side))
    extents = [note.get_window_extent() for note in notes]
    inside = axis.get_window_extent()
    frame = Box((inside.x0 + inside.x1) / 2, (inside.y0 + inside.y1) / 2, inside.width, inside.height)
    boxes = place(dots, [(e.width, e.height) for e in extents], frame, GAP * pixels)
    for note, box, dot in zip(notes, boxes, dots, strict=True):
        note.xyann = ((box.x - dot.x) / pixels, (box.y - dot.y) / pixels)
        note.set_in_layout(False)  # a label does not move the axes it was placed in
