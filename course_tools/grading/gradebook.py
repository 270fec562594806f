"""nbgrader's gradebook: the assignments of the course, and every verdict as a grade.

The folder of the gradebook has the layout that nbgrader expects, so that `nbgrader formgrader` and `nbgrader export`
work there. Points that an instructor gives in formgrader are kept, and count in grades.csv.
"""

import copy
import html
import json
import logging
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from course_tools.grading.exercises import Assignment
from course_tools.grading.notebooks import SubmittedCell, is_report
from course_tools.grading.verdict import Status, Verdict
from course_utils.files import write_bytes

if TYPE_CHECKING:
    from nbgrader.api import Grade

Cells = Sequence[SubmittedCell]
Verdicts = Mapping[str, Verdict]  # by the number of the exercise or report
CONFIG = """c = get_config()
c.CourseDirectory.root = "."
c.CourseDirectory.db_url = "{url}"
"""


class Book:
    """The gradebook in `folder`, an SQLite file unless `url` names another database, for example PostgreSQL."""

    def __init__(self, folder: Path, url: str = "") -> None:
        from nbgrader.api import Gradebook

        # nbgrader looks for alembic on the PATH, and this environment may not be activated.
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.url = folder, url or f"sqlite:///{folder.resolve() / 'gradebook.db'}"
        (folder / "nbgrader_config.py").write_text(CONFIG.format(url=self.url), encoding="utf-8")
        self._book = Gradebook(self.url)

    def close(self) -> None:
        """Close the database."""
        self._book.close()

    def forget(self) -> None:
        """Undo what was not committed."""
        self._book.db.rollback()

    def add(self, assignment: Assignment) -> None:
        """Add or update an assignment, its cells and their points. Raises ValueError if its exercises have changed."""
        import nbformat
        from nbgrader.preprocessors import SaveCells

        place = self.folder / "source" / assignment.name
        place.mkdir(parents=True, exist_ok=True)
        nbformat.write(assignment.edition, place / f"{assignment.name}.ipynb")
        self._book.update_or_create_assignment(assignment.name)
        where = {"notebook": assignment.name, "assignment": assignment.name, "db_url": self.url}
        saver = SaveCells(log=logging.getLogger("course_tools.grading"))
        try:
            saver.preprocess(copy.deepcopy(assignment.edition), {"nbgrader": where})
        except RuntimeError as error:
            raise ValueError(
                f"The exercises of {assignment.name} have changed since submissions were graded.\n"
                f"Grade into another folder (--output), or delete {self.folder / 'gradebook.db'}: {error}"
            ) from error
        self._book.db.expire_all()

    def knows(self, student: str, assignment: str) -> bool:
        """Whether the student's submission has been recorded."""
        from nbgrader.api import MissingEntry

        try:
            self._book.find_submission(assignment, student)
        except MissingEntry:
            return False
        return True

    def record(self, student: str, assignment: Assignment, cells: Cells, verdicts: Verdicts) -> None:
        """Write the verdicts as grades, and the notebook for formgrader."""
        with warnings.catch_warnings():
            # Caused by nbgrader's use of SQLAlchemy.
            warnings.filterwarnings("ignore", ".*not in session")
            self._book.update_or_create_student(student)
            submission = self._book.update_or_create_submission(assignment.name, student)
        grades = {grade.name: grade for notebook in submission.notebooks for grade in notebook.grades}
        for exercise in assignment.exercises:
            grade, status = grades[exercise.check_id], verdicts[exercise.number].status
            grade.auto_score = exercise.points if status == Status.PASSED else 0.0
            grade.needs_manual_grade = status == Status.REVIEW
        for report in assignment.reports:
            grade, status = grades[report.check_id], verdicts[report.number].status
            grade.needs_manual_grade = status == Status.REVIEW and grade.manual_score is None
        self._book.db.commit()
        self._write_notebook(student, assignment, cells, verdicts)

    def points(self, student: str, assignment: Assignment) -> dict[str, float]:
        """Return the points of each exercise and report, including those that an instructor gave."""
        scores = {grade.name: grade.score for grade in self._grades(student, assignment)}
        return {part.number: float(scores[part.check_id] or 0) for part in assignment.graded}

    def reviewed(self, student: str, assignment: Assignment) -> set[str]:
        """Return the numbers of the exercises and reports to which an instructor has given points."""
        manual = {grade.name for grade in self._grades(student, assignment) if grade.manual_score is not None}
        return {part.number for part in assignment.graded if part.check_id in manual}

    def _grades(self, student: str, assignment: Assignment) -> "list[Grade]":
        submission = self._book.find_submission(assignment.name, student)
        return [grade for notebook in submission.notebooks for grade in notebook.grades]

    def _write_notebook(self, student: str, assignment: Assignment, cells: Cells, verdicts: Verdicts) -> None:
        """Write the notebook that formgrader shows: the student's answers, the verdicts below the course's checks."""
        import nbformat

        notebook = copy.deepcopy(assignment.edition)
        numbers = {exercise.check_id: exercise.number for exercise in assignment.exercises}
        for cell in notebook.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
            own = [submitted.source for submitted in cells if submitted.grade_id == grade_id]
            if grade_id in numbers:
                verdict = verdicts[numbers[grade_id]]
                text = f"{verdict.status}: {verdict.hint}".strip(": ") + "\n"
                cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
            elif grade_id and own:
                text = "\n\n".join(own)
                # formgrader shows a text as a web page: HTML in it would run in the instructor's browser.
                cell.source = html.escape(text, quote=False) if is_report(grade_id) else text
        place = self.folder / "autograded" / student / assignment.name
        # Not nbformat.write, which would validate the whole notebook again.
        text = json.dumps(notebook, indent=1, ensure_ascii=False)
        write_bytes(place / f"{assignment.name}.ipynb", text.encode())
