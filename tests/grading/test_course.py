"""The course itself, handed in: its solutions get all points and are never strange, its stubs get a hint to begin."""

import pytest

from course_tools.environment import ROOT
from course_tools.grading import assignment, pool, sandbox, slicing
from course_tools.grading.judging import find_answer
from course_tools.grading.notebooks import read_cells
from course_tools.grading.screening import screen

LACKS = sandbox.missing()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells_of(path):
    return [[cell.grade_id, cell.source] for cell in read_cells(path.read_bytes())]


def edition_of(course):
    cells = course.edition.cells
    return [
        [c.metadata.get("nbgrader", {}).get("grade_id", ""), c.source] for c in cells if c.cell_type == "code"
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_exercise_has_an_answer_that_is_found_by_its_name(path):
    course = assignment.read(path)
    for exercise in course.exercises:
        assert exercise.answers and exercise.points > 0 and exercise.number in exercise.title
        assert "check" in slicing.bound(slicing.statements([exercise.setup, exercise.check]))
        assert "SOLUTION" not in str(exercise.job())
        parts, fault = find_answer(cells_of(path), exercise.job())
        assert fault is None and screen(parts, exercise.stub) == []


@pytest.mark.skipif(bool(LACKS), reason=f"submissions cannot be locked in here: {LACKS}")
def test_solutions_get_all_points_and_stubs_a_hint_to_begin():
    jobs, modules = [], []
    for path in NOTEBOOKS:
        course = assignment.read(path)
        modules.append(f"course_utils.checks.notebook_{path.name[:2]}")
        for exercise in course.exercises:
            for kind, cells in (("solution", cells_of(path)), ("stub", edition_of(course))):
                jobs.append(((exercise.number, kind), {"cells": cells, "exercise": exercise.job()}))
    verdicts = dict(pool.run(jobs, pool.Setting(tuple(modules), sandbox.Limits(seconds=60)), 1))
    assert len(verdicts) == len(jobs) > 40
    for (number, kind), verdict in verdicts.items():
        assert verdict["passed"] == (kind == "solution"), (number, verdict)
        assert verdict["strange"] == [] and "broken" not in verdict, (number, verdict)
        assert kind == "solution" or "Nothing is written here yet" in verdict["hint"]
