"""Set up the environment: commands run in `.venv`, created on first use, or in an environment that is suitable.

Only the standard library is used, and nothing newer than Python 3.8, so that an old Python without packages can still
print a helpful message.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PROJECT = "pytorch-course"
OLDEST, NEWEST = (3, 11), (3, 13)
# On Linux, the wheels of torch include CUDA.
NEEDED_GIGABYTES = 10 if sys.platform == "linux" else 4

_PROBE = f"import sys, pip; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"

# Texts in pip's log, and advice. The first match is shown.
_CAUSES = [
    (
        ("No space left on device", "Errno 28", "WinError 112"),
        "The disk is full. Free some space (about {gigabytes} GB are needed), then run the command again.",
    ),
    (
        ("CERTIFICATE_VERIFY_FAILED",),
        "The connection to the package index is not trusted. Behind a school or company proxy, ask for its\n"
        "certificate and set PIP_CERT to that file; otherwise check the clock of this computer.",
    ),
    (
        (
            "connection broken by",
            "NewConnectionError",
            "Read timed out",
            "ProxyError",
            "Network is unreachable",
        ),
        "The package index cannot be reached. Check the network (and the proxy, if there is one), then run\n"
        "the command again: completed downloads are kept.",
    ),
    (
        ("Permission denied", "Errno 13", "WinError 5]"),
        "A file could not be written. Close programs that use this folder, check that you may write to it,\n"
        "then run the command again.",
    ),
    (
        ("Windows Long Path", "WinError 206"),
        "The path of this folder is too long for Windows. Move the course to a short one such as C:\\course.",
    ),
    (
        ("No matching distribution found",),
        "The package index has no build of a package for this machine (Python {python}, {platform}).\n"
        "Check the network; if it works, try Python 3.12 for 64 bit.",
    ),
]


class SetupError(Exception):
    """The environment cannot be set up; the text says why and what to do."""


def ensure(arguments: list[str]) -> None:
    """Return if this interpreter has what the course needs, else set up `.venv` and run the command again there.

    arguments: the command line after `python -m course_tools`. Raises SetupError if the set-up fails.
    """
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    if not inside and suits():
        return
    if not is_current():
        set_up()
    if not inside:
        _run_again(arguments)


def suits() -> bool:
    """Whether this interpreter, for example of a conda environment, has every package that the course needs."""
    try:
        import tomllib

        from packaging.requirements import Requirement

        if not OLDEST <= sys.version_info[:2] <= NEWEST or ROOT.as_uri() not in _installed_from():
            return False
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        # The students' edition has none.
        extras = project.get("optional-dependencies", {})
        needed = map(Requirement, project["dependencies"] + extras.get("test", []))
        return all(item.specifier.contains(importlib.metadata.version(item.name)) for item in needed)
    # A package is missing.
    except ImportError:
        return False


def stamp() -> str:
    """Identify what `.venv` was set up for: the requirements, and this folder (environments cannot be moved)."""
    digest = hashlib.sha256(str(ROOT).encode())
    for name in ("requirements.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_current() -> bool:
    """Whether `.venv` was set up completely, for these requirements, and its Python is still there."""
    file = _stamp_file()
    return venv_python().exists() and file.exists() and file.read_text(encoding="utf-8") == stamp()


def set_up() -> None:
    """Create `.venv` if it is missing or broken, install the course in it, write the stamp.

    Raises SetupError if Python is unsuitable, the disk is full, or pip fails.
    """
    stamped = _stamp_file()
    if not VENV.exists():
        print("Setting up the course in .venv: a large download and several minutes, this first time only.")
    elif stamped.exists():
        print("The requirements have changed: updating .venv.")
    else:
        print("An earlier set-up of .venv did not finish: continuing it.")
    if not _works(venv_python()):
        _make_venv()
    if stamped.exists():
        stamped.unlink()
    _install()
    stamped.write_text(stamp(), encoding="utf-8")
    print("The environment is ready.")


def venv_python() -> Path:
    """Return the path of the interpreter in `.venv`."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def find_python() -> str:
    """Return the path of a suitable Python: this one, or one on the PATH. Raises SetupError if there is none."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and _works(found):
            return found
    raise SetupError(
        "This is Python {}.{}; the course runs on Python {}.{} to {}.{}.\n"
        "Install one of these from https://www.python.org/downloads, then name it, for example:\n"
        "    make lab PYTHON=python3.12        (Windows: py -3.12 -m course_tools lab)".format(
            *sys.version_info[:2], *OLDEST, *NEWEST
        )
    )


def explain(log: str) -> str:
    """Return the cause of a failure and what to try, from pip's log."""
    for signs, advice in _CAUSES:
        if any(sign in log for sign in signs):
            python = "{}.{}".format(*sys.version_info[:2])
            return advice.format(gigabytes=NEEDED_GIGABYTES, python=python, platform=sys.platform)
    errors = [line for line in log.splitlines() if "ERROR" in line or "error:" in line]
    return "\n".join(["pip could not install the packages. It said:"] + errors[-5:])


def _installed_from() -> list[str]:
    """Return the URLs of the folders from which the course is installed in this interpreter by `-e .`."""
    # In this folder, the egg-info of the build is listed too; it has no such record.
    records = [item.read_text("direct_url.json") for item in importlib.metadata.distributions(name=PROJECT)]
    return [json.loads(record)["url"] for record in records if record]


def _stamp_file() -> Path:
    return VENV / "course-stamp.txt"


def _works(python: str | Path) -> bool:
    """Whether this interpreter starts, has pip, and has a version that the course supports."""
    try:
        return subprocess.run([str(python), "-c", _PROBE], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def _make_venv() -> None:
    python = find_python()
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    if free < NEEDED_GIGABYTES:
        raise SetupError(
            f"Setting up takes about {NEEDED_GIGABYTES} GB of disk; {free:.1f} GB are free here.\n"
            "Free some space, then run the command again."
        )
    made = subprocess.run([python, "-m", "venv", "--clear", str(VENV)])
    if made.returncode:
        raise SetupError(
            "Python could not create the environment .venv. On Debian or Ubuntu install what it needs with\n"
            "    sudo apt install python3-venv\n"
            "On other systems check that you may write to this folder. Then run the command again."
        )


def _install() -> None:
    log = VENV / "pip.log"
    if log.exists():
        log.unlink()
    pip = [str(venv_python()), "-m", "pip", "install", "--disable-pip-version-check", "--log", str(log)]
    if subprocess.run(pip + ["-r", "requirements.txt"], cwd=str(ROOT)).returncode:
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        raise SetupError(explain(text) + "\n(The full log: .venv/pip.log)")


def _run_again(arguments: list[str]) -> None:
    command = [str(venv_python()), "-m", "course_tools"] + arguments
    sys.stdout.flush()
    # On Windows, execv would return to the prompt immediately.
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)
