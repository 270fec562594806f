"""Judges of notebook 16: sharing items, joining gradients, the learning rate of a larger batch, accumulation."""

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from course_utils.checks import close, exercise, expect, seeds
from course_utils.checks.accumulation import judge_accumulated_step


@exercise("16.1", "every item is in one share, and the sizes differ by at most one.")
def share_of_items(student):
    for count, size in [(8, 2), (8, 4), (7, 2), (10, 4), (11, 4), (100, 7), (5, 5), (2, 3), (1, 4)]:
        shares = [_numbers(student(count, rank, size)) for rank in range(size)]
        all_items = sorted(sum(shares, []))
        case = f"With {count} items and {size} processes"
        expect(
            all_items == [] or 0 <= all_items[0] <= all_items[-1] < count,
            f"{case} you distribute the items {all_items}, but they are numbered 0 to {count - 1}.\n"
            "Try: a slice or range ends before its stop; and ranks start at 0.",
        )
        expect(
            len(set(all_items)) == len(all_items),
            f"{case} some items are in two shares: {all_items}.\n"
            "Try: begin the next share where the previous one ends; do not pad with copies.",
        )
        missing = sorted(set(range(count)) - set(all_items))
        expect(
            not missing,
            f"{case} the items {missing} are in no share: your division drops the remainder.\n"
            "Try: give some processes one more item, or distribute the items in turn, like cards.",
        )
        lengths = [len(share) for share in shares]
        expect(
            max(lengths) - min(lengths) <= 1,
            f"{case} the shares have {lengths} items: the other processes wait for the largest.\n"
            "Try: distribute the remainder one by one, not all of it to one process.",
        )


def _numbers(answer) -> list[int]:
    expect(
        isinstance(answer, list | tuple | range | Tensor),
        f"Expected the numbers of the items, got {type(answer).__name__}.\nTry: return a range or a list.",
    )
    return [int(number) for number in answer]


@exercise("16.2", "the gradient of the joined batch, whatever the shares.")
def joined_gradient(student):
    for generator in seeds():
        for sizes in ([4, 4], [3, 1], [5, 2, 1], [2, 7]):
            weight = torch.randn(3, generator=generator, dtype=torch.float64, requires_grad=True)
            x = torch.randn(sum(sizes), 3, generator=generator, dtype=torch.float64)
            y = torch.randn(sum(sizes), generator=generator, dtype=torch.float64)
            parts = zip(x.split(sizes), y.split(sizes), strict=True)
            means = [torch.autograd.grad(mse_loss(a @ weight, b), weight)[0] for a, b in parts]
            right = torch.autograd.grad(mse_loss(x @ weight, y), weight)[0]  # (3,)
            given = [mean.clone() for mean in means]
            answer = student(given, list(sizes))
            expect(
                all(torch.equal(a, b) for a, b in zip(given, means, strict=True)),
                "You change the gradients that you are given.\nTry: make new tensors, a * b instead of a *= b.",
            )
            if not close(answer, right, 1e-8):
                _explain_join(answer, torch.stack(means), torch.tensor(sizes, dtype=torch.float64))


def _explain_join(answer, means: Tensor, sizes: Tensor) -> None:
    weighted = (means * sizes[:, None]).sum(0)
    expect(
        isinstance(answer, Tensor) and answer.shape == means.shape[1:],
        "Expected one tensor with the shape of a gradient.\nTry: add up the tensors, and return the result.",
    )
    for wrong, hint in [
        (
            means.mean(0),
            "You take the plain mean, in which an image of a small share counts more.\nTry: weight each gradient.",
        ),
        (
            means.sum(0),
            "You take the plain sum, which grows with the number of processes.\nTry: a weighted mean.",
        ),
        (weighted, "The weighted sum is not divided yet.\nTry: divide by the number of all images."),
        (
            weighted / len(sizes),
            "You divide by the number of processes, but the weights are numbers of images.\nTry: divide by sum(sizes).",
        ),
        (
            weighted / sizes.max() / len(sizes),
            "You divide as if all shares had the size of the largest.\nTry: divide by sum(sizes).",
        ),
        (
            (means / sizes[:, None]).sum(0),
            "You divide each gradient by its size, but it is already a mean.\nTry: multiply by the size first.",
        ),
    ]:
        expect(not close(answer, wrong, 1e-8), hint)
    expect(
        False,
        f"For shares of {[int(n) for n in sizes]} images the result differs from the gradient of the joined batch.\n"
        "Try: mean times size is the sum of a share; add up the sums, then divide by the number of all images.",
    )


@exercise("16.3", "in proportion to the batch, and reached slowly.")
def scaled_learning_rate(student):
    cases = [
        (lr, batch, factor * batch, step, warmup)
        for lr, batch, factor, warmup in [
            (0.1, 256, 4, 5),
            (0.05, 64, 8, 10),
            (0.1, 128, 2, 4),
            (0.2, 32, 1, 3),
        ]
        for step in (0, 1, warmup // 2, warmup - 1, warmup, warmup + 1, 1000)
    ]
    answers = [student(*case) for case in cases]
    expect(
        all(isinstance(answer, int | float | Tensor) for answer in answers),
        "Expected one number, the learning rate of this step.\nTry: return it at every return of the function.",
    )
    if _agree(answers, [_rate(*case) for case in cases]):
        return
    for variant, hint in [
        (
            lambda lr, b, B, s, w: lr * B / b,
            "There is no warm-up.\nTry: increase linearly from lr to the scaled learning rate in the first steps.",
        ),
        (
            lambda lr, b, B, s, w: lr + (lr * (B / b) ** 0.5 - lr) * min(s / w, 1),
            "You scale by the square root of the batch size.\nTry: this rule is linear, lr · new_batch / batch.",
        ),
        (
            lambda lr, b, B, s, w: lr + (lr * b / B - lr) * min(s / w, 1),
            "Your learning rate decreases for a larger batch.\nTry: new_batch / batch, not batch / new_batch.",
        ),
        (
            lambda lr, b, B, s, w: lr * B / b * min(s / w, 1),
            "Your warm-up begins at 0.\nTry: begin at lr, which is known to work: lr + (scaled − lr) · step / warmup.",
        ),
        (
            lambda lr, b, B, s, w: lr + (lr * B / b - lr) * s / w,
            "Your learning rate continues to increase after the warm-up.\nTry: min(step / warmup, 1).",
        ),
        (
            lambda lr, b, B, s, w: lr,
            "The learning rate does not change.\nTry: scale it by new_batch / batch.",
        ),
    ]:
        expect(not _agree(answers, [variant(*case) for case in cases]), hint)
    case, answer = next((c, a) for c, a in zip(cases, answers, strict=True) if not _agree([a], [_rate(*c)]))
    lr, batch, new, step, warmup = case
    expect(
        False,
        f"With lr {lr}, batch {batch}, new_batch {new}, step {step}, warmup {warmup}: expected "
        f"{_rate(*case):.4g}, got {float(answer):.4g}.\n"
        "Try: check both ends first: step 0 gives lr, step warmup gives lr · new_batch / batch.",
    )


def _rate(lr: float, batch: int, new_batch: int, step: int, warmup: int) -> float:
    return lr + (lr * new_batch / batch - lr) * min(step / warmup, 1)


def _agree(answers, expected) -> bool:
    return all(abs(float(a) - b) <= 1e-9 for a, b in zip(answers, expected, strict=True))


@exercise("16.4", "one step, the same as with the joined batch.")
def accumulated_step(student):
    judge_accumulated_step(student)
