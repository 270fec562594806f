"""Judges of notebook 03: a stable binary cross-entropy, a stable softmax, the Kullback-Leibler divergence."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks import close, exercise, expect, seeds
from course_utils.checks.ready_made import without

OWN_LOSS = "You call one of PyTorch's losses.\nTry: the formula above, with .clamp, .exp and torch.log1p."
OWN_SOFTMAX = "You call PyTorch's own softmax.\nTry: .max, .exp and .sum, each over dim=1."


@exercise("03.1", "loss and gradient are right, even if the model is confident and wrong.")
def binary_cross_entropy(student):
    for generator in seeds():
        logits = (2 * torch.randn(40, generator=generator)).clamp(-4, 4)  # larger ones are tested later
        targets = torch.randint(2, (40,), generator=generator).float()
        answer, right = student(logits.clone(), targets.clone()), F.binary_cross_entropy_with_logits
        expect(
            isinstance(answer, Tensor) and answer.dim() == 0,
            "Expected one number, the mean over the examples.\nTry: end with .mean().",
        )
        expect(
            not answer.isnan(),
            "Your code takes the logarithm of a negative number: logits are not probabilities.\n"
            "Try: z = σ(logit) is the probability; insert it and simplify, so that z is no longer needed.",
        )
        positive = F.softplus(-logits)  # the loss of each example if its target is 1
        for wrong, hint in [
            (
                right(logits, targets, reduction="sum"),
                "This is the sum of the losses.\nTry: average over the examples, .mean().",
            ),
            (-right(logits, targets), "The sign is wrong: a loss is positive.\nTry: minus the logarithm."),
            (
                right(logits, 1 - targets),
                "This is the loss with the two classes swapped.\nTry: for y = 1 it is −ln σ(s), small for large s.",
            ),
            (
                (targets * positive).mean(),
                "Only the examples of class 1 contribute.\nTry: add −(1 − y) ln(1 − z) for class 0.",
            ),
        ]:
            expect(not close(answer, wrong), hint)
        expect(
            close(answer, right(logits, targets), 1e-4),
            f"Expected {right(logits, targets):.4f}, got {answer:.4f}.\n"
            "Try: compute ln(1 + eˢ) − s·y for one example, s = 0 and y = 1: it is ln 2.",
        )
    for size in (50.0, 200.0):
        _judge_at(student, size)
    with without("cross_entropy", "margin_loss", "nll_loss", hint=OWN_LOSS):
        student(logits.clone(), targets.clone())


def _judge_at(student, size: float) -> None:
    """Compare loss and gradient for two examples that are right and two that are wrong, at ±size."""
    logits = torch.tensor([size, -size, size, -size])
    targets = torch.tensor([0.0, 1.0, 1.0, 0.0])
    logits.requires_grad_()
    answer, right = student(logits, targets), size / 2
    expect(
        answer.isfinite() or size > 50,
        f"At logits of ±{size:.0f} your loss is {answer:.0f}: the sigmoid has become exactly 0 or 1, and ln 0 is −∞.\n"
        "Try: never form σ(s); start from ln(1 + eˢ) − s·y.",
    )
    expect(
        answer.isfinite(),
        f"At logits of ±{size:.0f} your loss is {answer:.0f}: e²⁰⁰ is too large for float32.\n"
        "Try: ln(1 + eˢ) = max(s, 0) + ln(1 + e^(−|s|)).",
    )
    expect(
        close(answer, torch.tensor(right)),
        f"Two of four examples are wrong by {size:.0f}, so the mean loss is {right:.0f}; yours is {answer:.2f}. "
        "Something limits the logarithm or the sigmoid.\n"
        "Try: remove clamps and small constants, and rewrite the formula instead.",
    )
    gradient = None
    if answer.requires_grad:
        (gradient,) = torch.autograd.grad(answer, logits, allow_unused=True)
    expect(
        gradient is not None,
        "The loss is right but has no gradient.\nTry: do not use .item(), .detach() or torch.tensor.",
    )
    expect(
        close(gradient, torch.tensor([0.25, -0.25, 0.0, 0.0])),
        f"The loss at ±{size:.0f} is right, but its gradient is {[round(g, 2) for g in gradient.tolist()]} instead of "
        "(σ(s) − y)/4 = [0.25, −0.25, 0, 0]. torch.where computes both branches, and an infinite one corrupts "
        "the gradient.\n"
        "Try: one formula for all logits, with max(s, 0) and |s|.",
    )


@exercise("03.2", "probabilities in each row, whatever the size of the logits.")
def softmax(student):
    for generator in seeds():
        logits = 2 * torch.randn(6, 4, generator=generator)
        answer, right = student(logits.clone()), torch.softmax(logits, dim=1)
        expect(
            isinstance(answer, Tensor) and answer.shape == logits.shape,
            "Expected a tensor of the shape of the logits, (N, C).\n"
            "Try: keepdim=True keeps the sums (N, 1), which you can divide by.",
        )
        for wrong, hint in [
            (
                torch.softmax(logits, dim=0),
                "Your columns sum to 1; each row is one example.\nTry: sum over dim=1, the classes.",
            ),
            (
                logits.exp() / logits.exp().sum(),
                "All numbers together sum to 1.\nTry: give sum dim=1 and keepdim=True: each row has its own sum.",
            ),
            (
                torch.log_softmax(logits, dim=1),
                "These are the logarithms of the probabilities.\nTry: exponentiate, or leave out the logarithm.",
            ),
            (logits.exp(), "The rows do not sum to 1.\nTry: divide by the sum of each row."),
            (
                (logits - logits.max(1, keepdim=True).values).exp(),
                "The rows do not sum to 1: the largest entry of each is 1.\nTry: divide by each row's sum too.",
            ),
        ]:
            expect(not close(answer, wrong), hint)
        expect(
            close(answer, right),
            "With logits of moderate size this differs from torch.softmax(logits, dim=1).\n"
            "Try: subtract the largest of each row (do not divide by it), exponentiate, divide by the sum of the row.",
        )
        high = student(logits + 1000)
        expect(
            not high.isnan().any(),
            "Logits around 1000 give nan: e¹⁰⁰⁰ is too large for float32.\n"
            "Try: subtract the largest logit first; the probabilities stay the same.",
        )
        both = torch.cat([logits + 1000, logits - 1000])  # (12, 4)
        answer = student(both.clone())
        expect(
            close(answer, torch.softmax(both, dim=1)),
            "A row around −1000 is wrong if another row is around 1000: all its exponentials become 0.\n"
            "Try: subtract each row's own maximum, logits.max(dim=1, keepdim=True).values.",
        )
        wide = torch.tensor([-400.0, 0.0, 300.0, 400.0])[torch.randperm(4, generator=generator)].expand(2, 4)
        answer = student(wide.clone())
        expect(
            close(answer, torch.softmax(wide, dim=1)),
            f"The result is wrong for a row of logits {wide[0].tolist()}: after your subtraction one is still "
            "far above 0.\n"
            "Try: subtract the largest, so that none is above 0; no other number of the row works.",
        )
    with without("softmax", "softmin", "logsumexp", hint=OWN_SOFTMAX):
        student(logits.clone())


@exercise("03.3", "zero where belief and truth agree, positive elsewhere.")
def kl_divergence(student):
    for generator in seeds():
        p, q = (torch.randn(8, 5, generator=generator).softmax(1) for _ in range(2))
        answer = student(p.clone(), q.clone())
        right = (p * (p / q).log()).sum(1)
        expect(
            isinstance(answer, Tensor) and answer.shape == (8,),
            "Expected one number for each row, shape (N,).\nTry: sum over dim=1, the classes, only.",
        )
        for wrong, hint in [
            ((q * (q / p).log()).sum(1), "This is KL(q‖p).\nTry: weight the logarithms by the truth p."),
            (-right, "The sign is wrong: a divergence is never negative.\nTry: ln(p/q), not ln(q/p)."),
            (
                -(p * q.log()).sum(1),
                "This is the cross-entropy H(p, q).\nTry: subtract the entropy of p, or use ln(p/q).",
            ),
            (
                right / math.log(2),
                "This is in bits.\nTry: use the natural logarithm, torch.log, to get nats.",
            ),
            (right / 5, "This is the mean over the classes.\nTry: the definition is a sum."),
        ]:
            expect(not close(answer, wrong), hint)
        expect(
            close(answer, right),
            "This differs from Σ p ln(p/q).\nTry: p = (½, ½), q = (¼, ¾) gives ½ ln 2 + ½ ln ⅔ = 0.1438.",
        )
        certain = F.one_hot(torch.randint(5, (8,), generator=generator), 5).float()
        answer = student(certain, q.clone())
        expect(
            not answer.isnan().any(),
            "Where p is 0 your result is nan: 0 · ln 0 is 0 · (−∞) for a computer.\n"
            "Try: torch.where(p > 0, …, …), or torch.xlogy.",
        )
        expect(
            close(answer, -(q[certain.bool()]).log()),
            "For a p that is certain of one class, −ln q of that class was expected.\n"
            "Try: change only the terms with p = 0; no constant added to p or q.",
        )
