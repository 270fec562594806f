"""`grade`: from a folder of submissions to grades.csv, a gradebook and feedback; twice, only what is new is graded."""

import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from course_tools.environment import ROOT, SetupError
from course_tools.grading import assignment as assignments
from course_tools.grading import feedback, pool, sandbox
from course_tools.grading.assignment import Assignment, Report
from course_tools.grading.gradebook import Book
from course_tools.grading.matching import sort
from course_tools.grading.notebooks import Cell, is_report
from course_tools.grading.submissions import Submission, collect
from course_utils.files import write_bytes

OUTPUT = ROOT / "build" / "grading"


@dataclass
class Plan:
    """One student's part of the work."""

    submission: Submission
    cells: dict[str, list[Cell]]  # by assignment
    trouble: dict[str, str]  # by assignment: why a person has to look
    known: dict[str, dict] = field(default_factory=dict)  # "assignment/exercise" → fingerprint and verdict
    verdicts: dict[str, dict] = field(default_factory=dict)  # the same, of this run


def grade(
    place: Path,
    names: list[str],
    output: Path = OUTPUT,
    limits: sandbox.Limits = sandbox.Limits(),  # noqa: B008 - it is frozen
    processes: int | None = None,
    unprotected: bool = False,
    notebooks: Path = ROOT / "notebooks",
    database: str = "",
) -> int:
    """Grade the submissions in `place`; return 0, also where some need a person.

    names: beginnings of the notebooks to grade, such as 07; without, those that anybody has handed in.
    Raises SetupError where submissions cannot be kept apart on this system, unless `unprotected`.
    """
    _refuse_if_exposed([notebooks, place, output], unprotected)
    submissions = _collected(place)
    course = [a for path in sorted(notebooks.glob("*.ipynb")) if (a := assignments.read(path)).exercises]
    course = [a for a in course if not names or a.name.startswith(tuple(names))]
    if not course:
        raise SetupError(f"No notebook with exercises begins with {' or '.join(names)}.")
    output.mkdir(parents=True, exist_ok=True)
    output.chmod(0o700)
    plans = [Plan(s, *sort(s, course)) for s in submissions]
    if not names:
        handed_in = {name for plan in plans for name in (*plan.cells, *plan.trouble)}
        course = [a for a in course if a.name in handed_in]
    for plan in plans:
        plan.known = _read(_record(output, plan))
    setting = pool.Setting(_judges(course), limits, unprotected)
    try:
        _judge(plans, course, setting, processes or os.cpu_count() or 1, output)
    except pool.CannotStart as error:
        raise SetupError(f"The process that judges answers does not start: {error}") from error
    rows = _keep(plans, course, Book(output, database), output)
    _tell(rows, plans, output)
    return 0


def _refuse_if_exposed(secrets: list[Path], unprotected: bool) -> None:
    lacks = sandbox.missing() + pool.exposed(secrets)
    if not lacks:
        return
    if not hasattr(os, "fork"):
        raise SetupError("Grading needs Linux: on Windows use WSL2 (wsl --install), elsewhere a container.")
    print("On this system a submission is not kept from:\n  " + "\n  ".join(lacks), file=sys.stderr)
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


def _judges(course: list[Assignment]) -> tuple[str, ...]:
    folder = ROOT / "course_utils" / "checks"
    names = [f"notebook_{a.name[:2]}" for a in course]
    return tuple(f"course_utils.checks.{name}" for name in names if (folder / f"{name}.py").exists())


def _judge(
    plans: list[Plan], course: list[Assignment], setting: pool.Setting, processes: int, output: Path
) -> None:
    """Fill in the verdicts of all plans; those of an earlier run are taken over where nothing has changed."""
    from tqdm import tqdm

    jobs, base = [], _fingerprint_of_all(setting)
    for plan in plans:
        for a in course:
            for exercise in a.exercises:
                key = f"{a.name}/{exercise.number}"
                if a.name not in plan.cells:
                    plan.verdicts[key] = _without_notebook(plan, a)
                    continue
                cells = [[c.grade_id, c.source] for c in plan.cells[a.name] if not is_report(c.grade_id)]
                job = {"cells": cells, "exercise": exercise.job()}
                print_ = hashlib.sha256((base + json.dumps(job)).encode(errors="replace")).hexdigest()
                if plan.known.get(key, {}).get("fingerprint") == print_:
                    plan.verdicts[key] = plan.known[key]
                else:
                    jobs.append(((plan, key, print_), job))
            for written in a.reports:
                plan.verdicts[f"{a.name}/{written.number}"] = _read_by_a_person(written, plan, a)
    waiting = {id(plan): sum(k[0] is plan for k, _ in jobs) for plan in plans}
    for (plan, key, print_), verdict in tqdm(
        pool.run(jobs, setting, processes), total=len(jobs), desc="grading", unit="answer", disable=not jobs
    ):
        plan.verdicts[key] = _judged(verdict, print_)
        waiting[id(plan)] -= 1
        if not waiting[id(plan)]:  # what is done stays done if somebody presses Ctrl-C
            write_bytes(_record(output, plan), json.dumps(plan.verdicts, indent=1).encode())


def _judged(verdict: dict, fingerprint: str) -> dict:
    hint, status = verdict.get("hint", ""), "failed"
    if verdict.get("broken"):
        return {"status": "review", "hint": f"The grader failed: {verdict['broken']}", "fingerprint": ""}
    if verdict.get("strange"):
        outcome = "passes" if verdict["passed"] else "does not pass"
        hint = f"Look at the code, which {outcome} the check: it {', '.join(verdict['strange'])}."
        status = "review"
    elif verdict["passed"]:
        status = "passed"
    elif verdict.get("missing"):
        status = "missing"
    elif verdict.get("stopped"):
        status = "stopped"
    return {"status": status, "hint": hint[:2500], "fingerprint": fingerprint}


def _without_notebook(plan: Plan, a: Assignment) -> dict:
    if a.name in plan.trouble:
        return {"status": "review", "hint": plan.trouble[a.name]}
    if plan.submission.problems:
        return {"status": "review", "hint": "The notebook is missing, and something else was handed in that "
                "could not be used. " + " ".join(plan.submission.problems)[:1000]}  # fmt: skip
    return {"status": "missing", "hint": "The notebook was not handed in."}


def _keep(plans: list[Plan], course: list[Assignment], book: Book, output: Path) -> list[feedback.Row]:
    """Write gradebook, records, feedback and the table; return its rows."""
    rows = []
    try:
        for a in course:
            book.add(a)
        for plan in plans:
            rows += _keep_one(plan, course, book, output)
    except ValueError as error:
        raise SetupError(str(error)) from error
    finally:
        book.close()
    feedback.write_grades(output / "grades.csv", rows)
    return rows


def _keep_one(plan: Plan, course: list[Assignment], book: Book, output: Path) -> list[feedback.Row]:
    """The same for one student, whose submission may hold anything: what goes wrong here stops nobody else."""
    student = plan.submission.student
    try:
        rows = [row for a in course for row in _rows(plan, a, book)]
        feedback.write_feedback(
            output / "feedback" / f"{student}.html", student, rows, plan.submission.problems
        )
        write_bytes(_record(output, plan), json.dumps(plan.verdicts, indent=1).encode())
        return rows
    except Exception as error:
        book.forget()
        hint = f"The verdicts could not be written down: {type(error).__name__}: {error}"
        plan.submission.problems.append(hint)
        return [
            feedback.Row(student, a.name, e.number, e.title, 0.0, e.points, hint[:1000], "review")
            for a in course
            for e in a.graded
        ]


def _rows(plan: Plan, a: Assignment, book: Book) -> list[feedback.Row]:
    verdicts = {part.number: plan.verdicts[f"{a.name}/{part.number}"] for part in a.graded}
    before = {part.number: plan.known.get(f"{a.name}/{part.number}") for part in a.graded}
    student, cells = plan.submission.student, plan.cells.get(a.name, [])
    if verdicts != before or not book.knows(student, a.name):
        book.record(student, a, cells, verdicts)
    points, by_hand = book.points(student, a), book.reviewed(student, a)
    return [
        feedback.Row(
            student=student,
            assignment=a.name,
            exercise=part.number,
            title=part.title,
            points=points[part.number],
            possible=part.points,
            hint=verdicts[part.number]["hint"],
            status="reviewed" if part.number in by_hand else verdicts[part.number]["status"],
            code="" if part in a.reports else _source(part.solution_id, cells),
        )
        for part in a.graded
    ]


def _read_by_a_person(written: Report, plan: Plan, a: Assignment) -> dict:
    """The verdict on a report: that it is there. Its text is part of it, so that a changed one is noticed."""
    if a.name not in plan.cells:
        return _without_notebook(plan, a)
    text = _source(written.check_id, plan.cells[a.name])
    if text.strip() in ("", written.stub.strip()):
        return {"status": "missing", "hint": "No report was handed in."}
    return {"status": "review", "hint": "A report: read it, and give points by hand.", "text": text}


def _source(grade_id: str, cells: list[Cell]) -> str:
    return "\n\n".join(cell.source for cell in cells if cell.grade_id == grade_id)


def _tell(rows: list[feedback.Row], plans: list[Plan], output: Path) -> None:
    counts = {status: sum(row.status == status for row in rows) for status in feedback.IN_WORDS}
    print(", ".join(f"{count} {status}" for status, count in counts.items() if count))
    for plan in plans:
        for problem in plan.submission.problems:
            print(f"  {plan.submission.student}: {problem}")
    print(f"Grades: {output / 'grades.csv'}\nFeedback: {output / 'feedback'}")
    if counts["review"]:
        print("Rows with the status review need a person: see docs/grading.md.")


def _record(output: Path, plan: Plan) -> Path:
    return output / "records" / f"{plan.submission.student}.json"


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def _fingerprint_of_all(setting: pool.Setting) -> str:
    """Stands for what every verdict depends on: the judges, the grader, the limits."""
    digest = hashlib.sha256(json.dumps(asdict(setting.limits)).encode())
    for folder in ("course_utils/checks", "course_tools/grading"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
