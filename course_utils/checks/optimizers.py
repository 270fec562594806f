"""Judging an optimizer that a student wrote: comparing it with PyTorch's, and recognising classic mistakes."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_utils.checks import close, expect, seeds

SHAPES = ((3, 2), (4,))


@dataclass
class Memory:
    """The state of an optimizer for one parameter: the velocity v, and the means m of g and s of g²."""

    number: int
    v: Tensor | float = 0.0
    m: Tensor | float = 0.0
    s: Tensor | float = 0.0


# (step from 1, gradient, this parameter's memory) → what is subtracted from the parameter, divided by lr
Rule = Callable[[int, Tensor, Memory], Tensor]


def judge_one_step(student: type, options: dict) -> None:
    """Check what holds for every optimizer: it changes its parameters in place, and nothing else."""
    used, unused = (torch.ones(3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    used.grad = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    gradient = used.grad.clone()
    optimizer = student([used], **options)
    for _ in range(2):  # before the first step v and the means are still zero
        _step(optimizer)
    expect(
        not torch.equal(used, torch.ones_like(used)),
        "The parameter has not moved.\nTry: change it in place, p -= …; p = p - … only makes a new tensor.",
    )
    expect(
        used.isfinite().all(),
        "The parameter is no longer finite.\nTry: count t from 1, since 1 − β⁰ = 0; and s averages g², which is "
        "never negative.",
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


def judge_other_cases(student: type, reference: type, options: dict) -> None:
    """Compare with other options, and without gradients in some steps; PyTorch's own optimizers are not accepted."""
    compare(
        student,
        reference,
        options,
        [],
        "With other options than before your parameters are wrong.\n"
        "Try: self.lr and the other attributes instead of numbers.",
    )
    compare(
        student,
        reference,
        options,
        [],
        "A parameter whose grad is None should not change, and the others should move.\n"
        "Try: if p.grad is not None: …, within the loop over the parameters; a grad of None is not a grad of 0.",
        absent=True,
    )
    made = student([torch.zeros(2, requires_grad=True)], **options)
    expect(
        not any(isinstance(part, torch.optim.Optimizer) for part in (made, *vars(made).values())),
        "You use PyTorch's own optimizer, which is the reference.\nTry: write the rule yourself.",
    )


def _step(optimizer) -> None:
    try:
        optimizer.step()
    except NotImplementedError:
        raise
    except RuntimeError as error:
        expect(
            "leaf" not in str(error),
            "Autograd records your update.\nTry: keep @torch.no_grad() above step: an update is not part of the model.",
        )
        raise


def compare(
    student: type,
    reference: type,
    options: dict,
    wrong: list[tuple[Rule, str]],
    otherwise: str = "",
    absent: bool = False,
) -> None:
    """Run the student's optimizer and PyTorch's over the same random gradients; name the mistake if it is known.

    With ``absent`` the first parameter has no gradient in the last three of six steps.
    """
    for generator in seeds():
        draw = {"generator": generator, "dtype": torch.float64}
        starts = [torch.randn(shape, **draw) for shape in SHAPES]
        gradients = [[torch.randn(shape, **draw) for shape in SHAPES] for _ in range(6)]
        if absent:
            gradients = [[step[0] if t < 3 else None, step[1]] for t, step in enumerate(gradients)]
        ours, theirs = (_run(kind, options, starts, gradients) for kind in (student, reference))
        if close(ours, theirs, 1e-6):
            continue
        for rule, hint in wrong:
            expect(not close(ours, _follow(rule, options["lr"], starts, gradients), 1e-6), hint)
        first = next(i for i in range(len(ours)) if not close(ours[i], theirs[i], 1e-6)) + 1
        expect(
            False,
            otherwise
            or f"Starting at step {first}, your parameters differ from those of torch.optim.{reference.__name__}.\n"
            "Try: one parameter, one step, with pencil and paper; then two steps.",
        )


def _run(kind: type, options: dict, starts: list[Tensor], gradients: list[list[Tensor]]) -> Tensor:
    """Run an optimizer; return all parameters after each step, (steps, elements)."""
    parameters = [start.clone().requires_grad_() for start in starts]
    optimizer, rows = kind(parameters, **options), []
    for step in gradients:
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = None if gradient is None else gradient.clone()
        optimizer.step()
        rows.append(torch.cat([p.detach().flatten() for p in parameters]))
    return torch.stack(rows)


def _follow(rule: Rule, lr: float, starts: list[Tensor], gradients: list[list[Tensor]]) -> Tensor:
    """Follow a rule; return all parameters after each step, (steps, elements)."""
    parameters, memories = list(starts), [Memory(number=i) for i in range(len(starts))]
    rows = []
    for t, step in enumerate(gradients, start=1):
        parameters = [p - lr * rule(t, g, m) for p, g, m in zip(parameters, step, memories, strict=True)]
        rows.append(torch.cat([p.flatten() for p in parameters]))
    return torch.stack(rows)
