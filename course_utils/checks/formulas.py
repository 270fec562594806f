"""Judging a formula that a student wrote: compared in many cases, mistakes recognised by what they compute."""

from copy import deepcopy
from numbers import Real

from torch import Tensor

from course_utils.checks import expect


def compare_formulas(student, cases: list[tuple], right, wrong: list[tuple], last: str) -> None:
    """Compare with the formula ``right`` in all cases; answers that follow a wrong formula get its hint."""
    answers = [student(*deepcopy(case)) for case in cases]  # a student may empty a list
    for case, answer in zip(cases, answers, strict=True):
        expect(
            isinstance(answer, Real | Tensor),
            f"One number was expected for {case}, {type(answer).__name__} came back.\nTry: return it.",
        )
    if all(answer == right(*case) for case, answer in zip(cases, answers, strict=True)):
        return
    for formula, hint in wrong:
        expected = [formula(*case) for case in cases]
        expect(not all(abs(a - b) <= 1e-6 for a, b in zip(answers, expected, strict=True)), hint)
    case, answer = next((c, a) for c, a in zip(cases, answers, strict=True) if a != right(*c))
    expect(False, last.format(*case, right=right(*case), answer=answer))
