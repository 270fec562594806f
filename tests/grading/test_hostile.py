"""Hostile and broken submissions: each gets the stated verdict, and no other student is affected."""

import csv
import os
import re
import zipfile

import hostile_submissions as kinds
import pytest
from small_class import FIRST, NAME, RIGHT, SECOND, WRONG, Class, course, write, zipped

from course_tools.grading import grader, sandbox, submissions, worker

LACKS = sandbox.missing()
pytestmark = pytest.mark.skipif(bool(LACKS), reason=f"submissions cannot be locked in here: {LACKS}")

LIMITS = sandbox.Limits(seconds=2, megabytes=400, disk=5)
# Names of students.
ODD_NAMES = [
    "=1+1",
    "Ünï cödé",
    "<b>bold",
    "two\nlines",
    "-rf",
    "O'Neil; drop table",
    "👩‍🎓",
    "a" * 200,
    "x~1",
    "%2e%2e%2fx",
]


def table(output):
    """Return grades.csv as (student, exercise) → row."""
    with (output / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        # An apostrophe prevents spreadsheets from interpreting a name as a formula.
        return {(row["student"].removeprefix("'"), row["exercise"]): row for row in csv.DictReader(file)}


def hand_in_honest_work(folder, group):
    write(folder / "ada" / "labs", group.content(RIGHT))
    write(folder / "ben", group.untouched())
    (folder / "cyd.zip").write_bytes(zipped((f"work/{NAME}.ipynb", group.content(WRONG))))
    write(folder / "dee", group.content(RIGHT, "def field_size(layers):\n    return 1"))


def hand_in_attacks(folder, group, places):
    for kind, (code, *_) in kinds.ANSWERS.items():
        for word, path in places.items():
            code = code.replace("{" + word + "}", str(path))
        write(folder / kind, group.content(code))
    for kind, (code, change, _) in kinds.NOTEBOOKS.items():
        write(folder / kind, group.content(code, change=change))
    for kind, (hand_in, _) in kinds.files(group).items():
        hand_in(folder / kind, places["solutions"])
    for name in ODD_NAMES:
        write(folder / name, group.content(RIGHT))


class Graded:
    """A class with many attackers, graded in one run, and its honest students, graded separately."""

    def __init__(self, base):
        self.notebooks, self.folder, self.output = course(base / "course"), base / "all", base / "output"
        self.group = Class(self.notebooks)
        honest = base / "honest"
        for folder in (honest, self.folder):
            hand_in_honest_work(folder, self.group)
        places = {
            "solutions": self.notebooks / f"{NAME}.ipynb",
            "folder": self.notebooks,
            "neighbour": self.folder / "ada" / "labs" / f"{NAME}.ipynb",
            "gradebook": self.output / "gradebook.db",
        }
        hand_in_attacks(self.folder, self.group, places)
        (base / "other").mkdir()
        self.alone = self.run(honest, base / "other" / "output")
        self.rows = self.run(self.folder, self.output, processes=2)

    def run(self, folder, output, processes=1):
        grader.grade(folder, [], output, LIMITS, processes, notebooks=self.notebooks)
        return table(output)

    def verdict(self, kind):
        student = submissions.safe_name(kind)
        return [self.rows[student, number] for number in (FIRST, SECOND)]


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    return Graded(tmp_path_factory.mktemp("class"))


def test_there_are_more_than_sixty_kinds(graded):
    assert len(kinds.ANSWERS) + len(kinds.NOTEBOOKS) + len(kinds.files(graded.group)) > 60


@pytest.mark.parametrize("kind", kinds.ANSWERS)
def test_an_attacking_answer_gets_its_verdict_and_the_next_exercise_its_points(graded, kind):
    _, status, words = kinds.ANSWERS[kind]
    first, second = graded.verdict(kind)
    assert first["status"] == status, first
    assert words in first["hint"] and len(first["hint"]) <= 2500
    assert float(first["points"]) == (1 if status == "passed" else 0)
    assert second["status"] == "passed" and float(second["points"]) == 2, second


@pytest.mark.parametrize("kind", kinds.NOTEBOOKS)
def test_an_altered_notebook_gets_its_verdicts(graded, kind):
    rows = graded.verdict(kind)
    assert [row["status"] for row in rows] == list(kinds.NOTEBOOKS[kind][2])
    assert [float(row["points"]) for row in rows] == [
        points * (row["status"] == "passed") for points, row in zip((1, 2), rows, strict=True)
    ]


def test_odd_files_get_their_verdicts(graded):
    found = {kind: {row["status"] for row in graded.verdict(kind)} for kind in kinds.files(graded.group)}
    assert found == {kind: {status} for kind, (_, status) in kinds.files(graded.group).items()}


def test_an_unusual_name_costs_no_points(graded):
    for name in ODD_NAMES:
        assert [row["status"] for row in graded.verdict(name)] == ["passed", "passed"], name


def test_honest_students_get_the_same_as_without_attackers(graded):
    assert {student for student, _ in graded.alone} == {"ada", "ben", "cyd", "dee"}
    for key, alone in graded.alone.items():
        row = graded.rows[key]
        assert (row["status"], row["points"]) == (alone["status"], alone["points"])
        # The input is random.
        assert re.sub(r"\d+", "…", row["hint"]) == re.sub(r"\d+", "…", alone["hint"])
    assert [graded.alone[name, FIRST]["status"] for name in ("ada", "ben", "cyd")] == [
        "passed",
        "failed",
        "failed",
    ]
    assert "Nothing is written here yet" in graded.alone["ben", FIRST]["hint"]


def test_no_page_runs_a_script_or_shows_a_check(graded):
    for page in (graded.output / "feedback").iterdir():
        text = page.read_text(encoding="utf-8")
        assert "<script" not in text and "<b>bold" not in text
        assert "check(" not in text.replace("def check(", "") or "course_utils.check" in text
    assert "&lt;script&gt;" in (graded.output / "feedback" / "HTML in the message.html").read_text(
        encoding="utf-8"
    )


def test_no_row_is_a_formula(graded):
    assert not [
        row for row in graded.rows.values() if row["student"][0] in "=+@" or row["hint"][:1] in tuple("=+-@")
    ]


def test_no_process_and_no_file_is_left(graded):
    import psutil

    children = psutil.Process().children(recursive=True)
    assert [child.cmdline() for child in children if "course_tools.grading.worker" in child.cmdline()] == []
    assert not (graded.folder.parent / f"{NAME}.ipynb").exists()


def test_gradebook_and_table_agree(graded):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{graded.output / 'gradebook.db'}") as book:
        for (student, number), row in graded.rows.items():
            submission = book.find_submission(NAME, student)
            (grade_,) = [
                g for g in submission.notebooks[0].grades if g.name == f"check-{number.replace('.', '-')}"
            ]
            assert grade_.score == float(row["points"])
            assert grade_.needs_manual_grade == (row["status"] == "review")


def test_members_of_a_class_zip_with_paths_that_lead_out_are_refused(graded, tmp_path):
    good = graded.group.content(RIGHT)
    archive = tmp_path / "class.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in (
            f"ada/{NAME}.ipynb",
            f"../../x/{NAME}.ipynb",
            f"/etc/x/{NAME}.ipynb",
            f"bob/../ada/{NAME}.ipynb",
        ):
            file.writestr(name, good)
    found = {s.student: s for s in submissions.collect(archive)}
    assert found["ada"].notebooks and not found["ada"].problems
    others = [s for name, s in found.items() if name != "ada"]
    assert len(others) == 3
    for submission in others:
        assert submission.notebooks == [] and "leads out" in submission.problems[0]
        assert "/" not in submission.student and not submission.student.startswith(".")


def test_zips_that_unpack_to_too_much_are_not_read_further(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "MOST_UNPACKED", 3 * 10**6)
    inner = zipped(("x.txt", bytes(10**6)))
    bombs = [(f"{i}.zip", zipped(("big.zip", bytes(10**6)), ("more.zip", inner))) for i in range(9)]
    (tmp_path / "eve.zip").write_bytes(zipped(*bombs))
    (eve,) = submissions.collect(tmp_path)
    assert "more than" in eve.problems[-1] and eve.unpacked < 5 * 10**6


def test_deleted_files_that_are_still_open_are_counted(tmp_path):
    before = worker._size_of_deleted(os.getpid())
    with (tmp_path / "file").open("wb") as file:
        file.truncate(10**6)
        assert worker._size_of_deleted(os.getpid()) == before
        (tmp_path / "file").unlink()
        assert worker._size_of_deleted(os.getpid()) == before + 10**6


def test_a_second_run_judges_only_changed_answers(graded, monkeypatch):
    from course_tools.grading import pool

    judged = []
    run = pool.run

    def count(jobs, *rest):
        judged.append(sorted((task.plan.student, task.key) for task, _ in jobs))
        return run(jobs, *rest)

    monkeypatch.setattr(pool, "run", count)
    before = table(graded.output)
    assert graded.run(graded.folder, graded.output) == before
    write(graded.folder / "ben", graded.group.content(RIGHT, graded.group.assignment.exercises[1].stub))
    after = graded.run(graded.folder, graded.output)
    assert judged == [[], [("ben", f"{NAME}/{FIRST}"), ("ben", f"{NAME}/{SECOND}")]]
    assert after["ben", FIRST]["status"] == "passed" and after["ben", SECOND]["status"] == "failed"
    assert {k: v for k, v in after.items() if k[0] != "ben"} == {
        k: v for k, v in before.items() if k[0] != "ben"
    }
