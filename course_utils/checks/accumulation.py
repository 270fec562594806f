"""Judging gradient accumulation (exercise 16.4): one step that equals the step with the joined batch."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from course_utils.checks import close, expect, seeds

Batch = tuple[Tensor, Tensor]


def judge_accumulated_step(student) -> None:
    """Compare the weights after ``student(model, optimizer, batches)`` with those after one joined step."""
    for generator in seeds():
        for sizes in ([4, 4, 4], [4, 4, 1], [2, 5]):
            draw = {"generator": generator, "dtype": torch.float64}
            batches = [(torch.randn(n, 3, **draw), torch.randn(n, 1, **draw)) for n in sizes]
            joined = torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])
            start = nn.Linear(3, 1, dtype=torch.float64)
            for parameter in start.parameters():
                parameter.data = torch.randn(parameter.shape, **draw)
            ours = _copy_with_old_gradients(start)
            student(ours, _optimizer(ours), list(batches))
            if not _equal(ours, _after_training(start, [joined], [1.0])):
                _explain(ours, start, batches)


def _copy_with_old_gradients(model: nn.Module) -> nn.Module:
    """Copy the model; the copy's gradients are left over from an earlier step."""
    model = copy.deepcopy(model)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    return model


def _optimizer(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.1)


def _equal(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return all(close(a, b, 1e-8) for a, b in pairs)


def _after_training(
    start: nn.Module, batches: list[Batch], factors: list[float], clear: bool = True, step_each: bool = False
) -> nn.Module:
    """Multiply each batch's loss by its factor, accumulate the gradients, take one step; return the new model.

    Without ``clear`` the old gradients are kept. With ``step_each`` there is a step after each batch.
    """
    model = _copy_with_old_gradients(start)
    optimizer = _optimizer(model)
    if clear:
        optimizer.zero_grad()
    for (x, y), factor in zip(batches, factors, strict=True):
        (factor * mse_loss(model(x), y)).backward()
        if step_each:
            optimizer.step()
            optimizer.zero_grad()
    if not step_each:
        optimizer.step()
    return model


def _explain(ours: nn.Module, start: nn.Module, batches: list[Batch]) -> None:
    """Compare the student's model with those that the classic mistakes give, and answer with the hint."""
    sizes = [len(x) for x, _ in batches]
    ones = [1.0 for _ in sizes]
    equal_shares = [1 / len(sizes) for _ in sizes]
    right = [n / sum(sizes) for n in sizes]

    def after(factors: list[float], **options: bool) -> nn.Module:
        return _after_training(start, batches, factors, **options)

    def after_last_batch(factors: list[float]) -> nn.Module:
        return _after_training(start, batches[-1:], factors[-1:])

    mistakes: list[tuple[list[nn.Module], str]] = [
        (
            [start],
            "The weights have not moved.\nTry: loss.backward() for each batch, then optimizer.step() once.",
        ),
        (
            [after(ones)],
            "The gradients are summed, so the step is too long, by a factor of about the number of batches.\n"
            "Try: weight each loss before backward().",
        ),
        (
            [after(equal_shares)],
            "You divide by the number of batches: this is right for batches of equal size, but here the last one "
            "differs.\nTry: weight each loss by len(x) / (images of all batches).",
        ),
        (
            [after(right, clear=False)],
            "Gradients of an earlier step are still included.\nTry: optimizer.zero_grad() before the first batch.",
        ),
        (
            [after_last_batch(factors) for factors in (ones, equal_shares, right)],
            "Only the last batch counts: the gradients of the others are cleared.\n"
            "Try: zero_grad() once, before the loop.",
        ),
        (
            [after(factors, step_each=True) for factors in (ones, equal_shares, right)],
            "You take a step after each batch.\nTry: move optimizer.step() out of the loop.",
        ),
        (
            [after([float(n) for n in sizes])],
            "The weights of the batches are their sizes, which sum to the number of all images, not to 1.\n"
            "Try: divide by the number of images of all batches.",
        ),
    ]
    for models, hint in mistakes:
        expect(not any(_equal(ours, model) for model in models), hint)
    expect(
        False,
        f"For batches of {sizes} images the weights differ from those after one step with the joined batch.\n"
        "Try: zero_grad; for each batch (len(x) / total * loss).backward(); step.",
    )
