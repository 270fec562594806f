"""Judges of notebook 06: SGD with momentum, Adam, early stopping."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks import close, exercise, expect, seeds

# (number of the step from 1, gradient, what this parameter remembers) → how far to go downhill
Rule = Callable[[int, Tensor, dict], Tensor]
SHAPES = ((3, 2), (4,))


@exercise("06.1", "your parameters and torch.optim.SGD's agree, step after step.")
def sgd_with_momentum(student):
    options = {"lr": 0.1, "momentum": 0.8}
    _look_at_one_step(student, options)
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
    _compare(student, torch.optim.SGD, options, wrong)


def _velocity(g: Tensor, old: dict, keep: float = 0.8, share: float = 1.0) -> Tensor:
    old["v"] = keep * old.get("v", 0) + share * g
    return old["v"]


@exercise("06.2", "your parameters and torch.optim.Adam's agree, step after step.")
def adam(student):
    options = {"lr": 0.1, "betas": (0.8, 0.95), "eps": 0.05}
    _look_at_one_step(student, options)
    too_small = "The means start at zero and are too small at first.\nTry: divide "
    wrong = [
        (_adam(sign=-1), "Your parameters go uphill.\nTry: p -= lr * …, with a minus."),
        (_adam(mend_m=False, mend_s=False), too_small + "m by 1 − β₁ᵗ and s by 1 − β₂ᵗ."),
        (_adam(mend_m=False), "You mend s alone. " + too_small + "m by 1 − β₁ᵗ as well."),
        (_adam(mend_s=False), "You mend m alone. " + too_small + "s by 1 − β₂ᵗ as well."),
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
    _compare(student, torch.optim.Adam, options, wrong)


def _adam(
    sign=1, betas=(0.8, 0.95), mend_m=True, mend_s=True, inside=False, power=0.5, share_m=0.2, clock=None
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
        return sign * m / ((s + 0.05).sqrt() if inside else s**power + 0.05)

    return rule


def _look_at_one_step(student: type, options: dict) -> None:
    """What holds for every optimizer: it changes its parameters in place, and nothing else."""
    used, unused = (torch.ones(3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    used.grad = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    gradient = used.grad.clone()
    optimizer = student([used], **options)
    for _ in range(2):  # in the first step v and the means are still zero
        _step(optimizer)
    expect(
        not torch.equal(used, torch.ones_like(used)),
        "The parameter has not moved.\nTry: change it in place, p -= …; p = p - … only makes a new tensor.",
    )
    expect(
        used.isfinite().all(),
        "The parameter is no number any more.\nTry: count t from 1, since 1 − β⁰ = 0; and s averages "
        "g², which is never negative.",
    )
    expect(
        used.grad is not None and torch.equal(used.grad, gradient),
        "step() changes the gradient.\nTry: put products into new tensors, such as (1 - b) * p.grad.",
    )
    used.grad = gradient
    try:
        _step(student([used, unused], **options))
    except (TypeError, AttributeError):
        expect(
            False,
            "A parameter whose grad is None stops your step.\nTry: if p.grad is not None: …, for parameters that "
            "took no part in the loss.",
        )


def _step(optimizer) -> None:
    try:
        optimizer.step()
    except NotImplementedError:
        raise
    except RuntimeError as error:
        expect(
            "leaf" not in str(error),
            "Autograd watches your update.\nTry: keep @torch.no_grad() above step: an update is no part of the model.",
        )
        raise


def _compare(student: type, reference: type, options: dict, wrong: list[tuple[Rule, str]]) -> None:
    """Run the student's optimizer and PyTorch's over the same random gradients; name the fault if it is known."""
    for generator in seeds():
        draw = {"generator": generator, "dtype": torch.float64}
        starts = [torch.randn(shape, **draw) for shape in SHAPES]
        gradients = [[torch.randn(shape, **draw) for shape in SHAPES] for _ in range(6)]
        ours, theirs = (_run(kind, options, starts, gradients) for kind in (student, reference))
        if close(ours, theirs, 1e-6):
            continue
        for rule, hint in wrong:
            expect(not close(ours, _follow(rule, options["lr"], starts, gradients), 1e-6), hint)
        first = next(i for i in range(len(ours)) if not close(ours[i], theirs[i], 1e-6)) + 1
        expect(
            False,
            f"From step {first} on your parameters differ from those of torch.optim.{reference.__name__}.\n"
            "Try: one parameter, one step, with pencil and paper; then two steps.",
        )


def _run(kind: type, options: dict, starts: list[Tensor], gradients: list[list[Tensor]]) -> Tensor:
    """All parameters in one row after each step, (steps, elements)."""
    parameters = [start.clone().requires_grad_() for start in starts]
    optimizer, rows = kind(parameters, **options), []
    for step in gradients:
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()
        rows.append(torch.cat([p.detach().flatten() for p in parameters]))
    return torch.stack(rows)


def _follow(rule: Rule, lr: float, starts: list[Tensor], gradients: list[list[Tensor]]) -> Tensor:
    """The same for a rule written as a function."""
    parameters, memories = list(starts), [{"number": i} for i in range(len(starts))]
    rows = []
    for t, step in enumerate(gradients, start=1):
        parameters = [p - lr * rule(t, g, m) for p, g, m in zip(parameters, step, memories, strict=True)]
        rows.append(torch.cat([p.flatten() for p in parameters]))
    return torch.stack(rows)


@exercise("06.3", "your run stops where it should, and keeps the right weights.")
def stop_early(student):
    for generator in seeds():
        # tenths, so that equal losses occur
        runs = (torch.randint(0, 10, (200, 12), generator=generator) / 10).tolist()
        cases = [(losses, 1 + i % 4) for i, losses in enumerate(runs)]
        answers = [student(list(losses), patience) for losses, patience in cases]
        expect(
            all(isinstance(answer, tuple | list) and len(answer) == 2 for answer in answers),
            "Two numbers were expected, on every way out of the function.\nTry: return last, best.",
        )
        answers = [(int(last), int(best)) for last, best in answers]
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
