"""The commands, the Makefile and continuous integration call one another as the README says."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from small_notebooks import code, write

from course_tools import __main__ as commands
from course_tools import environment
from course_tools.commands import bench, lab, testing
from course_tools.editions import student
from course_tools.reports import claims_and_costs

ROOT = environment.ROOT


def printed(text):
    return [nbformat.v4.new_output("stream", name="stdout", text=text)]


@pytest.fixture
def calls(monkeypatch):
    """Commands that `test` would run, as (module, arguments, settings); all of them succeed."""
    made = []

    def record(module, *arguments, **settings):
        made.append((module, arguments, settings))
        return 0

    monkeypatch.setattr(testing, "_run", record)
    return made


@pytest.mark.skipif(os.name == "nt", reason="Windows has no make: it uses `py -m course_tools`")
@pytest.mark.parametrize(
    "target", ["lab", "test", "teach", "slides", "site", "reference", "bench", "release"]
)
def test_make_calls_the_command_of_the_same_name(target):
    command = ["make", "--dry-run", target, "PYTHON=some-python", "ARGS=-k shape"]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"some-python -m course_tools {target} -k shape"
    assert target in commands.parser().format_help()


def test_help_needs_no_set_up(monkeypatch, capsys):
    monkeypatch.setattr(environment, "ensure", lambda arguments: pytest.fail("set up for help"))
    assert commands.main([]) == 0
    assert "reference" in capsys.readouterr().out


def test_unknown_options_of_reference_are_refused(monkeypatch):
    monkeypatch.setattr(environment, "ensure", lambda arguments: pytest.fail("started"))
    with pytest.raises(SystemExit):
        commands.main(["reference", "--everything"])


def test_kernels_in_other_folders_find_the_same_data(monkeypatch):
    monkeypatch.setattr(environment, "ensure", lambda arguments: None)
    monkeypatch.setattr(lab, "lab", lambda options: 0)
    monkeypatch.setenv("COURSE_DATA", "some/data")
    assert commands.main(["lab"]) == 0
    assert os.environ["COURSE_DATA"] == os.path.abspath("some/data")


@pytest.mark.parametrize("file", [".ci/run", ".github/workflows/ci.yml"])
def test_continuous_integration_calls_the_readmes_command(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    assert "make test" in text or "python -m course_tools test" in text
    assert "`make test`" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_test_runs_ruff_mypy_and_all_tests_offline_on_little_data(calls):
    assert testing.test([]) == 0
    assert [module for module, _, _ in calls] == ["ruff", "ruff", "mypy", "pytest"]
    _, arguments, settings = calls[-1]
    assert {"--nbval-lax", "notebooks", "tests", "loadfile"} <= set(arguments)
    assert float(settings["COURSE_FRACTION"]) < 0.1 and settings["OMP_NUM_THREADS"] == "1"


def test_paths_replace_all_tests_and_options_do_not(calls):
    testing.test(["tests/tools/test_commands.py::test_help", "-x"])
    testing.test(["-x"])
    (_, narrow, _), (_, wide, _) = (call for call in calls if call[0] == "pytest")
    assert [module for module, _, _ in calls].count("mypy") == 1
    assert "notebooks" not in narrow and "tests" not in narrow and "-x" in narrow
    assert "notebooks" in wide and "tests" in wide and "-x" in wide


@pytest.mark.parametrize("checker", ["ruff", "mypy"])
@pytest.mark.parametrize(
    ("faults", "pytest_status", "expected"), [(0, 0, 0), (1, 0, 1), (0, 2, 2), (1, 5, 5)]
)
def test_the_exit_status_is_that_of_pytest_or_a_checker(
    monkeypatch, checker, faults, pytest_status, expected
):
    statuses = {checker: faults, "pytest": pytest_status}
    monkeypatch.setattr(testing, "_run", lambda module, *_, **__: statuses.get(module, 0))
    assert testing.test([]) == expected


@pytest.mark.parametrize(("stored", "status"), [("4\n", 0), ("5\n", 1)])
def test_full_compares_outputs_that_need_full_data(tmp_path, monkeypatch, stored, status):
    cell = code("print(2 + 2)", "full-data", outputs=printed(stored), execution_count=1)
    path = write(tmp_path / "notebooks" / "03_small.ipynb", cell)
    before = path.read_bytes()
    monkeypatch.setattr(testing, "ROOT", tmp_path)
    assert testing.full(["-q", "-p", "no:cacheprovider"]) == status
    assert path.read_bytes() == before


def test_full_uses_all_of_the_data_that_course_data_names(calls, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "somewhere")
    testing.full([])
    ((module, arguments, settings),) = calls
    assert module == "pytest" and "--nbval-lax" in arguments
    # A folder for this run only.
    assert not Path(settings.pop("COURSE_RESULTS")).exists()
    assert settings == {"COURSE_DATA": "somewhere", "COURSE_FRACTION": "1"}


@pytest.fixture
def jupyterlab(monkeypatch):
    """The arguments with which JupyterLab would start."""
    from jupyterlab.labapp import LabApp

    started = []
    monkeypatch.setattr(LabApp, "launch_instance", started.append)
    return started


def test_lab_opens_the_student_edition_and_names_new_editions(jupyterlab, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(student, "LABS", tmp_path)
    monkeypatch.setattr(student, "update_labs", lambda: None)
    monkeypatch.setattr(student, "waiting", lambda: ["09_lenet.new.ipynb"])
    assert lab.lab(["--no-browser"]) == 0
    assert f"--ServerApp.root_dir={tmp_path}" in jupyterlab[0] and "--no-browser" in jupyterlab[0]
    assert "labs/09_lenet.new.ipynb" in capsys.readouterr().out


def test_teach_opens_the_notebooks_themselves(jupyterlab):
    assert lab.teach([]) == 0
    assert f"--ServerApp.root_dir={ROOT / 'notebooks'}" in jupyterlab[0]


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
    """A project whose benchmark writes its table; the commands that were run, and the exit status of the benchmark."""
    readme = "\n".join(["# Course", bench.MARKERS[0], "old", bench.MARKERS[1], "The end.", ""])
    (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / bench.RIVALS).write_text("# rivals\nno-such-rival==1.0\npytest==8.3\n", encoding="utf-8")
    made = SimpleNamespace(root=tmp_path, commands=[], status=0)

    def run(command, **_):
        made.commands.append(command[1:])
        if "benchmarks" in command:
            (tmp_path / bench.RESULTS).write_text("| fit | 1.01 |\n", encoding="utf-8")
            return subprocess.CompletedProcess(command, made.status)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(bench.subprocess, "run", run)
    return made


def test_bench_installs_what_is_missing_and_puts_the_table_into_the_readme(benchmark):
    assert bench.missing_rivals(benchmark.root) == ["no-such-rival"]
    assert bench.bench([], benchmark.root) == 0
    (pip, run) = benchmark.commands
    assert pip[:3] == ["-m", "pip", "install"] and pip[-2:] == ["-r", bench.RIVALS]
    assert run == ["-m", "benchmarks"]
    readme = (benchmark.root / "README.md").read_text(encoding="utf-8")
    assert "| fit | 1.01 |" in readme and "old" not in readme and readme.endswith("The end.\n")


@pytest.mark.parametrize(("options", "status"), [(["--rounds", "1"], 0), ([], 3)])
def test_a_partial_or_failed_benchmark_leaves_the_readme_alone(benchmark, options, status):
    benchmark.status = status
    before = (benchmark.root / "README.md").read_bytes()
    assert bench.bench(options, benchmark.root) == status
    assert benchmark.commands[-1] == ["-m", "benchmarks", *options]
    assert (benchmark.root / "README.md").read_bytes() == before


def test_the_readme_has_a_place_for_the_benchmark():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "a table" in claims_and_costs.between(readme, bench.MARKERS, "a table")


def test_the_command_line_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "course_tools"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "lab" in done.stdout


LIGHT = """
import sys
import course_tools.editions.student, course_utils.files
assert "torch" not in sys.modules and "nbformat" not in sys.modules
from course_utils import check, claim
import course_utils
assert course_utils.check is check and course_utils.claim is claim and course_utils.__version__
assert not hasattr(course_utils, "no_such_name")
"""


def test_the_student_edition_is_updated_without_pytorch():
    subprocess.run([sys.executable, "-c", LIGHT], cwd=ROOT, check=True)
