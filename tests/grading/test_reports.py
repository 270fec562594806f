"""Reports are texts that an instructor reads: they are shown in formgrader, wait for points, and then count."""

import copy
import csv
import json

import nbformat
import pytest
from small_class import write

from course_tools.environment import ROOT
from course_tools.grading import exercises, grader, sandbox
from course_tools.grading.gradebook import Book
from course_tools.grading.matching import Match
from course_tools.grading.notebooks import read_cells
from course_tools.grading.plan import Plan, key
from course_tools.grading.results import write_results
from course_tools.grading.submissions import Submission
from course_tools.grading.verdict import Status, Verdict

NAME = "12_assignment"
COURSE = exercises.read(ROOT / "notebooks" / f"{NAME}.ipynb")
TEXT = "My three networks <script>alert('read')</script> reach **84 %** & more."
LACKS = sandbox.missing()


def handed_in(**texts):
    """The student edition with these reports filled in, and no exercise solved."""
    notebook = copy.deepcopy(COURSE.edition)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        cell.source = texts.get(grade_id.replace("-", "_"), cell.source)
    return json.dumps(notebook).encode()


def test_exercises_and_reports_are_worth_ten_points():
    assert [part.number for part in COURSE.reports] == ["12.1 report", "12.2 report", "12.3 report"]
    assert all(part.title.startswith("Report 12.") for part in COURSE.reports)
    assert sum(part.points for part in COURSE.graded) == 10


def test_the_instructors_reports_are_not_in_the_students_edition():
    source = nbformat.read(ROOT / "notebooks" / f"{NAME}.ipynb", as_version=4)
    own = {c.metadata.get("nbgrader", {}).get("grade_id"): c.source for c in source.cells}
    for part in COURSE.reports:
        assert own[part.check_id] not in json.dumps(COURSE.edition) and part.stub != own[part.check_id]


def test_a_report_is_read_only_from_its_own_markdown_cell():
    cells = {cell.grade_id: cell.source for cell in read_cells(handed_in(report_12_1=TEXT)) if cell.grade_id}
    assert cells["report-12-1"] == TEXT
    notebook = json.loads(handed_in())
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "report-12-1":
            cell["cell_type"] = "code"
    assert "report-12-1" not in {cell.grade_id for cell in read_cells(json.dumps(notebook).encode())}


@pytest.mark.skipif(bool(LACKS), reason=f"submissions cannot be locked in here: {LACKS}")
def test_reports_wait_for_an_instructor_and_their_points_count(tmp_path):
    write(tmp_path / "in/ada", handed_in(report_12_1=TEXT), name=f"{NAME}.ipynb")
    output = tmp_path / "out"

    def rows():
        grader.grade(tmp_path / "in", ["12"], output, sandbox.Limits(seconds=5), 1)
        with (output / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
            return {row["exercise"]: row for row in csv.DictReader(file)}

    found = rows()
    assert [found[f"12.{n} report"]["status"] for n in (1, 2, 3)] == ["review", "missing", "missing"]
    shown = nbformat.read(output / "autograded/ada" / NAME / f"{NAME}.ipynb", as_version=4)
    texts = [c.source for c in shown.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "report-12-1"]
    assert "84 %" in texts[0] and "<script>" not in texts[0]

    book = Book(output)
    submission = book._book.find_submission(NAME, "ada")
    by_name = {g.name: g for g in submission.notebooks[0].grades}
    assert by_name["report-12-1"].needs_manual_grade and not by_name["report-12-2"].needs_manual_grade
    by_name["report-12-1"].manual_score = 1.5
    book._book.db.commit()
    book.close()
    again = rows()["12.1 report"]
    assert (again["status"], again["points"]) == ("reviewed", "1.5")


def test_if_results_cannot_be_written_every_part_still_has_a_row(tmp_path):
    plan = Plan(Submission("ada"), Match())
    plan.verdicts = {key(COURSE, part): Verdict(Status.MISSING) for part in COURSE.graded}
    (tmp_path / "feedback").write_text("a file where the folder should be", encoding="utf-8")
    book = Book(tmp_path / "book", "")
    book.add(COURSE)
    try:
        rows = write_results(plan, [COURSE], book, tmp_path)
    finally:
        book.close()
    assert [row.exercise for row in rows] == [part.number for part in COURSE.graded]
    assert {row.status for row in rows} == {"review"} and plan.submission.problems
