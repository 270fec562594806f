"""Each rule accepts a good notebook and complains about every way of breaking it."""

import json

import pytest
from notebook_rules import RULES
from notebook_rules import exercises as exercise_rules
from sample_notebook import code, printed, sample, shown

RULE = {rule.__name__: rule for rule in RULES}


def complaints(rule, notebook, tmp_path, name="00_sample.ipynb"):
    path = tmp_path / name
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return list(RULE[rule](notebook, path))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project root that has only the mistakes file of exercise 00.1."""
    mistakes = tmp_path / "tests/checks/mistakes"
    mistakes.mkdir(parents=True)
    (mistakes / "00_1.py").touch()
    monkeypatch.setattr(exercise_rules, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("rule", RULE)
def test_a_good_notebook_passes(rule, project):
    assert complaints(rule, sample()[0], project) == []


def output(cell, value):
    cell["outputs"] = [value]


def grade(cell, **changes):
    cell["metadata"]["nbgrader"].update(changes)


# rule, change of (the notebook, its cells by id), words of the complaint
BROKEN = [
    ("valid_format", lambda nb, c: nb.update(nbformat_minor=4), "format 4.4"),
    ("valid_format", lambda nb, c: c["claim"].update(id="title"), "['title'] are not unique"),
    ("valid_format", lambda nb, c: c["claim"].pop("outputs"), "not a valid notebook"),
    ("valid_format", lambda nb, c: nb["metadata"].update(kernelspec={"name": "conda"}), "python3"),
    ("executed_in_order", lambda nb, c: c["claim"].update(execution_count=None), "None"),
    ("executed_in_order", lambda nb, c: c["claim"].update(execution_count=9), "[1, 2, 9, 4, 5]"),
    (
        "no_error_output",
        lambda nb, c: output(
            c["claim"], {"output_type": "error", "ename": "ClaimError", "evalue": "", "traceback": []}
        ),
        "ended in ClaimError",
    ),
    ("parts", lambda nb, c: c["title"].update(source="# Welcome"), "# 00 · Title"),
    ("parts", lambda nb, c: c["title"].update(source=c["title"]["source"].replace("?", ".")), "'?'"),
    ("parts", lambda nb, c: c["title"].update(source="# 00 · A\n\nWhy? You need it"), "You will be able to"),
    ("parts", lambda nb, c: c["title"].update(source="# 00 · A\n\nWhy? You will be able to"), "You need"),
    ("parts", lambda nb, c: nb["cells"].pop(), "Summary"),
    ("parts", lambda nb, c: c["summary"].update(source="## One step further"), "the last two sections"),
    ("parts", lambda nb, c: nb["cells"].pop(0), "the first cell does not begin"),
    (
        "headings_in_order",
        lambda nb, c: c["section"].update(source="### Too deep"),
        "level 3 after one of level 1",
    ),
    ("headings_in_order", lambda nb, c: c["summary"].update(source="# Again"), "'Again' of level 1"),
    ("slide_types", lambda nb, c: c["claim"]["metadata"].pop("slideshow"), "slide type None"),
    ("slide_types", lambda nb, c: c["claim"]["metadata"]["slideshow"].update(slide_type="page"), "'page'"),
    (
        "known_tags",
        lambda nb, c: c["claim"]["metadata"]["tags"].append("raises-exception"),
        "not a check cell",
    ),
    ("known_tags", lambda nb, c: c["claim"]["metadata"]["tags"].append("full-data"), "both"),
    ("known_tags", lambda nb, c: c["claim"]["metadata"]["tags"].append("nbval-skip"), "overrides"),
    ("known_tags", lambda nb, c: c["claim"].update(source="# NBVAL_IGNORE_OUTPUT"), "overrides"),
    ("exercises", lambda nb, c: nb["cells"].remove(c["solution"]), "is not a sequence of"),
    ("exercises", lambda nb, c: nb["cells"].insert(5, code("between", "1", 4)), "belongs to no exercise"),
    ("exercises", lambda nb, c: nb["cells"].remove(c["section"]), "belongs to no exercise"),
    (
        "exercises",
        lambda nb, c: c["section"].update(source="### Exercise 00.2 · Later"),
        "### Exercise 00.1 · title",
    ),
    ("exercises", lambda nb, c: c["section"].update(source="### Exercise 00.1"), "### Exercise 00.1 · title"),
    (
        "exercises",
        lambda nb, c: c["section"].update(source="## Exercise 00.1 · A"),
        "### Exercise 00.1 · title",
    ),
    ("exercises", lambda nb, c: grade(c["check"], grade_id="exercise-00-1"), "not unique"),
    ("exercises", lambda nb, c: grade(c["solution"], grade_id="exercise-00-2"), "nbgrader metadata"),
    ("exercises", lambda nb, c: grade(c["solution"], points=1), "nbgrader metadata"),
    ("exercises", lambda nb, c: grade(c["check"], points=0), "points 0"),
    ("exercises", lambda nb, c: grade(c["check"], locked=False), "nbgrader metadata"),
    ("exercises", lambda nb, c: c["check"]["metadata"]["tags"].remove("raises-exception"), "lacks the tag"),
    ("exercises", lambda nb, c: c["check"]["metadata"]["tags"].remove("nbval-check-output"), "lacks the tag"),
    ("exercises", lambda nb, c: c["check"].update(source='check("00.2", f)'), 'check("00.1"'),
    ("exercises", lambda nb, c: nb["cells"].remove(c["report"]), "report 00.1 is not followed"),
    ("exercises", lambda nb, c: nb["cells"].remove(c["question"]), "belongs to no exercise or report"),
    (
        "exercises",
        lambda nb, c: c["question"].update(source="### Report 00.2 · Later"),
        "Report 00.1 · title",
    ),
    ("exercises", lambda nb, c: c["question"].update(source="### Report 00.1"), "Report 00.1 · title"),
    ("exercises", lambda nb, c: grade(c["report"], grade_id="report-00-2"), "report 00.1 is not followed"),
    ("exercises", lambda nb, c: grade(c["report"], points=0), "points 0"),
    ("exercises", lambda nb, c: grade(c["report"], locked=True), "report 00.1 is not followed"),
    ("exercises", lambda nb, c: grade(c["report"], grade_id="check-00-1"), "not unique"),
    (
        "solutions_between_markers",
        lambda nb, c: c["report"].update(source="### BEGIN SOLUTION\n1\n### END SOLUTION"),
        "marks",
    ),
    (
        "solutions_between_markers",
        lambda nb, c: c["solution"].update(source="### BEGIN SOLUTION\n1"),
        "marks",
    ),
    ("solutions_between_markers", lambda nb, c: c["solution"].update(source="def f(): return 1"), "marks []"),
    ("solutions_between_markers", lambda nb, c: c["claim"].update(source=c["solution"]["source"]), "marks"),
    (
        "solutions_between_markers",
        lambda nb, c: c["summary"].update(source="It is `return (x ** 2).sum() / x.numel()  # by hand`"),
        "gives a solution away",
    ),
    ("short_code", lambda nb, c: c["claim"].update(source="x = 1\n" * 21), "21 lines"),
    ("large_type", lambda nb, c: c["claim"].update(source="axis.legend(fontsize=9)"), "fontsize=9"),
    ("large_type", lambda nb, c: c["claim"].update(source='x = {"fontsize": "small"}'), "small"),
    (
        "imports_where_used",
        lambda nb, c: c["claim"].update(source="import os\n%time 1"),
        "['os'] but does not",
    ),
    (
        "imports_where_used",
        lambda nb, c: c["claim"].update(source="from torch import nn, fx\nnn.ReLU()"),
        "'fx', which",
    ),
    (
        "imports_where_used",
        lambda nb, c: c["claim"].update(source="from torch import nn as layers"),
        "'layers'",
    ),
    ("nothing_of_this_machine", lambda nb, c: output(c["claim"], printed("in /home/me/x.py")), "'/home/'"),
    ("nothing_of_this_machine", lambda nb, c: output(c["claim"], printed("file:///tmp/x")), "'/tmp/'"),
    ("nothing_of_this_machine", lambda nb, c: output(c["claim"], printed(r"C:\Users\me")), "machine path"),
    ("nothing_of_this_machine", lambda nb, c: c["summary"].update(source='"/Users/me"'), "'/Users/'"),
    (
        "nothing_of_this_machine",
        lambda nb, c: output(c["claim"], shown({"text/plain": "/work/a"})),
        "'/work/'",
    ),
    (
        "nothing_of_this_machine",
        lambda nb, c: output(c["claim"], printed("lab?token=" + "ab1" * 9)),
        "a token",
    ),
    (
        "nothing_of_this_machine",
        lambda nb, c: c["claim"].update(source="k = 'hf_" + "Ab1" * 9 + "'"),
        "a token",
    ),
    (
        "nothing_of_this_machine",
        lambda nb, c: output(c["claim"], printed("<f at 0x7f3a5c1b2e50>")),
        "address",
    ),
    ("no_widgets", lambda nb, c: nb["metadata"].update(widgets={}), "widget state"),
    (
        "no_widgets",
        lambda nb, c: output(c["claim"], shown({"application/vnd.jupyter.widget-view+json": {}})),
        "a widget in",
    ),
    ("alt_text", lambda nb, c: c["figure"]["outputs"][0].update(metadata={}), "alt text None"),
    (
        "alt_text",
        lambda nb, c: c["figure"]["outputs"][0]["metadata"]["image/png"].update(alt="A plot"),
        "'A plot'",
    ),
    ("alt_text", lambda nb, c: output(c["drawing"], shown({"text/html": "<img src='x'>"})), "alt text None"),
    (
        "alt_text",
        lambda nb, c: output(c["drawing"], shown({"text/html": "<b><img alt='' src='x'></b>"})),
        "''",
    ),
    ("alt_text", lambda nb, c: output(c["drawing"], shown({"text/html": "<svg></svg>"})), "alt text None"),
    ("alt_text", lambda nb, c: output(c["drawing"], shown({"image/svg+xml": "<svg/>"})), "alt text None"),
    ("alt_text", lambda nb, c: c["summary"].update(source="![](map.png)"), "alt text ''"),
    ("claims_are_compared", lambda nb, c: c["claim"]["metadata"].pop("tags"), "neither the tag"),
    (
        "claims_are_compared",
        lambda nb, c: c["claim"].update(source='claim("accuracy", 99, at_least=95, full_data=True)'),
        "does not have the tag full-data",
    ),
    ("compared_outputs_are_stable", lambda nb, c: output(c["claim"], printed("took 3.2 s")), "'2 s'"),
    ("compared_outputs_are_stable", lambda nb, c: output(c["claim"], printed("1/9 [00:01<00:08]")), "00:01"),
    ("compared_outputs_are_stable", lambda nb, c: c["claim"].update(outputs=[]), "no output"),
    ("small", lambda nb, c: output(c["claim"], printed("x" * 3_000_000)), "3.0 MB"),
]


@pytest.mark.parametrize(
    ("rule", "change", "words"), BROKEN, ids=[f"{row[0]}-{i}" for i, row in enumerate(BROKEN)]
)
def test_a_broken_notebook_gets_a_complaint(rule, change, words, project):
    notebook, cells = sample()
    change(notebook, cells)
    found = complaints(rule, notebook, project)
    assert any(words in complaint for complaint in found), found


def test_every_rule_is_broken_at_least_once():
    assert {rule for rule, *_ in BROKEN} == set(RULE)


def test_an_exercise_needs_a_check_function_and_mistakes(project):
    (project / "tests/checks/mistakes/00_1.py").unlink()
    assert any(
        "has no tests/checks/mistakes/00_1.py" in text
        for text in complaints("exercises", sample()[0], project)
    )
    notebook, cells = sample()
    cells["section"]["source"] = "## E\n\n### Exercise 98.1 · Unknown"
    found = complaints("exercises", notebook, project, name="98_none.ipynb")
    assert any("98.1 has no check function" in text for text in found)


# rule, change that is allowed
ALLOWED = [
    (
        "nothing_of_this_machine",
        lambda nb, c: output(c["claim"], printed("640x480 at https://a.org/home/ or 0x1F")),
    ),
    (
        "nothing_of_this_machine",
        lambda nb, c: c["summary"].update(source="`data/tmp/`, `torch.nn/home`, x / work"),
    ),
    (
        "compared_outputs_are_stable",
        lambda nb, c: output(c["claim"], printed("5 steps, 3 samples, x[1:10], 2 minima")),
    ),
    (
        "headings_in_order",
        lambda nb, c: c["section"].update(source="## A\n\n```\n#### a comment\n```\n### B\n\n## C"),
    ),
    (
        "imports_where_used",
        lambda nb, c: c["claim"].update(source="%matplotlib inline\nimport torch.nn\ntorch.nn.ReLU()"),
    ),
    (
        "imports_where_used",
        lambda nb, c: c["claim"].update(source="from course_utils import check, claim\nclaim(1)"),
    ),
    ("short_code", lambda nb, c: c["claim"].update(source="# why\n\n" * 30 + "x = 1")),
    ("short_code", lambda nb, c: c["solution"].update(source="x = 1\n" * 50)),
    ("alt_text", lambda nb, c: c["summary"].update(source="write `<img src='x'>` yourself")),
    ("claims_are_compared", lambda nb, c: c["summary"].update(source="claim(this)")),
]


@pytest.mark.parametrize(("rule", "change"), ALLOWED, ids=[f"{row[0]}-{i}" for i, row in enumerate(ALLOWED)])
def test_an_allowed_change_gets_no_complaint(rule, change, project):
    notebook, cells = sample()
    change(notebook, cells)
    assert complaints(rule, notebook, project) == []
