"""Checks answer with praise, or with a hint and no traceback."""

import re

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from course_utils import checks
from course_utils.checks import Hint, check, close, expect
from course_utils.checks.ready_made import without


@checks.exercise("77.1", "well done.")
def double(student):
    expect(student(2) == 4, "Two times two is four.\nTry: 2 * x.")


def test_a_right_answer_is_praised(capsys):
    double(lambda x: 2 * x)
    assert capsys.readouterr().out == "✓ Exercise 77.1: well done.\n"


def test_a_wrong_answer_gets_the_hint():
    with pytest.raises(Hint, match=r"Exercise 77.1: Two times two is four\.\nTry: 2 \* x\."):
        double(lambda x: x)


def test_an_exception_in_the_answer_is_explained():
    with pytest.raises(Hint, match="stopped.*ZeroDivisionError: division by zero"):
        double(lambda x: x / 0)


@pytest.mark.parametrize("result", [None, 0.5, torch.tensor(0.5)])
@pytest.mark.parametrize("number", ["03.1", "04.2", "05.3", "06.3", "07.3", "07.5"])
def test_a_result_instead_of_a_function_gets_a_hint(number, result):
    hint = f"Expected a function or a class, got {type(result).__name__}.*\n.*without brackets"
    with pytest.raises(Hint, match=hint):
        check(number, result)


def test_a_wrong_call_inside_the_answer_is_reported_as_its_error():
    with pytest.raises(Hint, match="Your code stopped.*not callable"):
        double(lambda x: x(2))


@pytest.mark.parametrize(
    "softmax",
    [
        lambda x: torch.softmax(x, 0),
        lambda x: x.softmax(0),
        lambda x: torch.nn.functional.log_softmax(x, dim=0),
        torch.nn.Softmax(0),
    ],
)
def test_pytorchs_own_solution_is_blocked_as_function_method_and_module(softmax):
    x = torch.zeros(2)
    with without("softmax", hint="not this one"):
        assert torch.equal(x.exp() / 2, torch.full((2,), 0.5))
        with pytest.raises(checks.Miss, match="not this one"):
            softmax(x)
    assert softmax(x).shape == (2,)


def test_an_unwritten_answer_gets_a_hint_where_to_begin():
    def stub(x):
        raise NotImplementedError("Exercise 77.1: your code here")

    with pytest.raises(Hint, match="Nothing is written here yet"):
        double(stub)


def test_a_hint_is_shown_without_a_traceback(capsys):
    shell = InteractiveShell.instance()
    shell.user_ns["double"] = double
    shell.run_cell("double(lambda x: x)")
    shown = capsys.readouterr()
    text = re.sub(r"\x1b\[\d*m", "", shown.out + shown.err)
    assert "Two times two is four." in text and "Exercise 77.1" in text
    assert "Traceback" not in text and "File" not in text and "checks" not in text


@pytest.mark.parametrize("number", ["07.9", "42.1", "nonsense", ""])
def test_an_unknown_exercise_raises_an_error(number):
    with pytest.raises(ValueError, match="There is no exercise"):
        check(number, None)


def test_judging_restores_the_state_of_the_random_number_generator():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    check("00.1", lambda x: (x**2).mean())
    assert torch.equal(torch.rand(3), expected)


def test_fresh_input_differs_in_each_run_whatever_the_seed():
    draws = []
    for _ in range(2):
        torch.manual_seed(0)
        draws += [torch.rand(2, generator=generator) for generator in checks.seeds(2)]
    assert len({tuple(draw.tolist()) for draw in draws}) == 4


@pytest.mark.parametrize("ours", [None, 1.0, torch.zeros(3), torch.tensor([1.0, 2.1])])
def test_close_is_false_for_other_types_shapes_and_values(ours):
    assert not close(ours, torch.tensor([1.0, 2.0]))
    assert close(torch.tensor([1.0, 2.0 + 1e-7]), torch.tensor([1.0, 2.0]))
