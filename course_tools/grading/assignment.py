"""The exercises and reports of one of the course's notebooks: what is asked, who judges it, what it is worth."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path

from course_tools.editions.student import convert
from course_tools.grading.notebooks import REPORT, is_report
from course_tools.grading.slicing import bound, needed, statements, unparse

TITLE = re.compile(r"^#+ ((?:Exercise|Report) \S+ · .+)$", re.MULTILINE)


@dataclass(frozen=True)
class Exercise:
    """One check cell, and the solution cell before it."""

    number: str  # "07.1"
    title: str
    points: float
    solution_id: str  # grade id of the cell that a student fills in
    check_id: str  # grade id of the cell that judges it
    answers: tuple[str, ...]  # names that the solution cell defines and the check cell uses
    check: str  # source of the check cell, hidden tests included
    setup: str  # what else of the notebook the check cell uses: its imports
    stub: str  # what students find in the solution cell

    def job(self) -> dict:
        """What the process that judges needs: nothing of the solution."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """A text that a person reads and gives points for."""

    number: str  # "12.1 report"
    title: str
    points: float
    check_id: str  # grade id of its cell, "report-12-1"
    stub: str  # what students find in it


@dataclass(frozen=True)
class Assignment:
    """A notebook with exercises."""

    name: str  # "07_convolutions"
    edition: object  # the notebook as students get it, nbformat v4, hidden tests still in it
    exercises: tuple[Exercise, ...]
    reports: tuple[Report, ...] = ()

    @property
    def graded(self) -> tuple[Exercise | Report, ...]:
        """All that there are points for."""
        return (*self.exercises, *self.reports)


def read(path: Path) -> Assignment:
    """Read one of the course's notebooks."""
    import nbformat

    source = nbformat.read(path, as_version=4)
    full = {_id(cell): cell.source for cell in source.cells if _id(cell)}
    edition = convert(source)
    for cell in edition.cells:
        if _is_check(cell):
            cell.source = full[_id(cell)]
    return Assignment(path.stem, edition, tuple(_exercises(edition.cells)), tuple(_reports(edition.cells)))


def _exercises(cells):
    solution = None
    for index, (title, cell) in enumerate(_titled(cells)):
        if _is(cell, "solution") and cell.cell_type == "code":
            solution = cell
        if _is_check(cell) and solution is not None:
            yield _exercise(title, solution, cell, cells[:index])


def _reports(cells):
    for title, cell in _titled(cells):
        if is_report(_id(cell)):
            number = _id(cell).removeprefix(REPORT).replace("-", ".") + " report"
            yield Report(number, title, float(cell.metadata.nbgrader.points), _id(cell), cell.source)


def _titled(cells):
    """Each cell, with the title of the exercise or report that it stands below."""
    title = ""
    for cell in cells:
        if found := TITLE.search(cell.source):
            title = found[1]
        yield title, cell


def _exercise(title, solution, check, before) -> Exercise:
    used = {name for statement in statements([check.source]) for name in statement.uses}
    answers = tuple(sorted(used & bound(statements([solution.source]))))
    course = [
        c.source for c in before if c.cell_type == "code" and not _is(c, "solution") and not _is(c, "grade")
    ]
    checks = [c.source for c in before if _is_check(c)]  # later ones use the imports of the first
    imports = [s for s in statements(checks) if s.is_import]
    setup = unparse(needed(used - set(answers), statements(course) + imports))
    return Exercise(
        number=re.sub(r"^check-", "", _id(check)).replace("-", "."),
        title=title,
        points=float(check.metadata.nbgrader.points),
        solution_id=_id(solution),
        check_id=_id(check),
        answers=answers,
        check=check.source,
        setup=setup,
        stub=solution.source,
    )


def _id(cell) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def _is(cell, kind: str) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get(kind))


def _is_check(cell) -> bool:
    return _is(cell, "grade") and cell.cell_type == "code"
