"""Rules about exercises: their three cells, their check functions, solutions that stay hidden."""

import re
from pathlib import Path

from course_utils.checks import Hint, check

from .cells import is_solution, rule, source, tags, where

ROOT = Path(__file__).resolve().parents[3]
SOLUTION_CELL = {"solution": True, "grade": False, "locked": False, "task": False, "schema_version": 3}
CHECK_CELL = {"solution": False, "grade": True, "locked": True, "task": False, "schema_version": 3}
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)


@rule
def exercises(notebook, path):
    """Heading, solution cell, check cell, one after the other; numbered 1, 2, ..."""
    cells = notebook["cells"]
    graded, number = set(), 0
    for index, cell in enumerate(cells):
        heading = re.search(r"^#+ Exercise\b.*$", source(cell), re.MULTILINE)
        if cell["cell_type"] != "markdown" or not heading:
            continue
        number += 1
        label = f"{path.name[:2]}.{number}"
        if not re.fullmatch(rf"### Exercise {re.escape(label)} · \S.*", heading[0]):
            yield f"{heading[0]!r} is not '### Exercise {label} · title'"
        triple = cells[index : index + 3]
        graded.update(id(part) for part in triple)
        yield from _triple(label, triple)
        yield from _judged(label)
    for cell in cells:
        if "nbgrader" in cell["metadata"] and id(cell) not in graded:
            yield f"{where(cell)} has nbgrader metadata but belongs to no exercise"
    ids = [cell["metadata"]["nbgrader"]["grade_id"] for cell in cells if "nbgrader" in cell["metadata"]]
    yield from (f"grade id {name!r} is not unique" for name in {i for i in ids if ids.count(i) > 1})


def _triple(label, triple):
    dashed = label.replace(".", "-")
    if [cell["cell_type"] for cell in triple] != ["markdown", "code", "code"]:
        yield f"exercise {label} is not a heading, a solution cell and a check cell in a row"
        return
    expected = (
        SOLUTION_CELL | {"grade_id": f"exercise-{dashed}"},
        CHECK_CELL | {"grade_id": f"check-{dashed}"},
    )
    for cell, wanted in zip(triple[1:], expected, strict=True):
        found = dict(cell["metadata"].get("nbgrader", {}))
        points = found.pop("points", None)
        if found != wanted or (wanted is expected[1]) != (isinstance(points, (int, float)) and points > 0):
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
        if marks != ["### BEGIN SOLUTION", "### END SOLUTION"] * (len(marks) // 2) or is_solution(
            cell
        ) != bool(marks):
            yield f"{where(cell)} has the solution marks {marks}"
        for block in SOLUTION.findall(source(cell)):
            lines |= {line.strip() for line in block.splitlines() if len(line.strip()) >= 30}
    for cell in notebook["cells"]:
        rest = SOLUTION.sub("", source(cell))
        yield from (f"{where(cell)} gives a solution away: {line}" for line in lines if line in rest)
