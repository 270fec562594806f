"""Judging a formula that a student wrote: comparing it in many cases, and recognising classic mistakes."""

from copy import deepcopy
from numbers import Real

from torch import Tensor

from course_utils.checks import expect


def compare_formulas(student, cases: list[tuple], right, wrong: list[tuple], last: str) -> None:
    """Compare with the formula ``right`` in all cases; answers that follow a wrong formula get its hint.

    Args:
        cases: the arguments of the formula, one tuple per case.
        wrong: classic mistakes, as pairs of a formula and its hint.
        last: the hint for any other mistake, formatted with the arguments, ``right`` and ``answer``.
    """
    answers = [student(*deepcopy(case)) for case in cases]  # the student may change a list
    for case, answer in zip(cases, answers, strict=True):
        expect(
            isinstance(answer, Real | Tensor),
            f"Expected one number for {case}, got {type(answer).__name__}.\nTry: return the number.",
        )
    if all(answer == right(*case) for case, answer in zip(cases, answers, strict=True)):
        return
    for formula, hint in wrong:
        expected = [formula(*case) for case in cases]
        expect(not all(abs(a - b) <= 1e-6 for a, b in zip(answers, expected, strict=True)), hint)
    case, answer = next((c, a) for c, a in zip(cases, answers, strict=True) if a != right(*c))
    expect(False, last.format(*case, right=right(*case), answer=answer))
