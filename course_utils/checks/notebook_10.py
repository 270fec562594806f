"""Judges of notebook 10: the L1 penalty, dropout combined with weight decay, cutout without a loop."""

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from course_utils.augmentation import cut_out
from course_utils.checks import close, exercise, expect, seeds


@exercise("10.1", "the absolute values of all weights, and none of the biases.")
def l1_penalty(student):
    for generator in seeds():
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 5), nn.Linear(5, 3)
        )
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(torch.randn(p.shape, generator=generator))
        strength = 0.1 + torch.rand(1, generator=generator).item()
        weights = [p for p in model.parameters() if p.dim() > 1]
        answer = student(model, strength)
        expect(
            isinstance(answer, Tensor) and answer.dim() == 0,
            "Expected a tensor that holds one number.\nTry: sum over all weights; no .item().",
        )
        _judge_penalty(answer.detach(), model, weights, strength)
        expect(
            answer.requires_grad,
            "The number is right, but no gradient flows from it to the weights.\nTry: no .detach(), .data or no_grad.",
        )
        gradients = torch.autograd.grad(answer, weights)
        expect(
            all(close(g, strength * p.sign()) for g, p in zip(gradients, weights, strict=True)),
            "The gradient of each weight should be strength times its sign.\nTry: p.abs().sum().",
        )


def _judge_penalty(answer: Tensor, model: nn.Module, weights: list[Tensor], strength: float) -> None:
    weights, everything = [p.detach() for p in weights], [p.detach() for p in model.parameters()]
    total = sum(p.abs().sum() for p in weights)
    count = sum(p.numel() for p in weights)
    for wrong, hint in [
        (total, "The strength is missing.\nTry: multiply the sum by it."),
        (
            strength * sum(p.abs().sum() for p in everything),
            "The biases and the batch norm are penalised too.\n"
            "Try: weights of convolutions and linear layers have p.dim() > 1.",
        ),
        (
            strength * sum(p.sum() for p in weights),
            "Positive and negative weights cancel.\nTry: the absolute values, p.abs().",
        ),
        (
            strength * sum(p.square().sum() for p in weights),
            "You sum the squares: this is the L2 penalty.\nTry: p.abs().",
        ),
        (
            strength * sum(p.norm() for p in weights),
            "You sum the lengths of the weight tensors.\nTry: p.abs().sum(), not p.norm().",
        ),
        (
            strength * sum(p.abs().mean() for p in weights),
            "You take the mean of each layer, so the weights of large layers count too little.\nTry: .sum().",
        ),
        (strength * total / count, "This is a mean over all weights.\nTry: the sum."),
        (
            strength * weights[-1].abs().sum(),
            "Only the last layer is penalised.\nTry: loop over model.parameters() and add up.",
        ),
    ]:
        expect(not close(answer, wrong), hint)
    expect(
        close(answer, strength * total),
        f"Expected a penalty of {strength * total:.4f}, got {answer:.4f}.\n"
        "Try: strength times the sum of p.abs() over the parameters with p.dim() > 1.",
    )


@exercise("10.2", "dropout in training, decay on the weights, each parameter once.")
def dropout_and_decay(student):
    for p, decay in [(0.5, 0.1), (0.2, 0.03)]:
        answer = student(p, decay)
        expect(
            isinstance(answer, tuple | list) and len(answer) == 2,
            "Expected two objects.\nTry: return model, optimizer.",
        )
        model, optimizer = answer
        _judge_model(model, p)
        _judge_optimizer(model, optimizer, decay)


def _judge_model(model: nn.Module, p: float) -> None:
    expect(isinstance(model, nn.Module), "The first object should be a model.\nTry: return model, optimizer.")
    count = sum(q.numel() for q in model.parameters())
    expect(
        count == 108_874,
        f"Your network has {count} parameters, but the one of this notebook has 108874.\n"
        "Try: the layers of section 1; dropout has no parameters.",
    )
    drops = [m for m in model.modules() if isinstance(m, nn.Dropout)]
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Dropout)]
    expect(drops, "There is no nn.Dropout in the model.\nTry: one before each linear layer.")
    expect(
        isinstance(layers[-1], nn.Linear),
        "Dropout after the last layer sets scores to zero, including that of the right class.\n"
        "Try: before the linear layers.",
    )
    expect(
        [type(m) for m in layers] == [nn.Dropout, nn.Linear] * 2,
        "The exercise asks for one dropout before each of the two linear layers.\n"
        "Try: after Flatten, and after the last ReLU.",
    )
    expect(
        all(abs(m.p - p) < 1e-9 for m in drops),
        f"With p = {p} your dropout has {drops[0].p} and {drops[-1].p}.\n"
        "Try: nn.Dropout(p); p is the fraction to drop.",
    )


def _judge_optimizer(model: nn.Module, optimizer, decay: float) -> None:
    expect(
        isinstance(optimizer, torch.optim.Optimizer), "The second object should be an optimizer.\nTry: AdamW."
    )
    expect(
        isinstance(optimizer, torch.optim.AdamW),
        f"You use {type(optimizer).__name__}.\n"
        "Try: torch.optim.AdamW, which decays the weights separately from the gradient.",
    )
    given = {id(q): group["weight_decay"] for group in optimizer.param_groups for q in group["params"]}
    missing = [name for name, q in model.named_parameters() if id(q) not in given]
    expect(
        not missing,
        f"The optimizer does not know {', '.join(missing)}.\n"
        "Try: parameters without decay also belong in a group, with weight_decay 0.",
    )
    weights = [given[id(q)] for q in model.parameters() if q.dim() > 1]
    biases = [given[id(q)] for q in model.parameters() if q.dim() == 1]
    expect(
        not (set(weights) == {0} and set(biases) == {decay}),
        "The biases decay and the weights do not.\nTry: swap the two groups; weights have dim() > 1.",
    )
    expect(
        set(biases) == {0},
        f"The biases decay too, with {biases[0]}.\nTry: a second group for them, with weight_decay 0.",
    )
    expect(
        set(weights) == {decay},
        f"With decay = {decay} the weights have a weight decay of {weights[0]}.\n"
        "Try: weight_decay=decay in their group.",
    )


class _Count(TorchDispatchMode):
    """Count the operations that PyTorch executes."""

    number = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.number += 1
        return func(*args, **(kwargs or {}))


@exercise("10.3", "a hole in each image, clipped at the border, and no loop.")
def cutout(student):
    for generator in seeds():
        for channels, kind in [(1, torch.float32), (3, torch.float32), (3, torch.uint8)]:
            images = torch.randint(1, 256, (12, channels, 14, 20), generator=generator)
            images = images.to(torch.uint8) if kind == torch.uint8 else images / 256
            row = torch.randint(-4, 12, (12,), generator=generator)
            column = torch.randint(-4, 18, (12,), generator=generator)
            row[0], column[0] = 5, 8  # one square is inside
            row[1], column[1] = -3, -2  # one extends beyond the top left corner
            _judge_cutout(student, images, row, column, size=6)
    counts = []
    for count in (3, 30):
        with _Count() as operations:
            student(images[:1].expand(count, -1, -1, -1), row[:1].expand(count), column[:1].expand(count), 6)
        counts.append(operations.number)
    expect(
        counts[1] <= counts[0] + 5,
        f"The result is right, but you use a loop: {counts[0]} operations for 3 images, {counts[1]} for 30.\n"
        "Try: compare torch.arange(H) with row[:, None], all images at once.",
    )


def _judge_cutout(student, images: Tensor, row: Tensor, column: Tensor, size: int) -> None:
    before, right = images.clone(), cut_out(images, row, column, size)
    out = student(images, row, column, size)
    expect(
        isinstance(out, Tensor) and out.shape == images.shape,
        f"Expected a batch of shape {tuple(images.shape)}.\nTry: a mask (B, 1, H, W), then masked_fill.",
    )
    expect(torch.equal(images, before), "Your function changes its input.\nTry: masked_fill without _.")
    expect(
        out.dtype == images.dtype,
        f"Images of type {images.dtype} became {out.dtype}.\nTry: masked_fill keeps the type.",
    )
    flipped = torch.where(right == 0, before, torch.zeros_like(before))
    first = torch.zeros_like(row)
    inside_row, inside_column = row.clamp(min=0), column.clamp(min=0)
    for wrong, hint in [
        (before, "Nothing is cut out.\nTry: set the pixels inside the square to 0, and return the result."),
        (flipped, "You keep the square and cut out the rest.\nTry: invert the mask."),
        (
            cut_out(images, column, row, size),
            "Rows and columns are swapped.\nTry: row counts downwards, the third dimension of (B, C, H, W).",
        ),
        (
            cut_out(images, row[0] + first, column[0] + first, size),
            "All images have the same hole.\nTry: row[:, None], a start for each image.",
        ),
        (
            cut_out(images, row, column, size + 1),
            "Your square is one pixel too large.\nTry: rows from row to row + size, excluding the end: <, not <=.",
        ),
        (
            cut_out(images, inside_row, inside_column, size),
            "You move a square that begins outside into the image.\nTry: leave row and column negative, and compare.",
        ),
        (
            cut_out(images, row - size // 2, column - size // 2, size),
            "You use row and column as the centre.\nTry: they are the first row and column of the square.",
        ),
        (
            torch.cat([right[:, :1], before[:, 1:]], 1) if images.shape[1] > 1 else None,
            "Only the first channel is cut.\nTry: a mask (B, 1, H, W) applies to all channels.",
        ),
    ]:
        expect(wrong is None or not torch.equal(out, wrong), hint)
    too_many = (out == 0).sum() > 1.5 * (right == 0).sum()
    expect(
        not too_many,
        "Whole rows or columns are cut.\nTry: a pixel is inside if its row and its column are: &, not |.",
    )
    expect(
        torch.equal(out, right),
        "The holes are not where they should be.\n"
        "Try: cut one image of ones at row 5, column 8, size 6, and look at the result.",
    )
