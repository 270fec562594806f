"""Judging a convolution that a student wrote: comparing it with PyTorch's, and recognising classic mistakes."""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks import close, expect, seeds
from course_utils.checks.ready_made import without

OWN_SUM = "You call PyTorch's own convolution, which is the reference.\nTry: write the sum yourself."


def without_conv2d(student, x, weight, bias, stride, padding):
    """Run the student's function on copies; PyTorch's convolutions are blocked."""
    with without("conv", hint=OWN_SUM):
        return student(x.clone(), weight.clone(), bias.clone(), stride, padding)


def judge_convolution(answer, images: int) -> None:
    """Compare ``answer(x, weight, bias, stride, padding)`` with F.conv2d on ``images`` random images."""
    for generator in seeds():
        x = torch.randn(images, 3, 11, 9, generator=generator)
        weight = torch.randn(4, 3, 3, 2, generator=generator)  # (O, C, kh, kw)
        bias = torch.randn(4, generator=generator)
        for stride, padding in [(1, 0), (2, 0), (1, 1), (3, 2)]:
            out = answer(x, weight, bias, stride, padding)
            expect(
                isinstance(out, Tensor),
                f"Expected a tensor, got {type(out).__name__}.\nTry: return out.",
            )
            _compare_convolution(out, x, weight, bias, stride, padding)


def _compare_convolution(out: Tensor, x, weight, bias, stride: int, padding: int) -> None:
    right = F.conv2d(x, weight, bias, stride, padding)
    setting = f"With stride {stride} and padding {padding}"
    for wrong, hint in _wrong_convolutions(x, weight, bias, stride, padding):
        expect(close(out, right, 1e-4) or not close(out, wrong, 1e-4), f"{setting}: {hint}")
    expected, found = tuple(right.shape[-3:]), tuple(out.shape[1:])
    expect(
        out.shape == right.shape,
        f"{setting} expected {expected} for one image (channels, height, width), got {found}.\n"
        "Try: the size is (n + 2·padding − kernel) // stride + 1, for rows and for columns.",
    )
    expect(
        close(out, right, 1e-4),
        f"{setting} the shape is right, but the numbers differ from F.conv2d's.\n"
        "Try: out[o, i, j] is the sum of weight[o] times the window that begins at (i·stride, j·stride), plus bias[o].",
    )


def _wrong_convolutions(x, weight, bias, stride, padding) -> list[tuple[Tensor, str]]:
    """Return what the classic mistakes compute, each with its hint."""
    right = F.conv2d(x, weight, bias, stride, padding)
    no_bias = F.conv2d(x, weight, None, stride, padding)
    channels = [F.conv2d(x[:, c : c + 1], weight[:, c : c + 1], None, stride, padding) for c in range(3)]
    everywhere, rows, columns = F.conv2d(x, weight, bias, 1, padding), *right.shape[2:]
    unpadded = F.conv2d(x, weight, bias, stride)
    return [
        (no_bias, "the bias is missing.\nTry: add bias[o] to every pixel of output channel o."),
        (
            F.conv2d(x, weight.flip(2, 3), bias, stride, padding),
            "your kernel is flipped, as in the mathematical convolution; PyTorch does not flip it.\n"
            "Try: weight[o, c, u, v] times x[c, i + u, j + v].",
        ),
        (
            channels[0] + bias[:, None, None],
            "only the first input channel is used.\nTry: each output pixel sums over all input channels.",
        ),
        (
            torch.stack(channels, 2) + bias[:, None, None, None],
            "the input channels are still separate in your output.\nTry: sum over the channels too.",
        ),
        (
            no_bias + 3 * bias[:, None, None],
            "the bias is added once for each input channel.\nTry: add it once, after the sum.",
        ),
        (
            no_bias / weight[0].numel() + bias[:, None, None],
            "you take the mean over the window.\nTry: a convolution sums; leave out .mean().",
        ),
        (
            unpadded,
            "the padding is ignored.\nTry: F.pad(x, (p, p, p, p)) adds p rows and columns of zeros on each side.",
        ),
        (everywhere, "the stride is ignored.\nTry: keep every stride-th window; the output becomes smaller."),
        (
            everywhere[:, :, :rows, :columns],
            "the size is right, but your windows are one pixel apart.\nTry: window i begins at row i·stride.",
        ),
        (
            right.flatten(2),
            "each output channel is still one long row.\nTry: reshape the last dimension into (height, width).",
        ),
        (
            right.flatten(2).transpose(1, 2).reshape(right.shape),
            "the size is right, but pixels and channels are mixed up.\n"
            "Try: (O, C·k·k) @ (C·k·k, pixels), so that channels come before pixels when you reshape.",
        ),
    ]
