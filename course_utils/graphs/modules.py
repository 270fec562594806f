"""The picture of a network's layers and what flows between them: ``graphs.module_graph`` (notebook 11)."""

from typing import TYPE_CHECKING

import torch
from torch import nn

from course_utils.complexity.trial import evaluation_copy
from course_utils.formatting import times
from course_utils.graphs.rendering import Drawing, Graph, GraphError, Node, counted, drawing, listed

if TYPE_CHECKING:
    from torchview import ComputationGraph
    from torchview.computation_node import FunctionNode, ModuleNode, TensorNode


def module_graph(model: nn.Module, input_shape: tuple[int, ...], depth: int | None = None) -> Drawing:
    """Draw the layers of ``model`` and what flows between them for one image (notebook 11).

    Each box says what it is and the shape of its output, without the batch: the layers with their names, the
    functions that are called between them, the input and the outputs. The graph is torchview's. It is recorded
    on a copy on the meta device; the model is left unchanged.

    Args:
        model: any network that takes one tensor of numbers.
        input_shape: shape of one image, for example ``(3, 224, 224)``.
        depth: how far layers are opened; with 1, ``layer1`` of a ResNet is one box. If left out: to the innermost ones.

    Raises:
        GraphError: If the model cannot take such an image, or its computation depends on values.
    """
    recorded, layer_names = _record(model, input_shape, depth)
    graph = Graph()
    for source, target in recorded.edge_list:
        for box in (source, target):
            graph.add(box.node_id, _node(box, layer_names))
        graph.connect(source.node_id, target.node_id)
    return drawing(graph, _alt_text(model, input_shape, graph))


def _record(
    model: nn.Module, input_shape: tuple[int, ...], depth: int | None
) -> tuple["ComputationGraph", dict[int, str]]:
    """Torchview's graph, and the names of the layers by their id."""
    from torchview import draw_graph

    if not isinstance(model, nn.Module):
        raise GraphError(f"module_graph needs a network, an nn.Module, got {type(model).__name__}.")
    model = evaluation_copy(model, torch.device("meta"))
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), None)
    image = torch.empty(1, *input_shape, device="meta", dtype=dtype)
    try:
        graph = draw_graph(model, [image], device="meta", depth=depth or 1000)
    except RuntimeError as error:
        raise GraphError(
            f"The network stopped at an image of shape {tuple(input_shape)}: {error.__cause__ or error}\n"
            "Try: model(torch.zeros(1, *input_shape)); input_shape is the shape of one image, without the batch. "
            "(The picture is made without numbers, so a network that looks at values cannot be drawn.)"
        ) from error
    return graph, {id(module): name for name, module in model.named_modules()}


def _node(box: "TensorNode | ModuleNode | FunctionNode", layer_names: dict[int, str]) -> Node:
    from torchview.computation_node import ModuleNode, TensorNode

    if isinstance(box, TensorNode):
        kind = "input" if box.main_node.is_root() else "output"
        return Node(f"{kind} {_without_batch(box.tensor_shape)}", kind)
    kind = "layer" if isinstance(box, ModuleNode) else "operation"
    what = f"{layer_names.get(box.compute_unit_id, '')} {box.name}".strip()
    return Node(f"{what} → {', '.join(map(_without_batch, box.output_shape))}", kind)


def _without_batch(shape: tuple[int, ...]) -> str:
    return times(shape[1:]) or "1"


def _alt_text(model: nn.Module, input_shape: tuple[int, ...], graph: Graph) -> str:
    # "features.0 Conv2d → 6×28×28" is a Conv2d
    kinds = [(node.kind, node.label.split(" → ")[0].split()[-1]) for node in graph.nodes.values()]
    layers = [label for kind, label in kinds if kind == "layer"]
    operations = [label for kind, label in kinds if kind == "operation"]
    outputs = ", ".join(node.label for node in graph.nodes.values() if node.kind == "output")
    told = f"layers {listed(layers)}" + (f"; operations {listed(operations)}" if operations else "")
    return (
        f"Module graph of {type(model).__name__} with {counted(layers, 'layer')} and "
        f"{counted(operations, 'operation')}, input {times(input_shape)}, {outputs}: {told}"
    )
