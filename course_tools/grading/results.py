"""Write one student's results: grades in the gradebook, the page of feedback, the record for the next run."""

from collections.abc import Sequence
from pathlib import Path

from course_tools.grading.exercises import Assignment, Exercise
from course_tools.grading.feedback import Row, write_feedback
from course_tools.grading.gradebook import Book
from course_tools.grading.plan import Plan, key, source_of
from course_tools.grading.verdict import Status, write_record


def record_path(output: Path, student: str) -> Path:
    """Return where a student's verdicts are kept."""
    return output / "records" / f"{student}.json"


def write_results(plan: Plan, course: Sequence[Assignment], book: Book, output: Path) -> list[Row]:
    """Write the results of a student whose verdicts are complete; return the rows of grades.csv.

    A submission may contain anything: if its results cannot be written, its rows say so, and other students get theirs.
    """
    try:
        rows = [row for assignment in course for row in _rows(plan, assignment, book)]
        page = output / "feedback" / f"{plan.student}.html"
        write_feedback(page, plan.student, rows, plan.submission.problems)
        # Last, so that an interrupted run does not skip the gradebook the next time.
        write_record(record_path(output, plan.student), plan.verdicts)
        return rows
    except Exception as error:
        book.forget()
        hint = f"The verdicts could not be saved: {type(error).__name__}: {error}"
        plan.submission.problems.append(hint)
        return [
            Row(plan.student, a.name, part.number, part.title, 0.0, part.points, hint[:1000], Status.REVIEW)
            for a in course
            for part in a.graded
        ]


def _rows(plan: Plan, assignment: Assignment, book: Book) -> list[Row]:
    """Record the verdicts on one assignment in the gradebook, and return its rows with the points from there."""
    verdicts = {part.number: plan.verdicts[key(assignment, part)] for part in assignment.graded}
    known = {part.number: plan.known.get(key(assignment, part)) for part in assignment.graded}
    cells = plan.match.cells.get(assignment.name, [])
    if verdicts != known or not book.knows(plan.student, assignment.name):
        book.record(plan.student, assignment, cells, verdicts)
    points, reviewed = book.points(plan.student, assignment), book.reviewed(plan.student, assignment)
    return [
        Row(
            student=plan.student,
            assignment=assignment.name,
            exercise=part.number,
            title=part.title,
            points=points[part.number],
            possible=part.points,
            hint=verdicts[part.number].hint,
            status=Status.REVIEWED if part.number in reviewed else verdicts[part.number].status,
            code=source_of(part.solution_id, cells) if isinstance(part, Exercise) else "",
        )
        for part in assignment.graded
    ]
