"""The set-up: what is installed when, and the messages after a failure."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from course_tools import __main__ as commands
from course_tools import environment

STDLIB_ONLY = ("__init__.py", "__main__.py", "edition.py", "environment.py")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project that requires nothing, so that pip needs no network; no environment yet."""
    (tmp_path / "requirements.txt").write_text("# nothing\n", encoding="utf-8")
    shutil.copy(environment.ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "NEEDED_GIGABYTES", 0.1)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path


def pretend_python(monkeypatch, major, minor):
    facts = {"version_info": (major, minor, 0), "executable": "python", "platform": "linux"}
    monkeypatch.setattr(environment, "sys", SimpleNamespace(**facts))


def test_set_up_once_then_nothing_until_the_requirements_change(project, capfd, monkeypatch):
    environment.set_up()
    assert "this first time only" in capfd.readouterr().out
    assert environment.is_current()

    for name in ("requirements.txt", "pyproject.toml"):
        with (project / name).open("a", encoding="utf-8") as file:
            file.write("# changed\n")
        assert not environment.is_current()
        environment.set_up()
        assert "have changed" in capfd.readouterr().out
        assert environment.is_current()

    again = []
    monkeypatch.setattr(environment, "set_up", lambda: pytest.fail("set up again"))
    monkeypatch.setattr(environment, "suits", lambda: False)
    monkeypatch.setattr(environment, "_run_again", again.append)
    environment.ensure(["lab", "--no-browser"])
    assert again == [["lab", "--no-browser"]]


def test_an_interrupted_set_up_is_continued_and_a_broken_python_replaced(project, capfd, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(environment, "_install", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            environment.set_up()
    assert not environment.is_current()
    downloaded = project / ".venv" / "already-there"
    downloaded.touch()
    environment.set_up()
    assert "did not finish: continuing" in capfd.readouterr().out
    assert environment.is_current() and downloaded.exists()

    environment.venv_python().unlink()
    assert not environment.is_current()
    environment.set_up()
    assert environment.is_current() and not downloaded.exists()


def test_a_missing_package_is_explained_and_leaves_no_stamp(project):
    (project / "requirements.txt").write_text("no-such-package-for-sure==1.0\n", encoding="utf-8")
    with pytest.raises(environment.SetupError, match="no build of a package"):
        environment.set_up()
    assert not environment.is_current()


def test_a_full_disk_is_noticed_before_the_download(project, monkeypatch):
    monkeypatch.setattr(environment, "NEEDED_GIGABYTES", 10**9)
    with pytest.raises(environment.SetupError, match=r"GB are free here"):
        environment.set_up()
    assert not (project / ".venv").exists()


@pytest.mark.parametrize(
    ("log", "advice"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("NewConnectionError('...')\nERROR: No matching distribution found", "Check the network"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "not trusted"),
        ("OSError: [Errno 13] Permission denied: 'torch'", "could not be written"),
        ("ERROR: No matching distribution found for torch==2.15.0", "no build of a package"),
        ("ERROR: something new", "ERROR: something new"),
    ],
)  # fmt: skip
def test_pips_log_becomes_advice(log, advice):
    assert advice in environment.explain(log)


@pytest.mark.parametrize("version", [(3, 8), (3, 10), (3, 14)])
def test_an_unsuitable_python_is_named_with_what_to_do(version, monkeypatch):
    pretend_python(monkeypatch, *version)
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    with pytest.raises(environment.SetupError) as error:
        environment.find_python()
    assert f"This is Python {version[0]}.{version[1]}" in str(error.value)
    assert "3.11 to 3.13" in str(error.value) and "PYTHON=python3.12" in str(error.value)


def test_with_an_unsuitable_python_another_one_on_the_path_is_used(monkeypatch):
    pretend_python(monkeypatch, 3, 14)
    monkeypatch.setattr(environment.shutil, "which", {"python3.12": sys.executable}.get)
    assert environment.find_python() == sys.executable


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_suitable_pythons_are_used(version, monkeypatch):
    pretend_python(monkeypatch, *version)
    assert environment.find_python() == "python"


def test_an_environment_suits_when_all_packages_are_in_range(project, monkeypatch):
    monkeypatch.setattr(environment, "_installed_from", lambda: [project.as_uri()])
    assert environment.suits()
    monkeypatch.setattr(environment, "_installed_from", lambda: ["file:///another/clone"])
    assert not environment.suits()


@pytest.mark.parametrize("missing", ["torch>=99", "no-such-package-for-sure"])
def test_an_environment_with_a_package_missing_or_too_old_does_not_suit(project, monkeypatch, missing):
    monkeypatch.setattr(environment, "_installed_from", lambda: [project.as_uri()])
    text = (project / "pyproject.toml").read_text(encoding="utf-8")
    changed = text.replace('"torch>=2.14"', f'"{missing}"')
    assert changed != text
    (project / "pyproject.toml").write_text(changed, encoding="utf-8")
    assert not environment.suits()


def test_a_set_up_error_ends_a_command_with_its_text_alone(monkeypatch, capsys):
    def fail(arguments):
        raise environment.SetupError("Install Python 3.12.")

    monkeypatch.setattr(environment, "ensure", fail)
    assert commands.main(["lab"]) == 1
    assert capsys.readouterr().err.strip() == "Install Python 3.12."


def test_set_up_needs_only_the_standard_library():
    code = f"import sys; sys.path.insert(0, {str(environment.ROOT)!r}); import course_tools.__main__"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


@pytest.mark.parametrize("name", STDLIB_ONLY)
def test_an_old_python_can_parse_the_code_before_the_message(name):
    source = (environment.ROOT / "course_tools" / name).read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 8))


def test_pins_are_exact_cover_every_direct_dependency_and_are_in_its_range():
    project = tomllib.loads((environment.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ranges = map(Requirement, project["dependencies"] + project["optional-dependencies"]["test"])
    text = (environment.ROOT / "requirements.txt").read_text(encoding="utf-8")
    wanted = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert wanted.pop() == "-e ."
    pins = {pin.name: pin for pin in map(Requirement, wanted)}
    for item in ranges:
        pin = pins.pop(item.name)
        (exact,) = pin.specifier
        assert exact.operator == "==" and item.specifier.contains(exact.version), item
    assert not pins, "these are pinned in requirements.txt and not named in pyproject.toml"


def test_the_stamp_knows_a_folder_that_was_moved(project, monkeypatch):
    before = environment.stamp()
    moved = project / "moved"
    moved.mkdir()
    for name in ("requirements.txt", "pyproject.toml"):
        os.replace(project / name, moved / name)
    monkeypatch.setattr(environment, "ROOT", moved)
    assert environment.stamp() != before
