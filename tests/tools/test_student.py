"""A student's work is never overwritten, whatever happens between two updates of labs/."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from small_notebooks import SOLUTION, check, code, exercise, write

from course_tools.editions import student

NAME = "03_small.ipynb"


@pytest.fixture
def course(tmp_path):
    """The source folder and labs/ of a course with one notebook, updated once."""
    source, labs = tmp_path / "notebooks", tmp_path / "labs"
    write(source / NAME, exercise(), check())
    student.update_labs(source, labs)
    return source, labs


def publish(source, text):
    write(source / NAME, exercise(), check(), code(f"print({text!r})"))


def edit(path):
    path.write_bytes(path.read_bytes() + b"\n")
    return path.read_bytes()


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_the_first_edition_has_the_stub_and_no_solution(course):
    _, labs = course
    text = (labs / NAME).read_text(encoding="utf-8")
    assert "Exercise 03.1: your code here" in text and "secret" in SOLUTION and "secret" not in text
    assert sorted(contents(labs)) == [student.MANIFEST, NAME]


def test_a_second_update_converts_and_writes_nothing(course, monkeypatch):
    source, labs = course
    before = {path: path.stat().st_mtime_ns for path in labs.iterdir()}
    monkeypatch.setattr(student, "convert", lambda notebook: pytest.fail("converted again"))
    assert student.update_labs(source, labs) == student.Update()
    assert {path: path.stat().st_mtime_ns for path in labs.iterdir()} == before


def test_an_untouched_notebook_is_updated_in_place(course):
    source, labs = course
    publish(source, "second edition")
    assert student.update_labs(source, labs) == student.Update(written=[NAME])
    assert "second edition" in (labs / NAME).read_text(encoding="utf-8")
    assert student.waiting(labs) == []


def test_a_changed_notebook_is_kept_and_the_new_edition_is_written_next_to_it(course):
    source, labs = course
    mine = edit(labs / NAME)
    assert student.update_labs(source, labs) == student.Update()
    publish(source, "second edition")
    assert student.update_labs(source, labs) == student.Update(beside=["03_small.new.ipynb"])
    assert (labs / NAME).read_bytes() == mine
    assert "second edition" in (labs / "03_small.new.ipynb").read_text(encoding="utf-8")
    assert student.waiting(labs) == ["03_small.new.ipynb"]


def test_an_untouched_new_edition_is_replaced_and_a_changed_one_is_kept(course):
    source, labs = course
    mine = edit(labs / NAME)
    publish(source, "second edition")
    student.update_labs(source, labs)
    publish(source, "third edition")
    assert student.update_labs(source, labs).beside == ["03_small.new.ipynb"]
    assert "third edition" in (labs / "03_small.new.ipynb").read_text(encoding="utf-8")

    mine_too = edit(labs / "03_small.new.ipynb")
    publish(source, "fourth edition")
    assert student.update_labs(source, labs).beside == ["03_small.new-2.ipynb"]
    assert (labs / NAME).read_bytes() == mine
    assert (labs / "03_small.new.ipynb").read_bytes() == mine_too
    assert student.waiting(labs) == ["03_small.new-2.ipynb", "03_small.new.ipynb"]


def test_a_deleted_new_edition_is_not_offered_again_but_a_newer_one_is(course):
    source, labs = course
    edit(labs / NAME)
    publish(source, "second edition")
    student.update_labs(source, labs)
    (labs / "03_small.new.ipynb").unlink()
    assert student.update_labs(source, labs) == student.Update()
    publish(source, "third edition")
    assert student.update_labs(source, labs).beside == ["03_small.new.ipynb"]


def test_a_new_edition_moved_over_the_old_file_is_updated_in_place(course):
    source, labs = course
    edit(labs / NAME)
    publish(source, "second edition")
    student.update_labs(source, labs)
    os.replace(labs / "03_small.new.ipynb", labs / NAME)
    publish(source, "third edition")
    assert student.update_labs(source, labs) == student.Update(written=[NAME])


def test_an_older_edition_put_back_is_updated_too(course):
    source, labs = course
    older = (labs / NAME).read_bytes()
    publish(source, "second edition")
    student.update_labs(source, labs)
    (labs / NAME).write_bytes(older)
    assert student.update_labs(source, labs) == student.Update(written=[NAME])


def test_a_deleted_notebook_is_written_again(course):
    source, labs = course
    fresh = (labs / NAME).read_bytes()
    edit(labs / NAME)
    (labs / NAME).unlink()
    assert student.update_labs(source, labs).written == [NAME]
    assert (labs / NAME).read_bytes() == fresh


@pytest.mark.parametrize("damage", ["", "{", None], ids=["empty", "cut off", "missing"])
def test_without_the_manifest_every_file_counts_as_the_students(course, damage):
    source, labs = course
    if damage is None:
        (labs / student.MANIFEST).unlink()
    else:
        (labs / student.MANIFEST).write_text(damage, encoding="utf-8")
    mine = edit(labs / NAME)
    assert student.update_labs(source, labs).beside == ["03_small.new.ipynb"]
    assert (labs / NAME).read_bytes() == mine


def test_an_interrupted_update_leaves_complete_files_and_is_continued(course, monkeypatch):
    source, labs = course
    before = contents(labs)
    publish(source, "second edition")

    def cut_off(self, content):
        with self.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", cut_off)
        with pytest.raises(OSError):
            student.update_labs(source, labs)
    assert before.items() <= contents(labs).items()
    assert student.update_labs(source, labs).written == [NAME]
    assert json.loads((labs / student.MANIFEST).read_text(encoding="utf-8"))


def test_pictures_and_subfolders_are_copied_and_hidden_files_are_not(course):
    source, labs = course
    for name in ("figures/photo.png", ".ipynb_checkpoints/03_small-checkpoint.ipynb", ".secret"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_bytes(b"some bytes")
    assert student.update_labs(source, labs).written == ["figures/photo.png"]
    assert sorted(contents(labs)) == [student.MANIFEST, NAME, "figures/photo.png"]


class Semester(RuleBasedStateMachine):
    """New editions, updates of labs/, and a student who edits, deletes and moves files, in any order."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.source, self.labs = self.folder / "notebooks", self.folder / "labs"
        self.source.mkdir()
        self.labs.mkdir()
        # What the student has written, by path.
        self.own, self.count = {}, 0
        self.publish()

    def teardown(self):
        shutil.rmtree(self.folder)

    def files(self):
        return sorted(path for path in self.labs.iterdir() if path.name != student.MANIFEST)

    @rule()
    def publish(self):
        self.count += 1
        self.newest = f"edition {self.count}".encode()
        (self.source / "lab.txt").write_bytes(self.newest)

    @rule()
    def withdraw(self):
        self.newest = b"edition 1"
        (self.source / "lab.txt").write_bytes(self.newest)

    @rule(data=st.data())
    def edit(self, data):
        path = data.draw(st.sampled_from([*self.files(), self.labs / "lab.txt", self.labs / "lab.new.txt"]))
        self.count += 1
        self.own[path] = f"my own work {self.count}".encode()
        path.write_bytes(self.own[path])

    @rule(data=st.data())
    def delete(self, data):
        if files := self.files():
            path = data.draw(st.sampled_from(files))
            path.unlink()
            self.own.pop(path, None)

    @rule()
    def take_the_new_edition(self):
        new, old = self.labs / "lab.new.txt", self.labs / "lab.txt"
        if new.exists():
            os.replace(new, old)
            self.own.pop(old, None)
            if new in self.own:
                self.own[old] = self.own.pop(new)

    @rule()
    def lose_the_manifest(self):
        (self.labs / student.MANIFEST).unlink(missing_ok=True)
        # Without the manifest, every file counts as the student's.
        self.own = {path: path.read_bytes() for path in self.files()}

    @rule()
    def release(self):
        report = student.update_labs(self.source, self.labs)
        main = self.labs / "lab.txt"
        for name in report.written + report.beside:
            assert (self.labs / name).read_bytes() == self.newest
        assert main in self.own or main.read_bytes() == self.newest
        # A file that equals an edition handed out does not count as the student's.
        self.own = {path: text for path, text in self.own.items() if text != self.newest}
        assert student.update_labs(self.source, self.labs) == student.Update()

    @invariant()
    def no_work_of_the_student_is_lost(self):
        assert {path: path.read_bytes() for path in self.own} == self.own


TestSemester = Semester.TestCase
TestSemester.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


def test_scripts_are_handed_out_and_a_changed_one_is_kept(course):
    source, labs = course
    script = source / "scripts" / "train.py"
    script.parent.mkdir()
    script.write_text("print(1)\n")
    assert student.update_labs(source, labs).written == ["scripts/train.py"]
    mine = edit(labs / "scripts" / "train.py")
    script.write_text("print(2)\n")
    assert student.update_labs(source, labs).beside == ["scripts/train.new.py"]
    assert (labs / "scripts" / "train.py").read_bytes() == mine
    assert (labs / "scripts" / "train.new.py").read_text() == "print(2)\n"
