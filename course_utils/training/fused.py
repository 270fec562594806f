"""The fused form of an optimizer, which updates all parameters in one call and is the fastest."""

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

# what an optimizer stores per parameter group: numbers by name, and the parameters
Group = dict[str, Any]


def use_fused_step(optimizer: Optimizer) -> list[Group]:
    """Let SGD, Adam or AdamW update all parameters in one fused call; return the parameter groups that do.

    Nothing is changed if the user chose an implementation, or if gradients or state do not allow it.
    """
    if type(optimizer) not in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW):
        return []
    groups = [group for group in optimizer.param_groups if _is_free(group) and _is_plain(group, optimizer)]
    for group in groups:
        group["fused"] = True
    return groups


def _is_free(group: Group) -> bool:
    """Whether the user left the choice of the implementation to PyTorch."""
    chosen = group["fused"] is not None or group["foreach"] is not None
    return not (chosen or group["differentiable"] or isinstance(group["lr"], Tensor))


def _is_plain(group: Group, optimizer: Optimizer) -> bool:
    """Whether parameters, gradients and state are as the fused form needs them."""
    for p in group["params"]:
        if not p.is_floating_point() or p.device.type not in ("cpu", "cuda", "mps"):
            return False
        if p.grad is not None and p.grad.is_sparse:
            return False
        step = optimizer.state[p].get("step") if p in optimizer.state else None
        if step is not None and (step.dtype != torch.float32 or step.device != p.device):
            return False
    return True
