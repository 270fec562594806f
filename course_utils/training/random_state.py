"""The state of all random number generators: a run that continues needs it to repeat bit for bit."""

import random
from typing import Any, TypedDict

import numpy
import torch
from torch import Tensor


class RandomState(TypedDict):
    """The states of torch's generators, per device, of Python's, of NumPy's, and of those of DataLoaders."""

    cpu: Tensor
    cuda: list[Tensor]
    python: tuple[Any, ...]
    numpy: dict[str, Any]
    loaders: list[Tensor]


def get(generators: list[torch.Generator]) -> RandomState:
    """The states of the global generators and of ``generators``, as tensors and plain values."""
    of_numpy = dict(numpy.random.get_state(legacy=False))
    of_numpy["state"] = {"key": of_numpy["state"]["key"].tolist(), "pos": of_numpy["state"]["pos"]}
    return {
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "python": random.getstate(),
        "numpy": of_numpy,
        "loaders": [generator.get_state() for generator in generators],
    }


def restore(state: RandomState, generators: list[torch.Generator]) -> None:
    """Put the generators back to a state that ``get`` returned."""
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    random.setstate(state["python"])
    key = numpy.array(state["numpy"]["state"]["key"], dtype=numpy.uint32)
    numpy.random.set_state(state["numpy"] | {"state": state["numpy"]["state"] | {"key": key}})
    # zip ends early if the run was saved with other loaders
    for generator, saved in zip(generators, state["loaders"], strict=False):
        generator.set_state(saved)
