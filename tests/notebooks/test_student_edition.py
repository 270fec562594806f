"""The unsolved student edition runs from top to bottom, and every exercise gets a hint."""

import re
from pathlib import Path

import nbclient
import nbformat
import pytest

from course_tools.editions.student import course_files, student_edition

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
COLOUR = re.compile(r"\x1b\[[\d;]*m")
UNFRIENDLY = re.compile(r"Traceback|---->|File [\"']|\.py\b|site-packages|(?<![\w.])/\w+/\w+|\b[A-Z]:\\")
RESET = "import os; os.chdir({folder!r}); get_ipython().reset()"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A client with one kernel for all notebooks: importing PyTorch takes longer than running most of them."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COURSE_FRACTION", "0.02")
        environment.setenv("COURSE_DOWNLOAD", "0")
        environment.setenv("COURSE_DATA", str(tmp_path_factory.mktemp("no_data")))
        environment.setenv("JUPYTER_PREFER_ENV_PATH", "1")
        client = nbclient.NotebookClient(
            nbformat.v4.new_notebook(), timeout=300, kernel_name="python3", allow_errors=True
        )
        with client.setup_kernel():
            yield client


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def executed(request, client, tmp_path_factory):
    """The student edition of a notebook, executed without network and data."""
    folder = tmp_path_factory.mktemp("labs")
    for path in course_files(request.param.parent):  # scripts and results that notebooks read
        if path.suffix != ".ipynb":
            copy = folder / path.relative_to(request.param.parent)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    notebook = nbformat.reads(student_edition(request.param).decode("utf-8"), as_version=4)
    reset = nbformat.v4.new_code_cell(RESET.format(folder=str(folder)))
    for part in (nbformat.v4.new_notebook(cells=[reset]), notebook):
        client.nb = part
        client.execute(cleanup_kc=False)
    assert not errors(reset)
    return notebook


def errors(cell):
    return [output for output in cell.get("outputs", []) if output.output_type == "error"]


def is_check(cell):
    """Whether it is a check cell. Reports are also graded, but manually."""
    return cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade", False)


def test_the_notebook_runs_to_the_end_and_only_checks_raise(executed):
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    failed = [(cell.source, errors(cell)[0].evalue) for cell in code if errors(cell) and not is_check(cell)]
    assert failed == []


def test_every_exercise_gets_a_friendly_hint(executed):
    checks = [cell for cell in executed.cells if is_check(cell)]
    numbers = [cell.metadata.nbgrader.grade_id.removeprefix("check-").replace("-", ".") for cell in checks]
    exercises = [cell for cell in executed.cells if "### Exercise " in cell.source]
    assert len(checks) == len(exercises)
    for number, cell in zip(numbers, checks, strict=True):
        (error,) = errors(cell)
        text = COLOUR.sub("", "\n".join(error.traceback))
        assert error.ename == "Hint", text
        assert f"Exercise {number}" in text
        assert re.search(r"^Try: \S", text, re.MULTILINE), text
        assert not UNFRIENDLY.search(text), text


def test_report_cells_are_empty(executed):
    reports = [
        c for c in executed.cells if c.metadata.get("nbgrader", {}).get("grade_id", "").startswith("report-")
    ]
    assert all(cell.source == "YOUR ANSWER HERE" for cell in reports)


def test_no_cell_prints_a_deprecation_or_an_exception(executed):
    printed = [
        output.text
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
    ]
    assert not [text for text in printed if re.search(r"Deprecat|Traceback|Exception", text)]
