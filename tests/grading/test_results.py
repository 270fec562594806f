"""The results of grading: gradebook, table and pages. Hidden tests count and are never shown."""

import csv
import shutil
import subprocess
import sys

import nbformat
import pytest
from small_class import NAME, RIGHT, WRONG, Class, course, write

from course_tools import __main__ as commands
from course_tools import environment
from course_tools.grading import exercises, grader, pool, sandbox
from course_tools.grading.gradebook import Book
from course_tools.grading.verdict import Status, Verdict

LACKS = sandbox.missing()
locked_in = pytest.mark.skipif(bool(LACKS), reason=f"submissions cannot be locked in here: {LACKS}")
HIDDEN = """assert double(2) == 4
### BEGIN HIDDEN TESTS
assert double(7) == 14, "this must not be shown: " + str(7 * 1234567)
assert double(8) == 16
### END HIDDEN TESTS"""


def rows(output):
    with (output / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def hidden_course(folder):
    """Write a notebook whose check cell has plain tests, some of them hidden."""
    notebook = nbformat.read(course(folder) / f"{NAME}.ipynb", as_version=4)
    by_id = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    by_id[
        "exercise-07-3"
    ].source = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
    by_id["check-07-3"].source = HIDDEN
    nbformat.write(notebook, folder / f"{NAME}.ipynb")
    return folder


@locked_in
def test_hidden_tests_count_and_are_not_shown(tmp_path):
    notebooks = hidden_course(tmp_path / "course")
    group = Class(notebooks)
    answers = {
        "ada": "def double(x):\n    return 2 * x",
        "bob": "def double(x):\n    return {2: 4, 7: 14}[x]",
        "cyd": "def double(x):\n    return 4",
        "dan": "def double(*given):\n    if given != (2,):\n        raise ValueError(given)\n    return 4",
        "eve": "def double(x):\n    raise ValueError(__import__('sys')._getframe(1).f_code.co_consts)",
    }
    for student, code in answers.items():
        write(tmp_path / "in" / student, group.content(code))
    output = tmp_path / "out"
    grader.grade(tmp_path / "in", [], output, sandbox.Limits(seconds=5), 1, notebooks=notebooks)
    found = {row["student"]: row for row in rows(output) if row["exercise"] == "07.3"}
    assert {name: row["status"] for name, row in found.items()} == {
        "ada": "passed",
        "bob": "failed",
        "cyd": "failed",
        "dan": "failed",
        "eve": "review",
    }
    for name in answers:
        page = (output / "feedback" / f"{name}.html").read_text(encoding="utf-8")
        for secret in ("HIDDEN", "double(8)", "== 16", "1234567", "must not be shown", "8641969", "(7,)"):
            assert secret not in page, (name, secret)


@pytest.fixture
def book(tmp_path):
    """A gradebook with one recorded submission: 07.3 passed, 07.5 for review."""
    assignment = exercises.read(course(tmp_path / "course") / f"{NAME}.ipynb")
    made = Book(tmp_path / "out")
    made.add(assignment)
    verdicts = {"07.3": Verdict(Status.PASSED), "07.5": Verdict(Status.REVIEW, "Look.")}
    made.record("ada", assignment, [], verdicts)
    yield made, assignment
    made.close()


def test_points_from_an_instructor_are_kept_and_count(book):
    gradebook, assignment = book
    assert gradebook.points("ada", assignment) == {"07.3": 1, "07.5": 0}
    submission = gradebook._book.find_submission(NAME, "ada")
    (grade_,) = [g for g in submission.notebooks[0].grades if g.name == "check-07-5"]
    assert grade_.needs_manual_grade
    grade_.manual_score = 1.5
    gradebook._book.db.commit()
    assert gradebook.points("ada", assignment) == {"07.3": 1, "07.5": 1.5}
    assert gradebook.reviewed("ada", assignment) == {"07.5"}


def test_exercises_that_have_changed_are_not_mixed_with_old_grades(book, tmp_path):
    gradebook, assignment = book
    cells = [
        c
        for c in assignment.edition.cells
        if "07-5" not in c.metadata.get("nbgrader", {}).get("grade_id", "")
    ]
    assignment.edition.cells = cells
    with pytest.raises(ValueError, match="have changed"):
        gradebook.add(assignment)


def test_nbgrader_reads_the_gradebook(book, tmp_path):
    gradebook, _ = book
    gradebook.close()
    command = [sys.executable, "-m", "nbgrader", "export", "--to", "all.csv"]
    subprocess.run(command, cwd=gradebook.folder, check=True, capture_output=True, timeout=60)
    with (gradebook.folder / "all.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["student_id"], row["assignment"], float(row["score"])) == ("ada", NAME, 1.0)
    notebook = gradebook.folder / "autograded" / "ada" / NAME / f"{NAME}.ipynb"
    nbformat.validate(nbformat.read(notebook, as_version=4))


def test_a_system_without_protection_is_refused_in_words(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sandbox, "missing", lambda: ["files: no Landlock"])
    monkeypatch.setattr(environment, "ensure", lambda arguments: None)
    monkeypatch.setattr(pool, "run", lambda *_: pytest.fail("graded"))
    (tmp_path / "in").mkdir()
    assert commands.main(["grade", str(tmp_path / "in"), "--output", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "no Landlock" in said and "--unprotected" in said
    assert not (tmp_path / "out").exists()


def test_secrets_inside_a_readable_folder_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "SYSTEM", (str(tmp_path),))
    assert "is inside" in pool.exposed([tmp_path / "course" / "notebooks"])[0]
    assert pool.exposed([environment.ROOT / "notebooks"]) == []


@pytest.mark.parametrize("place", ["nowhere", "empty", "note.txt"])
def test_a_place_without_submissions_is_named(tmp_path, monkeypatch, capsys, place):
    monkeypatch.setattr(environment, "ensure", lambda arguments: None)
    monkeypatch.setattr(sandbox, "missing", list)
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").write_text("no zip", encoding="utf-8")
    assert commands.main(["grade", str(tmp_path / place), "--output", str(tmp_path / "out")]) == 1
    assert str(tmp_path / place) in capsys.readouterr().err


@locked_in
def test_a_worker_that_is_killed_is_replaced(tmp_path, monkeypatch):
    notebooks = course(tmp_path / "course")
    group = Class(notebooks)
    for student, code in (("ada", RIGHT), ("bob", WRONG)):
        write(tmp_path / "in" / student, group.content(code))
    asked = []
    ask = pool._Worker._ask

    def kill_once(self, message):
        asked.append(message)
        if len(asked) == 2:
            self._process.kill()
        return ask(self, message)

    monkeypatch.setattr(pool._Worker, "_ask", kill_once)
    grader.grade(tmp_path / "in", [], tmp_path / "out", sandbox.Limits(seconds=5), 1, notebooks=notebooks)
    assert [row["status"] for row in rows(tmp_path / "out")] == ["passed", "passed", "failed", "passed"]
    shutil.rmtree(tmp_path / "out")
