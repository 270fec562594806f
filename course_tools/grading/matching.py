"""Match the notebooks of a submission with the assignments."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from course_tools.grading.exercises import Assignment
from course_tools.grading.notebooks import SubmittedCell, Unreadable, read_cells
from course_tools.grading.submissions import Submission


@dataclass
class Match:
    """The assignments that a student has handed in, by name."""

    cells: dict[str, list[SubmittedCell]] = field(default_factory=dict)
    # Why an instructor has to look, for assignments that cannot be graded.
    trouble: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Copy:
    """A notebook of a submission."""

    path: str
    cells: list[SubmittedCell]


def match(submission: Submission, assignments: Sequence[Assignment]) -> Match:
    """Return the cells of each assignment that was handed in, and what needs a review.

    A notebook is recognized by nbgrader's ids in it, then by its file name, then by the names that it defines. Among
    several copies, those that are equal or in which nothing was written do not count. A notebook that cannot be read
    is added to the submission's problems if its name does not say which assignment it is.
    """
    result = Match()
    copies = defaultdict(list)
    for copy in _readable(submission, assignments, result.trouble):
        best = max(assignments, key=lambda a: _likeness(a, copy), default=None)
        if best and _likeness(best, copy):
            copies[best.name].append(copy)
    for assignment in assignments:
        if assignment.name in copies:
            _choose(assignment, copies[assignment.name], result)
    if submission.twice:
        text = "There are two submissions of this name; take one away and grade again."
        return Match(trouble=dict.fromkeys([*result.cells, *result.trouble], text))
    return result


def _readable(
    submission: Submission, assignments: Sequence[Assignment], trouble: dict[str, str]
) -> Iterator[Copy]:
    """Yield the notebooks that can be read, and note the others."""
    for path, content in submission.notebooks:
        try:
            yield Copy(path, read_cells(content))
        except Unreadable as reason:
            text = f"{path} cannot be read: {reason}."
            named = [assignment.name for assignment in assignments if assignment.name in path]
            trouble.update(dict.fromkeys(named, text))
            if not named:
                submission.problems.append(text)


def _choose(assignment: Assignment, copies: list[Copy], result: Match) -> None:
    """Take the copy that counts, or note that there are several different ones."""
    worked_in = [copy for copy in copies if _is_worked_in(copy, assignment)] or copies[:1]
    if all(copy.cells == worked_in[0].cells for copy in worked_in):
        result.cells[assignment.name] = worked_in[0].cells
        result.trouble.pop(assignment.name, None)
    else:
        paths = ", ".join(copy.path for copy in worked_in)
        result.trouble[assignment.name] = f"It was handed in more than once, with differences: {paths}."


def _likeness(assignment: Assignment, copy: Copy) -> int:
    """Return how much a notebook looks like an assignment; 0 if not at all."""
    ids = {cell.grade_id for cell in copy.cells}
    here = sum(exercise.solution_id in ids or exercise.check_id in ids for exercise in assignment.exercises)
    answers = {name for exercise in assignment.exercises for name in exercise.answers}
    defined = sum(
        f"def {name}(" in cell.source or f"class {name}" in cell.source
        for cell in copy.cells
        for name in answers
    )
    return 1000 * here + 100 * (assignment.name in copy.path) + min(defined, 99)


def _is_worked_in(copy: Copy, assignment: Assignment) -> bool:
    stubs = {part.stub.strip() for part in assignment.graded}
    own = {exercise.solution_id for exercise in assignment.exercises}
    own |= {report.check_id for report in assignment.reports}
    return any(cell.source.strip() not in stubs for cell in copy.cells if cell.grade_id in own)
