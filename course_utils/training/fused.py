"""The fused form of an optimizer, which updates all parameters in one call and is the fastest."""

import torch
from torch import Tensor
from torch.optim import Optimizer


def use_fused_step(optimizer: Optimizer) -> None:
    """Let a new SGD, Adam or AdamW update all parameters in one fused call.

    Nothing is changed if the user chose an implementation, or the optimizer already has a state.
    """
    if type(optimizer) not in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW) or optimizer.state:
        return
    for group in optimizer.param_groups:
        plain = all(
            p.is_floating_point() and p.device.type in ("cpu", "cuda", "mps") for p in group["params"]
        )
        free = group["fused"] is None and group["foreach"] is None and not group["differentiable"]
        if plain and free and not isinstance(group["lr"], Tensor):
            group["fused"] = True
