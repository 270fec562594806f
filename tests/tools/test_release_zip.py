"""The students' edition as a zip: without solutions, reproducible, self-contained; it overwrites no work."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter

import nbformat
import pytest
from packaging.requirements import Requirement

from course_tools.editions import release_zip, student
from course_tools.environment import PROJECT, ROOT

REGION = re.compile(r"^ *### BEGIN SOLUTION\n(.*?)^ *### END SOLUTION", re.DOTALL | re.MULTILINE)
HIDDEN = re.compile(r"^ *### BEGIN HIDDEN TESTS\n(.*?)^ *### END HIDDEN TESTS", re.DOTALL | re.MULTILINE)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# What `lab` needs of course_utils.
UTILS = ("course_utils/__init__.py", "course_utils/files.py")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The path of the zip, which is made once."""
    return release_zip.release(dist=tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def files(archive):
    """Path → bytes of all its files, without the top folder."""
    with zipfile.ZipFile(archive) as opened:
        return {name.removeprefix(f"{PROJECT}/"): opened.read(name) for name in opened.namelist()}


@pytest.fixture
def unzipped(archive, tmp_path):
    unzip(archive, tmp_path)
    return tmp_path / PROJECT


def unzip(archive, folder):
    """Unpack the zip like `unzip -o`: existing files are replaced."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)


def cells(content):
    return nbformat.reads(content.decode(), as_version=4).cells


def lines(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def secrets():
    """Yield (grade id, solution or hidden test) of the whole course."""
    for path in NOTEBOOKS:
        for cell in cells(path.read_bytes()):
            for region in REGION.findall(cell.source) + HIDDEN.findall(cell.source):
                yield cell.metadata.nbgrader.grade_id, region


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_solution_line_of_a_notebook_is_left_in_it(files, path):
    sources = [cell.source for cell in cells(path.read_bytes())]
    regions = [found for source in sources for found in REGION.findall(source) + HIDDEN.findall(source)]
    elsewhere = Counter(lines("\n".join(HIDDEN.sub("", REGION.sub("", source)) for source in sources)))
    left = Counter(lines("\n".join(cell.source for cell in cells(files[f"notebooks/{path.name}"]))))
    assert regions
    assert [line for line in lines("\n".join(regions)) if left[line] > elsewhere[line]] == []


def test_no_file_contains_a_solution(files):
    texts = {
        name: lines(content.decode()) for name, content in files.items() if name.endswith((".py", ".md"))
    }
    texts |= {
        name: [line for cell in cells(content) for line in lines(cell.source)]
        for name, content in files.items()
        if name.endswith(".ipynb")
    }
    for grade_id, region in secrets():
        solution = [line.partition("  #")[0] for line in lines(region)]
        for name, text in texts.items():
            text = [line.partition("  #")[0] for line in text]
            found = any(text[i : i + len(solution)] == solution for i in range(len(text)))
            assert not found or len(solution) == 1 and name.startswith("course_utils/"), (grade_id, name)


def test_nothing_is_left_that_is_only_for_instructors(files):
    for name, content in files.items():
        if name.endswith(".ipynb"):
            text = content.decode()
            assert not re.search("(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)", text), name
            for cell in cells(content):
                assert cell.get("outputs", []) == [] and cell.get("execution_count") is None
                assert cell.metadata.get("slideshow", {}).get("slide_type") != "notes"
    assert not [name for name in files if name.startswith(("tests/", "benchmarks/", "labs/", "data/", "."))]
    assert not [name for name in files if "reference" in name or "grading" in name or "__pycache__" in name]


def test_every_notebook_and_all_of_course_utils_are_there(files):
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "course_utils").rglob("*.py")}
    assert {f"notebooks/{path.name}" for path in NOTEBOOKS} | modules <= set(files)
    assert {"README.md", "Makefile", "requirements.txt", "environment.yml", "pyproject.toml"} <= set(files)


def test_the_requirements_are_those_of_the_course_without_its_tests(files):
    full = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ours = tomllib.loads(files["pyproject.toml"].decode())
    del full["project"]["optional-dependencies"]
    assert ours == full
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)$", files["requirements.txt"].decode(), re.MULTILINE))
    needed = {line.name: line.specifier for line in map(Requirement, full["project"]["dependencies"])}
    assert {name.lower() for name in pinned} == {name.lower() for name in needed}
    assert all(needed[name].contains(version) for name, version in pinned.items())
    assert files["requirements.txt"].decode().endswith("-e .\n")


def test_the_same_sources_make_the_same_bytes(archive, tmp_path):
    assert release_zip.release(dist=tmp_path).read_bytes() == archive.read_bytes()


def start(folder, *arguments):
    """Run `python -m course_tools lab` there, in an environment that is set up, with only its own packages."""
    ready = (
        "import sys, course_tools, course_utils\n"
        "from course_tools import __main__ as commands, environment\n"
        "environment.ensure = lambda arguments: None\n"
        "assert all(str(environment.ROOT) in p.__file__ for p in (course_tools, course_utils))\n"
        "sys.exit(commands.main(['lab', *sys.argv[1:]]))"
    )
    settings = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", ready, *arguments]
    return subprocess.run(
        command, cwd=folder, env=settings, capture_output=True, text=True, check=True
    ).stdout


def test_it_is_self_contained(unzipped, files):
    # JupyterLab prints its version and exits.
    start(unzipped, "--version")
    for path in NOTEBOOKS:
        assert (unzipped / "labs" / path.name).read_bytes() == files[f"notebooks/{path.name}"]
    listed = subprocess.run(
        [sys.executable, "-m", "course_tools", "--help"], cwd=unzipped, capture_output=True, text=True
    ).stdout
    assert re.findall(r"^    (\w+) ", listed, re.MULTILINE) == ["lab"]


def course(tmp_path, edition):
    """Make the zip of a project with small notebooks that name their edition; return its path."""
    root = tmp_path / f"project {edition}"
    shutil.copytree(
        ROOT / "course_tools", root / "course_tools", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in (*release_zip.PLAIN, "requirements.txt", "pyproject.toml", *UTILS):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    notebook = nbformat.read(ROOT / "notebooks" / "00_welcome.ipynb", as_version=4)
    notebook.cells[0].source += f"\n\nThis is edition {edition}."
    (root / "notebooks").mkdir()
    for name in ("00_welcome.ipynb", "01_other.ipynb"):
        nbformat.write(notebook, root / "notebooks" / name)
    return release_zip.release(root, root / "dist")


def test_a_newer_release_unzipped_over_a_students_folder_changes_no_work(tmp_path):
    here, labs = tmp_path / "student", tmp_path / "student" / PROJECT / "labs"
    unzip(course(tmp_path, "one"), here)
    student.update_labs(here / PROJECT / "notebooks", labs)
    mine = (labs / "00_welcome.ipynb").read_bytes().replace(b"raise NotImplementedError", b"return 1 #")
    (labs / "00_welcome.ipynb").write_bytes(mine)
    (labs / "my notes.txt").write_text("mine", encoding="utf-8")

    # As on Windows, whatever the zip says.
    (here / PROJECT / "notebooks" / "00_welcome.ipynb").chmod(0o600)
    unzip(course(tmp_path, "two"), here)
    told = start(here / PROJECT, "--version")
    assert (labs / "00_welcome.ipynb").read_bytes() == mine
    assert (labs / "my notes.txt").read_text(encoding="utf-8") == "mine"
    for name in ("00_welcome.new.ipynb", "01_other.ipynb"):
        assert "This is edition two." in (labs / name).read_text(encoding="utf-8")
    assert "labs/00_welcome.new.ipynb" in told and "01_other" not in told


def test_the_notebooks_outside_labs_are_read_only(archive):
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            writable = (entry.external_attr >> 16) & 0o222
            assert bool(writable) != entry.filename.startswith(f"{PROJECT}/notebooks/"), entry.filename
