"""Which notebook of a submission is which assignment."""

from collections.abc import Iterable

from course_tools.grading.assignment import Assignment
from course_tools.grading.notebooks import Cell, Unreadable, read_cells
from course_tools.grading.submissions import Submission


def sort(
    submission: Submission, assignments: Iterable[Assignment]
) -> tuple[dict[str, list[Cell]], dict[str, str]]:
    """Return, by the assignment's name, its code cells and reports; and what keeps a person busy, in words.

    Notebooks are told by nbgrader's ids in them, then by their file's name, then by what they define. Copies that
    are equal, or in which nothing was written, do not count.
    """
    found, trouble = {}, {}
    for path, content in submission.notebooks:
        try:
            cells = read_cells(content)
        except Unreadable as reason:
            text = f"{path} cannot be read: {reason}."
            named = [a.name for a in assignments if a.name in path]
            trouble |= dict.fromkeys(named, text)
            submission.problems += [] if named else [text]
            continue
        best = max(assignments, key=lambda a: _likeness(a, path, cells), default=None)
        if best and _likeness(best, path, cells):
            found.setdefault(best.name, []).append((path, cells))
    sorted_, assignments = {}, {a.name: a for a in assignments}
    for name, copies in found.items():
        worked = [copy for copy in copies if _worked_in(copy[1], assignments[name])] or copies[:1]
        if any(cells != worked[0][1] for _, cells in worked):
            paths = ", ".join(path for path, _ in worked)
            trouble[name] = f"It was handed in more than once, and differently: {paths}."
        else:
            sorted_[name] = worked[0][1]
            trouble.pop(name, None)
    if submission.twice:
        text = "There are two submissions of this name; take one away and grade again."
        trouble = dict.fromkeys({*sorted_, *trouble}, text)
        sorted_ = {}
    return sorted_, trouble


def _likeness(assignment: Assignment, path: str, cells: list[Cell]) -> int:
    ids = {cell.grade_id for cell in cells}
    here = sum(exercise.solution_id in ids or exercise.check_id in ids for exercise in assignment.exercises)
    answers = {name for exercise in assignment.exercises for name in exercise.answers}
    defined = sum(
        f"def {name}(" in cell.source or f"class {name}" in cell.source for cell in cells for name in answers
    )
    return 1000 * here + 100 * (assignment.name in path) + min(defined, 99)


def _worked_in(cells: list[Cell], assignment: Assignment) -> bool:
    stubs = {part.stub.strip() for part in assignment.graded}
    own = {exercise.solution_id for exercise in assignment.exercises}
    own |= {report.check_id for report in assignment.reports}
    return any(cell.source.strip() not in stubs for cell in cells if cell.grade_id in own)
