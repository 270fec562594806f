"""The files for contributors are valid, and what they name exists."""

import importlib.util
import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
FORMS = [path for path in TEMPLATES if path.name != "config.yml"]
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_citation_has_the_required_keys_and_the_version_of_the_project():
    citation = yaml.safe_load(read("CITATION.cff"))
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"] and citation["title"] and all(author["name"] for author in citation["authors"])
    assert str(citation["version"]) == project["version"]
    assert " AND ".join(citation["license"]) == project["license"]


def hooks():
    repositories = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    return repositories[0]["hooks"]


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: hook["id"])
def test_hook_runs_what_exists(hook):
    python, *arguments = hook["entry"].split()
    assert python == "python" and hook["name"] and hook["language"] == "system"
    if arguments[0] == "-m":
        assert importlib.util.find_spec(arguments[1])
    files = [argument for argument in arguments if argument.endswith(".py")]
    assert arguments[0] == "-m" or files
    assert all((ROOT / name).is_file() for name in files)
    re.compile(hook.get("files", ""))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_issue_form_is_complete(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert form["name"] and form["description"] and form["body"]
    ids = [field["id"] for field in form["body"] if field["type"] != "markdown"]
    assert ids and len(set(ids)) == len(ids)
    for field in form["body"]:
        assert field["type"] in {"markdown", "input", "textarea", "dropdown", "checkboxes"}
        assert field["attributes"].get("value" if field["type"] == "markdown" else "label")
        assert field["type"] != "dropdown" or len(field["attributes"]["options"]) > 1


def test_issue_templates_have_a_configuration_and_distinct_names():
    assert "blank_issues_enabled" in yaml.safe_load(read(".github/ISSUE_TEMPLATE/config.yml"))
    names = [yaml.safe_load(path.read_text(encoding="utf-8"))["name"] for path in FORMS]
    assert len(names) >= 3 and len(set(names)) == len(names)


def test_changelog_has_the_headings_of_keep_a_changelog():
    text = read("CHANGELOG.md")
    assert re.findall(r"^# (.+)$", text, re.MULTILINE) == ["Changelog"]
    first, *released = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert first == "[Unreleased]"
    dates = [re.fullmatch(r"\[\d+\.\d+\.\d+\] - (\d{4}-\d\d-\d\d)", heading)[1] for heading in released]
    assert [date.fromisoformat(day) for day in dates] == sorted(map(date.fromisoformat, dates), reverse=True)
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= KINDS


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_of_a_page_lead_to_files(name):
    targets = [target for target in re.findall(r"\]\(([^)#]+)", read(name)) if "://" not in target]
    assert [target for target in targets if not (ROOT / target).exists()] == []
