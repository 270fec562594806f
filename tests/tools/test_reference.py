"""`reference` stores the outputs of a complete run on full data, or nothing."""

import json
import re

import nbformat
import pytest
from small_notebooks import check, code, exercise, write

from course_tools import environment
from course_tools.commands import reference
from course_tools.reports import claims_and_costs

CLAIM = 'from course_utils import claim\nclaim("small.answer", 42, equals=42, lecture="42", unit="%")'
STAND_IN = 'from course_utils import data\ntrain, test = data.load("mnist")'
README = f"# Course\n\n{claims_and_costs.COSTS[0]}\nold\n{claims_and_costs.COSTS[1]}\n\nThe end.\n"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A project with a README and no notebook; no data sets on this machine."""
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "empty"))
    return tmp_path


def add(root, name, *cells, **fields):
    return write(root / "notebooks" / f"{name}.ipynb", *cells, **fields)


def output_of(path, number=1):
    return nbformat.read(path, as_version=4).cells[number].outputs


def test_a_good_run_is_stored_with_its_claims_and_costs(root, capsys):
    solution, judged = exercise(), check("print(double(2))")
    path = add(root, "03_small", code(CLAIM), solution, judged)
    assert reference.reference([], root) == 0
    stored = nbformat.read(path, as_version=4)
    assert [cell.execution_count for cell in stored.cells[1:]] == [1, 2, 3]
    assert stored.cells[1].outputs[0].text.startswith("✓ small.answer")
    assert stored.cells[3].outputs[0].text == "4\n"
    assert len(stored.cells) == 4 and "version" not in stored.metadata.language_info
    assert not any("execution" in cell.metadata for cell in stored.cells)

    record = json.loads((root / claims_and_costs.STORE).read_text(encoding="utf-8"))["03_small"]
    assert 0 < record["minutes"] < 2 and record["megabytes"] > 50
    claims = (root / "CLAIMS.md").read_text(encoding="utf-8")
    assert "| `small.answer` | = 42 % | 42 | 42 % |  |" in claims
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert "[03 · A small one](notebooks/03_small.ipynb) | What is twice two?" in readme
    assert "old" not in readme and readme.endswith("The end.\n")
    assert "03_small: stored" in capsys.readouterr().out
    assert reference.reference([], root) == 0, "a second run finds its own outputs"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        pytest.param([code("1 / 0")], "ZeroDivisionError", id="an error"),
        pytest.param([check("raise ValueError('a hint')")], "Cell 1 ends in an error", id="a hint"),
        pytest.param([code(STAND_IN)], "COURSE_DATA", id="synthetic data"),
        pytest.param([code("import os\nprint(os.getcwd())")], "path of this machine", id="a path"),
        pytest.param([code("import os\nos._exit(1)")], "kernel died", id="a dead kernel"),
    ],
)
def test_a_run_that_must_not_be_stored_changes_nothing(root, capsys, cells, reason):
    path = add(root, "03_small", *cells)
    before = path.read_bytes()
    assert reference.reference(["03"], root) == 1
    assert path.read_bytes() == before
    assert sorted(item.name for item in root.iterdir()) == ["README.md", "empty", "notebooks"]
    assert (root / "README.md").read_text(encoding="utf-8") == README
    errors = capsys.readouterr().err
    assert reason in errors and "Not stored: 03_small" in errors


def test_one_refused_notebook_does_not_stop_the_others(root):
    broken, good = add(root, "03_broken", code("1 / 0")), add(root, "04_good", code("print('done')"))
    assert reference.reference([], root) == 1
    assert output_of(broken) == [] and output_of(good)[0].text == "done\n"
    assert list(json.loads((root / claims_and_costs.STORE).read_text(encoding="utf-8"))) == ["04_good"]


def test_course_fraction_does_not_affect_the_run(root, monkeypatch):
    monkeypatch.setenv("COURSE_FRACTION", "0.02")
    path = add(root, "03_small", code("import os\nprint(os.environ['COURSE_FRACTION'])"))
    assert reference.reference([], root) == 0
    assert output_of(path)[0].text == "1\n"


def test_the_view_of_a_widget_is_not_stored(root):
    source = "import ipywidgets\nprint('before')\ndisplay(ipywidgets.IntSlider())\nprint('after')"
    path = add(root, "03_small", code(source))
    assert reference.reference([], root) == 0
    assert {item.output_type for item in output_of(path)} == {"stream"}
    assert "widget" not in path.read_text(encoding="utf-8").replace("ipywidgets", "")


def test_a_widgets_static_form_is_kept():
    data = {reference.WIDGET: {"model_id": "1"}, "text/plain": "Slider()", "image/png": "AAAA"}
    cell = code("slider", outputs=[nbformat.v4.new_output("display_data", data)])
    stored = nbformat.v4.new_notebook(cells=[cell])
    reference.tidy(stored)
    assert dict(stored.cells[0].outputs[0].data) == {"text/plain": "Slider()", "image/png": "AAAA"}


def test_paths_are_found_in_text_and_not_in_the_base64_of_images():
    place = reference.machine_paths()[0]
    image = nbformat.v4.new_output("display_data", {"image/png": f"AA{place}AA", "text/plain": "<Figure>"})
    assert place not in reference.text_of(image)
    page = nbformat.v4.new_output("display_data", {"text/html": f"<p>{place}file</p>"})
    assert re.search(re.escape(place), reference.text_of(page))


HOLD = "import time; x = bytearray(300_000_000); time.sleep(1.5)"
WATCH = f"""
import subprocess, sys
from course_tools.commands.reference import PeakMemory
with PeakMemory() as memory:
    subprocess.run([sys.executable, "-c", {HOLD!r}])
print(memory.megabytes)
"""


def test_peak_memory_includes_child_processes():
    import subprocess
    import sys

    # In a separate process, because the one that runs the tests has other children.
    done = subprocess.run([sys.executable, "-c", WATCH], capture_output=True, text=True, check=True)
    assert 300 <= int(done.stdout) < 450


def test_select_takes_numbers_and_names_in_order(root):
    for name in ("09_lenet", "00_welcome", "01_autograd"):
        add(root, name)

    def selected(*names):
        return [path.stem for path in reference.select(list(names), root)]

    assert selected() == ["00_welcome", "01_autograd", "09_lenet"]
    assert selected("09", "00_wel") == ["00_welcome", "09_lenet"]
    with pytest.raises(SystemExit, match="00_welcome, 01_autograd, 09_lenet"):
        selected("17")


def test_the_readme_has_a_place_for_the_table():
    readme = (environment.ROOT / "README.md").read_text(encoding="utf-8")
    assert "a table" in claims_and_costs.between(readme, claims_and_costs.COSTS, "a table")
