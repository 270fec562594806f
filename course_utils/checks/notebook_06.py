"""Judges of notebook 06: SGD with momentum, Adam, early stopping."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

import torch
from torch import Tensor

from course_utils.checks import exercise, expect, seeds
from course_utils.checks.optimizers import (
    SHAPES,
    Memory,
    compare,
    judge_one_step,
    judge_other_cases,
)


@exercise("06.1", "your parameters and torch.optim.SGD's agree, step after step.")
def sgd_with_momentum(student):
    options = {"lr": 0.1, "momentum": 0.8}
    judge_one_step(student, options)
    wrong = [
        (
            lambda t, g, memory: -_velocity(g, memory),
            "Your parameters go uphill.\nTry: p -= lr * v, with a minus.",
        ),
        (
            lambda t, g, memory: g,
            "This is SGD without momentum.\nTry: keep v from step to step (v.mul_(…) changes it in place), and step "
            "along v.",
        ),
        (
            lambda t, g, memory: _velocity(g, memory, momentum=1),
            "Your v forgets nothing.\nTry: multiply the old v by the momentum before you add g.",
        ),
        (
            lambda t, g, memory: _velocity(g, memory, gradient_weight=0.2),
            "Your v is an average: you add (1 − μ) g.\nTry: this rule adds all of g, v ← μ v + g.",
        ),
        (
            lambda t, g, memory: g + 0.8 * _velocity(g, memory),
            "This is Nesterov's rule.\nTry: step along v alone, p ← p − lr·v.",
        ),
        (
            _previous_velocity,
            "You step along the v of the previous step.\nTry: change v first, then the parameter.",
        ),
    ]
    compare(student, torch.optim.SGD, options, wrong)
    judge_other_cases(student, torch.optim.SGD, {"lr": 0.03, "momentum": 0.6})


def _velocity(g: Tensor, memory: Memory, momentum: float = 0.8, gradient_weight: float = 1.0) -> Tensor:
    memory.v = momentum * memory.v + gradient_weight * g
    return memory.v


def _previous_velocity(t: int, g: Tensor, memory: Memory) -> Tensor:
    """Step along v as it was before this step."""
    before = memory.v
    _velocity(g, memory)
    return before


@exercise("06.2", "your parameters and torch.optim.Adam's agree, step after step.")
def adam(student):
    options = {"lr": 0.1, "betas": (0.8, 0.95), "eps": 0.05}
    judge_one_step(student, options)
    too_small = "The means start at zero and are too small at first.\nTry: divide "
    wrong = [
        (_Adam(uphill=True), "Your parameters go uphill.\nTry: p -= lr * …, with a minus."),
        (_Adam(correct_m=False, correct_s=False), too_small + "m by 1 − β₁ᵗ and s by 1 − β₂ᵗ."),
        (_Adam(correct_m=False), "You correct s but not m. " + too_small + "m by 1 − β₁ᵗ as well."),
        (_Adam(correct_s=False), "You correct m but not s. " + too_small + "s by 1 − β₂ᵗ as well."),
        (
            _Adam(store_corrected=True),
            "Your divisions change m and s themselves, and the next step starts from the changed values.\n"
            "Try: new tensors, m / (1 - b1**t), instead of m /= ….",
        ),
        (
            _Adam(eps_under_root=True),
            "Your eps is under the root.\nTry: add it to the root, ŝ.sqrt() + eps.",
        ),
        (
            _Adam(take_root=False),
            "You divide by ŝ itself.\nTry: s averages g², so its root has the size of g.",
        ),
        (
            _Adam(betas=(0.95, 0.8)),
            "The two betas are swapped.\nTry: the first belongs to m, the second to s.",
        ),
        (
            _Adam(gradient_weight=1.0),
            "Your m is a sum: you add all of g.\nTry: an average adds (1 − β₁) g.",
        ),
        (_Adam(clock=lambda t, number: 1), "Your t stays at 1.\nTry: self.t += 1 in each step."),
        (
            _Adam(clock=lambda t, number: (t - 1) * len(SHAPES) + number + 1),
            "Your t counts parameters.\nTry: it counts steps: self.t += 1 once, before the loop.",
        ),
    ]
    compare(student, torch.optim.Adam, options, wrong)
    judge_other_cases(student, torch.optim.Adam, {"lr": 0.03, "betas": (0.7, 0.9), "eps": 0.02})


@dataclass(frozen=True)
class _Adam:
    """Adam's rule, with an eps of 0.05; a field that differs from its default makes a classic mistake."""

    uphill: bool = False
    betas: tuple[float, float] = (0.8, 0.95)
    correct_m: bool = True
    correct_s: bool = True
    store_corrected: bool = False
    eps_under_root: bool = False
    take_root: bool = True
    # how much of g is added to m; None for 1 − β₁
    gradient_weight: float | None = None
    # (step from 1, number of the parameter) → t
    clock: Callable[[int, int], int] = lambda t, number: t

    def __call__(self, t: int, g: Tensor, memory: Memory) -> Tensor:
        b1, b2 = self.betas
        t = self.clock(t, memory.number)
        gradient_weight = 1 - b1 if self.gradient_weight is None else self.gradient_weight
        memory.m = b1 * memory.m + gradient_weight * g
        memory.s = b2 * memory.s + (1 - b2) * g**2
        m = memory.m / (1 - b1**t) if self.correct_m else memory.m
        s = memory.s / (1 - b2**t) if self.correct_s else memory.s
        if self.store_corrected:
            memory.m, memory.s = m, s
        if self.eps_under_root:
            step = m / (s + 0.05).sqrt()
        else:
            step = m / ((s.sqrt() if self.take_root else s) + 0.05)
        return -step if self.uphill else step


@exercise("06.3", "your run stops where it should, and keeps the right weights.")
def stop_early(student):
    for generator in seeds():
        # tenths, so that equal losses occur
        runs = torch.randint(0, 10, (200, 12), generator=generator).tolist()
        cases = [([n / 10 for n in run], 1 + i % 4) for i, run in enumerate(runs)]
        answers = [student(list(losses), patience) for losses, patience in cases]
        expect(
            all(isinstance(answer, tuple | list) and len(answer) == 2 for answer in answers)
            and all(isinstance(part, Real | Tensor) for answer in answers for part in answer),
            "Expected two numbers at every return of the function.\nTry: return last, best.",
        )
        answers = [tuple(int(n) if int(n) == n else float(n) for n in answer) for answer in answers]
        right = [_stop(*case) for case in cases]
        if answers == right:
            continue
        for variant, hint in [
            (lambda x, p: tuple(n - 1 for n in _stop(x, p)), "You count from 0.\nTry: the first epoch is 1."),
            (
                lambda x, p: (_stop(x, p)[0],) * 2,
                "You keep the weights of the last epoch.\nTry: best is the epoch of the smallest loss so far.",
            ),
            (lambda x, p: _stop(x, p + 1), "You train one epoch too long.\nTry: stop when epoch − best ≥ patience."),
            (
                lambda x, p: _stop(x, p, tie=True),
                "You count an equal loss as an improvement.\nTry: < instead of <=.",
            ),
            (
                lambda x, p: (len(x), _best(x)),
                "You never stop.\nTry: return as soon as the best loss is patience epochs old.",
            ),
            (
                lambda x, p: (_stop(x, p)[0], _best(x)),
                "You use epochs that are never trained.\nTry: the best of the epochs up to the stop.",
            ),
            (
                _stop_when_rising,
                "You compare with the previous epoch.\nTry: compare with the best loss so far: a loss that only falls "
                "back to an earlier value is not an improvement.",
            ),
        ]:  # fmt: skip
            expect(answers != [variant(*case) for case in cases], hint)
        i = next(i for i, answer in enumerate(answers) if answer != right[i])
        expect(
            False,
            f"With patience {cases[i][1]} and the losses {cases[i][0]}: expected {right[i]}, got {answers[i]}."
            "\nTry: go through the losses one by one, and note the best epoch so far.",
        )


def _best(losses: list[float]) -> int:
    return losses.index(min(losses)) + 1


def _stop(losses: list[float], patience: int, tie: bool = False) -> tuple[int, int]:
    """Return the right answer; with ``tie`` an equal loss counts as better."""
    best = 1
    for epoch, loss in enumerate(losses, start=1):
        if loss < losses[best - 1] or (tie and loss == losses[best - 1]):
            best = epoch
        if epoch - best >= patience:
            return epoch, best
    return len(losses), best


def _stop_when_rising(losses: list[float], patience: int) -> tuple[int, int]:
    """Stop after ``patience`` consecutive epochs that are not better than the previous one."""
    waited = 0
    for epoch in range(2, len(losses) + 1):
        waited = 0 if losses[epoch - 1] < losses[epoch - 2] else waited + 1
        if waited >= patience:
            return epoch, _best(losses[:epoch])
    return len(losses), _best(losses)
