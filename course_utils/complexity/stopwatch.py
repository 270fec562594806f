"""How long a network takes for a batch, as a whole and layer by layer. Notebook 11.

The fastest of several passes counts: whatever else the machine does can only make a pass longer.
"""

import time
from collections import defaultdict

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
    """The time that each module of ``model`` takes by itself, that of the modules inside it taken off.

    Returns:
        name of the module → seconds of all its calls in one pass, the fewest of ``repeats`` passes.

    The stopwatch takes some microseconds a module itself, so the parts add up to more than :func:`seconds`.
    """
    times, running, handles = defaultdict(list), [], []

    def start(module, args):
        running.append([_now(batch.device), 0.0])  # started at, time of the modules inside

    def stop(module, args, output):
        begun, inside = running.pop()
        elapsed = _now(batch.device) - begun
        own[names[module]] += elapsed - inside
        if running:
            running[-1][1] += elapsed

    names = {module: name for name, module in model.named_modules()}
    try:
        for module in names:
            handles += [module.register_forward_pre_hook(start), module.register_forward_hook(stop)]
        with torch.no_grad():
            for _ in range(repeats):
                own = defaultdict(float)
                model(batch)
                for name, elapsed in own.items():
                    times[name].append(elapsed)
    finally:
        for handle in handles:
            handle.remove()
    return {name: min(passes) for name, passes in times.items()}


def _now(device: torch.device) -> float:
    """Seconds, once ``device`` has done all that it was given: a GPU works on while Python runs ahead."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter()
