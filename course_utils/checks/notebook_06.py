"""Judges of notebook 06: SGD with momentum, Adam, early stopping."""

from numbers import Real

import torch
from torch import Tensor

from course_utils.checks import exercise, expect, seeds
from course_utils.checks.optimizers import SHAPES, Rule, compare, look_at_one_step, look_at_other_cases


@exercise("06.1", "your parameters and torch.optim.SGD's agree, step after step.")
def sgd_with_momentum(student):
    options = {"lr": 0.1, "momentum": 0.8}
    look_at_one_step(student, options)
    wrong = [
        (lambda t, g, old: -_velocity(g, old), "Your parameters go uphill.\nTry: p -= lr * v, with a minus."),
        (
            lambda t, g, old: g,
            "This is SGD without momentum.\nTry: keep v from step to step (v.mul_(…) changes it in place), and step "
            "along v.",
        ),
        (
            lambda t, g, old: _velocity(g, old, keep=1),
            "Your v forgets nothing.\nTry: multiply the old v with the momentum before you add g.",
        ),
        (
            lambda t, g, old: _velocity(g, old, share=0.2),
            "Your v is an average: you add (1 − μ) g.\nTry: this rule adds all of g, v ← μ v + g.",
        ),
        (
            lambda t, g, old: g + 0.8 * _velocity(g, old),
            "This is Nesterov's rule.\nTry: step along v alone, p ← p − lr·v.",
        ),
        (
            lambda t, g, old: (old.get("v", 0 * g), _velocity(g, old))[0],
            "You step along the v of the step before.\nTry: change v first, then the parameter.",
        ),
    ]
    compare(student, torch.optim.SGD, options, wrong)
    look_at_other_cases(student, torch.optim.SGD, {"lr": 0.03, "momentum": 0.6})


def _velocity(g: Tensor, old: dict, keep: float = 0.8, share: float = 1.0) -> Tensor:
    old["v"] = keep * old.get("v", 0) + share * g
    return old["v"]


@exercise("06.2", "your parameters and torch.optim.Adam's agree, step after step.")
def adam(student):
    options = {"lr": 0.1, "betas": (0.8, 0.95), "eps": 0.05}
    look_at_one_step(student, options)
    too_small = "The means start at zero and are too small at first.\nTry: divide "
    wrong = [
        (_adam(sign=-1), "Your parameters go uphill.\nTry: p -= lr * …, with a minus."),
        (_adam(mend_m=False, mend_s=False), too_small + "m by 1 − β₁ᵗ and s by 1 − β₂ᵗ."),
        (_adam(mend_m=False), "You mend s alone. " + too_small + "m by 1 − β₁ᵗ as well."),
        (_adam(mend_s=False), "You mend m alone. " + too_small + "s by 1 − β₂ᵗ as well."),
        (
            _adam(forget=True),
            "Your divisions change m and s themselves, and the next step begins with the changed ones.\n"
            "Try: new tensors, m / (1 - b1**t), in place of m /= ….",
        ),
        (
            _adam(inside=True),
            "Your eps stands under the root.\nTry: add it to the root, ŝ.sqrt() + eps.",
        ),
        (_adam(power=1), "You divide by ŝ itself.\nTry: s averages g², so its root has the size of g."),
        (
            _adam(betas=(0.95, 0.8)),
            "The two betas are swapped.\nTry: the first belongs to m, the second to s.",
        ),
        (
            _adam(share_m=1.0),
            "Your m is a sum: you add all of g.\nTry: an average adds (1 − β₁) g.",
        ),
        (_adam(clock=lambda t, i: 1), "Your t stays at 1.\nTry: self.t += 1 in each step."),
        (
            _adam(clock=lambda t, i: (t - 1) * len(SHAPES) + i + 1),
            "Your t counts parameters.\nTry: it counts steps: self.t += 1 once, before the loop.",
        ),
    ]
    compare(student, torch.optim.Adam, options, wrong)
    look_at_other_cases(student, torch.optim.Adam, {"lr": 0.03, "betas": (0.7, 0.9), "eps": 0.02})


def _adam(
    sign=1,
    betas=(0.8, 0.95),
    mend_m=True,
    mend_s=True,
    inside=False,
    power=0.5,
    share_m=0.2,
    clock=None,
    forget=False,
) -> Rule:
    """Adam's rule with one thing changed."""
    b1, b2 = betas
    share_m = 1 - b1 if share_m == 0.2 else share_m

    def rule(t, g, old):
        t = clock(t, old["number"]) if clock else t
        old["m"] = b1 * old.get("m", 0) + share_m * g
        old["s"] = b2 * old.get("s", 0) + (1 - b2) * g**2
        m = old["m"] / (1 - b1**t) if mend_m else old["m"]
        s = old["s"] / (1 - b2**t) if mend_s else old["s"]
        if forget:
            old["m"], old["s"] = m, s
        return sign * m / ((s + 0.05).sqrt() if inside else s**power + 0.05)

    return rule


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
            "Two numbers were expected, on every way out of the function.\nTry: return last, best.",
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
                "An equal loss counts as an improvement with you.\nTry: < in place of <=.",
            ),
            (
                lambda x, p: (len(x), _best(x)),
                "You never stop.\nTry: return as soon as the best loss is patience epochs old.",
            ),
            (
                lambda x, p: (_stop(x, p)[0], _best(x)),
                "You look into epochs that are never trained.\nTry: the best among the epochs up to the stop.",
            ),
            (
                _stop_when_rising,
                "You compare with the epoch before.\nTry: compare with the best loss so far: a loss that only falls "
                "back to where it was is no improvement.",
            ),
        ]:  # fmt: skip
            expect(answers != [variant(*case) for case in cases], hint)
        i = next(i for i, answer in enumerate(answers) if answer != right[i])
        expect(
            False,
            f"With patience {cases[i][1]} and the losses {cases[i][0]} the answer is {right[i]}, yours is {answers[i]}."
            "\nTry: go through them with a finger, and note the best epoch so far.",
        )


def _best(losses: list[float]) -> int:
    return losses.index(min(losses)) + 1


def _stop(losses: list[float], patience: int, tie: bool = False) -> tuple[int, int]:
    """The right answer; with ``tie`` an equal loss counts as better."""
    best = 1
    for epoch, loss in enumerate(losses, start=1):
        if loss < losses[best - 1] or (tie and loss == losses[best - 1]):
            best = epoch
        if epoch - best >= patience:
            return epoch, best
    return len(losses), best


def _stop_when_rising(losses: list[float], patience: int) -> tuple[int, int]:
    """Stops after ``patience`` epochs in a row that are not better than the one before."""
    waited = 0
    for epoch in range(2, len(losses) + 1):
        waited = 0 if losses[epoch - 1] < losses[epoch - 2] else waited + 1
        if waited >= patience:
            return epoch, _best(losses[:epoch])
    return len(losses), _best(losses)
