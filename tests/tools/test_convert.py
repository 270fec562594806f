"""The student edition of a notebook has no solution, no hidden test and no output; the rest is unchanged."""

import copy
import re
from collections import Counter

import nbformat
import pytest
from small_notebooks import SOLUTION, check, code, exercise, nbgrader, notebook

from course_tools.editions import student

NOTEBOOKS = sorted(student.NOTEBOOKS.glob("*.ipynb"))
REGION = re.compile(r"^ *### BEGIN SOLUTION\n(.*?)^ *### END SOLUTION", re.DOTALL | re.MULTILINE)


def converted(*cells):
    return student.convert(notebook(*cells)).cells[1:]


def lines(text):
    return Counter(line.strip() for line in text.splitlines() if line.strip())


def test_a_solution_becomes_a_stub_that_names_its_exercise():
    (cell,) = converted(exercise())
    stub = '    raise NotImplementedError("Exercise 03.1: your code here")'
    assert cell.source == SOLUTION[: SOLUTION.index("    ### BEGIN")] + stub


def test_every_region_of_a_cell_is_cleared_with_its_indentation():
    source = """class Layer:
    def forward(self):
        ### BEGIN SOLUTION
        return "secret"
        ### END SOLUTION

layer = None
### BEGIN SOLUTION
layer = Layer()
### END SOLUTION"""
    (cell,) = converted(exercise(source))
    assert (
        cell.source
        == """class Layer:
    def forward(self):
        raise NotImplementedError("Exercise 03.1: your code here")

layer = None
# Exercise 03.1: your code here"""
    )


def test_speaker_notes_are_removed():
    notes = code("pass")
    notes.metadata["slideshow"] = {"slide_type": "notes"}
    assert [cell.source for cell in converted(code("1 + 1"), notes, code("2 + 2"))] == ["1 + 1", "2 + 2"]


def test_a_stub_outside_functions_does_not_stop_run_all():
    (cell,) = converted(exercise("answer = None\n### BEGIN SOLUTION\nanswer = 42\n### END SOLUTION"))
    namespace = {}
    exec(cell.source, namespace)
    assert namespace["answer"] is None


def test_hidden_tests_and_mark_schemes_are_removed():
    hidden = "assert double(2) == 4\n### BEGIN HIDDEN TESTS\nassert double(7) == 14\n### END HIDDEN TESTS"
    scheme = "What did you see?\n### BEGIN MARK SCHEME\nOne point for the slope.\n### END MARK SCHEME"
    metadata = {"nbgrader": nbgrader("report-03", task=True, points=2)}
    task = nbformat.v4.new_markdown_cell(scheme, metadata=metadata)
    tested, asked = converted(check(hidden), task)
    assert tested.source == "assert double(2) == 4"
    assert "slope" not in asked.source


def test_outputs_and_execution_counts_are_cleared():
    plain = code("print(1)", execution_count=3, outputs=[nbformat.v4.new_output("stream", text="1\n")])
    for cell in converted(plain, exercise(), check()):
        assert cell.outputs == [] and cell.execution_count is None


def test_metadata_and_ids_are_kept_and_check_cells_are_locked():
    before = notebook(exercise(), check(), code("x = 1", "full-data"))
    after = student.convert(copy.deepcopy(before))
    assert after.metadata == before.metadata
    for old, new in zip(before.cells, after.cells, strict=True):
        assert new.id == old.id
        for key in ("slideshow", "tags"):
            assert new.metadata.get(key) == old.metadata.get(key)
        for key, value in old.metadata.get("nbgrader", {}).items():
            assert new.metadata.nbgrader[key] == value
    assert after.cells[2].metadata.editable is False and after.cells[2].metadata.deletable is False
    assert after.cells[1].metadata.get("editable", True)


def test_cells_without_exercise_keep_their_source():
    source = f"{student.STUB}\nx = 1"
    assert converted(code("x = 1  # unchanged"))[0].source == "x = 1  # unchanged"
    assert "x = 1" in converted(code(source))[0].source


def test_the_edition_is_a_valid_notebook_and_the_same_every_time(tmp_path):
    path = tmp_path / "03_small.ipynb"
    nbformat.write(notebook(exercise(), check()), path)
    edition = student.student_edition(path)
    assert edition == student.student_edition(path)
    nbformat.validate(nbformat.reads(edition.decode(), as_version=4))


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ((code(SOLUTION),), "non-solution cell"),
        ((exercise(), exercise()), "Duplicate grade id"),
        ((exercise("### BEGIN SOLUTION\nx = 1"),), "no end solution"),
    ],
)
def test_a_notebook_that_breaks_the_rules_is_refused(cells, reason):
    with pytest.raises(ValueError, match=reason):
        converted(*copy.deepcopy(cells))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_solution_line_of_the_course_is_left(path):
    original = nbformat.read(path, as_version=4)
    edition = nbformat.reads(student.student_edition(path).decode(), as_version=4)
    solutions = lines("\n".join(region for cell in original.cells for region in REGION.findall(cell.source)))
    shared = lines("\n".join(REGION.sub("", cell.source) for cell in original.cells))
    left = lines("\n".join(cell.source for cell in edition.cells))
    assert [line for line in solutions if left[line] > shared[line]] == []
    assert not any("SOLUTION" in line or "HIDDEN TESTS" in line for line in left)
