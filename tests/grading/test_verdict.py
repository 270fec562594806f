"""Outcomes and verdicts: what is read back equals what was written, and damaged or older records are never misread."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_tools.grading.verdict import Outcome, Status, Verdict, read_record, write_record

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
OUTCOMES = st.builds(
    Outcome, st.sampled_from(Status), TEXTS, st.lists(TEXTS, max_size=3).map(tuple), broken=TEXTS
)


@given(OUTCOMES)
def test_an_outcome_is_one_line_that_can_be_read_back(outcome):
    line = outcome.to_json()
    assert "\n" not in line and Outcome.from_json(line.encode()) == outcome


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "3", '{"passed": true}', '{"status": "won", "hint": "", "strange": [], "broken": ""}'],
)
def test_another_line_is_not_an_outcome(line):
    with pytest.raises(ValueError):
        Outcome.from_json(line)


def test_text_that_no_file_can_store_is_replaced():
    line = Outcome(Status.FAILED, "half \ud800", ("half \udc00",)).to_json()
    assert Outcome.from_json(line) == Outcome(Status.FAILED, "half ?", ("half ?",))


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome(Status.PASSED), Verdict(Status.PASSED, fingerprint="f")),
        (Outcome(Status.FAILED, "why"), Verdict(Status.FAILED, "why", "f")),
        (
            Outcome(Status.PASSED, strange=("imports os", "uses eval")),
            Verdict(
                Status.REVIEW, "Look at the code, which passes the check: it imports os, uses eval.", "f"
            ),
        ),
        (
            Outcome(Status.STOPPED, "too long", ("imports os",)),
            Verdict(Status.REVIEW, "Look at the code, which does not pass the check: it imports os.", "f"),
        ),
        # Without a fingerprint, it is judged again in the next run.
        (
            Outcome(Status.STOPPED, strange=("x",), broken="no memory"),
            Verdict(Status.REVIEW, "The grader failed: no memory"),
        ),
    ],
)
def test_a_strange_answer_is_for_review_whether_it_passes_or_not(outcome, verdict):
    assert outcome.verdict("f") == verdict


def test_a_record_is_read_back(tmp_path):
    verdicts = {
        "07/07.1": Verdict(Status.PASSED, fingerprint="f"),
        "12/12.1 report": Verdict(Status.REVIEW, text="é"),
    }
    write_record(tmp_path / "records" / "ada.json", verdicts)
    assert read_record(tmp_path / "records" / "ada.json") == verdicts


def test_a_record_without_the_optional_fields_is_read(tmp_path):
    path = tmp_path / "ada.json"
    path.write_text(json.dumps({"07/07.1": {"status": "missing", "hint": "No."}}), encoding="utf-8")
    assert read_record(path) == {"07/07.1": Verdict(Status.MISSING, "No.")}


@pytest.mark.parametrize(
    "content",
    [None, "", "{", "[1]", '{"a": 1}', '{"a": {"hint": ""}}', '{"a": {"status": "won", "hint": ""}}',
     '{"a": {"status": "passed", "score": 1}}'],
)  # fmt: skip
def test_a_damaged_record_counts_as_none(tmp_path, content):
    path = tmp_path / "ada.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert read_record(path) == {}
