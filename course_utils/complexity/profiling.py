"""Measuring a network layer by layer: ``complexity.profile``. Notebook 11."""

import contextlib
import copy

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_leaves

from course_utils.complexity.field_tracking import FollowField
from course_utils.complexity.layer_table import Layer, Profile
from course_utils.complexity.macs import CountMACs
from course_utils.complexity.stopwatch import seconds, seconds_by_layer


def count_parameters(model: nn.Module) -> int:
    """How many numbers ``model`` learns: the sizes of all its parameters, shared ones counted once. Notebook 07."""
    return sum(p.numel() for p in model.parameters())


def profile(
    model: nn.Module,
    input_shape: tuple[int, ...],
    *,
    batch_size: int = 1,
    device: str | torch.device | None = None,
    repeats: int = 5,
) -> Profile:
    """Measure what ``model`` costs for one image: parameters, MACs, FLOPs, activation memory, receptive field, time.

    Everything is measured on a copy in evaluation mode; the model stays as it is. What is counted are the
    operations that PyTorch carries out, so functional calls, ``@`` and raw parameters count like layers. A module
    called twice has its parameters counted once and its MACs twice. A MAC is one multiplication and one
    addition of a convolution, a matrix product or an attention; FLOPs are 2·MACs.

    Args:
        model: any network that takes one tensor of numbers.
        input_shape: the shape of one image without the batch, for example ``(3, 224, 224)``.
        batch_size: images that go through together while the time is taken; times are for one image all the same.
        device: where to measure; the model's own device if left out. On ``"meta"`` there are shapes and no
            numbers: everything but the time, at once, whatever the network's size.
        repeats: the time is the fastest of so many passes; 0 leaves it out.

    Raises:
        ValueError: the model cannot be copied, or cannot take such an image.

    Notebook 11; used from there on.
    """
    if not input_shape or min(input_shape) < 1 or batch_size < 1 or repeats < 0:
        raise ValueError(
            f"input_shape is the shape of one image, for example (3, 32, 32), batch_size at least 1; "
            f"got {tuple(input_shape)}, batch_size={batch_size}, repeats={repeats}."
        )
    device = torch.device(device or _device_of(model))
    model = evaluation_copy(model, device)
    with torch.no_grad(), _random_numbers_kept(device):
        batch = _random_batch(model, (batch_size, *input_shape), device)
        total, modules = _count(model, batch[:1])
        if device.type != "meta" and repeats:
            total.milliseconds = 1000 * seconds(model, batch, repeats) / batch_size
            for name, time in seconds_by_layer(model, batch, repeats).items():
                modules[name].milliseconds = 1000 * time / batch_size
    image = "×".join(map(str, input_shape))
    about = f"For one {image} image on {device}" + (f", {batch_size} at a time." if batch_size > 1 else ".")
    return Profile(total, list(modules.values()), about)


def _count(model: nn.Module, image: Tensor) -> tuple[Layer, dict[str, Layer]]:
    """Send one image through: the total, and what each module does by itself, in the order of their first calls."""
    modules = {module: Layer(name, type(module).__name__) for name, module in model.named_modules()}
    root, called, used = modules[model], {}, set()
    running = [root]

    def begin(module, args):
        layer = called[modules[module].name] = modules[module]
        layer.calls += 1
        running.append(layer)

    def end(module, args, output):
        layer, tensors = running.pop(), [t for t in tree_leaves(output) if isinstance(t, Tensor)]
        layer.output = tuple(tuple(t.shape[1:]) for t in tensors)
        layer.receptive_field = _field_size(tensors)

    def report(macs, new_bytes, operands):
        running[-1].macs += macs
        running[-1].activation_bytes += new_bytes
        used.update(map(id, operands))

    with _hooks(modules, begin, end), _attention_in_steps(), _fields_followed(image), CountMACs(report):
        _forward(model, image)
    seen = set()
    for module, layer in modules.items():
        own = {id(p): p.numel() for p in module.parameters(recurse=False) if id(p) not in seen}
        seen |= set(own)
        layer.parameters, layer.used = sum(own.values()), bool(layer.calls or used & set(own))
    ordered = called | {layer.name: layer for layer in modules.values() if layer.name not in called}
    total = Layer("", root.kind, 1, root.output, receptive_field=root.receptive_field)
    for what in ("parameters", "macs", "activation_bytes"):
        setattr(total, what, sum(getattr(layer, what) for layer in ordered.values()))
    return total, ordered


def _field_size(outputs: list[Tensor]) -> tuple[int, int] | None:
    field = getattr(outputs[0], "field", None) if outputs else None
    return field and tuple(axis.size for axis in field)


def _fields_followed(image: Tensor):
    return FollowField(image, strict=False) if image.dim() == 4 else contextlib.nullcontext()


@contextlib.contextmanager
def _hooks(modules, begin, end):
    handles = [module.register_forward_pre_hook(begin) for module in modules]
    handles += [module.register_forward_hook(end) for module in modules]
    yield
    for handle in handles:
        handle.remove()


@contextlib.contextmanager
def _attention_in_steps():
    """nn.MultiheadAttention has a fast path, one operation that hides what is multiplied: not while we count."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextlib.contextmanager
def _random_numbers_kept(device: torch.device):
    """The generators of the CPU and of ``device`` go on afterwards as if nothing had happened."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        before = torch.mps.get_rng_state() if device.type == "mps" else None
        try:
            yield
        finally:
            if before is not None:
                torch.mps.set_rng_state(before)


def evaluation_copy(model: nn.Module, device: torch.device) -> nn.Module:
    """A copy on ``device`` in evaluation mode; one on "meta" takes no memory."""
    # results of an earlier pass that the model keeps: PyTorch copies no tensor that has a graph behind it
    values = [value for module in model.modules() for value in vars(module).values()]
    made = {id(v): v.detach() for v in values if isinstance(v, Tensor) and not v.is_leaf}
    if device.type == "meta":
        parameters = [p for p in model.parameters() if not is_lazy(p)]
        made |= {id(p): nn.Parameter(p.detach().to(device), p.requires_grad) for p in parameters}
    try:
        return copy.deepcopy(model, made).to(device).eval()
    except (TypeError, RuntimeError) as error:
        raise ValueError(
            f"The model cannot be copied, and profile works on a copy: {error}\n"
            "Try: copy.deepcopy(model) yourself; something that the model holds besides its layers is in the way."
        ) from error


def _device_of(model: nn.Module) -> torch.device:
    return next((t.device for t in [*model.parameters(), *model.buffers()]), torch.device("cpu"))


def _random_batch(model: nn.Module, shape: tuple[int, ...], device: torch.device) -> Tensor:
    dtypes = [p.dtype for p in model.parameters() if p.dtype.is_floating_point]
    batch = torch.rand(shape, generator=torch.Generator().manual_seed(0), device="cpu")
    return batch.to(device, dtypes[0] if dtypes else None)


def _forward(model: nn.Module, image: Tensor) -> None:
    try:
        model(image)
    except Exception as error:  # whatever the student's network stumbles over
        raise ValueError(
            f"The model stopped at an image of shape {tuple(image.shape[1:])}: {type(error).__name__}: {error}\n"
            "Try: model(torch.zeros(1, *input_shape)); input_shape is the shape of one image, without the batch."
        ) from error
