"""Every notebook of the course follows every rule."""

import json
from pathlib import Path

import pytest
from notebook_rules import RULES

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_follows_rule(path, rule):
    complaints = list(rule(json.loads(path.read_text(encoding="utf-8")), path))
    assert not complaints, "\n".join([f"{path.name}: {rule.__name__}", *complaints])


def test_notebooks_have_unique_numbers():
    numbers = [path.name[:2] for path in NOTEBOOKS]
    assert numbers, "no notebooks found"
    assert all(number.isdigit() for number in numbers) and len(set(numbers)) == len(numbers)
