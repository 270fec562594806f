"""For every exercise the solution passes, the stub fails, and each classic mistake gets its own hint.

The exercises are read from the notebooks. The mistakes of exercise NN.k are in mistakes/NN_k.py: a list
MISTAKES of (wrong answer, words of the hint that it must get).
"""

import ast
import importlib.util
from pathlib import Path

import nbformat
import pytest

from course_tools.editions import student
from course_utils.checks import Hint, check

ROOT = Path(__file__).parents[2]
MISTAKES = Path(__file__).with_name("mistakes")


def exercises() -> dict[str, tuple[Path, int]]:
    """Map the number of each exercise to its notebook and the index of its solution cell."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for index, cell in enumerate(nbformat.read(path, as_version=4).cells):
            grade_id = _grade_id(cell)
            if grade_id.startswith("exercise-"):
                found[grade_id.removeprefix("exercise-").replace("-", ".")] = path, index
    return found


def _grade_id(cell: nbformat.NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


EXERCISES = exercises()


@pytest.fixture(autouse=True)
def imports_as_in_a_kernel(monkeypatch):
    """Notebooks run in their own folder, which holds the scripts that they import."""
    monkeypatch.syspath_prepend(ROOT / "notebooks")


def run_exercise(number: str, notebook: nbformat.NotebookNode) -> None:
    """Run the solution cell and the check cell of an exercise, after the imports of the cells above them."""
    index = next(
        i for i, c in enumerate(notebook.cells) if _grade_id(c) == f"exercise-{number.replace('.', '-')}"
    )
    before = "\n".join(cell.source for cell in notebook.cells[:index] if cell.cell_type == "code")
    imports = [node for node in ast.parse(before).body if isinstance(node, ast.Import | ast.ImportFrom)]
    code = "\n".join(
        [ast.unparse(ast.Module(imports, [])), *(c.source for c in notebook.cells[index : index + 2])]
    )
    exec(compile(code, f"<exercise {number}>", "exec"), {})


def mistakes(number: str) -> list[tuple[object, str]]:
    """Return pairs of a wrong answer and words of the hint that it must get."""
    path = MISTAKES / f"{number.replace('.', '_')}.py"
    spec = importlib.util.spec_from_file_location(f"mistakes_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MISTAKES


CASES = [(number, *case) for number in EXERCISES for case in mistakes(number)]


@pytest.mark.parametrize("number", EXERCISES)
def test_the_solution_passes(number, capsys):
    run_exercise(number, nbformat.read(EXERCISES[number][0], as_version=4))
    assert f"✓ Exercise {number}" in capsys.readouterr().out


@pytest.mark.parametrize("number", EXERCISES)
def test_the_stub_gets_a_hint_where_to_begin(number):
    with pytest.raises(Hint, match="Nothing is written here yet"):
        run_exercise(number, student.convert(nbformat.read(EXERCISES[number][0], as_version=4)))


@pytest.mark.parametrize(("number", "wrong", "words"), CASES, ids=[f"{n}-{w[:24]}" for n, _, w in CASES])
def test_a_classic_mistake_gets_its_own_hint(number, wrong, words):
    for _ in range(3):  # the input is random
        with pytest.raises(Hint) as caught:
            check(number, wrong)
        assert words in caught.value.text
        assert "\nTry:" in caught.value.text


@pytest.mark.parametrize("number", EXERCISES)
def test_at_least_three_mistakes_have_different_hints(number):
    words = [words for _, words in mistakes(number)]
    assert len(set(words)) == len(words) >= 3


def test_every_file_of_mistakes_belongs_to_an_exercise():
    assert {path.stem.replace("_", ".") for path in MISTAKES.glob("*.py")} == set(EXERCISES)
