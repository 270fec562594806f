"""A claim holds or raises, prints a line that does not depend on the measured value, and is recorded."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils import data
from course_utils.claims import ClaimError, claim

numbers = st.floats(-1e6, 1e6)


@given(numbers, numbers)
def test_a_lower_bound_holds_exactly_when_it_should(value, bound):
    if value >= bound:
        claim("n", value, at_least=bound)
    else:
        with pytest.raises(ClaimError, match="the course teaches"):
            claim("n", value, at_least=bound)


@given(numbers, numbers, st.floats(0, 10))
def test_a_band_holds_exactly_when_it_should(value, middle, width):
    if abs(value - middle) <= width:
        claim("n", value, near=middle, within=width)
    else:
        with pytest.raises(ClaimError):
            claim("n", value, near=middle, within=width)


@pytest.mark.parametrize("kind", ["equals", "at_least", "at_most"])
def test_nan_never_holds(kind):
    with pytest.raises(ClaimError):
        claim("n", float("nan"), **{kind: 0.0})


def test_the_printed_line_does_not_depend_on_the_measured_value(capsys):
    for value in (95.01, 99.9):
        claim("lenet.accuracy", value, at_least=95, unit="%")
    first, second = capsys.readouterr().out.splitlines()
    assert first == second == "✓ lenet.accuracy ≥ 95 %"


def test_numbers_are_formatted_for_readers(capsys):
    claim("a", 61706, equals=61_706)
    claim("b", torch.tensor(1e-7), at_most=1e-6)
    claim("c", 91.3, near=91, within=1.5)
    claim("d", torch.zeros(16, 26, 26).shape, equals=(16, 26, 26))
    expected = ["✓ a = 61 706", "✓ b ≤ 1e-06", "✓ c = 91 ± 1.5", "✓ d = 16×26×26"]
    assert capsys.readouterr().out.splitlines() == expected


def test_another_shape_is_another_claim():
    with pytest.raises(ClaimError, match="measured as 3×4; the course teaches = 3×5"):
        claim("n", (3, 4), equals=(3, 5))


def test_a_shape_works_only_with_equals():
    with pytest.raises(ValueError, match="only with equals"):
        claim("n", (3, 4), at_least=3)


@pytest.mark.parametrize(
    "bounds", [{}, {"equals": 1, "at_least": 1}, {"near": 1}, {"at_most": 1, "within": 1}]
)
def test_exactly_one_bound_must_be_given(bounds):
    with pytest.raises(ValueError, match="exactly one"):
        claim("n", 1.0, **bounds)


def test_every_claim_is_recorded_with_its_measured_value(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_LEDGER", str(tmp_path / "ledger.jsonl"))
    monkeypatch.setenv("COURSE_NOTEBOOK", "09_lenet")
    monkeypatch.setenv("COURSE_FRACTION", "0.5")
    claim("a", torch.tensor(2.0), equals=2, lecture="two")
    with pytest.raises(ClaimError):
        claim("b", 3.0, at_most=2, unit="s")
    claim("c", 0.1, at_least=0.9, full_data=True)
    a, b, c = map(json.loads, (tmp_path / "ledger.jsonl").read_text(encoding="utf-8").splitlines())
    assert (a["claim"], a["value"], a["bound"], a["lecture"]) == ("a", 2.0, "= 2", "two")
    assert (a["notebook"], a["fraction"], a["torch"]) == ("09_lenet", 0.5, torch.__version__)
    assert (b["value"], b["bound"], b["skipped"]) == (3.0, "≤ 2 s", False)
    assert c["skipped"] and c["needs"] == "full data"


def test_a_claim_about_full_data_is_judged_only_on_full_data(monkeypatch, capsys):
    monkeypatch.setattr(data, "is_full", lambda: False)
    claim("n", 0.1, at_least=0.9, full_data=True)
    assert "not judged" in capsys.readouterr().out
    monkeypatch.setattr(data, "is_full", lambda: True)
    with pytest.raises(ClaimError):
        claim("n", 0.1, at_least=0.9, full_data=True)
