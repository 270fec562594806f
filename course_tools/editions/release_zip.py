"""`release`: the students' edition of the whole course, as a self-contained zip.

The zip contains the notebooks without solutions, the parts of the two packages that students need, and the lists of
requirements. The same sources give the same zip, byte for byte.
"""

import re
import tomllib
import zipfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_tools.editions.student import course_files, student_edition
from course_tools.environment import PROJECT, ROOT
from course_utils.files import replacing

DIST = ROOT / "dist"
# The part of course_tools that `make lab` needs; the rest works on solutions.
TOOLS = (
    "__init__.py", "__main__.py", "environment.py", "commands/__init__.py", "commands/lab.py", "commands/jupyter/**/*",
    "editions/__init__.py", "editions/student.py",
)  # fmt: skip
PACKAGES = ("course_utils/**/*.py", *(f"course_tools/{name}" for name in TOOLS))
PLAIN = ("environment.yml", "LICENSE", "LICENSE-text")
EDITION = """# Which edition of the course this is.
STUDENTS = True
"""
MAKEFILE = """# A short name for `python -m course_tools lab`
PYTHON ?= python3

lab:
	@$(PYTHON) -m course_tools lab $(ARGS)

.PHONY: lab
"""
# The earliest time that a zip can store, so that all releases have the same one.
EARLIEST = (1980, 1, 1, 0, 0, 0)


def release(root: Path = ROOT, dist: Path = DIST) -> Path:
    """Write the zip into `dist` and return its path. Raises ValueError if a notebook breaks nbgrader's rules."""
    files = contents(root)
    version = tomllib.loads(files["pyproject.toml"].decode())["project"]["version"]
    path = dist / f"{PROJECT}-{version}.zip"
    dist.mkdir(parents=True, exist_ok=True)
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
    ):
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{PROJECT}/{name}", EARLIEST)
            # Notebooks are read-only here, because students work on the copies in labs/.
            entry.external_attr = (0o100444 if name.startswith("notebooks/") else 0o100644) << 16
            # Unix, so that the permissions apply wherever the zip was made.
            entry.create_system = 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    return path


def contents(root: Path = ROOT) -> dict[str, bytes]:
    """Return the files of the release: path with forward slashes → bytes."""
    files = {name: (root / name).read_bytes() for name in PLAIN}
    files["README.md"] = (root / "course_tools" / "editions" / "student_readme.md").read_bytes()
    files["Makefile"] = MAKEFILE.encode()
    files["pyproject.toml"] = _without_extras((root / "pyproject.toml").read_text(encoding="utf-8")).encode()
    files["requirements.txt"] = _pinned(
        (root / "requirements.txt").read_text(encoding="utf-8"), files
    ).encode()
    for path in course_files(root / "notebooks"):
        files[path.relative_to(root).as_posix()] = student_edition(path)
    for pattern in PACKAGES:
        for path in root.glob(pattern):
            if path.is_file():
                files[path.relative_to(root).as_posix()] = path.read_bytes()
    files["course_tools/edition.py"] = EDITION.encode()
    return files


def _without_extras(pyproject: str) -> str:
    """Return pyproject.toml without the requirements of tests, slides and site."""
    return re.sub(r"\[project\.optional-dependencies\]\n.*?\n(?=\[)", "", pyproject, flags=re.DOTALL)


def _pinned(requirements: str, files: dict[str, bytes]) -> str:
    """Return the tested versions of the packages that the released pyproject.toml requires, and the course itself."""
    needed = tomllib.loads(files["pyproject.toml"].decode())["project"]["dependencies"]
    names = {canonicalize_name(Requirement(line).name) for line in needed}
    lines = requirements.splitlines()
    pins = [line for line in lines if canonicalize_name(line.partition("==")[0]) in names]
    return "\n".join([lines[0], *pins, "", "# this course, so that notebooks find course_utils", "-e .", ""])
