"""Numbers the course teaches, each asserted where it is taught and recorded in a ledger.

``claim("lenet5.parameters", n, equals=61_706)`` fails when the number no longer comes out. What it prints
depends only on the claim, never on the measurement, so that a rerun prints the same line byte for byte.
"""

import json
import os
from pathlib import Path

import torch

from course_utils import data
from course_utils.formatting import thousands, times


class ClaimError(AssertionError):
    """A number that the course teaches did not come out."""


def claim(
    name: str,
    value: float | tuple[int, ...],
    *,
    equals: float | tuple[int, ...] | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    near: float | None = None,
    within: float | None = None,
    unit: str = "",
    lecture: str = "",
    full_data: bool = False,
) -> None:
    """Assert a number that the text teaches, print the claim, and record the measured value.

    Exactly one kind of bound is given: ``equals``, ``at_least``, ``at_most``, or ``near`` together with
    ``within``. A tensor with one element is read as a number; a shape such as ``(16, 26, 26)`` can only be equal.

    Args:
        name: dotted name of the number, for example ``"lenet5.parameters"``.
        value: what was measured here.
        unit: printed behind the numbers, for example ``"%"``.
        lecture: what the lecture printed, as text, for the report in CLAIMS.md.
        full_data: the claim holds only on the whole real data set; with less data it is not judged, and says so.

    Raises:
        ClaimError: the number is outside its bound, or is not finite.
        ValueError: not exactly one kind of bound was given.

    The ledger is the file named by ``COURSE_LEDGER`` (JSON lines); without it nothing is written.
    """
    value, equals = _plain(value), _plain(equals)
    holds, bound = _judge(value, equals, at_least, at_most, near, within, unit)
    skipped = full_data and not data.is_full()
    needs = "full data" if full_data else ""
    _record(claim=name, value=value, bound=bound, unit=unit, lecture=lecture, needs=needs, skipped=skipped)
    if skipped:
        print(f"– {name} {bound}: not judged, it needs {needs}")
    elif holds:
        print(f"✓ {name} {bound}")
    else:
        raise ClaimError(
            f"{name} was measured as {_number(value)}{unit and ' ' + unit}; the course teaches {bound}."
        )


def _plain(value):
    """A number for a tensor with one element, the text 16×26×26 for a shape, anything else as it is."""
    if isinstance(value, torch.Tensor):
        return value.item()
    return times(value) if isinstance(value, tuple) else value


def _judge(value, equals, at_least, at_most, near, within, unit) -> tuple[bool, str]:
    """Return whether ``value`` keeps its bound, and the bound in words."""
    given = {"equals": equals, "at_least": at_least, "at_most": at_most, "near": near}
    given = {kind: bound for kind, bound in given.items() if bound is not None}
    if len(given) != 1 or (within is None) != (near is None):
        raise ValueError(
            "give claim() exactly one of equals, at_least, at_most, or near together with within"
        )
    (kind, bound), suffix = next(iter(given.items())), unit and f" {unit}"
    if kind == "equals":
        return value == bound, f"= {_number(bound)}{suffix}"
    if kind == "at_least":
        return value >= bound, f"≥ {_number(bound)}{suffix}"
    if kind == "at_most":
        return value <= bound, f"≤ {_number(bound)}{suffix}"
    return abs(value - near) <= within, f"= {_number(near)} ± {_number(within)}{suffix}"


def _number(value) -> str:
    """Write a number for people: 61 706, 0.0312, 1e-06."""
    if isinstance(value, bool | str) or value is None:
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return thousands(int(value))
    return f"{value:.6g}"


def _record(**entry) -> None:
    """Append the claim to the ledger, one JSON object a line."""
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
