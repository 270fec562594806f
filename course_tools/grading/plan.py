"""Plan the grading of each student: answers to judge, and verdicts for which nothing has to be run."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from course_tools.environment import ROOT
from course_tools.grading.exercises import Assignment, Exercise, Job, Report
from course_tools.grading.matching import Match
from course_tools.grading.notebooks import SubmittedCell, is_report
from course_tools.grading.submissions import Submission
from course_tools.grading.verdict import Status, Verdict
from course_tools.grading.worker import Setting


@dataclass
class Plan:
    """The work for one student."""

    submission: Submission
    match: Match
    # Verdicts of earlier runs and of this one, by `key`.
    known: dict[str, Verdict] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    # Number of answers that are still to be judged.
    waiting: int = 0

    @property
    def student(self) -> str:
        """The student's name."""
        return self.submission.student


@dataclass(frozen=True)
class Task:
    """An answer that has to be judged, and where its verdict belongs."""

    plan: Plan
    key: str
    fingerprint: str


def key(assignment: Assignment, part: Exercise | Report) -> str:
    """Return the name of an exercise or report in a student's record."""
    return f"{assignment.name}/{part.number}"


def prepare(plan: Plan, course: Iterable[Assignment], grader: str) -> list[tuple[Task, Job]]:
    """Fill in the verdicts that are known without judging, and return what is to be judged.

    grader: the fingerprint of the grader. Verdicts of earlier runs are kept if nothing has changed.
    """
    jobs = []
    for assignment in course:
        cells = plan.match.cells.get(assignment.name)
        if cells is None:
            missing = _verdict_without_notebook(plan, assignment)
            plan.verdicts |= {key(assignment, part): missing for part in assignment.graded}
            continue
        for report in assignment.reports:
            plan.verdicts[key(assignment, report)] = _verdict_on_report(report, cells)
        code = tuple(cell for cell in cells if not is_report(cell.grade_id))
        for exercise in assignment.exercises:
            job, name = Job(exercise, code), key(assignment, exercise)
            fingerprint = _fingerprint_of(job, grader)
            known = plan.known.get(name)
            if known and known.fingerprint == fingerprint:
                plan.verdicts[name] = known
            else:
                jobs.append((Task(plan, name, fingerprint), job))
    plan.waiting = len(jobs)
    return jobs


def fingerprint_of_grader(setting: Setting) -> str:
    """Identify everything that all verdicts depend on: the judges, the grader, the limits."""
    digest = hashlib.sha256(json.dumps(asdict(setting.limits)).encode())
    for folder in ("course_utils/checks", "course_tools/grading"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def source_of(grade_id: str, cells: Iterable[SubmittedCell]) -> str:
    """Return the source of all cells with this id."""
    return "\n\n".join(cell.source for cell in cells if cell.grade_id == grade_id)


def _fingerprint_of(job: Job, grader: str) -> str:
    return hashlib.sha256((grader + job.to_json()).encode()).hexdigest()


def _verdict_without_notebook(plan: Plan, assignment: Assignment) -> Verdict:
    if assignment.name in plan.match.trouble:
        return Verdict(Status.REVIEW, plan.match.trouble[assignment.name])
    if plan.submission.problems:
        problems = " ".join(plan.submission.problems)[:1000]
        return Verdict(
            Status.REVIEW,
            f"The notebook is missing, and something else was handed in that could not be used. {problems}",
        )
    return Verdict(Status.MISSING, "The notebook was not handed in.")


def _verdict_on_report(report: Report, cells: Iterable[SubmittedCell]) -> Verdict:
    """Return whether a report is there. The verdict includes its text, so that a changed report is noticed."""
    text = source_of(report.check_id, cells)
    if text.strip() in ("", report.stub.strip()):
        return Verdict(Status.MISSING, "No report was handed in.")
    return Verdict(Status.REVIEW, "A report: read it, and give points in formgrader.", text=text)
