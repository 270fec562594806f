"""The promises of the instructor's guide: its example, its commands, its page of classic mistakes."""

import re

import pytest
import torch
from small_notebooks import check, exercise, notebook

from course_tools import __main__ as commands
from course_tools.environment import ROOT
from course_tools.reports import classic_mistakes

GUIDE = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")


def test_the_guides_example_trains_on_a_folder_of_images(tmp_path, monkeypatch):
    from PIL import Image

    generator = torch.Generator().manual_seed(0)
    for part in ("train", "test"):
        for number, name in enumerate(["owl", "wren"]):
            folder = tmp_path / "birds" / part / name
            folder.mkdir(parents=True)
            for i in range(20):
                pixels = torch.randint(100, (28, 28), generator=generator) + 150 * number
                Image.fromarray(pixels.to(torch.uint8).numpy()).save(folder / f"{i}.png")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.delenv("COURSE_FRACTION", raising=False)
    torch.manual_seed(0)
    names = {}
    exec(re.search(r"```python\n(.*?)```", GUIDE, re.DOTALL)[1], names)
    assert list(names["train"].classes) == ["owl", "wren"]
    assert len(names["history"].val_accuracy) == 5


def test_every_command_of_the_guide_exists():
    named = set(re.findall(r"`make (\w+)", GUIDE))
    assert {"teach", "slides", "site", "release", "grade"} <= named
    for command in named:
        assert re.search(rf"\s{command}\s", commands.parser().format_help())


def test_the_page_about_notebooks_lists_exercises_points_and_mistakes():
    page = classic_mistakes.page(ROOT)
    lines = [line for line in page.splitlines() if re.match(r"\| \d\d\.\d+ · \w", line)]
    checks = sum(
        path.read_text(encoding="utf-8").count('"grade_id": "check-')
        for path in (ROOT / "notebooks").glob("*.ipynb")
    )
    assert len(lines) == checks
    assert all(line.count("•") >= 3 for line in lines)
    assert "About 60 minutes" in page


@pytest.mark.parametrize(
    ("words", "known", "expected"),
    [
        ("the bias", ["Look: the bias is gone.\nTry: add it."], "Look: the bias is gone."),
        ("the bias", ["a longer text about the bias", "the bias"], "the bias"),
        ("nowhere", ["something else"], "nowhere"),
    ],
)
def test_a_hint_is_shown_without_its_advice(words, known, expected):
    assert classic_mistakes.whole(words, known) == expected


def test_points_are_read_from_the_check_cell():
    small = notebook(exercise(number="03-1"), check(number="03-1"))
    assert [(number, points) for number, _, points in classic_mistakes.exercises(small)] == [("03.1", 2)]
