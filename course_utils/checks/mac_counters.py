"""Judging a counter of MACs that uses hooks (exercise 11.2)."""

import copy

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from course_utils.checks import expect, seeds


def count_macs(model: nn.Module, images: Tensor) -> int:
    """Return the MACs of a forward pass; PyTorch counts two FLOPs for each."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(images)
    return counter.get_total_flops() // 2


class _CustomConvolution(nn.Conv2d):
    """A class derived from nn.Conv2d."""


class _Network(nn.Module):
    """Convolutions (one with groups that is called twice, one of a derived class), then a linear layer."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), nn.ReLU())
        self.twice = nn.Conv2d(channels, channels, 3, padding=1, groups=2)
        self.own = _CustomConvolution(channels, channels, 1)
        self.last = nn.Linear(channels, classes)
        self.dropout = nn.Dropout()

    def forward(self, x: Tensor) -> Tensor:
        x = self.twice(self.twice(self.first(x)))
        return self.dropout(self.last(self.own(x).mean((2, 3))))


def judge_counter(student) -> None:
    """Compare ``student(model, image)`` with PyTorch's counter, and check that no hooks are left."""
    for generator in seeds():
        channels, classes, size = torch.randint(2, 6, (3,), generator=generator).tolist()
        channels, size = 2 * channels, size + 4
        model, image = _Network(channels, classes + 1), torch.rand(1, 3, size, size, generator=generator)
        macs = count_macs(model, image)
        answer = student(model, image)
        expect(
            isinstance(answer, int | float | Tensor),
            f"Expected one number, got {type(answer).__name__}.\nTry: return the sum.",
        )
        _judge_count(model, size * size, float(answer), macs)
        left = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())
        expect(
            left == 0,
            f"The count is right, but {left} hooks are still registered and will run in every later forward pass.\n"
            "Try: store the handle that register_forward_hook returns, and call its remove() at the end.",
        )
        again = student(copy.deepcopy(model), image)
        expect(again == answer, "A second count gives a different number.\nTry: begin with 0 in each call.")


def _judge_count(model: _Network, pixels: int, answer: float, macs: int) -> None:
    linear = model.last.weight.numel()
    own, twice = (layer.weight.numel() * pixels for layer in (model.own, model.twice))
    for wrong, hint in [
        (
            macs - own,
            "A layer of a class derived from nn.Conv2d is missing.\nTry: isinstance(layer, nn.Conv2d).",
        ),
        (
            macs - twice,
            "A layer that the network calls twice is counted once.\nTry: add up in the hook, at each call.",
        ),
        (macs - linear, "The linear layer is missing.\nTry: a hook for nn.Linear too."),
        (
            macs + 2 * twice,
            "The groups are ignored.\nTry: a filter has in_channels / groups · k · k weights.",
        ),
        (
            2 * macs,
            "This is twice the right number.\n"
            "Try: a multiplication and its addition are one MAC; call the model once.",
        ),
        (0, "Nothing was counted.\nTry: register the hooks before you call model(image)."),
    ]:
        expect(answer != wrong, hint)
    expect(
        answer == macs,
        f"The network takes {macs} MACs; your answer is {answer:.0f}.\n"
        "Try: the number of output elements, times the weights that each of them needs.",
    )
