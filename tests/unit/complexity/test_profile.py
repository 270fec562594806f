"""``profile`` against torch's own counter, an analytic count of its layers, and torchvision's published figures."""

import copy
import importlib
import inspect
import pkgutil
import warnings

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models as classics

from course_utils import models
from course_utils.complexity import profile, receptive_field, stopwatch
from course_utils.models import CNNModel, LeNet5

IMAGENET = (3, 224, 224)
CLASSICS = (
    "alexnet vgg16 googlenet resnet18 resnet34 resnet50 mobilenet_v3_small mobilenet_v3_large densenet121"
)
CLASSICS = [*CLASSICS.split(), "convnext_tiny", "vit_b_16"]


def classic(name):
    options = {"init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        return classics.get_model(name, weights=None, **options)


def by_torch(model, shape):
    """MACs of one image by torch's counter, which counts multiplications and additions."""
    device = next(model.parameters()).device
    model = copy.deepcopy(model).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.ones(1, *shape, device=device))
    return counter.get_total_flops() // 2


def by_formula(model, shape):
    """MACs of all convolutions, linear layers and attentions, out of their settings and their inputs' shapes."""
    macs = 0

    def add(layer, args, output):
        nonlocal macs
        if isinstance(layer, nn.MultiheadAttention):
            images, tokens, width = args[0].shape
            # queries, keys, values and the output: four matrices; every token meets every token twice
            macs += images * (4 * tokens * width**2 + 2 * tokens**2 * width)
        elif isinstance(layer, nn.Linear):
            macs += output.numel() * layer.in_features
        else:
            seen = args[0] if isinstance(layer, _ConvTransposeNd) else output
            channels = layer.out_channels if isinstance(layer, _ConvTransposeNd) else layer.in_channels
            window = torch.Size(layer.kernel_size).numel()
            macs += seen.numel() * window * channels // layer.groups

    device = next(model.parameters()).device
    model = copy.deepcopy(model).eval()
    for layer in model.modules():
        if isinstance(layer, _ConvNd | nn.Linear | nn.MultiheadAttention):
            layer.register_forward_hook(add)
    with torch.no_grad():
        model(torch.ones(1, *shape, device=device))
    return macs


def assert_adds_up(result, model):
    """The layers' costs add up to the total, and the parameters are those of the model."""
    for what in ("parameters", "macs", "flops", "activation_bytes"):
        assert sum(getattr(layer, what) for layer in result.layers) == getattr(result, what)
    assert result.parameters == sum(p.numel() for p in model.parameters())
    assert result.flops == 2 * result.macs


@pytest.mark.parametrize("name", CLASSICS)
def test_macs_of_torchvisions_networks(name):
    model = classic(name)
    for training in (True, False):
        result = profile(model.train(training), IMAGENET)
        assert result.macs == by_formula(model, IMAGENET) == by_torch(model, IMAGENET)
        assert_adds_up(result, model)
    published = classics.get_model_weights(name).DEFAULT.meta
    assert round(result.macs / 1e9, 3) == published["_ops"]
    # AuxLogits of GoogLeNet are trained, but not in the published number of parameters
    auxiliary = sum(p.numel() for n, p in model.named_parameters() if n.startswith("aux"))
    assert result.parameters - auxiliary == published["num_params"]


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "vit_b_16"])
def test_real_numbers_and_meta_give_the_same_counts(name):
    model = classic(name).to_empty(device="cpu")
    here, meta = profile(model, IMAGENET, repeats=0), profile(model, IMAGENET, device="meta")
    assert here.macs == meta.macs == by_formula(model, IMAGENET)
    assert [layer.name for layer in here.layers] == [layer.name for layer in meta.layers]
    assert [layer.output for layer in here.layers] == [layer.output for layer in meta.layers]
    assert next(model.parameters()).device.type == "cpu"


def course_networks():
    """Every network in course_utils.models that can be built without arguments."""
    for module in pkgutil.iter_modules(models.__path__):
        module = importlib.import_module(f"{models.__name__}.{module.name}")
        for name, thing in vars(module).items():
            here = getattr(thing, "__module__", "") == module.__name__ and not name.startswith("_")
            if here and inspect.isclass(thing) and issubclass(thing, nn.Module):
                needed = [p for p in inspect.signature(thing).parameters.values() if p.default is p.empty]
                if not [p for p in needed if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]:
                    yield pytest.param(thing, id=name)


@pytest.mark.parametrize("network", list(course_networks()))
def test_macs_of_the_networks_of_the_course(network):
    with torch.device("meta"):
        model = network()
    for shape in [(1, 28, 28), (1, 32, 32), (3, 32, 32), IMAGENET, (784,)]:
        try:
            result = profile(model, shape)
        except ValueError:
            continue
        assert result.macs == by_formula(model, shape) == by_torch(model, shape) > 0
        assert_adds_up(result, model)
        break
    else:
        pytest.fail("takes no shape that this test knows: add it to the list")


sizes = st.integers(1, 4)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_random_convolutions(data):
    dimensions, groups = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))
    kind = data.draw(st.sampled_from(["Conv", "ConvTranspose"]))
    kernel, stride = ([data.draw(sizes) for _ in range(dimensions)] for _ in range(2))
    channels = groups * data.draw(sizes), groups * data.draw(sizes)
    layer = getattr(nn, f"{kind}{dimensions}d")(*channels, kernel, stride, groups=groups)
    shape = channels[0], *(data.draw(st.integers(4, 7)) for _ in range(dimensions))
    assert profile(layer, shape, repeats=0).macs == by_formula(layer, shape)


class Functional(nn.Module):
    """No layers at all: raw parameters and functions. 8 channels of 6×6 become 5 numbers."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.rand(8, 3, 3, 3))
        self.weights = nn.ParameterList([nn.Parameter(torch.rand(4, 8)), nn.Parameter(torch.rand(5, 4))])
        self.vector = nn.Parameter(torch.rand(5))

    def forward(self, x):
        x = F.conv2d(x, self.kernel).mean((2, 3))  # 8·3·3·3·6·6
        x = F.linear(x, self.weights[0])  # 8·4
        x = x @ self.weights[1].T  # 4·5
        x = torch.einsum("ni,ij->nj", x, torch.outer(self.vector, self.vector))  # 5·5
        return x @ self.vector  # 5


def test_functions_and_raw_parameters_count():
    model = Functional()
    result = profile(model, (3, 8, 8), repeats=0)
    assert result.macs == 8 * 27 * 36 + 8 * 4 + 4 * 5 + 5 * 5 + 5
    assert_adds_up(result, model)
    assert {layer.name: layer.macs for layer in result.layers} == {"": result.macs, "weights": 0}
    assert "not used" not in repr(result)


class MyConv(nn.Conv2d):
    def forward(self, x):
        return torch.relu(super().forward(x))


class Odd(nn.Module):
    """A sub-class, one layer called three times, tied weights, and a layer that is never called."""

    def __init__(self):
        super().__init__()
        self.first = MyConv(3, 4, 3, padding=1)
        self.shared = nn.Conv2d(4, 4, 3, padding=1)
        self.tied = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.tied.weight = self.shared.weight
        self.never = nn.Linear(10, 10)

    def forward(self, x):
        x = self.first(x)
        for _ in range(3):
            x = self.shared(x)
        return self.tied(x)


def test_subclasses_shared_layers_tied_weights_and_layers_never_called():
    model = Odd()
    result = profile(model, (3, 5, 5), repeats=0)
    layers = {layer.name: layer for layer in result.layers}
    once = 4 * 4 * 9 * 25
    assert layers["first"].macs == 3 * 4 * 9 * 25
    assert (layers["shared"].calls, layers["shared"].macs) == (3, 3 * once)
    assert (layers["tied"].parameters, layers["tied"].macs) == (0, once)
    assert (layers["never"].calls, layers["never"].parameters, layers["never"].macs) == (0, 110, 0)
    assert_adds_up(result, model)
    text = repr(result).splitlines()
    assert "Conv2d ×3" in next(line for line in text if line.startswith("shared"))
    assert [line.split()[0] for line in text if "not used" in line] == ["never"]


class Attention(nn.Module):
    """Images as 12 tokens of 8 numbers, through PyTorch's attention layer."""

    def __init__(self, **options):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, **options)

    def forward(self, x):
        return self.layer(x)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_attention_is_counted_where_pytorch_has_a_fast_path(training, bias):
    tokens, width = 12, 8
    model = Attention(bias=bias).train(training)
    attention = 4 * tokens * width**2 + 2 * tokens**2 * width
    result = profile(model, (tokens, width), repeats=0)
    assert result.macs == attention + 2 * tokens * width * 16
    assert next(layer for layer in result.layers if layer.name == "layer.self_attn").macs == attention
    assert torch.backends.mha.get_fastpath_enabled()
    assert "not used" not in repr(result)


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.layer = kind(5, 7, batch_first=True, **options)

    def forward(self, x):
        return self.layer(x)[0]


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"num_layers": 2}, {"bias": False}])
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_every_matrix_of_a_recurrent_layer_is_used_once_a_step(kind, options):
    model, steps = Recurrent(kind, **options), 6
    matrices = sum(p.numel() for name, p in model.named_parameters() if "weight" in name)
    assert profile(model, (steps, 5), repeats=0).macs == steps * matrices


class OnHalves(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Bilinear(5, 7, 3)

    def forward(self, x):
        return self.layer(x[:, :5], x[:, 5:])


def test_a_bilinear_layer_is_counted_as_its_einsum():
    one, weight, other = torch.rand(1, 5), torch.rand(3, 5, 7), torch.rand(1, 7)
    with FlopCounterMode(display=False) as counter:
        torch.einsum("ni,oij,nj->no", one, weight, other)
    result = profile(OnHalves(), (12,), repeats=0)
    assert result.macs == counter.get_total_flops() // 2
    assert result.costs.uncounted == ()


@torch.library.custom_op("course::product", mutates_args=())
def product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return x @ y


@product.register_fake
def _(x, y):
    return x @ y


class Custom(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(4, 4))
        self.last = nn.Linear(4, 2)

    def forward(self, x):
        return self.last(product(x, self.weight))


def quantized():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.ao.quantization import quantize_dynamic

        return quantize_dynamic(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), {nn.Linear})


class Spectrum(nn.Module):
    def forward(self, x):
        return torch.fft.rfft(x).abs()


class Distances(nn.Module):
    def forward(self, x):
        return torch.cdist(x[:, None], x[:, None])


@pytest.mark.parametrize(
    ("make", "name", "counted"),
    [
        (Custom, "course::product", 4 * 2),
        (quantized, "quantized::linear_dynamic", 0),
        (Spectrum, "_fft_r2c", 0),
        (Distances, "_cdist_forward", 0),
    ],
)
def test_an_unknown_operation_is_named_and_makes_the_total_a_least(make, name, counted):
    result = profile(make(), (4,), repeats=0)
    assert (result.macs, result.costs.uncounted) == (counted, (name,))
    for shown in (repr(result), result._repr_html_(), repr(result.blocks())):
        assert f"at least these: not counted are {name}." in shown


def test_everyday_operations_are_known():
    class Everyday(nn.Module):
        def forward(self, x):
            x = F.local_response_norm(F.group_norm(F.instance_norm(x), 2), 3)
            x = F.layer_norm(x, x.shape[1:]).roll(1, 2).flip(3).cumsum(1).sort(1)[0].cumprod(2)
            x = F.pixel_unshuffle(F.pixel_shuffle(F.interpolate(x, scale_factor=2), 2), 2)
            grid = F.affine_grid(torch.eye(2, 3)[None], (1, 4, 8, 8), align_corners=False)
            x = F.grid_sample(x, grid, align_corners=False)
            x = F.fold(F.unfold(x, 3), 8, 3) + F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)
            x = F.adaptive_max_pool2d(F.pad(x, (1, 1, 1, 1), mode="circular"), 4).softmax(1)
            x[:, :, 0] = 0
            return torch.stack([F.glu(x, 1), F.prelu(x[:, :2], torch.ones(2))], 1).topk(2, 1)[0].var((2, 3))

    result = profile(Everyday(), (4, 8, 8), repeats=0)
    # the grid: two coordinates from three numbers at each of 8·8 places
    assert (result.macs, result.costs.uncounted) == (8 * 8 * 3 * 2, ())


def test_the_total_has_the_output_of_the_network():
    assert profile(LeNet5(), (1, 32, 32), repeats=0).total.output == ((10,),)
    assert profile(nn.Flatten(), (2, 3), repeats=0).total.output == ((6,),)


def state(model):
    """Everything that a profile could change."""
    return {
        "tensors": {name: value.clone() for name, value in model.state_dict().items()},
        "modes": [module.training for module in model.modules()],
        "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
        "attributes": [sorted(vars(module)) for module in model.modules()],
        "grads": [p.grad if p.grad is None else p.grad.clone() for p in model.parameters()],
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "identities": [id(p) for p in model.parameters()],
        "random": torch.get_rng_state(),
    }


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return len(a) == len(b) and all(map(same, a, b)) if isinstance(a, list) else a == b


class Busy(nn.Module):
    """Does all that could leave a trace: batch norm in training mode, dropout without end, a count, a kept result."""

    def __init__(self, broken=False):
        super().__init__()
        self.conv, self.norm, self.broken, self.count = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), broken, 0
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        self.count += 1
        self.calls += 1
        self.last = F.dropout(self.norm(self.conv(x)), 0.5)
        if self.broken:
            raise RuntimeError("stop here")
        return self.last


@pytest.mark.parametrize("device", [None, "meta"])
@pytest.mark.parametrize("broken", [False, True])
def test_the_model_is_left_as_it_was(broken, device):
    model = Busy()
    model.conv.weight.requires_grad_(False)
    model.norm.eval()
    seen = []
    model.conv.register_forward_hook(lambda *_: seen.append(1))
    model(torch.rand(2, 3, 8, 8)).sum().backward()
    model.broken = broken
    before, last, fast = state(model), model.last, torch.backends.mha.get_fastpath_enabled()
    if broken:
        with pytest.raises(ValueError, match="RuntimeError: stop here"):
            profile(model, (3, 8, 8), device=device)
    else:
        profile(model, (3, 8, 8), device=device)
    assert same(state(model), before)
    assert (model.count, model.last) == (1, last)
    assert torch.is_grad_enabled() and torch.backends.mha.get_fastpath_enabled() == fast
    assert model(torch.rand(2, 3, 8, 8)).requires_grad if not broken else True


def test_activations_are_what_new_memory_the_results_take():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3),  # 4×6×6
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),  # 4×3×3
        nn.Dropout(),
        nn.Flatten(),
        nn.Linear(36, 5),
        nn.ReLU(),
    )
    layers = profile(model, (3, 8, 8), repeats=0).layers
    assert [layer.activation_bytes for layer in layers] == [4 * 144, 0, 4 * 36, 0, 0, 4 * 5, 4 * 5]
    assert profile(model.double(), (3, 8, 8), repeats=0).activation_bytes == 8 * (144 + 36 + 5 + 5)


def test_a_batch_changes_nothing_but_the_time():
    one, many = (profile(LeNet5(), (1, 32, 32), batch_size=n, repeats=1) for n in (1, 16))
    assert (one.macs, one.activation_bytes, one.parameters) == (
        many.macs,
        many.activation_bytes,
        many.parameters,
    )
    assert "16 at a time" in repr(many)


@pytest.mark.parametrize(
    ("model", "shape"), [(LeNet5(), (1, 32, 32)), (CNNModel(), (1, 28, 28)), (classic("resnet18"), IMAGENET)]
)
def test_the_receptive_field_is_that_of_the_formula(model, shape):
    if next(model.parameters()).is_meta:
        model = model.to_empty(device="cpu")
    result = profile(model, shape, repeats=0)
    assert result.total.receptive_field == receptive_field(model, shape).size


@pytest.mark.parametrize("name", ["features.3", "features.6", "features.16"])
def test_the_receptive_field_of_a_layer_is_that_of_the_layers_up_to_it(name):
    model = classic("vgg16")
    layers = {layer.name: layer for layer in profile(model, IMAGENET).layers}
    front = model.features[: int(name.split(".")[1]) + 1].to_empty(device="cpu")
    assert layers[name].receptive_field == receptive_field(front, IMAGENET).size


class Rolled(nn.Module):
    """A transposed convolution, whose field the formula does not know, then a shortcut around the rest."""

    def __init__(self):
        super().__init__()
        self.before, self.up, self.after = nn.Conv2d(1, 1, 3), nn.ConvTranspose2d(1, 1, 3), nn.Conv2d(1, 1, 3)

    def forward(self, x):
        y = self.up(self.before(x))
        return self.after(x + y)


def test_the_receptive_field_is_blank_where_it_is_not_defined():
    fields = {layer.name: layer.receptive_field for layer in profile(Rolled(), (1, 9, 9), repeats=0).layers}
    assert fields == {"": None, "before": (3, 3), "up": None, "after": None}
    no_image = profile(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), (4,), repeats=0)
    assert [layer.receptive_field for layer in no_image.layers] == [None, None]
    assert "field" not in repr(no_image)
    assert "The field is not known behind transposed convolution." in repr(
        profile(Rolled(), (1, 9, 9), repeats=0)
    )


def test_times_are_there_or_absent():
    result = profile(LeNet5(), (1, 32, 32), repeats=2)
    assert result.milliseconds > 0 and all(layer.milliseconds > 0 for layer in result.layers)
    for without in (profile(LeNet5(), (1, 32, 32), repeats=0), profile(LeNet5(), (1, 32, 32), device="meta")):
        assert without.milliseconds is None and all(layer.milliseconds is None for layer in without.layers)
        assert " ms" not in repr(without)


def test_a_layer_is_timed_without_what_is_inside_it(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(stopwatch, "_now", lambda device: clock[0])

    class Slow(nn.Module):
        def forward(self, x):
            clock[0] += 0.25
            return x

    model = nn.Sequential(nn.Sequential(Slow(), Slow()), Slow())
    result = profile(model, (2,), batch_size=2, repeats=1)
    times = {layer.name: layer.milliseconds for layer in result._modules}
    assert times == {"": 0, "0": 0, "0.0": 125, "0.1": 125, "1": 125}
    assert [block.milliseconds for block in result.blocks(1).layers] == [250, 125]
    assert result.milliseconds == 375


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "vit_b_16"])
@pytest.mark.parametrize("depth", [1, 2])
def test_blocks_add_up(name, depth):
    model = classic(name)
    result = profile(model, IMAGENET).blocks(depth)
    assert_adds_up(result, model)
    assert all(layer.name.count(".") < depth for layer in result.layers)
    modules = dict(model.named_modules())
    for layer in result.layers:
        assert layer.kind == type(modules[layer.name]).__name__
        if layer.name.count(".") == depth - 1 and layer.name:
            assert layer.parameters == sum(p.numel() for p in modules[layer.name].parameters())


def test_a_container_whose_layers_are_called_one_by_one_is_a_block():
    class OneByOne(nn.Module):
        def __init__(self):
            super().__init__()
            self.steps = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 2)])

        def forward(self, x):
            for step in self.steps:
                x = step(x)
            return x

    block = profile(OneByOne(), (4,), repeats=1).blocks(1).layers[0]
    assert (block.name, block.kind, block.macs, block.parameters) == ("steps", "ModuleList", 24, 30)
    assert block.milliseconds > 0


def test_the_three_forms_tell_the_same():
    result = profile(LeNet5(), (1, 32, 32), repeats=0)
    frame = result.to_frame()
    assert list(frame.index) == [layer.name for layer in result.layers]
    assert frame["macs"].sum() == result.macs and frame["flops"].sum() == result.flops
    assert frame.loc["features.0", "output"] == (6, 28, 28)
    text, html = repr(result), result._repr_html_()
    for layer in result.layers:
        line = next(line for line in text.splitlines() if line.startswith(layer.name))
        assert f"{layer.macs:,}".replace(",", " ") in line and layer.kind in line
        assert f">{layer.name}</td>" in html
    assert html.count("<tr>") == len(result.layers) + 2 == len(text.splitlines()) - 1
    assert "total" in text and "416 520" in html


def test_a_layer_that_gets_its_size_at_the_first_call():
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
    result = profile(model, (2, 4), repeats=0)
    assert (result.parameters, result.macs) == (27, 24)
    assert isinstance(model[1], nn.LazyLinear)


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        (LeNet5(), (1, 1, 32, 32), "without the batch"),
        (LeNet5(), (), "shape of one image"),
        (LeNet5(), (1, 0, 32), "shape of one image"),
        (nn.Bilinear(2, 2, 2), (2,), "TypeError"),
    ],
)
def test_what_cannot_be_profiled_is_said(model, shape, words):
    with pytest.raises(ValueError, match=words):
        profile(model, shape)


def test_a_model_that_cannot_be_copied_is_said():
    model = nn.Linear(2, 2)
    model.rows = (row for row in [])
    with pytest.raises(ValueError, match="cannot be copied"):
        profile(model, (2,))
