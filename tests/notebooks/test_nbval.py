"""nbval, called as `python -m course_tools test` calls it, finds what it is there to find."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sample_notebook import printed, sample, shown

SANITIZE = Path(__file__).with_name("nbval_sanitize.cfg")
QUIETLY = ("-q", "-p", "no:cacheprovider", "--rootdir", ".", ".")
IMAGE = """from IPython.display import HTML

HTML('<img src="data:image/png;base64,{data}" alt="{alt}">')"""


@pytest.fixture(scope="module")
def run_nbval(tmp_path_factory):
    def run(**notebooks):
        """Write notebooks to a folder; return nbval's status and what it printed."""
        folder = tmp_path_factory.mktemp("nbval")
        for name, notebook in notebooks.items():
            (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        environment = os.environ | {"COURSE_DOWNLOAD": "0", "JUPYTER_PREFER_ENV_PATH": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-sanitize-with", SANITIZE, *QUIETLY],
            cwd=folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
        )
        return done.returncode, done.stdout + done.stderr

    return run


def changed(cell, **changes):
    notebook, cells = sample()
    cells[cell].update(changes)
    return notebook


def test_true_outputs_pass(run_nbval):
    status, text = run_nbval(good=sample()[0])
    assert status == 0, text
    assert "5 passed" in text


def test_wrong_outputs_errors_and_hints_fail(run_nbval):
    unmarked = changed("drawing", source="print(1)", outputs=[printed("2\n")])
    status, text = run_nbval(
        wrong_output=changed("claim", outputs=[printed("✓ two = 3\n")]),
        false_claim=changed("claim", source=sample()[1]["claim"]["source"].replace("equals=2", "equals=3")),
        error=changed("drawing", source="1 / 0"),
        failing_check=changed("solution", source="def mean_square(x):\n    return x.mean()"),
        unmarked=unmarked,
    )
    assert status == 1, text
    failed = sorted(
        line.split(" ")[1].split("::")[0] for line in text.splitlines() if line.startswith("FAILED")
    )
    assert set(failed) == {"wrong_output.ipynb", "false_claim.ipynb", "error.ipynb", "failing_check.ipynb"}, (
        text
    )
    assert "ZeroDivisionError" in text and "Cell outputs differ" in text


def test_of_an_embedded_image_the_alt_text_counts(run_nbval):
    def stored(data, alt):
        notebook, cells = sample()
        cells["drawing"]["source"] = IMAGE.format(data="AAAA+/==", alt="a falling curve")
        cells["drawing"]["metadata"]["tags"] = ["nbval-check-output"]
        html = f'<img src="data:image/png;base64,{data}" alt="{alt}">'
        text = "<IPython.core.display.HTML object>"
        cells["drawing"]["outputs"] = [shown({"text/html": html, "text/plain": text})]
        return notebook

    same, other = stored("BBBBBB==", "a falling curve"), stored("AAAA+/==", "a rising curve")
    status, text = run_nbval(same=same, other=other)
    assert status == 1 and "1 failed" in text and "FAILED other.ipynb::Cell 1" in text, text


def test_cleared_outputs_pass_silently_so_the_rules_must_look(run_nbval, tmp_path):
    from notebook_rules import RULES

    notebook = changed("claim", source='print("anything")', outputs=[], execution_count=None)
    status, text = run_nbval(cleared=notebook)
    assert status == 0, text
    executed_in_order = next(rule for rule in RULES if rule.__name__ == "executed_in_order")
    assert list(executed_in_order(notebook, tmp_path))
