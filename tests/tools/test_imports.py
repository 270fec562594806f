"""Who may import whom: the floors that pyproject.toml states, read off the imports by import-linter."""

import shutil
import subprocess
import sys

import pytest

from course_tools.environment import ROOT


def lint_imports(folder):
    """Read the imports of the packages below ``folder``; return import-linter's exit status and its report."""
    lint = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", lint], cwd=folder, capture_output=True, encoding="utf-8")
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path):
    for package in ("course_utils", "course_tools"):
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_import_goes_down(copy):
    status, report = lint_imports(copy)
    assert status == 0, report


@pytest.mark.parametrize(
    ("module", "upward", "contract"),
    [
        ("course_utils/data/loading.py", "from course_utils import training", "the floors of course_utils"),
        ("course_utils/graphs/modules.py", "import course_utils.playground", "the floors of course_utils"),
        ("course_utils/files.py", "import course_tools.environment", "never the reverse"),
        ("course_tools/editions/student.py", "import course_tools.grading", "the floors of course_tools"),
        ("course_utils/training/history.py", "import course_utils.training.loop", "no circle"),
        ("course_utils/newcomer.py", "import torch", "the floors of course_utils"),
    ],
)
def test_an_arrow_back_up_is_found(copy, module, upward, contract):
    path = copy / module
    path.write_text(
        (path.read_text(encoding="utf-8") if path.exists() else "") + f"\n{upward}\n", encoding="utf-8"
    )
    status, report = lint_imports(copy)
    broken = [line for line in report.splitlines() if line.endswith("BROKEN")]
    assert status == 1
    assert any(contract in line for line in broken), report
