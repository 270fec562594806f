"""`test`: everything that CI runs, with no network and no data on disk."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from course_tools.environment import ROOT

FRACTION = 0.02  # of each data set, for the notebooks
PARALLEL = ["-n", "2", "--dist", "loadfile", "-rs"]
NBVAL = ["--nbval-lax", "--nbval-sanitize-with", str(ROOT / "tests" / "notebooks" / "nbval_sanitize.cfg")]


def test(options: list[str]) -> int:
    """Run ruff and mypy, then all tests and all notebooks; return pytest's status, or 1 if only the others find faults.

    `options` are passed to pytest; paths among them replace the tests and notebooks, and mypy is left out.
    """
    complaints = _run("ruff", "check", ".") + _run("ruff", "format", "--check", ".")
    a_part = any(Path(option.split("::")[0]).exists() for option in options)
    complaints += 0 if a_part else _run("mypy")
    paths = [] if a_part else ["notebooks", "tests"]
    with tempfile.TemporaryDirectory() as empty:
        limits = {"COURSE_DATA": empty, "COURSE_FRACTION": str(FRACTION), "OMP_NUM_THREADS": "1"}
        # An empty folder, so that no results of earlier runs are used.
        limits["COURSE_RESULTS"] = empty
        status = _run("pytest", *NBVAL, *PARALLEL, *paths, *options, **limits)
    return status or min(complaints, 1)


def full(options: list[str]) -> int:
    """Run all notebooks on full data and compare the outputs that depend on it; return pytest's status.

    The data are in the folder `COURSE_DATA`, or in data/; `options` are passed to pytest.
    """
    with tempfile.TemporaryDirectory() as folder:
        notebooks = Path(folder, "notebooks")
        compare_full_data(ROOT / "notebooks", notebooks)
        data = os.environ.get("COURSE_DATA", str(ROOT / "data"))
        settings = {"COURSE_DATA": data, "COURSE_FRACTION": "1", "COURSE_RESULTS": folder}
        return _run("pytest", *NBVAL, str(notebooks), *options, **settings)


def compare_full_data(source: Path, target: Path) -> None:
    """Copy the notebooks, with the tag `full-data` replaced by the one that makes nbval compare."""
    import nbformat

    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*"))
    for path in target.rglob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if "full-data" in cell.metadata.get("tags", []):
                cell.metadata.tags = [*cell.metadata.tags, "nbval-check-output"]
        nbformat.write(notebook, path)


def _run(module: str, *arguments: str, **settings: str) -> int:
    """Run a module of this environment in the project's folder, offline; return its exit status."""
    sys.stdout.flush()
    environment = os.environ | {"COURSE_DOWNLOAD": "0", "JUPYTER_PREFER_ENV_PATH": "1"} | settings
    return subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment).returncode
