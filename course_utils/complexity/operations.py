"""Names and arguments of the operations that PyTorch executes."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch._ops import OpOverload


def name_of(func: OpOverload[..., Any]) -> str:
    """ATen's name, the same in place and out of place; that of another library with its namespace."""
    name = func.overloadpacket.__name__
    return name.rstrip("_") if func.namespace == "aten" else f"{func.namespace}::{name}"


def arguments(func: OpOverload[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of a call by name, with the default values of those left out."""
    expected = func._schema.arguments
    defaults = {a.name: a.default_value for a in expected if a.has_default_value()}
    return defaults | {a.name: value for a, value in zip(expected, args, strict=False)} | dict(kwargs)
