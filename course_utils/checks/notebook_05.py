"""Judges of notebook 05: batch norm and its backward, dropout, cross-entropy with weights and ignored targets."""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks import close, exercise, expect, seeds
from course_utils.checks.batch_norm import judge_batch_norm, judge_batch_norm_backward
from course_utils.checks.ready_made import without

OWN_MASK = "You call PyTorch's own dropout.\nTry: a mask from torch.rand_like(x)."
OWN_LOSS = "You call one of PyTorch's losses.\nTry: torch.log_softmax, then the target's entry of each row."
OWN_GRADIENT = "You use autograd.\nTry: softmax minus one_hot, each row times its fraction of the weights."


@exercise("05.1", "outputs, running statistics and gradients equal nn.BatchNorm1d's.")
def batch_norm(student):
    judge_batch_norm(student)


@exercise("05.2", "your backward and autograd's agree.")
def batch_norm_backward(student):
    judge_batch_norm_backward(student)


@exercise("05.3", "zeros at rate p, the mean kept, nothing done in evaluation.")
def dropout(student):
    for generator in seeds():
        x = torch.rand(200, 300, generator=generator) + 1
        p = 0.1 + 0.3 * torch.rand(1, generator=generator).item()
        before = x.clone()
        out = student(x, p, True)
        expect(
            isinstance(out, Tensor) and out.shape == x.shape,
            "Expected a tensor of the shape of x.\nTry: multiply x by a mask of its shape.",
        )
        expect(torch.equal(x, before), "Your function changes its input.\nTry: make a new tensor, x * mask.")
        dropped = out == 0
        expect(dropped.any(), "Nothing is set to zero.\nTry: a mask, torch.rand_like(x) < p.")
        expect(
            not (dropped.all(0) | ~dropped.any(0)).all() and not (dropped.all(1) | ~dropped.any(1)).all(),
            "Whole rows or columns are dropped together.\n"
            "Try: one random number for each element, torch.rand_like(x).",
        )
        fraction = dropped.float().mean().item()
        expect(
            abs(fraction - (1 - p)) > 0.02,
            f"With p = {p:.2f} you zero {fraction:.0%} of the elements.\nTry: p is the fraction to drop, not to keep.",
        )
        expect(
            abs(fraction - p) < 0.02,
            f"With p = {p:.2f} you zero {fraction:.0%} of the elements.\n"
            "Try: torch.rand_like(x) < p is true with probability p.",
        )
        _judge_mask_and_scale(student, x, p, out, dropped)
        expect(
            torch.equal(student(before.clone(), p, False), before),
            "In evaluation the output should be x itself.\nTry: if not training: return x.",
        )
        cube = before[:24].reshape(2, 12, 20, 15)
        expect(
            close(student(cube.clone(), 0.0, True), cube),
            "With p = 0 nothing is dropped, and x of shape (2, 12, 20, 15) should be returned unchanged.\n"
            "Try: rand < p is never true for p = 0; take the shape of the mask from x, torch.rand_like(x).",
        )
    with without("dropout", hint=OWN_MASK):
        student(cube, p, True)


def _judge_mask_and_scale(student, x: Tensor, p: float, out: Tensor, dropped: Tensor) -> None:
    factor = out[~dropped] / x[~dropped]
    for wrong, hint in [
        (1.0, "The elements that are kept are not scaled, so the mean decreases.\nTry: divide by 1 − p."),
        (1 - p, "You multiply by 1 − p.\nTry: divide by it; the elements that are kept must become larger."),
        (1 / p, "You divide by p.\nTry: divide by the fraction that is kept, 1 − p."),
    ]:
        expect(not close(factor, torch.full_like(factor, wrong)), hint)
    expect(
        close(factor, torch.full_like(factor, 1 / (1 - p))),
        "The elements that are kept should be x/(1 − p).\nTry: one factor for all of them.",
    )
    expect(
        not torch.equal(student(x, p, True) == 0, dropped),
        "Two calls drop the same elements.\nTry: draw new random numbers in each call, without setting a seed.",
    )
    leaf = x.clone().requires_grad_()
    out = student(leaf, p, True)
    (gradient,) = torch.autograd.grad(out.sum(), leaf) if out.requires_grad else (None,)
    expect(
        gradient is not None and close(gradient, (out != 0) / (1 - p)),
        "The gradient should be 1/(1 − p) where an element is kept and 0 elsewhere.\nTry: no .detach() or .data on x.",
    )


@exercise("05.4", "loss and gradient equal PyTorch's.")
def cross_entropy(student):
    for generator in seeds():
        logits = 2 * torch.randn(12, 4, generator=generator, dtype=torch.float64)
        target = torch.randint(4, (12,), generator=generator)
        target[torch.randperm(12, generator=generator)[:4]] = ignored = -100
        weight = 0.5 + 3 * torch.rand(4, generator=generator, dtype=torch.float64)
        loss, gradient = _reference(logits, target, weight, ignored)
        answer = _run(student, logits, target, weight, ignored)
        _judge_loss(torch.as_tensor(answer[0], dtype=loss.dtype), logits, target, weight, loss)
        _judge_gradient(answer[1], logits, target, weight, gradient)
        other = torch.where(target == ignored, 3, target)
        loss, gradient = _reference(logits, other, weight, 3)
        answer = _run(student, logits, other, weight, 3)
        expect(
            close(torch.as_tensor(answer[0], dtype=loss.dtype), loss) and close(answer[1], gradient),
            "With ignore_index = 3 the loss or the gradient is wrong.\nTry: use the argument, not −100.",
        )
    with without("cross_entropy", "nll_loss", hint=OWN_LOSS), without("backward", "grad", hint=OWN_GRADIENT):
        _run(student, logits, target, weight, ignored)


def _reference(logits: Tensor, target: Tensor, weight: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Return PyTorch's loss and its gradient for the logits."""
    leaf = logits.clone().requires_grad_()
    loss = F.cross_entropy(leaf, target, weight, ignore_index=ignore_index)
    return loss.detach(), torch.autograd.grad(loss, leaf)[0]


def _run(student, logits: Tensor, target: Tensor, weight: Tensor, ignore_index: int) -> tuple:
    """Return the student's loss and gradient, computed from copies."""
    answer = student(logits.clone(), target.clone(), weight.clone(), ignore_index)
    expect(
        isinstance(answer, tuple | list) and len(answer) == 2,
        "Expected two values.\nTry: return loss, gradient.",
    )
    expect(
        isinstance(answer[0], Tensor | float),
        f"The loss is one number, got {type(answer[0]).__name__}.\nTry: return loss, gradient.",
    )
    return tuple(answer)


def _judge_loss(answer: Tensor, logits: Tensor, target: Tensor, weight: Tensor, right: Tensor) -> None:
    expect(answer.dim() == 0, "The loss is one number.\nTry: sum over the examples, then divide.")
    counts = target != -100
    total = F.cross_entropy(logits, target, weight, reduction="sum")
    for wrong, hint in [
        (
            total / len(target),
            "You divide by the number of all examples, including ignored ones.\n"
            "Try: divide by the sum of the weights of those that count.",
        ),
        (
            total / counts.sum(),
            "You divide by the number of examples that count.\n"
            "Try: a weighted mean divides by the sum of their weights.",
        ),
        (
            total / weight.sum(),
            "You divide by the sum of the C weights.\nTry: sum weight[target], which has an entry for each example.",
        ),
        (total, "This is the sum of the weighted losses.\nTry: divide by the sum of weight[target]."),
        (
            F.cross_entropy(logits, target),
            "The class weights are not used.\nTry: weight[target] is each example's weight.",
        ),
        (-right, "The sign of the loss is wrong.\nTry: minus the logarithm of the probability."),
        (
            F.cross_entropy(logits, target.remainder(4), weight),
            "The ignored targets are counted as if they were a class.\nTry: a mask target != ignore_index.",
        ),
        (
            F.cross_entropy(logits.softmax(1), target, weight),
            "You take softmax twice.\nTry: log_softmax of the logits, once.",
        ),
    ]:
        expect(not close(answer, wrong), hint)
    expect(
        close(answer, right),
        f"Expected a loss of {right:.4f}, got {answer:.4f}.\n"
        "Try: Σ w·(−ln p) / Σ w over the examples that count, w = weight[target].",
    )


def _judge_gradient(answer, logits: Tensor, target: Tensor, weight: Tensor, right: Tensor) -> None:
    counts = target != -100
    expect(
        isinstance(answer, Tensor) and answer.shape == logits.shape,
        "The gradient should have the shape of the logits, (N, C).\nTry: share[:, None] * (p − one_hot).",
    )
    expect(
        not answer[~counts].any(),
        "Ignored examples have a gradient.\nTry: multiply their rows by 0.",
    )
    total = weight[target[counts]].sum()
    for wrong, hint in [
        (-right, "The gradient has the wrong sign.\nTry: prediction minus truth."),
        (
            right * total,
            "The gradient is not divided by the sum of the weights.\nTry: divide it by the same sum as the loss.",
        ),
        (
            right * total / counts.sum(),
            "Loss and gradient are divided by different numbers.\n"
            "Try: divide the gradient by the sum of the weights too.",
        ),
    ]:
        expect(not close(answer, wrong), hint)
    expect(
        close(answer, right),
        "The loss is right, but the gradient differs from autograd's.\n"
        "Try: for each example w/Σw · (softmax − one_hot), 0 where the target is ignored.",
    )
