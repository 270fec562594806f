"""Judges of notebook 16: shares without loss, joined gradients, the rate of a larger batch, accumulation."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from course_utils.checks import close, exercise, expect, seeds


@exercise("16.1", "every item is counted once, and nobody has two more than another.")
def share_of_the_items(student):
    for count, size in [(8, 2), (8, 4), (7, 2), (10, 4), (11, 4), (100, 7), (5, 5), (2, 3), (1, 4)]:
        shares = [_numbers(student(count, rank, size)) for rank in range(size)]
        everything = sorted(sum(shares, []))
        case = f"With {count} items and {size} processes"
        expect(
            everything == [] or 0 <= everything[0] <= everything[-1] < count,
            f"{case} you hand out the items {everything}; they are numbered 0 to {count - 1}.\n"
            "Try: a slice or range ends before its stop; and ranks count from 0 too.",
        )
        expect(
            len(set(everything)) == len(everything),
            f"{case} some items are handed out twice: {everything}.\n"
            "Try: the next share begins where the last one ends; do not fill up with copies.",
        )
        missing = sorted(set(range(count)) - set(everything))
        expect(
            not missing,
            f"{case} nobody has {missing}: items get lost when the division leaves a remainder.\n"
            "Try: give some processes one item more, or deal them out in turn, like cards.",
        )
        lengths = [len(share) for share in shares]
        expect(
            max(lengths) - min(lengths) <= 1,
            f"{case} the shares have {lengths} items: the others wait for the largest.\n"
            "Try: deal out the remainder one by one, not all of it to one process.",
        )


def _numbers(answer) -> list[int]:
    expect(
        isinstance(answer, list | tuple | range | Tensor),
        f"The numbers of the items were expected, {type(answer).__name__} came back.\nTry: return a range or a list.",
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
                "You change the gradients that you are given.\nTry: make new tensors, a * b in place of a *= b.",
            )
            if not close(answer, right, 1e-8):
                _explain_join(answer, torch.stack(means), torch.tensor(sizes, dtype=torch.float64))


def _explain_join(answer, means: Tensor, sizes: Tensor) -> None:
    weighted = (means * sizes[:, None]).sum(0)
    expect(
        isinstance(answer, Tensor) and answer.shape == means.shape[1:],
        "One tensor of a gradient's shape was expected.\nTry: add the tensors up, and return the result.",
    )
    for wrong, hint in [
        (
            means.mean(0),
            "You take the plain mean; an image of a small share counts more.\nTry: weight each gradient.",
        ),
        (
            means.sum(0),
            "You take the plain sum, which grows with the number of processes.\nTry: a weighted mean.",
        ),
        (weighted, "The sum is not divided yet.\nTry: divide by the number of all images."),
        (
            weighted / len(sizes),
            "You divide by the number of processes; you have added up images.\nTry: divide by sum(sizes).",
        ),
        (
            weighted / sizes.max() / len(sizes),
            "You divide as if all shares had the size of the largest.\nTry: divide by sum(sizes).",
        ),
        (
            (means / sizes[:, None]).sum(0),
            "You divide each gradient by its size, but it is a mean already.\nTry: multiply by the size first.",
        ),
    ]:
        expect(not close(answer, wrong, 1e-8), hint)
    expect(
        False,
        f"For shares of {[int(n) for n in sizes]} images the numbers differ.\n"
        "Try: mean times size is the share's sum; add the sums, divide by all images.",
    )


@exercise("16.4", "one step, the same as with the joined batch.")
def accumulated_step(student):
    for generator in seeds():
        for sizes in ([4, 4, 4], [4, 4, 1], [2, 5]):
            batches = _batches(sizes, generator)
            ours, theirs = _model(generator), None
            theirs = copy.deepcopy(ours)
            for model in (ours, theirs):  # gradients left over from an earlier step
                for parameter in model.parameters():
                    parameter.grad = torch.ones_like(parameter)
            before = [parameter.clone() for parameter in ours.parameters()]
            student(ours, torch.optim.SGD(ours.parameters(), lr=0.1), list(batches))
            _walk(theirs, [tuple(map(torch.cat, zip(*batches, strict=True)))], [1.0])
            if not _same(ours, theirs):
                _explain_accumulation(ours, before, batches, sizes)


def _batches(sizes: list[int], generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    draw = {"generator": generator, "dtype": torch.float64}
    return [(torch.randn(n, 3, **draw), torch.randn(n, 1, **draw)) for n in sizes]


def _model(generator: torch.Generator) -> nn.Module:
    model = nn.Linear(3, 1, dtype=torch.float64)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


def _walk(model, batches, factors, clear: bool = True, every: bool = False) -> None:
    """Accumulate the batches' gradients with these factors, and take one step, or one ``every`` batch."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    if clear:
        optimizer.zero_grad()
    for (x, y), factor in zip(batches, factors, strict=True):
        (factor * mse_loss(model(x), y)).backward()
        if every:
            optimizer.step()
            optimizer.zero_grad()
    if not every:
        optimizer.step()


def _same(first: nn.Module, second: nn.Module) -> bool:
    return all(
        close(a, b.detach(), 1e-8) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )


def _explain_accumulation(ours, before, batches, sizes) -> None:
    count, total = len(sizes), sum(sizes)
    right = [n / total for n in sizes]
    expect(
        not all(torch.equal(p, old) for p, old in zip(ours.parameters(), before, strict=True)),
        "The weights have not moved.\nTry: loss.backward() for each batch, then optimizer.step() once.",
    )

    def like(factors, **options) -> bool:
        twin = copy.deepcopy(ours)
        with torch.no_grad():
            for parameter, old in zip(twin.parameters(), before, strict=True):
                parameter.copy_(old)
                parameter.grad = torch.ones_like(old)
        _walk(twin, batches, factors, **options)
        return _same(ours, twin)

    last = [0.0] * (count - 1)
    cases: list[tuple[Callable[[], bool], str]] = [
        (
            lambda: like([1.0] * count),
            "The gradients are added up, so the step is about as many times too long as there are batches.\n"
            "Try: weight each loss before backward().",
        ),
        (
            lambda: like([1 / count] * count) and len(set(sizes)) > 1,
            "You divide by the number of batches: right for equal ones, but here the last is of another size.\n"
            "Try: weight each loss by len(x) / (images of all batches).",
        ),
        (
            lambda: like(right, clear=False),
            "Gradients of an earlier step are still in it.\nTry: optimizer.zero_grad() before the first batch.",
        ),
        (
            lambda: any(like([*last, factor]) for factor in (1.0, 1 / count, right[-1])),
            "Only the last batch counts: the others' gradients are cleared away.\n"
            "Try: zero_grad() once, before the loop.",
        ),
        (
            lambda: any(like(f, every=True) for f in ([1.0] * count, [1 / count] * count, right)),
            "You take a step after each batch.\nTry: move optimizer.step() out of the loop.",
        ),
        (
            lambda: like([float(n) for n in sizes]),
            "The weights of the batches are their sizes, which add up to all images, not to 1.\n"
            "Try: divide by the number of images of all batches.",
        ),
    ]  # fmt: skip
    for applies, hint in cases:
        expect(not applies(), hint)
    expect(
        False,
        f"For batches of {sizes} images the weights differ from those after one step with the joined batch.\n"
        "Try: zero_grad; for each batch (len(x) / total * loss).backward(); step.",
    )


@exercise("16.3", "in proportion to the batch, and reached slowly.")
def scaled_rate(student):
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
        "One number was expected, the rate in this step.\nTry: return it on every way out of the function.",
    )
    if _agree(answers, [_rate(*case) for case in cases]):
        return
    for variant, hint in [
        (
            lambda lr, b, B, s, w: lr * B / b,
            "There is no warm-up.\nTry: go from lr to the scaled rate on a straight line, for the first steps.",
        ),
        (
            lambda lr, b, B, s, w: lr + (lr * (B / b) ** 0.5 - lr) * min(s / w, 1),
            "You scale with the root of the batch size.\nTry: this rule is in proportion, lr · new_batch / batch.",
        ),
        (
            lambda lr, b, B, s, w: lr + (lr * b / B - lr) * min(s / w, 1),
            "A larger batch gets a smaller rate with you.\nTry: new_batch / batch, not the other way round.",
        ),
        (
            lambda lr, b, B, s, w: lr * B / b * min(s / w, 1),
            "Your warm-up begins at 0.\nTry: begin at lr, which is known to work: lr + (scaled − lr) · step / warmup.",
        ),
        (
            lambda lr, b, B, s, w: lr + (lr * B / b - lr) * s / w,
            "Your rate goes on rising after the warm-up.\nTry: min(step / warmup, 1).",
        ),
        (lambda lr, b, B, s, w: lr, "The rate stays as it is.\nTry: scale it by new_batch / batch."),
    ]:
        expect(not _agree(answers, [variant(*case) for case in cases]), hint)
    case, answer = next((c, a) for c, a in zip(cases, answers, strict=True) if not _agree([a], [_rate(*c)]))
    lr, batch, new, step, warmup = case
    expect(
        False,
        f"For rate {lr} at batch {batch}, batch {new} instead, step {step} of a warm-up of {warmup}, the rate is "
        f"{_rate(*case):.4g}, yours is {float(answer):.4g}.\n"
        "Try: the two ends first: step 0 gives lr, step warmup gives lr · new_batch / batch.",
    )


def _rate(lr, batch, new_batch, step, warmup):
    return lr + (lr * new_batch / batch - lr) * min(step / warmup, 1)


def _agree(answers, expected) -> bool:
    return all(abs(float(a) - b) <= 1e-9 for a, b in zip(answers, expected, strict=True))
