"""nbgrader's gradebook: the assignments as they are in the course, and every verdict as a grade in it.

The folder that it lies in is laid out as nbgrader wants it, so that `nbgrader formgrader` and `nbgrader export` work
there. Points that an instructor gives in formgrader stay, and count in grades.csv.
"""

import copy
import html
import json
import logging
import os
import sys
import warnings
from pathlib import Path

from course_tools.grading.assignment import Assignment
from course_tools.grading.notebooks import Cell, is_report
from course_utils.files import write_bytes

CONFIG = """c = get_config()
c.CourseDirectory.root = "."
c.CourseDirectory.db_url = "{url}"
"""


class Book:
    """The gradebook in `folder`; `url` takes the place of its SQLite file, for PostgreSQL say."""

    def __init__(self, folder: Path, url: str = ""):
        from nbgrader.api import Gradebook

        # nbgrader starts alembic by its name, and this environment need not be an activated one
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.url = folder, url or f"sqlite:///{folder.resolve() / 'gradebook.db'}"
        (folder / "nbgrader_config.py").write_text(CONFIG.format(url=self.url), encoding="utf-8")
        self._book = Gradebook(self.url)

    def close(self) -> None:
        self._book.close()

    def forget(self) -> None:
        """Take back what was not committed."""
        self._book.db.rollback()

    def add(self, assignment: Assignment) -> None:
        """Make an assignment, its cells and their points known. Raises ValueError where its exercises have changed."""
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
        """Whether this submission has been recorded."""
        from nbgrader.api import MissingEntry

        try:
            self._book.find_submission(assignment, student)
        except MissingEntry:
            return False
        return True

    def record(
        self, student: str, assignment: Assignment, cells: list[Cell], verdicts: dict[str, dict]
    ) -> None:
        """Write the verdicts, by number of the exercise, as grades; and the notebook for formgrader."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*not in session")  # nbgrader's way with SQLAlchemy
            self._book.update_or_create_student(student)
            submission = self._book.update_or_create_submission(assignment.name, student)
        exercises = {exercise.check_id: exercise for exercise in assignment.exercises}
        grades = {grade.name: grade for notebook in submission.notebooks for grade in notebook.grades}
        for check_id, exercise in exercises.items():
            verdict, grade = verdicts[exercise.number], grades[check_id]
            grade.auto_score = exercise.points if verdict["status"] == "passed" else 0.0
            grade.needs_manual_grade = verdict["status"] == "review"
        for report in assignment.reports:
            grade, waits = grades[report.check_id], verdicts[report.number]["status"] == "review"
            grade.needs_manual_grade = waits and grade.manual_score is None
        self._book.db.commit()
        self._write_notebook(student, assignment, cells, verdicts)

    def points(self, student: str, assignment: Assignment) -> dict[str, float]:
        """Return the points of each exercise and report, those given by hand included."""
        submission = self._book.find_submission(assignment.name, student)
        scores = {grade.name: grade.score for notebook in submission.notebooks for grade in notebook.grades}
        return {part.number: float(scores[part.check_id] or 0) for part in assignment.graded}

    def reviewed(self, student: str, assignment: Assignment) -> set[str]:
        """Numbers of the exercises and reports to which an instructor has given points by hand."""
        submission = self._book.find_submission(assignment.name, student)
        by_hand = {g.name for n in submission.notebooks for g in n.grades if g.manual_score is not None}
        return {part.number for part in assignment.graded if part.check_id in by_hand}

    def _write_notebook(self, student, assignment, cells, verdicts) -> None:
        import nbformat

        notebook = copy.deepcopy(assignment.edition)
        numbers = {exercise.check_id: exercise.number for exercise in assignment.exercises}
        for cell in notebook.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
            own = [handed.source for handed in cells if handed.grade_id == grade_id]
            if grade_id in numbers:
                verdict = verdicts[numbers[grade_id]]
                text = f"{verdict['status']}: {verdict['hint']}".strip(": ") + "\n"
                cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
            elif grade_id and own:
                text = "\n\n".join(own)
                # formgrader shows a text as a web page: HTML in it would run in the instructor's browser
                cell.source = html.escape(text, quote=False) if is_report(grade_id) else text
        place = self.folder / "autograded" / student / assignment.name
        place.mkdir(parents=True, exist_ok=True)
        text = json.dumps(
            notebook, indent=1, ensure_ascii=False
        )  # nbformat would check the whole notebook again
        write_bytes(place / f"{assignment.name}.ipynb", text.encode())
