"""nbval, called as `python -m course_tools test` calls it, finds what it is there to find."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict

import pytest
from notebook_rules import RULES
from sample_notebook import printed, sample, shown

from course_tools.commands.testing import NBVAL

QUIETLY = ("-q", "-p", "no:cacheprovider", "--rootdir", ".", ".")


def changed(**cells):
    """The sample notebook with other fields in some of its cells."""
    notebook, by_name = sample()
    for name, fields in cells.items():
        by_name[name].update(fields)
    return notebook


def picture(data, alt):
    """Fields of a cell whose stored output is a picture; when it runs, it draws another of a falling curve."""
    html = '<img src="data:image/png;base64,{}" alt="{}">'
    outputs = [
        shown({"text/html": html.format(data, alt), "text/plain": "<IPython.core.display.HTML object>"})
    ]
    source = f"from IPython.display import HTML\n\nHTML('{html.format('AAAA+/==', 'a falling curve')}')"
    return {"source": source, "outputs": outputs, "metadata": {"tags": ["nbval-check-output"]}}


CLEARED = {"source": 'print("anything")', "outputs": [], "execution_count": None}
NOTEBOOKS = {
    "true": changed(drawing=picture("BBBBBB==", "a falling curve")),
    "not_compared": changed(drawing={"source": "print(1)", "outputs": [printed("2\n")]}, claim=CLEARED),
    "wrong": changed(
        drawing={"source": "1 / 0"},
        claim={"outputs": [printed("✓ two = 3\n")]},
        solution={"source": "def mean_square(x):\n    return x.mean()"},
    ),
    "false_claim": changed(claim={"source": "from course_utils import claim\n\nclaim('two', 2, equals=3)"}),
    "other_picture": changed(drawing=picture("AAAA+/==", "a rising curve")),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What nbval prints about all the notebooks."""
    folder = tmp_path_factory.mktemp("nbval")
    for name, notebook in NOTEBOOKS.items():
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *NBVAL, *QUIETLY],
        cwd=folder,
        env=os.environ | {"COURSE_DOWNLOAD": "0", "JUPYTER_PREFER_ENV_PATH": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 1, done.stderr
    return done.stdout


@pytest.fixture
def failed(said):
    """The numbers of the code cells that fail, by notebook."""
    cells = defaultdict(set)
    for name, cell in re.findall(r"^FAILED (\w+)\.ipynb::Cell (\d+)", said, re.MULTILINE):
        cells[name].add(int(cell))
    return cells


def test_every_cell_is_run_and_true_outputs_pass(said, failed):
    assert not failed["true"], said
    count = sum(map(len, failed.values()))
    assert f"{count} failed, {5 * len(NOTEBOOKS) - count} passed" in said


def test_wrong_outputs_errors_and_hints_fail(said, failed):
    assert failed["wrong"] == {1, 2, 4}, said
    assert failed["false_claim"] == {2}
    assert "ZeroDivisionError" in said and "Cell outputs differ" in said


def test_of_an_embedded_image_the_alt_text_counts(failed):
    assert failed["other_picture"] == {1}


def test_outputs_that_are_not_compared_or_cleared_pass_silently_so_the_rules_must_look(failed, tmp_path):
    assert not failed["not_compared"]
    executed_in_order = next(rule for rule in RULES if rule.__name__ == "executed_in_order")
    assert list(executed_in_order(NOTEBOOKS["not_compared"], tmp_path))
