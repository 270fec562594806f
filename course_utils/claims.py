"""Numbers that the course teaches, each asserted where it is taught and recorded in a ledger.

``claim("lenet5.parameters", n, equals=61_706)`` fails if the result is another number. The printed line depends only on
the claim, never on the measurement, so that a rerun prints the same line byte for byte.
"""

import json
import os
from pathlib import Path

import torch
from torch import Tensor

from course_utils import data
from course_utils.formatting import thousands, times

Value = float | str  # a number, or a shape as text


class ClaimError(AssertionError):
    """Raised if a measured number is not the one that the course teaches."""


def claim(
    name: str,
    value: float | Tensor | tuple[int, ...],
    *,
    equals: float | Tensor | tuple[int, ...] | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    near: float | None = None,
    within: float | None = None,
    unit: str = "",
    lecture: str = "",
    full_data: bool = False,
) -> None:
    """Assert a number that the text teaches, print the claim, and record the measured value.

    Exactly one kind of bound must be given: ``equals``, ``at_least``, ``at_most``, or ``near`` together with
    ``within``. A tensor with one element counts as a number; a shape such as ``(16, 26, 26)`` needs ``equals``.
    The ledger is the file named by ``COURSE_LEDGER`` (JSON lines); without it, nothing is written.

    Args:
        name: dotted name of the number, for example ``"lenet5.parameters"``.
        value: the measured value.
        unit: printed behind the numbers, for example ``"%"``.
        lecture: the lecture's number as text, for the report in CLAIMS.md.
        full_data: the claim holds only on the complete real data set; with less data it is not judged, and the
            printed line says so.

    Raises:
        ClaimError: If the number is outside its bound or is not finite.
        ValueError: If not exactly one kind of bound is given.
    """
    measured = _plain(value)
    expected = None if equals is None else _plain(equals)
    holds, bound = _judge(measured, expected, at_least, at_most, near, within, unit)
    skipped = full_data and not data.is_full()
    needs = "full data" if full_data else ""
    _record(claim=name, value=measured, bound=bound, unit=unit, lecture=lecture, needs=needs, skipped=skipped)
    if skipped:
        print(f"– {name} {bound}: not judged, it needs {needs}")
    elif holds:
        print(f"✓ {name} {bound}")
    else:
        raise ClaimError(
            f"{name} was measured as {_number(measured)}{unit and ' ' + unit}; the course teaches {bound}."
        )


def _plain(value: float | Tensor | tuple[int, ...]) -> Value:
    """The number in a tensor with one element, a shape as the text 16×26×26, a number unchanged."""
    if isinstance(value, Tensor):
        return float(value.item()) if value.is_floating_point() else int(value.item())
    return times(value) if isinstance(value, tuple) else value


def _judge(
    value: Value,
    equals: Value | None,
    at_least: float | None,
    at_most: float | None,
    near: float | None,
    within: float | None,
    unit: str,
) -> tuple[bool, str]:
    """Return whether ``value`` is within its bound, and the bound as text."""
    given = [bound for bound in (equals, at_least, at_most, near) if bound is not None]
    if len(given) != 1 or (within is None) != (near is None):
        raise ValueError(
            "give claim() exactly one of equals, at_least, at_most, or near together with within"
        )
    suffix = unit and f" {unit}"
    if equals is not None:
        return value == equals, f"= {_number(equals)}{suffix}"
    if isinstance(value, str):
        raise ValueError(f"a shape has no order: give claim() equals for {value}")
    if at_least is not None:
        return value >= at_least, f"≥ {_number(at_least)}{suffix}"
    if at_most is not None:
        return value <= at_most, f"≤ {_number(at_most)}{suffix}"
    assert near is not None and within is not None
    return abs(value - near) <= within, f"= {_number(near)} ± {_number(within)}{suffix}"


def _number(value: Value) -> str:
    """Write a number to be read: 61 706, 0.0312, 1e-06."""
    if isinstance(value, bool | str):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return thousands(int(value))
    return f"{value:.6g}"


def _record(**entry: Value) -> None:
    """Append the claim to the ledger, one JSON object per line."""
    ledger = os.environ.get("COURSE_LEDGER")
    if not ledger:
        return
    where = {
        "notebook": os.environ.get("COURSE_NOTEBOOK", ""),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "torch": torch.__version__,
        "fraction": data.fraction(),
    }
    with Path(ledger).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry | where, ensure_ascii=False) + "\n")
