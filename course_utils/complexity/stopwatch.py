"""How long a network takes for a batch, as a whole and layer by layer. Notebook 11.

The fastest of several passes counts: everything else that runs on the machine can only make a pass longer.
"""

import time
from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor, nn


def seconds(model: nn.Module, batch: Tensor, repeats: int = 5) -> float:
    """The time of one forward pass without gradients: the fastest of ``repeats``, after one to warm up."""
    times = []
    with torch.no_grad():
        for _ in range(repeats + 1):
            start = _now(batch.device)
            model(batch)
            times.append(_now(batch.device) - start)
    return min(times[1:])


def seconds_by_layer(model: nn.Module, batch: Tensor, repeats: int = 5) -> dict[str, float]:
    """The time that each module of ``model`` takes by itself, without that of the modules inside it.

    Returns:
        name of the module → seconds of all its calls in one pass, the minimum over ``repeats`` passes.

    The stopwatch itself takes some microseconds per module, so the parts add up to more than :func:`seconds`.
    """
    times = defaultdict[str, list[float]](list)
    for _ in range(repeats):
        for name, elapsed in _one_pass(model, batch).items():
            times[name].append(elapsed)
    return {name: min(passes) for name, passes in times.items()}


@dataclass
class _Call:
    """A module that is running: when it began, and the seconds spent so far in the modules inside it."""

    begun: float
    inside: float = 0.0


def _one_pass(model: nn.Module, batch: Tensor) -> dict[str, float]:
    """Seconds of each module by itself, in one pass of ``batch``."""
    names = {module: name for name, module in model.named_modules()}
    own = defaultdict[str, float](float)
    running: list[_Call] = []

    def start(module: nn.Module, args: object) -> None:
        running.append(_Call(_now(batch.device)))

    def stop(module: nn.Module, args: object, output: object) -> None:
        call = running.pop()
        elapsed = _now(batch.device) - call.begun
        own[names[module]] += elapsed - call.inside
        if running:
            running[-1].inside += elapsed

    handles = [module.register_forward_pre_hook(start) for module in names]
    handles += [module.register_forward_hook(stop) for module in names]
    try:
        with torch.no_grad():
            model(batch)
    finally:
        for handle in handles:
            handle.remove()
    return own


def _now(device: torch.device) -> float:
    """Seconds, once ``device`` has finished all its work: a GPU computes while Python runs ahead."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter()
