"""The picture of a network's layers and what flows between them: `graphs.module_graph` (notebook 11)."""

import torch

from course_utils.complexity.profiling import evaluation_copy
from course_utils.graphs.rendering import GraphError, Node, counted, drawing, listed

KINDS = {"ModuleNode": "layer", "FunctionNode": "operation"}  # torchview's and ours


def module_graph(model, input_shape, depth=None):
    """Draw the layers of `model` and what flows between them for one image; return a `Drawing` (notebook 11).

    Each box says what it is and the shape of what it gives, without the batch: the layers with their names, the
    functions that are called between them, the input and the outputs. The graph is torchview's. It is recorded
    on a copy without numbers; the model stays as it is.

    Args:
        model: any network that takes one tensor of numbers.
        input_shape: of one image, for example `(3, 224, 224)`.
        depth: how far layers are opened; with 1, `layer1` of a ResNet is one box. Left out: to the innermost ones.

    Raises:
        GraphError: the model cannot take such an image, or works only with numbers.
    """
    graph, layer_names = _record(model, input_shape, depth)
    ids, nodes, edges = {}, {}, []
    for ends in graph.edge_list:
        for box in ends:
            # torchview's ids are memory addresses: number them in the order in which they turn up instead.
            name = ids.setdefault(box.node_id, f"n{len(ids)}")
            nodes.setdefault(name, _node(box, layer_names))
        edges.append(tuple(ids[box.node_id] for box in ends))
    return drawing(nodes, edges, _alt_text(model, input_shape, nodes))


def _record(model, input_shape, depth):
    """Torchview's graph, and the names of the layers by their id."""
    from torchview import draw_graph

    if not isinstance(model, torch.nn.Module):
        raise GraphError(f"module_graph needs a network, an nn.Module, but was given {type(model).__name__}.")
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


def _node(box, layer_names):
    kind = KINDS.get(type(box).__name__) or ("input" if box.main_node.is_root() else "output")
    if kind in ("input", "output"):
        return Node(f"{kind} {_times(box.tensor_shape)}", kind)
    what = f"{layer_names.get(box.compute_unit_id, '')} {box.name}".strip()
    return Node(f"{what} → {', '.join(map(_times, box.output_shape))}", kind)


def _times(shape):
    return "×".join(map(str, shape[1:])) or "1"


def _alt_text(model, input_shape, nodes):
    def kinds_of(kind):
        # "features.0 Conv2d → 6×28×28" is a Conv2d
        return [node.label.split(" → ")[0].split()[-1] for node in nodes.values() if node.kind == kind]

    layers, operations = kinds_of("layer"), kinds_of("operation")
    outputs = ", ".join(node.label for node in nodes.values() if node.kind == "output")
    told = f"layers {listed(layers)}" + (f"; operations {listed(operations)}" if operations else "")
    return (
        f"Module graph of {type(model).__name__} with {counted(layers, 'layer')} and "
        f"{counted(operations, 'operation')}, input {'×'.join(map(str, input_shape))}, {outputs}: {told}"
    )
