"""What a network costs, layer by layer: the table that ``complexity.profile`` makes. Notebook 11."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from course_utils.tables import Table


@dataclass
class Layer:
    """One line of a profile, for one image: a module by itself, without the modules inside it.

    ``output`` holds the shapes of the results of its last call, without the batch; ``activation_bytes`` the new memory
    that its results take (a view, or an operation in place, takes none). ``receptive_field`` is None where it is not
    defined, ``milliseconds`` where no time was taken. ``used`` is False for a module that is never called, and whose
    parameters nothing else uses.
    """

    name: str
    kind: str
    calls: int = 0
    used: bool = True
    output: tuple[tuple[int, ...], ...] = ()
    parameters: int = 0
    macs: int = 0
    activation_bytes: int = 0
    receptive_field: tuple[int, int] | None = None
    milliseconds: float | None = None

    @property
    def flops(self) -> int:
        """Floating-point operations: each MAC is a multiplication and an addition."""
        return 2 * self.macs


class Profile:
    """What a network costs for one image: ``layers`` and their sum, ``total``.

    A notebook shows it as a table, a terminal as text, and :meth:`to_frame` makes a DataFrame of it. The sums are
    at hand as ``parameters``, ``macs``, ``flops``, ``activation_bytes`` and ``milliseconds``. The time of the whole
    is measured without a stopwatch at each layer, which takes time itself: it is less than the sum of the column.
    """

    def __init__(self, total: Layer, modules: Sequence[Layer], about: str):
        self.total, self.about, self._modules = total, about, list(modules)
        self.layers = [layer for layer in modules if _has_something_to_tell(layer, modules)]

    parameters = property(lambda self: self.total.parameters)
    macs = property(lambda self: self.total.macs)
    flops = property(lambda self: self.total.flops)
    activation_bytes = property(lambda self: self.total.activation_bytes)
    milliseconds = property(lambda self: self.total.milliseconds)

    def blocks(self, depth: int = 1) -> "Profile":
        """The same costs by larger parts: modules at ``depth`` (``layer1.0`` is at 2), with all that is inside them."""
        wholes, parts = {layer.name: layer for layer in self._modules}, {}
        for layer in self._modules:
            name = ".".join(layer.name.split(".")[:depth])
            if name not in parts:
                parts[name] = dataclasses.replace(
                    wholes[name], parameters=0, macs=0, activation_bytes=0, milliseconds=None
                )
            part = parts[name]
            for what in ("parameters", "macs", "activation_bytes"):
                setattr(part, what, getattr(part, what) + getattr(layer, what))
            if layer.milliseconds is not None:
                part.milliseconds = (part.milliseconds or 0) + layer.milliseconds
            part.used = part.used or layer.used
        return Profile(self.total, list(parts.values()), self.about)

    def to_frame(self):
        """A pandas DataFrame, one row a layer; bytes and milliseconds are numbers, shapes are tuples."""
        import pandas as pd

        rows = [dataclasses.asdict(layer) | {"flops": layer.flops} for layer in self.layers]
        frame = pd.DataFrame(rows).set_index("name")
        frame["output"] = [o[0] if len(o) == 1 else o for o in frame["output"]]
        columns = ["kind", "calls", "output", "parameters", "macs", "flops"]
        return frame[[*columns, "activation_bytes", "receptive_field", "milliseconds"]]

    def _table(self) -> Table:
        lines = [*self.layers, dataclasses.replace(self.total, name="total")]
        header = ["layer", "type", "output", "parameters", "MACs", "FLOPs", "activations, kB"]
        rows = [_cells(layer) for layer in lines]
        if any(layer.receptive_field for layer in lines):
            header.append("field")
            rows = [
                [*row, _times(layer.receptive_field or ())] for row, layer in zip(rows, lines, strict=True)
            ]
        if self.total.milliseconds is not None:
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
    output = ", ".join(map(_times, layer.output)) if layer.used else "not used"
    kind = f"{layer.kind} ×{layer.calls}" if layer.calls > 1 else layer.kind
    counts = [f"{n:,}".replace(",", " ") for n in (layer.parameters, layer.macs, layer.flops)]
    kilobytes = f"{layer.activation_bytes / 1000:,.1f}".replace(",", " ")
    return [layer.name or "(itself)", kind, output, *counts, kilobytes]


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _milliseconds(layer: Layer) -> str:
    return "" if layer.milliseconds is None else f"{layer.milliseconds:.3g}"
