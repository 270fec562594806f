"""The exercises and reports of a notebook of the course: the task, its judge, its points; and answers as jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from course_tools.editions.student import convert
from course_tools.grading.notebooks import REPORT, SubmittedCell, is_report
from course_tools.grading.slicing import Statement, bound, needed, statements, unparse

if TYPE_CHECKING:
    from nbformat import NotebookNode

TITLE = re.compile(r"^#+ ((?:Exercise|Report) \S+ · .+)$", re.MULTILINE)


@dataclass(frozen=True)
class Exercise:
    """A check cell, and the solution cell before it."""

    number: str  # "07.1"
    title: str
    points: float
    solution_id: str  # grade id of the cell that a student fills in
    check_id: str  # grade id of the cell that judges it
    answers: tuple[str, ...]  # names that the solution cell defines and the check cell uses
    check: str  # source of the check cell, hidden tests included
    setup: str  # source of everything else that the check cell uses: its imports
    stub: str  # what students find in the solution cell


@dataclass(frozen=True)
class Report:
    """A text that an instructor reads and gives points for."""

    number: str  # "12.1 report"
    title: str
    points: float
    check_id: str  # grade id of its cell, "report-12-1"
    stub: str  # what students find in it


@dataclass(frozen=True)
class Assignment:
    """A notebook with exercises."""

    name: str  # "07_convolutions"
    edition: NotebookNode  # the notebook as students get it, with its hidden tests
    exercises: tuple[Exercise, ...]
    reports: tuple[Report, ...] = ()

    @property
    def graded(self) -> tuple[Exercise | Report, ...]:
        """Everything that gives points."""
        return (*self.exercises, *self.reports)


@dataclass(frozen=True)
class Job:
    """An answer to judge: the exercise, without its solution, and the student's code cells."""

    exercise: Exercise
    cells: tuple[SubmittedCell, ...]

    def to_json(self) -> str:
        """Return the job as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Job:
        """Return the job that `to_json` wrote."""
        fields = json.loads(line)
        fields["exercise"]["answers"] = tuple(fields["exercise"]["answers"])
        return cls(Exercise(**fields["exercise"]), tuple(SubmittedCell(**cell) for cell in fields["cells"]))


def read(path: Path) -> Assignment:
    """Read a notebook of the course."""
    import nbformat

    source = nbformat.read(path, as_version=4)
    full = {_id(cell): cell.source for cell in source.cells if _id(cell)}
    edition = convert(source)
    for cell in edition.cells:
        if _is_check(cell):
            cell.source = full[_id(cell)]
    return Assignment(path.stem, edition, tuple(_exercises(edition.cells)), tuple(_reports(edition.cells)))


def _exercises(cells: list[NotebookNode]) -> Iterator[Exercise]:
    solution = None
    for index, (title, cell) in enumerate(_titled(cells)):
        if _is(cell, "solution") and cell.cell_type == "code":
            solution = cell
        if _is_check(cell) and solution is not None:
            yield _exercise(title, solution, cell, cells[:index])


def _reports(cells: list[NotebookNode]) -> Iterator[Report]:
    for title, cell in _titled(cells):
        if is_report(_id(cell)):
            number = _id(cell).removeprefix(REPORT).replace("-", ".") + " report"
            yield Report(number, title, float(cell.metadata.nbgrader.points), _id(cell), cell.source)


def _titled(cells: list[NotebookNode]) -> Iterator[tuple[str, NotebookNode]]:
    """Yield each cell with the title of the exercise or report that it belongs to."""
    title = ""
    for cell in cells:
        if found := TITLE.search(cell.source):
            title = found[1]
        yield title, cell


def _exercise(
    title: str, solution: NotebookNode, check: NotebookNode, before: list[NotebookNode]
) -> Exercise:
    used = {name for statement in statements([check.source]) for name in statement.uses}
    answers = tuple(sorted(used & bound(statements([solution.source]))))
    return Exercise(
        number=re.sub(r"^check-", "", _id(check)).replace("-", "."),
        title=title,
        points=float(check.metadata.nbgrader.points),
        solution_id=_id(solution),
        check_id=_id(check),
        answers=answers,
        check=check.source,
        setup=unparse(needed(used - set(answers), _available(before))),
        stub=solution.source,
    )


def _available(before: list[NotebookNode]) -> list[Statement]:
    """Return the statements that a check can use: of the course's own cells, and the imports of earlier checks."""
    course = [
        c.source for c in before if c.cell_type == "code" and not _is(c, "solution") and not _is(c, "grade")
    ]
    checks = [c.source for c in before if _is_check(c)]
    return statements(course) + [s for s in statements(checks) if s.is_import]


def _id(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def _is(cell: NotebookNode, kind: str) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get(kind))


def _is_check(cell: NotebookNode) -> bool:
    return _is(cell, "grade") and cell.cell_type == "code"
