"""Names, families and arguments of the operations that PyTorch executes: those of ATen, its library."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch._ops import OpOverload

# Families of operations that do the same to a receptive field. First the views of all numbers in another shape.
VIEWS = frozenset("view _unsafe_view _reshape_alias view_copy".split())
# Each output depends on the numbers at its own place; those that PyTorch tags as pointwise need not be listed.
UNCHANGED = frozenset(
    """
    _prelu_kernel _to_copy alias channel_shuffle clone detach expand hardswish lift lift_fresh
    native_channel_shuffle native_dropout rrelu_with_noise tril triu
    """.split()
)
# They have no rule along the dimensions that they are given; along the others they leave all unchanged.
ALONG = frozenset(
    """
    cat cummax cummin cumprod cumsum flip gather glu index_select logcumsumexp repeat roll split split_with_sizes
    unsafe_split unsafe_split_with_sizes
    """.split()
)
# They take one index of a dimension, or each of them.
SELECTIONS = frozenset(("select", "unbind"))
REDUCTIONS = frozenset(
    """
    all amax amin aminmax any argmax argmin count_nonzero kthvalue linalg_vector_norm logsumexp max mean median min
    mode nanmedian nansum norm prod std std_mean sum var var_mean
    """.split()
)
# Each output depends on everything along some dimensions, which remain.
MIXERS = frozenset("_softmax _log_softmax _safe_softmax sort topk _fft_r2c _fft_c2c _fft_c2r".split())
BATCH_NORMS = frozenset(
    "native_batch_norm cudnn_batch_norm miopen_batch_norm _native_batch_norm_legit".split()
)
POOLS = frozenset("avg_pool2d avg_pool3d max_pool2d_with_indices max_pool3d_with_indices".split())
ADAPTIVE_POOLS = frozenset(
    "_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d".split()
)
PADS = frozenset(
    """
    constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d
    replication_pad3d
    """.split()
)

# Operations without matrix products, besides the pointwise ones, the reductions and the views, which PyTorch tags.
FREE = frozenset(
    """
    _adaptive_avg_pool2d _adaptive_avg_pool3d _cummax_helper _cummin_helper _fused_rms_norm
    _local_scalar_dense _log_softmax _native_batch_norm_legit _native_batch_norm_legit_no_training
    _prelu_kernel _reshape_alias _safe_softmax _softmax _to_copy _unsafe_index _unsafe_view
    _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact1d _upsample_nearest_exact2d
    _upsample_nearest_exact3d adaptive_max_pool2d adaptive_max_pool3d arange as_strided
    avg_pool2d avg_pool3d bernoulli bincount bucketize cat channel_shuffle clone col2im constant_pad_nd copy
    cudnn_batch_norm cummax cummin cumprod cumsum detach embedding empty empty_like empty_strided equal eye
    fill flip fractional_max_pool2d fractional_max_pool3d full full_like gather glu grid_sampler_2d
    grid_sampler_3d hardswish im2col index index_add index_copy index_fill index_put index_select
    is_same_size item kthvalue linspace logcumsumexp masked_scatter masked_select max
    max_pool2d_with_indices max_pool3d_with_indices max_unpool2d max_unpool3d median min miopen_batch_norm
    mode nanmedian native_batch_norm native_channel_shuffle native_dropout native_group_norm
    native_layer_norm new_empty new_empty_strided new_full new_ones new_zeros nonzero norm normal ones
    ones_like pixel_shuffle pixel_unshuffle rand rand_like randint randn randn_like randperm
    reflection_pad1d reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d
    replication_pad2d replication_pad3d resize roll rrelu_with_noise scalar_tensor scatter scatter_add
    searchsorted set slice_scatter sort split split_with_sizes squeeze stack swapaxes t topk trace transpose
    tril triu unbind unfold uniform unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze
    upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
    upsample_nearest3d upsample_trilinear3d zero zeros zeros_like
    """.split()
)


def name_of(func: OpOverload[..., Any]) -> str:
    """ATen's name, the same in place and out of place; that of another library with its namespace."""
    name = func.overloadpacket.__name__
    return name.rstrip("_") if func.namespace == "aten" else f"{func.namespace}::{name}"


def arguments(func: OpOverload[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of a call by name, with the default values of those left out."""
    expected = func._schema.arguments
    defaults = {a.name: a.default_value for a in expected if a.has_default_value()}
    return defaults | {a.name: value for a, value in zip(expected, args, strict=False)} | dict(kwargs)
