"""The rule of each operation for receptive fields: equal to the gradient's, or refused with the operation's name."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.complexity import profile, receptive_field, receptive_field_by_gradient

CHANNELS, PIXELS = 4, 16


class Around(nn.Module):
    """A function behind a convolution, which has padding if its stride is 2."""

    def __init__(self, function, stride=1):
        super().__init__()
        self.function = function
        self.before = nn.Conv2d(CHANNELS, CHANNELS, 3, stride, padding=stride - 1)

    def forward(self, x):
        return self.function(self.before(x))


def of_the_centre(field, outputs):
    """The part of the image that the central output sees, without the padding."""
    sizes = []
    for size, jump, start, n in zip(*field, outputs, strict=True):
        start += n // 2 * jump
        sizes.append(min(start + size, PIXELS) - max(start, 0))
    return tuple(sizes)


def conv1d(x, kernel):
    weight = torch.ones(CHANNELS, CHANNELS, kernel, dtype=x.dtype)
    return F.conv1d(x.flatten(2), weight, padding=kernel // 2).view(x.shape)


def attention(x):
    tokens = x.flatten(2).mT
    return F.scaled_dot_product_attention(*[tokens[:, None]] * 3)[:, 0].mT.reshape(x.shape)


def class_token(x):
    tokens = torch.cat([torch.ones(1, 1, CHANNELS, dtype=x.dtype), x.flatten(2).mT], 1)
    seen = F.scaled_dot_product_attention(tokens, tokens, tokens)[:, 0]
    return x + seen[:, :, None, None]


def attention_by_products(x):
    tokens = x.flatten(2).mT
    return ((tokens @ tokens.mT).softmax(-1) @ tokens).mT.reshape(x.shape)


def in_place(x, function):
    x = x.clone()
    function(x[:, :2])
    return x


def channel_attention(x):
    return x * F.adaptive_avg_pool2d(x, 1).sigmoid()


def spatial_attention(x):
    maps = torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True)[0]], 1)
    return x * F.avg_pool2d(maps, 5, 1, 2).mean(1, keepdim=True).sigmoid()


def filled(x):
    parts = torch.zeros_like(x)
    parts[:, :] = F.avg_pool2d(x, 3, 1, 1)
    return parts


def as_channels_last(x, function):
    return function(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def linear(x, outputs=3):
    return F.linear(x, torch.ones(outputs, x.shape[-1], dtype=x.dtype))


EQUAL = {
    # along a dimension, or all
    "softmax of channels": lambda x: x.softmax(1),
    "softmax of rows": lambda x: x.softmax(2),
    "log softmax of columns": lambda x: x.log_softmax(-1),
    "sum of channels so far": lambda x: x.cumsum(1),
    "channels turned round": lambda x: x.flip(1).roll(1, 1),
    "sorted channels": lambda x: x.sort(1)[0],
    "sorted rows": lambda x: x.sort(2)[0],
    "largest rows": lambda x: x.topk(3, 2)[0],
    "spectrum of channels": lambda x: torch.fft.fft(x, dim=1).abs(),
    "mean of rows": lambda x: x + x.mean(2, keepdim=True),
    "mean of columns, repeated": lambda x: x.mean(3, keepdim=True).expand_as(x),
    "sum of exponentials": lambda x: x - x.logsumexp((1, 2), keepdim=True),
    "maximum of all": lambda x: x / x.max(),
    "maximum of places": lambda x: x - x.amax((2, 3), keepdim=True),
    "minimum of all": lambda x: x - x.min(),
    "median of columns": lambda x: x - x.median(3, keepdim=True)[0],
    "maximum of flattened places": lambda x: x + x.flatten(2).max(2)[0][:, :, None, None],
    "larger of two": lambda x: torch.maximum(x, F.avg_pool2d(x, 3, 1, 1)),
    "one of two": lambda x: torch.where(x > 0, x, F.max_pool2d(x, 3, 1, 1)),
    # normalization
    "instance norm": F.instance_norm,
    "batch norm with its own statistics": lambda x: F.batch_norm(x, None, None, training=True),
    "group norm": lambda x: F.group_norm(x, 2),
    "layer norm of columns": lambda x: F.layer_norm(x, x.shape[3:]),
    "layer norm of all": lambda x: F.layer_norm(x, x.shape[1:]),
    "layer norm of channels": lambda x: as_channels_last(x, lambda y: F.layer_norm(y, y.shape[3:])),
    "rms norm of columns": lambda x: F.rms_norm(x, x.shape[3:]),
    "local response norm": lambda x: F.local_response_norm(x, 3),
    "unit length of channels": lambda x: F.normalize(x, dim=1),
    "unit length of columns": lambda x: F.normalize(x, dim=3),
    "standard score": lambda x: (x - x.mean()) / x.std(),
    # products
    "linear layer of channels": lambda x: as_channels_last(x, linear),
    "einsum of channels": lambda x: torch.einsum("bchw,dc->bdhw", x, torch.ones(3, CHANNELS, dtype=x.dtype)),
    "product over rows": lambda x: torch.ones(5, x.shape[2], dtype=x.dtype) @ x,
    "attention": attention,
    "attention by products": attention_by_products,
    "attention with a class token": class_token,
    "1-d convolution of flattened places": lambda x: conv1d(x, 1),
    "3-d convolution": lambda x: F.conv3d(x[:, None], torch.ones(1, 1, 3, 3, 3, dtype=x.dtype))[:, 0],
    "attention of channels": channel_attention,
    "attention of places": spatial_attention,
    # windows
    "max pooling with indices": lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True)[0],
    "power pooling": lambda x: F.lp_pool2d(x, 2, 2),
    "3-d pooling": lambda x: F.avg_pool3d(x[:, None], (1, 3, 3))[:, 0],
    "adaptive pooling of columns": lambda x: F.adaptive_avg_pool2d(x, (None, 1)),
    "strips": lambda x: F.adaptive_avg_pool2d(x, (1, None)) * F.adaptive_avg_pool2d(x, (None, 1)),
    "every second pixel": lambda x: x[:, :, 1::2, ::3],
    "a crop": lambda x: x[..., 1:, -5:],
    "padding": lambda x: F.pad(x, (1, 1, 1, 1), mode="replicate"),
    "negative padding": lambda x: F.pad(x, (-1, -2, 0, 1)),
    # order and shape
    "rows and columns exchanged": lambda x: x.transpose(2, 3),
    "parts of the channels": lambda x: torch.stack(x.chunk(2, 1)[1].unbind(1)[::-1], 1),
    "shuffled channels": lambda x: F.channel_shuffle(x, 2),
    "shuffled channels by views": lambda x: x.view(1, 2, 2, *x.shape[2:]).transpose(1, 2).reshape(x.shape),
    "flattened and back": lambda x: x.flatten(2).mT.relu().mT.unflatten(2, x.shape[2:]),
    "a constant of the same shape": lambda x: x + torch.zeros_like(F.avg_pool2d(x, 3, 1, 1)),
    "a part changed in place": lambda x: in_place(x, torch.relu_),
    "a gated half": lambda x: F.glu(x, 1),
    "flat activations": lambda x: F.hardswish(F.relu6(F.hardtanh(x, -0.1, 0.1))),
}


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", EQUAL)
def test_the_formula_equals_the_gradient(name, stride):
    model, shape = Around(EQUAL[name], stride), (CHANNELS, PIXELS, PIXELS)
    outputs = model(torch.ones(1, *shape)).shape[2:]
    assert (
        of_the_centre(receptive_field(model, shape), outputs)
        == receptive_field_by_gradient(model, shape).size
    )


REFUSED = [
    ("cumsum", lambda x: x.cumsum(2)),
    ("cumprod", lambda x: x.cumprod(3)),
    ("cummax", lambda x: x.cummax(2)[0]),
    ("flip", lambda x: x.flip(3)),
    ("roll", lambda x: x.roll(1, 2)),
    ("grid_sampler_2d", lambda x: F.grid_sample(x, torch.zeros(1, 5, 5, 2), align_corners=False)),
    ("upsample_nearest2d", lambda x: F.interpolate(x, scale_factor=2)),
    ("upsample_bilinear2d", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")),
    ("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, 3)),
    ("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2)),
    ("im2col", lambda x: F.unfold(x, 3)),
    ("unfold", lambda x: x.unfold(2, 3, 1).mean(-1)),
    ("split", lambda x: x.chunk(2, 2)[0]),
    ("select", lambda x: x[:, :, 1:].select(2, 0)[:, :, None]),
    ("unbind", lambda x: torch.stack(x.unbind(2), 2)),
    ("repeat", lambda x: x.repeat(1, 1, 2, 1)),
    ("index", lambda x: x[:, :, [1, 0]]),
    ("gather", lambda x: x.gather(2, torch.zeros(1, CHANNELS, 3, x.shape[3]).long())),
    ("copy", lambda x: F.pad(x, (1, 1, 1, 1), mode="circular")),
    ("add_", lambda x: in_place(x, lambda half: half.add_(F.avg_pool2d(x, 3, 1, 1)[:, :2]))),
    ("copy", filled),
    ("view", lambda x: x.view(1, CHANNELS, 7, 2, -1).sum(3)),
    ("convolution", lambda x: conv1d(x, 3)),
    ("transposed convolution", lambda x: F.conv_transpose2d(x, torch.ones(CHANNELS, 1, 2, 2), stride=2)),
    ("sub", lambda x: x.diff(dim=2)),
    ("mul", lambda x: x[:, :, :4, :4] * x[:, :, -2:, -2:].mean((2, 3), keepdim=True)),
    ("cdist_forward", lambda x: torch.cdist(x, x)),
]


@pytest.mark.parametrize(("name", "function"), REFUSED)
def test_what_has_no_rule_is_named(name, function):
    model, shape = Around(function), (CHANNELS, PIXELS, PIXELS)
    with pytest.raises(
        ValueError, match=f"through the operation '{name}_?'.*\n.*receptive_field_by_gradient"
    ):
        receptive_field(model, shape)
    result = profile(model, shape, repeats=0)
    assert result.total.receptive_field is None
    assert f"The field is not known behind {name}" in repr(result)


@pytest.mark.parametrize(
    "function",
    [lambda x: x + x.transpose(2, 3), lambda x: x.repeat_interleave(2, 2), lambda x: torch.cat([x, x], 2)],
    ids=["a place and its mirror image", "each row twice", "all rows twice"],
)
def test_an_output_whose_index_does_not_tell_what_it_sees_is_refused(function):
    with pytest.raises(ValueError, match="does not know which rectangle"):
        receptive_field(Around(function), (CHANNELS, PIXELS, PIXELS))


def test_an_operation_without_a_rule_does_not_matter_where_all_is_seen():
    model = Around(lambda x: F.interpolate(F.instance_norm(x), scale_factor=2).flip(2))
    assert receptive_field(model, (CHANNELS, PIXELS, PIXELS)).size == (PIXELS, PIXELS)


@pytest.mark.parametrize(
    "norm", [nn.InstanceNorm2d(CHANNELS), nn.BatchNorm2d(CHANNELS, track_running_stats=False), nn.Softmax(1)]
)
def test_layers_that_look_like_pointwise_ones(norm):
    model = nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 3), norm)
    size = (3, 3) if isinstance(norm, nn.Softmax) else (PIXELS, PIXELS)
    assert receptive_field(model, (CHANNELS, PIXELS, PIXELS)).size == size
    assert receptive_field_by_gradient(model, (CHANNELS, PIXELS, PIXELS)).size == size


@pytest.mark.parametrize(
    "choose",
    [
        lambda x: x.flatten(2).max(2)[0],
        lambda x: x.flatten(2).min(dim=2).values,
        lambda x: x.flatten(2).topk(2)[0],
        lambda x: x.flatten(2).kthvalue(3).values,
        lambda x: x.quantile(0.5),
        lambda x: torch.aminmax(x).max,
        lambda x: F.adaptive_max_pool2d(x, 1, return_indices=True)[0],
        lambda x: F.max_pool1d(x.flatten(2), 14 * 14),
        lambda x: torch.max(x.sort(3)[0], dim=2)[0],
    ],
)
def test_the_gradient_reaches_all_that_could_have_been_chosen(choose):
    assert receptive_field_by_gradient(Around(choose), (CHANNELS, PIXELS, PIXELS)).size == (PIXELS, PIXELS)
