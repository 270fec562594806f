"""The outcome of judging an answer, the verdict that is recorded for it, and both as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from course_tools.grading.notebooks import writable
from course_utils.files import write_bytes

LONGEST_HINT = 2500  # characters


class Status(StrEnum):
    """The status of an exercise, as in grades.csv."""

    PASSED = "passed"
    FAILED = "failed"
    MISSING = "missing"
    STOPPED = "stopped"
    REVIEW = "review"
    REVIEWED = "reviewed"


@dataclass(frozen=True)
class Verdict:
    """The recorded result of one exercise or report of one student."""

    status: Status
    hint: str = ""
    # Identifies the answer and everything else that the verdict depends on; empty if nothing was judged.
    fingerprint: str = ""
    # The text of a report, so that a changed one is noticed.
    text: str = ""


@dataclass(frozen=True)
class Outcome:
    """The result of judging one answer: passed, failed, missing or stopped, and reasons for a review."""

    status: Status
    hint: str = ""
    # Reasons for a review, such as "imports os".
    strange: tuple[str, ...] = ()
    # Why the grader itself failed; such an answer is judged again in the next run.
    broken: str = ""

    def to_json(self) -> str:
        """Return the outcome as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str | bytes) -> Outcome:
        """Return the outcome that `to_json` wrote. Raises ValueError if the line is anything else."""
        try:
            fields = json.loads(line)
            strange = tuple(writable(str(reason)) for reason in fields["strange"])
            hint, broken = writable(str(fields["hint"])), writable(str(fields["broken"]))
            return cls(Status(fields["status"]), hint, strange, broken)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not an outcome: {line[:80]!r}") from error

    def verdict(self, fingerprint: str) -> Verdict:
        """Return what is recorded: a strange answer is for review, whether it passes or not."""
        if self.broken:
            return Verdict(Status.REVIEW, f"The grader failed: {self.broken}")
        if self.strange:
            result = "passes" if self.status == Status.PASSED else "does not pass"
            hint = f"Look at the code, which {result} the check: it {', '.join(self.strange)}."
            return Verdict(Status.REVIEW, hint[:LONGEST_HINT], fingerprint)
        return Verdict(self.status, self.hint[:LONGEST_HINT], fingerprint)


def read_record(path: Path) -> dict[str, Verdict]:
    """Return a student's recorded verdicts by assignment and exercise; none if the file is missing or damaged."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {key: Verdict(**entry | {"status": Status(entry["status"])}) for key, entry in stored.items()}
    except (FileNotFoundError, ValueError, AttributeError, KeyError, TypeError):
        return {}


def write_record(path: Path, verdicts: Mapping[str, Verdict]) -> None:
    """Write a student's verdicts, for `read_record` in the next run."""
    stored = {key: asdict(verdict) for key, verdict in verdicts.items()}
    write_bytes(path, json.dumps(stored, indent=1).encode())
