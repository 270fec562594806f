"""The course's own solutions get all points and are never strange; its stubs get a hint to begin."""

import pytest

from course_tools.environment import ROOT
from course_tools.grading import exercises, pool, sandbox, slicing
from course_tools.grading.exercises import Job
from course_tools.grading.judging import find_answer
from course_tools.grading.notebooks import SubmittedCell, read_cells
from course_tools.grading.screening import screen
from course_tools.grading.verdict import Outcome, Status
from course_tools.grading.worker import Setting

LACKS = sandbox.missing()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells_of(path):
    return tuple(read_cells(path.read_bytes()))


def edition_of(course):
    return tuple(
        SubmittedCell(cell.metadata.get("nbgrader", {}).get("grade_id", ""), cell.source)
        for cell in course.edition.cells
        if cell.cell_type == "code"
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_exercise_has_an_answer_that_is_found_by_its_name(path):
    course = exercises.read(path)
    for exercise in course.exercises:
        assert exercise.answers and exercise.points > 0 and exercise.number in exercise.title
        assert "check" in slicing.bound(slicing.statements([exercise.setup, exercise.check]))
        assert "SOLUTION" not in str(exercise)
        parts = find_answer(Job(exercise, cells_of(path)))
        assert not isinstance(parts, Outcome) and screen(parts, exercise.stub) == []


@pytest.mark.skipif(bool(LACKS), reason=f"submissions cannot be locked in here: {LACKS}")
def test_solutions_get_all_points_and_stubs_a_hint_to_begin():
    jobs, modules = [], []
    for path in NOTEBOOKS:
        course = exercises.read(path)
        modules.append(f"course_utils.checks.notebook_{path.name[:2]}")
        for exercise in course.exercises:
            for kind, cells in (("solution", cells_of(path)), ("stub", edition_of(course))):
                jobs.append(((exercise.number, kind), Job(exercise, cells)))
    outcomes = dict(pool.run(jobs, Setting(tuple(modules), sandbox.Limits(seconds=60)), 1))
    assert len(outcomes) == len(jobs) > 40
    for (number, kind), outcome in outcomes.items():
        assert outcome.status == (Status.PASSED if kind == "solution" else Status.FAILED), (number, outcome)
        assert not outcome.strange and not outcome.broken, (number, outcome)
        assert kind == "solution" or "Nothing is written here yet" in outcome.hint
