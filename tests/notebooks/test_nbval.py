"""nbval, with the options of `python -m course_tools test`, detects errors and outputs that differ."""

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

OPTIONS = ("-q", "-p", "no:cacheprovider", "--rootdir", ".", ".")


def changed(**cells):
    """Return the sample notebook with other fields in some of its cells."""
    notebook, by_name = sample()
    for name, fields in cells.items():
        by_name[name].update(fields)
    return notebook


def image_cell(data, alt):
    """Return fields of a cell whose stored output is an image; run again, it shows another one of a falling curve."""
    html = '<img src="data:image/png;base64,{}" alt="{}">'
    outputs = [
        shown({"text/html": html.format(data, alt), "text/plain": "<IPython.core.display.HTML object>"})
    ]
    source = f"from IPython.display import HTML\n\nHTML('{html.format('AAAA+/==', 'a falling curve')}')"
    return {"source": source, "outputs": outputs, "metadata": {"tags": ["nbval-check-output"]}}


CLEARED = {"source": 'print("anything")', "outputs": [], "execution_count": None}
NOTEBOOKS = {
    "unchanged": changed(drawing=image_cell("BBBBBB==", "a falling curve")),
    "not_compared": changed(drawing={"source": "print(1)", "outputs": [printed("2\n")]}, claim=CLEARED),
    "wrong": changed(
        drawing={"source": "1 / 0"},
        claim={"outputs": [printed("✓ two = 3\n")]},
        solution={"source": "def mean_square(x):\n    return x.mean()"},
    ),
    "false_claim": changed(claim={"source": "from course_utils import claim\n\nclaim('two', 2, equals=3)"}),
    "other_image": changed(drawing=image_cell("AAAA+/==", "a rising curve")),
}


@pytest.fixture(scope="module")
def nbval_output(tmp_path_factory):
    """Run nbval on all the notebooks and return what it prints."""
    folder = tmp_path_factory.mktemp("nbval")
    for name, notebook in NOTEBOOKS.items():
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *NBVAL, *OPTIONS],
        cwd=folder,
        env=os.environ | {"COURSE_DOWNLOAD": "0", "JUPYTER_PREFER_ENV_PATH": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 1, done.stderr
    return done.stdout


@pytest.fixture
def failed(nbval_output):
    """Return the indices of the code cells that fail, by notebook."""
    cells = defaultdict(set)
    for name, cell in re.findall(r"^FAILED (\w+)\.ipynb::Cell (\d+)", nbval_output, re.MULTILINE):
        cells[name].add(int(cell))
    return cells


def test_every_cell_is_run_and_unchanged_outputs_pass(nbval_output, failed):
    assert not failed["unchanged"], nbval_output
    count = sum(map(len, failed.values()))
    assert f"{count} failed, {5 * len(NOTEBOOKS) - count} passed" in nbval_output


def test_wrong_outputs_errors_and_hints_fail(nbval_output, failed):
    assert failed["wrong"] == {1, 2, 4}, nbval_output
    assert failed["false_claim"] == {2}
    assert "ZeroDivisionError" in nbval_output and "Cell outputs differ" in nbval_output


def test_embedded_images_are_compared_by_their_alt_text(failed):
    assert failed["other_image"] == {1}


def test_outputs_that_are_cleared_or_not_compared_pass_so_the_rules_must_detect_them(failed, tmp_path):
    assert not failed["not_compared"]
    executed_in_order = next(rule for rule in RULES if rule.__name__ == "executed_in_order")
    assert list(executed_in_order(NOTEBOOKS["not_compared"], tmp_path))
