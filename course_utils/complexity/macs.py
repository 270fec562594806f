"""Counting multiply-accumulate operations (MACs) while PyTorch executes a computation. Notebook 11."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from course_utils.complexity.operations import arguments, name_of

Arguments = Mapping[str, Any]


def _attention(given: Arguments) -> int:
    """Scores and weighted values: every query meets every key twice."""
    query, key, value = given["query"].shape, given["key"].shape, given["value"].shape
    return math.prod(query[:-1]) * int(key[-2]) * int(query[-1] + value[-1])


def _recurrent(x: Tensor, weights: Sequence[Tensor]) -> int:
    """Every weight of every matrix is used once per step: x is (steps, images, features)."""
    return x.shape[0] * x.shape[1] * sum(w.numel() for w in weights if w.dim() == 2)


def _trilinear(given: Arguments) -> int:
    """The first two operands are multiplied and summed where the third has no dimension, then the third with these."""
    missing = [set(given[f"expand{i}"]) for i in (1, 2, 3)]
    n = given["i1"].dim() + len(missing[0])
    sizes = [1] * n
    for i, absent in enumerate(missing):
        present = (dim for dim in range(n) if dim not in absent)
        for dim, size in zip(present, given[f"i{i + 1}"].shape, strict=True):
            sizes[dim] = max(sizes[dim], size)
    summed_first = math.prod(sizes[dim] for dim in missing[2] if dim in given["sumdim"])
    return math.prod(sizes) + math.prod(sizes) // summed_first


# What torch's own counter leaves out: products with vectors, fused kernels of some devices (that of the CPU in
# PyTorch 2.14). Name of the operation → MACs from its arguments.
_OTHERS: dict[str, Callable[[Arguments], int]] = {
    "mv": lambda given: given["self"].numel(),
    "addmv": lambda given: given["mat"].numel(),
    "dot": lambda given: given["self"].numel(),
    "vdot": lambda given: given["self"].numel(),
    "addbmm": lambda given: given["batch1"].numel() * given["batch2"].shape[-1],
    "_addmm_activation": lambda given: given["mat1"].numel() * given["mat2"].shape[-1],
    "_trilinear": _trilinear,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_attention_math_for_mps": _attention,
    "_scaled_dot_product_fused_attention_overrideable": _attention,
    "mkldnn_rnn_layer": lambda given: _recurrent(given["input"], [given["weight0"], given["weight1"]]),
    "_cudnn_rnn": lambda given: _recurrent(given["input"], given["weight"]),
}

# Operations without matrix products, besides the pointwise ones, the reductions and the views, which PyTorch tags.
_FREE = set(
    """
    _adaptive_avg_pool2d _adaptive_avg_pool3d _cummax_helper _cummin_helper _local_scalar_dense _log_softmax
    _native_batch_norm_legit _native_batch_norm_legit_no_training _prelu_kernel _fused_rms_norm _reshape_alias
    _safe_softmax _softmax _to_copy _unsafe_index _unsafe_view adaptive_max_pool2d adaptive_max_pool3d affine_grid
    arange avg_pool2d avg_pool3d bernoulli bincount bucketize cat channel_shuffle clone col2im constant_pad_nd copy
    cudnn_batch_norm cummax cummin cumprod cumsum embedding empty empty_like empty_strided equal eye fill flip
    fractional_max_pool2d fractional_max_pool3d full full_like gather glu grid_sampler_2d grid_sampler_3d hardswish
    im2col index index_add index_copy index_fill index_put index_select is_same_size item kthvalue linspace
    logcumsumexp masked_scatter masked_select max max_pool2d_with_indices max_pool3d_with_indices max_unpool2d
    max_unpool3d median min miopen_batch_norm mode nanmedian native_batch_norm native_channel_shuffle native_dropout
    native_group_norm native_layer_norm new_empty new_empty_strided new_full new_ones new_zeros nonzero norm normal
    ones ones_like pixel_shuffle pixel_unshuffle rand rand_like randint randn randn_like randperm reflection_pad1d
    reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d
    replication_pad3d resize roll rrelu_with_noise scalar_tensor scatter scatter_add searchsorted set slice_scatter
    sort split split_with_sizes stack topk trace tril triu unbind unfold uniform unsafe_chunk unsafe_split
    unsafe_split_with_sizes upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d
    upsample_nearest2d upsample_nearest3d upsample_trilinear3d _upsample_bicubic2d_aa _upsample_bilinear2d_aa
    _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d zero zeros zeros_like
    """.split()
)


@dataclass(frozen=True)
class Operation:
    """One operation that PyTorch has executed.

    ``macs`` is None if it is not known how many it takes. ``new_bytes`` is the memory of its result, 0 for a view or
    an operation in place.
    """

    name: str
    macs: int | None
    new_bytes: int
    operands: list[object]


# torch leaves TorchDispatchMode without types
class CountMACs(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside this context each operation that PyTorch executes is given to ``report``.

    All of them are seen: those of a layer, of a function of ``torch.nn.functional``, of ``@`` and ``einsum``. A MAC
    is one multiplication and the addition that follows; those of convolutions and matrix products count, those of
    batch norm, pooling and activations do not.
    """

    def __init__(self, report: Callable[[Operation], None]):
        super().__init__()  # type: ignore[no-untyped-call]
        self.report = report

    def __torch_dispatch__(
        self,
        func: OpOverload[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        if (
            func.overloadpacket not in flop_registry
            and name_of(func) not in _OTHERS
            and func is not torch.ops.prim.device.default
        ):
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        operands = tree_leaves((args, kwargs))
        macs = _macs(func, args, kwargs, result)
        self.report(Operation(name_of(func), macs, _new_bytes(result, operands), operands))
        return result


def _macs(
    func: OpOverload[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], result: object
) -> int | None:
    if func.overloadpacket in flop_registry:
        # a multiplication and an addition are two operations there
        return int(flop_registry[func.overloadpacket](*args, **kwargs, out_val=result)) // 2
    if (name := name_of(func)) in _OTHERS:
        return _OTHERS[name](arguments(func, args, kwargs))
    free = name in _FREE or func.is_view or {torch.Tag.pointwise, torch.Tag.reduction} & set(func.tags)
    returns_tensors = any(isinstance(leaf, Tensor) for leaf in tree_leaves(result))
    return 0 if free or not returns_tensors else None


def _new_bytes(result: object, operands: Sequence[object]) -> int:
    """Bytes of the first tensor among the results (others are by-products, such as pooling's indices)."""
    out = next((t for t in tree_leaves(result) if isinstance(t, Tensor)), None)
    if out is None:
        return 0
    known = {t.untyped_storage()._cdata for t in operands if isinstance(t, Tensor)}
    return 0 if out.untyped_storage()._cdata in known else out.numel() * out.element_size()
