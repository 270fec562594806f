"""CLAIMS.md and the table of costs, from the claims and costs of reference runs."""

import json
from dataclasses import asdict, replace

import nbformat
import pytest
from small_notebooks import code, write

from course_tools.commands.reference import claims_of
from course_tools.reports import claims_and_costs
from course_tools.reports.claims_and_costs import Claim, Record


def claim(name="small.loss", value=0.25, **fields):
    """A claim with these fields, and ordinary values for all others."""
    return replace(Claim(name, value, "≤ 0.3", "", "", "", "CPU", "2.15.0"), **fields)


def record(*claims, **fields):
    return replace(Record("03 · A small one", "What?", 1.234, 812, 2, 0.1, claims), **fields)


@pytest.fixture
def root(tmp_path):
    for name in ("03_small", "04_other"):
        write(tmp_path / "notebooks" / f"{name}.ipynb", code("1"))
    (tmp_path / "README.md").write_text("\n".join(claims_and_costs.COSTS), encoding="utf-8")
    return tmp_path


def page(root):
    return (root / "CLAIMS.md").read_text(encoding="utf-8")


def test_a_claim_is_a_row_with_the_lectures_value_next_to_ours():
    accuracy = claim("a.b", 98.93, bound="≥ 98.5 %", unit="%", lecture="over 95 %", needs="full data")
    text = claims_and_costs.claims_page({"03_small": record(accuracy)})
    assert "| claim | taught | the lecture | ours | needs |" in text
    assert "| `a.b` | ≥ 98.5 % | over 95 % | 98.93 % | full data |" in text
    assert "## [03 · A small one](notebooks/03_small.ipynb)" in text
    assert "torch 2.15.0 on CPU; 2 cores." in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (61_706, "", "61 706"),
        (61_706.0, "", "61 706"),
        (91.0, "%", "91 %"),
        (0.34071234567, "", "0.340712"),
        (1e-9, "s", "1e-09 s"),
        (-3, "", "-3"),
        (True, "", "True"),
    ],
)
def test_values_are_formatted_for_readers(value, unit, text):
    assert claims_and_costs.shown(claim(value=value, unit=unit)) == text


def test_a_partial_run_keeps_the_other_notebooks_rows(root):
    claims_and_costs.update(root, "03_small", record(claim("old.one"), claim("kept.not")))
    claims_and_costs.update(root, "04_other", record(claim("other.one"), title="04 · Another"))
    claims_and_costs.update(root, "03_small", record(claim("new.one")))
    assert "`new.one`" in page(root) and "`other.one`" in page(root)
    assert "`old.one`" not in page(root) and "`kept.not`" not in page(root)
    assert page(root).index("new.one") < page(root).index("other.one")
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert "| 1.2 | 0.8 GB |" in readme and "04 · Another" in readme and "with 2 cores" in readme


def test_a_claim_made_twice_is_listed_once_with_its_last_value():
    ledger = [asdict(claim(value=value)) | {"skipped": False, "fraction": 1.0} for value in (0.1, 0.2)]
    assert claims_of(ledger) == (claim(value=0.2),)


def test_a_removed_notebook_leaves_no_rows(root):
    claims_and_costs.update(root, "03_small", record(claim("gone.one")))
    (root / "notebooks" / "03_small.ipynb").unlink()
    claims_and_costs.update(root, "04_other", record(claim("other.one")))
    assert "gone.one" not in page(root)
    assert list(json.loads((root / claims_and_costs.STORE).read_text(encoding="utf-8"))) == ["04_other"]


def test_the_reports_are_the_same_for_the_same_run(root):
    claims_and_costs.update(root, "03_small", record(claim()))
    before = [(root / name).read_bytes() for name in (claims_and_costs.STORE, "CLAIMS.md", "README.md")]
    claims_and_costs.update(root, "03_small", record(claim()))
    assert [
        (root / name).read_bytes() for name in (claims_and_costs.STORE, "CLAIMS.md", "README.md")
    ] == before


@pytest.mark.parametrize("text", ["", "a begin b", "begin end begin end"])
def test_a_page_without_place_for_a_table_is_refused(text):
    with pytest.raises(ValueError, match="once each"):
        claims_and_costs.between(text, ("begin", "end"), "table")


def test_only_the_text_between_the_markers_changes():
    assert claims_and_costs.between("a begin old end z", ("begin", "end"), "new") == "a begin\nnew\nend z"


@pytest.mark.parametrize(
    "text",
    [
        "# 03 · Nets\n\n**The question of this notebook.** Why\ndoes it learn?\n\nYou will be able to",
        "# 03 · Nets\n\n*Why does it learn?*\n\n- one",
        "# 03 · Nets\n**Why does it learn?**",
        "# 03 · Nets\n\nWhy does it learn?",
    ],
)
def test_the_opening_gives_title_and_question(text):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    assert claims_and_costs.opening(notebook) == ("03 · Nets", "Why does it learn?")


def test_bars_do_not_break_a_table():
    assert claims_and_costs.table(["a"], [["|x|"]]) == "| a |\n| --- |\n| \\|x\\| |"
