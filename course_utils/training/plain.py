"""The plain values that a checkpoint may hold: what ``torch.load`` reads without running code."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy
import torch
from torch import Tensor

from course_utils.training.errors import CheckpointError

# tensors and plain values by name, nested; each reader knows the type of its part
State = dict[str, Any]

PLAIN = (Tensor, bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device, torch.Size)


def plain(value: object, where: str = "state") -> Any:
    """Return ``value`` with NumPy's scalars as Python's, at any depth.

    Args:
        value: tensors, numbers, strings, and lists, tuples and dicts of them.
        where: a name for the value in the error.

    Raises:
        CheckpointError: If it holds anything else, which could be written but not read again.
    """
    if isinstance(value, numpy.generic):
        return value.item()
    if isinstance(value, dict):
        # a copy, because the dict of a model's state has attributes of its own
        result = copy.copy(value)
        result.clear()
        result.update({plain(key, where): plain(item, f"{where}[{key!r}]") for key, item in value.items()})
        return result
    if type(value) in (list, tuple):
        assert isinstance(value, list | tuple)
        return type(value)(plain(item, f"{where}[{i}]") for i, item in enumerate(value))
    if isinstance(value, PLAIN):
        return value
    raise CheckpointError(
        f"A checkpoint cannot hold {where}, which is of type {type(value).__name__}: it could be written but not read "
        "again. Only tensors, numbers, strings, and lists and dicts of them can be read."
    )


def differences(saved: State, given: State) -> list[str]:
    """The settings in which two states differ, as text; numbers by name, at any depth."""
    before, now = dict(_flat(saved)), dict(_flat(given))
    return [
        f"{name} {now[name]!r} (saved: {before[name]!r})"
        for name in now
        if name in before and before[name] != now[name]
    ]


def _flat(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """All plain values in a state with their names; a tensor of one number counts as that number."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}".lstrip("."))
    elif isinstance(value, list | tuple) and not all(isinstance(item, float | int) for item in value):
        for i, item in enumerate(value):
            yield from _flat(item, f"{name}[{i}]")
    elif isinstance(value, Tensor):
        if value.numel() == 1:
            yield name, value.item()
    else:
        yield name, value
