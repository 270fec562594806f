"""The costs of a network, layer by layer: the table that ``complexity.profile`` makes. Notebook 11."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_utils.formatting import thousands, times
from course_utils.tables import Table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Costs:
    """The costs of a module, or of a whole network, for one image. The costs of two parts can be added.

    ``activation_bytes`` is the new memory that results take (a view, or an operation in place, takes none);
    ``milliseconds`` is None if no time was measured. ``uncounted`` names the operations whose MACs are not known, so
    that ``macs`` is the least there can be.
    """

    parameters: int = 0
    macs: int = 0
    activation_bytes: int = 0
    milliseconds: float | None = None
    uncounted: tuple[str, ...] = ()

    @property
    def flops(self) -> int:
        """Floating-point operations: each MAC is a multiplication and an addition."""
        return 2 * self.macs

    def __add__(self, other: "Costs") -> "Costs":
        measured = [part.milliseconds for part in (self, other) if part.milliseconds is not None]
        return Costs(
            self.parameters + other.parameters,
            self.macs + other.macs,
            self.activation_bytes + other.activation_bytes,
            sum(measured) if measured else None,
            tuple(dict.fromkeys(self.uncounted + other.uncounted)),
        )


class _WithCosts:
    """Lets the costs be read without naming ``costs``: ``layer.macs`` is ``layer.costs.macs``."""

    costs: Costs

    @property
    def parameters(self) -> int:
        return self.costs.parameters

    @property
    def macs(self) -> int:
        return self.costs.macs

    @property
    def flops(self) -> int:
        return self.costs.flops

    @property
    def activation_bytes(self) -> int:
        return self.costs.activation_bytes

    @property
    def milliseconds(self) -> float | None:
        return self.costs.milliseconds


@dataclass
class Layer(_WithCosts):
    """One row of a profile, for one image: a module by itself, without the modules inside it.

    ``output`` holds the shapes of the results of its last call, without the batch. ``receptive_field`` (height,
    width) is None if it is not defined. ``used`` is False for a module that is never called, and whose
    parameters nothing else uses.
    """

    name: str
    kind: str
    calls: int = 0
    used: bool = True
    output: tuple[tuple[int, ...], ...] = ()
    costs: Costs = Costs()
    receptive_field: tuple[int, int] | None = None


class Profile(_WithCosts):
    """The costs of a network for one image: ``layers`` and their sum, ``total``.

    A notebook shows it as a table, a terminal as text, and :meth:`to_frame` makes a DataFrame of it. The sums are
    available as ``parameters``, ``macs``, ``flops``, ``activation_bytes`` and ``milliseconds``. The time of the whole
    is measured without a stopwatch at each layer, which takes time itself: it is less than the sum of the column.
    """

    def __init__(self, total: Layer, modules: Sequence[Layer], about: str):
        self.total, self.costs, self.about, self._modules = total, total.costs, about, list(modules)
        self.layers = [layer for layer in modules if _has_something_to_tell(layer, modules)]

    def blocks(self, depth: int = 1) -> "Profile":
        """Return the costs by larger parts: modules at ``depth`` (``layer1.0`` is at 2) with all that they contain."""
        wholes, parts = {layer.name: layer for layer in self._modules}, dict[str, Layer]()
        for layer in self._modules:
            name = ".".join(layer.name.split(".")[:depth])
            part = parts.setdefault(name, dataclasses.replace(wholes[name], costs=Costs()))
            part.costs += layer.costs
            part.used = part.used or layer.used
        return Profile(self.total, list(parts.values()), self.about)

    def to_frame(self) -> "pd.DataFrame":
        """A pandas DataFrame, one row per layer; bytes and milliseconds are numbers, shapes are tuples."""
        import pandas as pd

        columns = ["kind", "calls", "output", "parameters", "macs", "flops", "activation_bytes"]
        columns += ["receptive_field", "milliseconds"]
        rows = [[getattr(layer, column) for column in columns] for layer in self.layers]
        frame = pd.DataFrame(rows, [layer.name for layer in self.layers], columns).rename_axis("name")
        frame["output"] = [o[0] if len(o) == 1 else o for o in frame["output"]]
        return frame

    def _table(self) -> Table:
        lines = [*self.layers, dataclasses.replace(self.total, name="total", output=())]
        header = ["layer", "type", "output", "parameters", "MACs", "FLOPs", "activations, kB"]
        rows = [_cells(layer) for layer in lines]
        if any(layer.receptive_field for layer in lines):
            header.append("field")
            rows = [
                [*row, times(layer.receptive_field or ())] for row, layer in zip(rows, lines, strict=True)
            ]
        if self.milliseconds is not None:
            header.append("ms")
            rows = [[*row, _milliseconds(layer)] for row, layer in zip(rows, lines, strict=True)]
        return Table(header, rows, numbers=range(3, len(header)))

    def __repr__(self) -> str:
        return f"{self._table()!r}\n{self.about}"

    def _repr_html_(self) -> str:
        return f"{self._table()._repr_html_()}<p>{self.about}</p>"


def _has_something_to_tell(layer: Layer, modules: Sequence[Layer]) -> bool:
    """A module without others inside, if it is called; and every module with a cost of its own."""
    prefix = f"{layer.name}." if layer.name else ""
    inside = any(other.name.startswith(prefix) and other is not layer for other in modules)
    return bool(layer.parameters or layer.macs or layer.activation_bytes or (layer.calls and not inside))


def _cells(layer: Layer) -> list[str]:
    output = ", ".join(map(times, layer.output)) if layer.used else "not used"
    kind = f"{layer.kind} ×{layer.calls}" if layer.calls > 1 else layer.kind
    counts = [thousands(n) for n in (layer.parameters, layer.macs, layer.flops)]
    return [layer.name or "(itself)", kind, output, *counts, thousands(layer.activation_bytes / 1000, 1)]


def _milliseconds(layer: Layer) -> str:
    return "" if layer.milliseconds is None else f"{layer.milliseconds:.3g}"
