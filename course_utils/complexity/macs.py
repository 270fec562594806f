"""Counting multiply-accumulate operations (MACs) while PyTorch carries out a computation. Notebook 11."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

aten = torch.ops.aten


def _attention(query: Tensor, key: Tensor, value: Tensor, *_, **__) -> int:
    """Scores and weighted values: every query meets every key twice."""
    return query.numel() * key.shape[-2] + query.shape[:-1].numel() * key.shape[-2] * value.shape[-1]


def _recurrent(x: Tensor, weights: list[Tensor]) -> int:
    """Every weight of every matrix is used once a step: x is (steps, images, features)."""
    return x.shape[0] * x.shape[1] * sum(w.numel() for w in weights if w.dim() == 2)


# What torch's own counter leaves out: products with vectors, fused kernels of some devices (that of the CPU in
# PyTorch 2.14). Tensors → MACs.
_OTHERS = {
    "mv": lambda matrix, *_, **__: matrix.numel(),
    "addmv": lambda _, matrix, *__, **___: matrix.numel(),
    "dot": lambda a, *_, **__: a.numel(),
    "vdot": lambda a, *_, **__: a.numel(),
    "addbmm": lambda _, a, b, **__: a.numel() * b.shape[-1],
    "_addmm_activation": lambda _, a, b, **__: a.numel() * b.shape[-1],
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_attention_math_for_mps": _attention,
    "_scaled_dot_product_fused_attention_overrideable": _attention,
    "mkldnn_rnn_layer": lambda x, *weights, **_: _recurrent(x, weights[:2]),
    "_cudnn_rnn": lambda x, weights, *_, **__: _recurrent(x, weights),
}
_OTHERS = {getattr(aten, name): count for name, count in _OTHERS.items() if hasattr(aten, name)}


class CountMACs(TorchDispatchMode):
    """Inside this context each operation calls ``report(macs, new_bytes, operands)``.

    It sees every operation that PyTorch carries out, whoever asked for it: a layer, a function of
    ``torch.nn.functional``, ``@``, ``einsum``. A MAC is one multiplication and the addition that follows; those of
    convolutions and matrix products count, those of batch norm, pooling and activations do not.

    Args:
        report: is given the MACs, the bytes of new memory that the result takes (nothing for a view or an
            operation in place), and the operands.
    """

    def __init__(self, report: Callable[[int, int, list], None]):
        super().__init__()
        self.report = report

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs, packet = kwargs or {}, func.overloadpacket
        if (
            packet not in flop_registry
            and packet not in _OTHERS
            and func is not torch.ops.prim.device.default
        ):
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        operands = tree_leaves((args, kwargs))
        self.report(_macs(packet, args, kwargs, result), _new_bytes(result, operands), operands)
        return result


def _macs(packet, args: tuple, kwargs: dict, result) -> int:
    if packet in flop_registry:  # a multiplication and an addition are two operations there
        return flop_registry[packet](*args, **kwargs, out_val=result) // 2
    return _OTHERS[packet](*args, **kwargs) if packet in _OTHERS else 0


def _new_bytes(result, operands: list) -> int:
    """Bytes of the first tensor among the results (others are by-products, such as pooling's indices)."""
    out = next((t for t in tree_leaves(result) if isinstance(t, Tensor)), None)
    if out is None:
        return 0
    known = {t.untyped_storage()._cdata for t in operands if isinstance(t, Tensor)}
    return 0 if out.untyped_storage()._cdata in known else out.numel() * out.element_size()
