"""`grade`: from a folder of submissions to grades.csv, a gradebook and feedback. A second run judges only changes."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from course_tools.environment import ROOT, SetupError
from course_tools.grading import exercises, pool, sandbox
from course_tools.grading.exercises import Assignment, Job
from course_tools.grading.feedback import IN_WORDS, Row, write_grades
from course_tools.grading.gradebook import Book
from course_tools.grading.matching import match
from course_tools.grading.plan import Plan, Task, fingerprint_of_grader, prepare
from course_tools.grading.results import record_path, write_results
from course_tools.grading.submissions import Submission, collect
from course_tools.grading.verdict import Status, read_record
from course_tools.grading.worker import Setting

OUTPUT = ROOT / "build" / "grading"


def grade(
    place: Path,
    names: Sequence[str],
    output: Path = OUTPUT,
    limits: sandbox.Limits = sandbox.Limits(),  # noqa: B008 - it is frozen
    processes: int | None = None,
    unprotected: bool = False,
    notebooks: Path = ROOT / "notebooks",
    database: str = "",
) -> int:
    """Grade the submissions in `place`, and return 0, even if some need a review.

    names: beginnings of the names of the notebooks to grade, such as 07; if empty, all that were handed in.
    Raises SetupError if submissions cannot be isolated on this system, unless `unprotected`.
    """
    _refuse_if_exposed([notebooks, place, output], unprotected)
    submissions = _collected(place)
    course = _course(notebooks, names)
    output.mkdir(parents=True, exist_ok=True)
    output.chmod(0o700)
    plans = [Plan(s, match(s, course), read_record(record_path(output, s.student))) for s in submissions]
    if not names:
        handed_in = {name for plan in plans for name in (*plan.match.cells, *plan.match.trouble)}
        course = [assignment for assignment in course if assignment.name in handed_in]
    setting = Setting(_judges(course), limits, unprotected)
    book = _opened(output, database, course)
    try:
        rows = {
            plan.student: write_results(plan, course, book, output)
            for plan in _judged(plans, course, setting, processes or os.cpu_count() or 1)
        }
    except pool.CannotStart as error:
        raise SetupError(f"The process that judges answers does not start: {error}") from error
    finally:
        book.close()
    in_order = [row for plan in plans for row in rows[plan.student]]
    write_grades(output / "grades.csv", in_order)
    _summarize(in_order, submissions, output)
    return 0


def _refuse_if_exposed(secrets: Sequence[Path], unprotected: bool) -> None:
    lacks = sandbox.missing() + pool.exposed(secrets)
    if not lacks:
        return
    if not hasattr(os, "fork"):
        raise SetupError("Grading needs Linux: on Windows use WSL2 (wsl --install), elsewhere a container.")
    print("On this system a submission has access to:\n  " + "\n  ".join(lacks), file=sys.stderr)
    if not unprotected:
        raise SetupError("Grade on another system, or, if you trust every submission, with --unprotected.")


def _collected(place: Path) -> list[Submission]:
    try:
        found = collect(place)
    except (OSError, ValueError) as error:
        raise SetupError(str(error)) from error
    if not found:
        raise SetupError(
            f"There are no submissions in {place}: a folder, a zip or a notebook for each student."
        )
    return found


def _course(notebooks: Path, names: Sequence[str]) -> list[Assignment]:
    """Return the notebooks with exercises whose names begin with one of `names`, or all if it is empty."""
    paths = sorted(notebooks.glob("*.ipynb"))
    course = [assignment for path in paths if (assignment := exercises.read(path)).exercises]
    course = [assignment for assignment in course if not names or assignment.name.startswith(tuple(names))]
    if not course:
        raise SetupError(f"No notebook with exercises begins with {' or '.join(names)}.")
    return course


def _judges(course: Sequence[Assignment]) -> tuple[str, ...]:
    """Return the names of the modules that judge these assignments."""
    folder = ROOT / "course_utils" / "checks"
    names = [f"notebook_{assignment.name[:2]}" for assignment in course]
    return tuple(f"course_utils.checks.{name}" for name in names if (folder / f"{name}.py").exists())


def _opened(output: Path, database: str, course: Sequence[Assignment]) -> Book:
    """Return the gradebook, with all assignments in it."""
    book = Book(output, database)
    try:
        for assignment in course:
            book.add(assignment)
    except ValueError as error:
        book.close()
        raise SetupError(str(error)) from error
    return book


def _judged(
    plans: Sequence[Plan], course: Sequence[Assignment], setting: Setting, processes: int
) -> Iterator[Plan]:
    """Judge all answers, and yield each plan as soon as its verdicts are complete."""
    from tqdm import tqdm

    grader = fingerprint_of_grader(setting)
    jobs: list[tuple[Task, Job]] = [job for plan in plans for job in prepare(plan, course, grader)]
    yield from [plan for plan in plans if not plan.waiting]
    outcomes = pool.run(jobs, setting, processes)
    for task, outcome in tqdm(outcomes, total=len(jobs), desc="grading", unit="answer", disable=not jobs):
        task.plan.verdicts[task.key] = outcome.verdict(task.fingerprint)
        task.plan.waiting -= 1
        if not task.plan.waiting:
            yield task.plan


def _summarize(rows: Sequence[Row], submissions: Sequence[Submission], output: Path) -> None:
    counts = {status: sum(row.status == status for row in rows) for status in IN_WORDS}
    print(", ".join(f"{count} {status}" for status, count in counts.items() if count))
    for submission in submissions:
        for problem in submission.problems:
            print(f"  {submission.student}: {problem}")
    print(f"Grades: {output / 'grades.csv'}\nFeedback: {output / 'feedback'}")
    if counts[Status.REVIEW]:
        print("Rows with the status review need an instructor: see docs/grading.md.")
