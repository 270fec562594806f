"""How checks answer: with praise, or with a hint and no traceback."""

import re

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from course_utils import checks
from course_utils.checks import Hint, check, close, expect


@pytest.fixture
def judge(monkeypatch):
    monkeypatch.setattr(checks, "_judges", {})

    @checks.exercise("77.1", "well done.")
    def double(student):
        expect(student(2) == 4, "Two times two is four.\nTry: 2 * x.")

    return double


def test_a_right_answer_is_praised(judge, capsys):
    check("77.1", lambda x: 2 * x)
    assert capsys.readouterr().out == "✓ Exercise 77.1: well done.\n"


def test_a_wrong_answer_gets_the_hint(judge):
    with pytest.raises(Hint, match=r"Exercise 77.1: Two times two is four\.\nTry: 2 \* x\."):
        check("77.1", lambda x: x)


def test_code_that_stops_is_explained(judge):
    with pytest.raises(Hint, match="stopped.*ZeroDivisionError: division by zero"):
        check("77.1", lambda x: x / 0)


def test_an_unwritten_answer_is_told_where_to_begin(judge):
    def stub(x):
        raise NotImplementedError("Exercise 77.1: your code here")

    with pytest.raises(Hint, match="Nothing is written here yet"):
        check("77.1", stub)


def test_a_hint_is_shown_without_a_traceback(judge, capsys):
    shell = InteractiveShell.instance()
    shell.user_ns["check"] = check
    shell.run_cell("check('77.1', lambda x: x)")
    shown = capsys.readouterr()
    text = re.sub(r"\x1b\[\d*m", "", shown.out + shown.err)
    assert "Two times two is four." in text and "Exercise 77.1" in text
    assert "Traceback" not in text and "File" not in text and "checks" not in text


@pytest.mark.parametrize("number", ["77.9", "42.1", "nonsense", ""])
def test_an_unknown_exercise_is_said_to_be_unknown(judge, number):
    with pytest.raises(ValueError, match="There is no exercise"):
        check(number, None)


def test_judging_does_not_disturb_the_students_random_numbers():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    check("00.1", lambda x: (x**2).mean())
    assert torch.equal(torch.rand(3), expected)


def test_fresh_input_differs_from_run_to_run_whatever_the_seed():
    draws = []
    for _ in range(2):
        torch.manual_seed(0)
        draws += [torch.rand(2, generator=generator) for generator in checks.seeds(2)]
    assert len({tuple(draw.tolist()) for draw in draws}) == 4


@pytest.mark.parametrize("ours", [None, 1.0, torch.zeros(3), torch.tensor([1.0, 2.1])])
def test_close_is_false_for_other_types_shapes_and_values(ours):
    assert not close(ours, torch.tensor([1.0, 2.0]))
    assert close(torch.tensor([1.0, 2.0 + 1e-7]), torch.tensor([1.0, 2.0]))
