"""How a receptive field grows from one operation to the next: the arithmetic behind ``complexity.receptive_field``."""

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple


class UnknownField(Exception):
    """The formula does not know what is seen through an operation; the message may be a clearer name for it."""


class Axis(NamedTuple):
    """A receptive field along one axis: output i sees ``size`` pixels, starting at ``start + i * jump``."""

    size: int = 1
    jump: int = 1
    start: int = 0

    @property
    def end(self) -> int:
        return self.start + self.size

    def through(self, kernel: int, stride: int, padding: int = 0, dilation: int = 1) -> "Axis":
        """The field after one more layer that slides a window."""
        size = self.size + (kernel - 1) * dilation * self.jump
        return Axis(size, self.jump * stride, self.start - padding * self.jump)

    def together(self, outputs: int, pixels: int) -> "Axis":
        """The field of the first ``outputs`` of this axis together, in an image of ``pixels``."""
        start, end = max(0, self.start), self.end + (outputs - 1) * self.jump
        return Axis(min(end, pixels) - start, 0, start)

    def joined(self, other: "Axis") -> "Axis":
        """The field of an output that depends on both, which have one jump."""
        start = min(self.start, other.start)
        return Axis(max(self.end, other.end) - start, self.jump, start)


class Window(NamedTuple):
    """The effect of an operation on one dimension: it becomes the dimension ``to``, and a window slides over it."""

    to: int
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def slides(self) -> bool:
        return self[1:] != (1, 1, 0, 1)


class Along(NamedTuple):
    """How one axis of the image, of ``pixels``, lies in a tensor.

    ``dims`` are the dimensions of the tensor whose index is the i of ``axis``. With none, all numbers see the same
    pixels; with several, a number sees the pixels of each of its indices. ``indices`` says how many there are. A
    ``flat`` axis is part of a larger dimension, whose index alone does not tell what is seen.
    """

    axis: Axis
    dims: frozenset[int]
    indices: int
    pixels: int
    flat: bool = False

    def together(self) -> "Along":
        """The field of all indices together."""
        return self._replace(
            axis=self.axis.together(self.indices, self.pixels), dims=frozenset(), indices=1, flat=False
        )

    def moved(self, windows: Mapping[int, Window], out: Sequence[int], shared: bool) -> "Along":
        """The field after an operation that makes a tensor of shape ``out``.

        Dimensions that are not in ``windows`` are mixed: each output depends on all their indices. ``shared`` says
        that the image's other axis lies in the same dimension.
        """
        if not self.dims:
            return self
        if not self.dims <= windows.keys():
            return self.together()
        new = self._replace(dims=frozenset(windows[d].to for d in self.dims))
        sliding = [windows[d] for d in self.dims if windows[d].slides]
        if not sliding:
            return new
        if shared or self.flat or len(self.dims) > 1:
            raise UnknownField
        window = sliding[0]
        return new._replace(axis=self.axis.through(*window[1:]), indices=out[window.to])

    def placed(self, places: Mapping[int, int], flat: Set[int]) -> "Along":
        """The same field at other dimensions; those in ``flat`` are joined with others."""
        dims = frozenset(places[dim] for dim in self.dims)
        return self._replace(dims=dims, flat=self.flat or bool(self.dims & flat))

    def joined(self, other: "Along") -> "Along":
        """The field of numbers that depend on both."""
        if (self.dims, self.flat, self.indices, self.axis.jump) == (
            other.dims,
            other.flat,
            other.indices,
            other.axis.jump,
        ):
            return self._replace(axis=self.axis.joined(other.axis))
        if self.dims and other.dims:
            if (self.axis, self.indices, self.flat) != (other.axis, other.indices, other.flat):
                raise UnknownField
            return self._replace(dims=self.dims | other.dims)
        same, single = (self, other) if not self.dims else (other, self)
        if same.axis.joined(single.together().axis) != same.axis:
            raise UnknownField
        return same


class Field(NamedTuple):
    """The rows and columns of the image that the numbers in a tensor see."""

    rows: Along
    columns: Along

    @property
    def dims(self) -> frozenset[int]:
        """The dimensions of the tensor whose index makes a difference."""
        return self.rows.dims | self.columns.dims

    def moved(self, windows: Mapping[int, Window], out: Sequence[int]) -> "Field":
        """The field after an operation; see :meth:`Along.moved`."""
        shared = bool(self.rows.dims & self.columns.dims)
        return Field(*(along.moved(windows, out, shared) for along in self))

    def flattened(self, dims: Set[int]) -> "Field":
        """The same field where an index of ``dims`` no longer tells what is seen."""
        return Field(*(part._replace(flat=part.flat or bool(part.dims & dims)) for part in self))

    def viewed(self, old: Sequence[int], new: Sequence[int]) -> "Field":
        """The field after a view of the shape ``old`` as ``new``."""
        large = self.moved({dim: Window(dim) for dim, size in enumerate(old) if size > 1}, old)
        rows, columns = large
        places: dict[int, int] = {}
        flat: set[int] = set()
        for left, right in _blocks(old, new):
            if len(right) == 1:
                places |= dict.fromkeys(left, right[0])
                if len(left) > 1 and [rows.dims, columns.dims] != [{dim} for dim in left]:
                    flat |= set(left)
            elif large.dims & set(left):
                # only rows and columns that were put into one dimension can be taken apart again
                whole = rows.dims == columns.dims == set(left) and not rows.flat
                if not whole or [new[dim] for dim in right] != [rows.indices, columns.indices]:
                    raise UnknownField
                return Field(
                    *(part._replace(dims=frozenset({dim})) for part, dim in zip(large, right, strict=True))
                )
        return Field(*(part.placed(places, flat) for part in large))

    def joined(self, other: "Field") -> "Field":
        """The field of numbers that depend on both."""
        return Field(*(one.joined(two) for one, two in zip(self, other, strict=True)))

    def of_an_output(self, dimensions: int) -> tuple[Axis, Axis] | None:
        """Down and across: that of one number of a feature map, of all together in a tensor that is none.

        None if a feature map, which has four ``dimensions``, does not have rows and columns to itself.
        """
        if len(self.rows.dims) > 1 or len(self.columns.dims) > 1:
            return None
        if self.rows.flat or self.columns.flat or self.rows.dims & self.columns.dims:
            return None if dimensions == 4 else (self.rows.together().axis, self.columns.together().axis)
        return self.rows.axis, self.columns.axis


def _blocks(old: Sequence[int], new: Sequence[int]) -> Iterator[tuple[list[int], list[int]]]:
    """The smallest groups of neighbouring dimensions that hold the same numbers; those of size 1 are left out."""
    olds, news = ([dim for dim, size in enumerate(shape) if size > 1] for shape in (old, new))
    while olds:
        left, right = [olds.pop(0)], [news.pop(0)]
        while (a := math.prod(old[d] for d in left)) != (b := math.prod(new[d] for d in right)):
            if a < b:
                left.append(olds.pop(0))
            else:
                right.append(news.pop(0))
        yield left, right
