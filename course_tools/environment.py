"""Set-up: the commands run in `.venv`, made and filled on first use, or in an environment that already suits.

Only the standard library is used here, and nothing newer than Python 3.8, so that a bare or an old
Python gets as far as a helpful sentence.
"""

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
NEEDED_GIGABYTES = 10 if sys.platform == "linux" else 4  # Linux wheels of torch bring CUDA along

_PROBE = f"import sys, pip; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"

# What pip's log says, and what to do about it; the first that matches is shown.
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
        "the command again: what was already downloaded is kept.",
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
    """The environment cannot be made; the text says why and what to do."""


def ensure(arguments):
    """Return in an interpreter that has what the course needs, or run the command again in one.

    arguments: the command line after `python -m course_tools`. Raises SetupError.
    """
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    if not inside and suits():
        return
    if not is_current():
        set_up()
    if not inside:
        _run_again(arguments)


def suits():
    """Whether this interpreter (of a conda environment, say) has every package that the course needs."""
    try:
        import tomllib

        from packaging.requirements import Requirement

        if not OLDEST <= sys.version_info[:2] <= NEWEST or ROOT.as_uri() not in _installed_from():
            return False
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        extras = project.get("optional-dependencies", {})  # a release for students has none
        needed = map(Requirement, project["dependencies"] + extras.get("test", []))
        return all(item.specifier.contains(importlib.metadata.version(item.name)) for item in needed)
    except ImportError:  # a package is missing
        return False


def stamp():
    """What `.venv` was made for: the requirements, and this folder (environments do not survive a move)."""
    digest = hashlib.sha256(str(ROOT).encode())
    for name in ("requirements.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_current():
    """Whether the last set-up of `.venv` finished, for these requirements, and its Python is still there."""
    file = _stamp_file()
    return venv_python().exists() and file.exists() and file.read_text(encoding="utf-8") == stamp()


def set_up():
    """Make `.venv` where it is missing or broken, install into it, write the stamp. Raises SetupError."""
    stamped = _stamp_file()
    if not VENV.exists():
        print("Setting up the course in .venv: several minutes and a large download, this first time only.")
    elif stamped.exists():
        print("The requirements have changed: bringing .venv up to date.")
    else:
        print("An earlier set-up of .venv did not finish: continuing it.")
    if not _works(venv_python()):
        _make_venv()
    if stamped.exists():
        stamped.unlink()
    _install()
    stamped.write_text(stamp(), encoding="utf-8")
    print("The environment is ready.")


def venv_python():
    """Path of the interpreter in `.venv`."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def find_python():
    """Path of a Python that the course runs on: this one, or another one on the PATH. Raises SetupError."""
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


def explain(log):
    """Turn pip's log into one sentence for a student: the cause and what to try."""
    for signs, advice in _CAUSES:
        if any(sign in log for sign in signs):
            python = "{}.{}".format(*sys.version_info[:2])
            return advice.format(gigabytes=NEEDED_GIGABYTES, python=python, platform=sys.platform)
    errors = [line for line in log.splitlines() if "ERROR" in line or "error:" in line]
    return "\n".join(["pip could not install the packages. It said:"] + errors[-5:])


def _installed_from():
    """Addresses of the folders that this interpreter's `-e .` installs of the course point to."""
    # Seen from this folder, the build's own egg-info is listed too: it has no such record.
    records = [item.read_text("direct_url.json") for item in importlib.metadata.distributions(name=PROJECT)]
    return [json.loads(record)["url"] for record in records if record]


def _stamp_file():
    return VENV / "course-stamp.txt"


def _works(python):
    """Whether this interpreter starts, has pip, and is of a version that the course runs on."""
    try:
        return subprocess.run([str(python), "-c", _PROBE], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def _make_venv():
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
            "Python could not make the environment .venv. On Debian or Ubuntu install what it needs with\n"
            "    sudo apt install python3-venv\n"
            "Elsewhere check that you may write to this folder. Then run the command again."
        )


def _install():
    log = VENV / "pip.log"
    if log.exists():
        log.unlink()
    pip = [str(venv_python()), "-m", "pip", "install", "--disable-pip-version-check", "--log", str(log)]
    if subprocess.run(pip + ["-r", "requirements.txt"], cwd=str(ROOT)).returncode:
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        raise SetupError(explain(text) + "\n(The full log: .venv/pip.log)")


def _run_again(arguments):
    command = [str(venv_python()), "-m", "course_tools"] + arguments
    sys.stdout.flush()
    if os.name == "nt":  # execv on Windows would give the prompt back at once
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)
