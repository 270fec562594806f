"""Rules about exercises and reports: their cells, their check functions, and hidden solutions.

An exercise is graded by its check. A report is graded manually: it is a heading and a Markdown cell below it that the
student fills in (nbgrader's "manually graded answer"). In the course this cell has the instructor's answer, which is
removed from the student edition.
"""

import re
from pathlib import Path

from course_utils.checks import Hint, check

from .cells import is_report, is_solution, rule, source, tags, where

ROOT = Path(__file__).resolve().parents[3]
SOLUTION_CELL = {"solution": True, "grade": False, "locked": False, "task": False, "schema_version": 3}
CHECK_CELL = {"solution": False, "grade": True, "locked": True, "task": False, "schema_version": 3}
REPORT_CELL = {"solution": True, "grade": True, "locked": False, "task": False, "schema_version": 3}
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)


@rule
def exercises(notebook, path):
    """Exercises are heading, solution cell, check cell, reports heading, answer cell; both are numbered from 1."""
    cells = notebook["cells"]
    graded = set()
    for label, index, complaints in _headings("Exercise", cells, path.name[:2]):
        yield from complaints
        triple = cells[index : index + 3]
        graded.update(id(part) for part in triple)
        yield from _triple(label, triple)
        yield from _judged(label)
    for label, index, complaints in _headings("Report", cells, path.name[:2]):
        yield from complaints
        answer = cells[index + 1] if index + 1 < len(cells) else cells[index]
        graded.add(id(answer))
        yield from _report(label, answer)
    for cell in cells:
        if "nbgrader" in cell["metadata"] and id(cell) not in graded:
            yield f"{where(cell)} has nbgrader metadata but belongs to no exercise or report"
    ids = [cell["metadata"]["nbgrader"]["grade_id"] for cell in cells if "nbgrader" in cell["metadata"]]
    yield from (f"grade id {name!r} is not unique" for name in {i for i in ids if ids.count(i) > 1})


def _headings(word, cells, chapter):
    """Yield the label of each heading, such as 07.2, the index of its cell, and a list of complaints about it."""
    number = 0
    for index, cell in enumerate(cells):
        heading = re.search(rf"^#+ {word}\b.*$", source(cell), re.MULTILINE)
        if cell["cell_type"] == "markdown" and heading:
            number += 1
            label = f"{chapter}.{number}"
            right = re.fullmatch(rf"### {word} {re.escape(label)} · \S.*", heading[0])
            yield label, index, [] if right else [f"{heading[0]!r} is not '### {word} {label} · title'"]


def _report(label, answer):
    found = dict(answer["metadata"].get("nbgrader", {}))
    points = found.pop("points", None)
    wanted = REPORT_CELL | {"grade_id": f"report-{label.replace('.', '-')}"}
    if answer["cell_type"] != "markdown" or found != wanted or not _positive(points):
        yield f"report {label} is not followed by its answer cell: {where(answer)} has {found}, points {points}"


def _positive(points):
    return isinstance(points, (int, float)) and points > 0


def _triple(label, triple):
    dashed = label.replace(".", "-")
    if [cell["cell_type"] for cell in triple] != ["markdown", "code", "code"]:
        yield f"exercise {label} is not a sequence of heading, solution cell and check cell"
        return
    expected = (
        SOLUTION_CELL | {"grade_id": f"exercise-{dashed}"},
        CHECK_CELL | {"grade_id": f"check-{dashed}"},
    )
    for cell, wanted in zip(triple[1:], expected, strict=True):
        found = dict(cell["metadata"].get("nbgrader", {}))
        points = found.pop("points", None)
        if found != wanted or (wanted is expected[1]) != _positive(points):
            yield f"{where(cell)} has the nbgrader metadata {found}, points {points}"
    check = triple[2]
    if not {"raises-exception", "nbval-check-output"} <= tags(check):
        yield f"{where(check)} lacks the tag raises-exception or nbval-check-output"
    if f'check("{label}"' not in source(check):
        yield f'{where(check)} does not call check("{label}", ...)'


def _judged(label):
    chapter, number = label.split(".")
    try:
        check(label)
    except ValueError:
        yield f"exercise {label} has no check function"
    except Hint:
        pass
    if not (ROOT / f"tests/checks/mistakes/{chapter}_{number}.py").exists():
        yield f"exercise {label} has no tests/checks/mistakes/{chapter}_{number}.py"


@rule
def solutions_between_markers(notebook, path):
    lines = set()
    for cell in notebook["cells"]:
        marks = [line.strip() for line in source(cell).splitlines() if "SOLUTION" in line]
        wanted = is_solution(cell) and not is_report(cell)
        if marks != ["### BEGIN SOLUTION", "### END SOLUTION"] * (len(marks) // 2) or wanted != bool(marks):
            yield f"{where(cell)} has the solution marks {marks}"
        for block in SOLUTION.findall(source(cell)):
            lines |= {line.strip() for line in block.splitlines() if len(line.strip()) >= 30}
    for cell in notebook["cells"]:
        rest = SOLUTION.sub("", source(cell))
        yield from (f"{where(cell)} gives a solution away: {line}" for line in lines if line in rest)
