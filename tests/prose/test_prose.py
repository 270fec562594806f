"""The course is written in plain technical English, and the linter that says so is precise."""

import json
import tomllib
from pathlib import Path

import linter
import pytest

RULES = {rule.name: rule for rule in linter.read_rules()}
STYLE = tomllib.loads(Path(linter.__file__).with_name("style.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("suffix", linter.READERS)
def test_prose_follows_the_style(suffix):
    paths = linter.files(suffix)
    assert paths, f"no {suffix} file was found"
    found = list(linter.check(paths))
    assert not found, "\n".join([f"{len(found)} phrases to rewrite:", *found])


def found(text, name):
    kind = RULES[name].only or "markdown"
    return [
        match.name for _, _, match in linter.matches(linter.Prose(text, kind, [("1", text)]), [RULES[name]])
    ]


@pytest.mark.parametrize("name, text", [(name, text) for name in RULES for text in STYLE[name]["wrong"]])
def test_rule_finds_a_wrong_phrase(name, text):
    assert name in found(text, name)


@pytest.mark.parametrize("name, text", [(name, text) for name in RULES for text in STYLE[name]["right"]])
def test_rule_accepts_a_right_phrase(name, text):
    assert not found(text, name)


def test_each_rule_has_advice_and_examples_of_both_kinds():
    assert all(rule.advice and STYLE[name]["wrong"] and STYLE[name]["right"] for name, rule in RULES.items())


def places(pieces):
    return [
        (place, phrase) for piece in pieces for place, phrase, _ in linter.matches(piece, [RULES["rate"]])
    ]


def test_markdown_is_read_without_code_math_and_addresses():
    text = "\n".join(
        [
            "Code `one step a batch` and math $once a step$,",
            "[text](https://example.org/steps-a-batch), <b title='steps a batch'>bold</b>:",
            "```\nonce a step\n```",
            "- read once",
            "  an epoch",
            "- once",
            "- a step",
        ]
    )
    assert places(linter.from_markdown(text)) == [("6", "once an epoch")]


def test_python_is_read_as_docstrings_strings_and_comments():
    text = '''"""Read once a step."""

def f(x):  # batches a step
    # read once
    # an epoch
    key = "once a step"
    code = "steps = [a, step, once]"
    raise ValueError(f"The {x} were read "
                     "once a batch.")
'''
    expected = [("1", "once a step"), ("3", "batches a step"), ("4", "once an epoch"), ("9", "once a batch")]
    assert sorted(places(linter.from_python(text))) == expected


def test_notebook_is_read_cell_by_cell():
    cells = [
        {
            "cell_type": "code",
            "source": ["%matplotlib inline\n", "x = 1  # once a step"],
            "outputs": ["once a batch"],
        },
        {"cell_type": "markdown", "source": ["# Title\n", "\n", "Read once an epoch."]},
    ]
    assert places(linter.from_notebook(json.dumps({"cells": cells}))) == [
        ("[0] 2", "once a step"),
        ("[1] 3", "once an epoch"),
    ]


def test_complaint_names_file_line_phrase_and_advice(tmp_path, monkeypatch):
    monkeypatch.setattr(linter, "ROOT", tmp_path)
    (tmp_path / "a.md").write_text("Title\n\nTwo batches a step.\n", encoding="utf-8")
    assert list(linter.check([tmp_path / "a.md"])) == [f"a.md:3: 'batches a step' → {RULES['rate'].advice}"]
