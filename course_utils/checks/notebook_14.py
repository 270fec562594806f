"""Judges of notebook 14: the cost of an inception module, the basic block, the weights of a bottleneck."""

import copy
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils import complexity
from course_utils.checks import close, exercise, expect, seeds
from course_utils.models.googlenet import Inception
from course_utils.models.resnet import BasicBlock


@exercise("14.1", "what the counter says, for any module.")
def inception_macs(student):
    draw = Random()
    for _ in range(5):
        inputs, size = draw.randint(20, 60), draw.randint(5, 14)
        one, reduce3, three, reduce5, five, projection = filters = tuple(draw.sample(range(5, 40), 6))
        answer = student(inputs, filters, size)
        module = Inception(inputs, filters, batch_norm=False, large_kernel=5)
        right = complexity.profile(module, (inputs, size, size), device="meta").macs
        pixels, wide = size * size, 9 * reduce3 * three + 25 * reduce5 * five
        from_inputs = inputs * (one + reduce3 + reduce5 + projection)
        for wrong, hint in [
            (
                from_inputs + wide,
                "This is the cost of one pixel.\nTry: multiply by size·size; all branches keep the size.",
            ),
            (
                pixels * (from_inputs - inputs * projection + wide),
                "The pooling branch is missing: there is a 1×1 convolution after the pooling.\n"
                "Try: add inputs·projection.",
            ),
            (
                pixels * (inputs * (one + projection) + wide),
                "The reductions also have a cost.\nTry: add inputs·(reduce3 + reduce5).",
            ),
            (
                pixels * (from_inputs + inputs * (9 * three + 25 * five)),
                "Your large filters read all inputs, but they come after the reduction.\n"
                "Try: 9·reduce3·three, and 25·reduce5·five.",
            ),
            (
                pixels * (from_inputs + 9 * reduce3 * three + 9 * reduce5 * five),
                "Your third branch has 3×3 filters, as in torchvision.\n"
                "Try: the filters of the paper are 5×5, 25 weights.",
            ),
            (
                pixels * (from_inputs + 3 * reduce3 * three + 5 * reduce5 * five),
                "A 3×3 filter has nine weights per channel.\nTry: square the 3 and the 5.",
            ),
            (2 * right, "You count additions too.\nTry: one multiplication per weight and pixel."),
        ]:
            expect(answer != wrong, hint)
        expect(
            answer == right,
            f"For {inputs} maps of {size}×{size} and filters {filters} it takes {right} multiplications; your answer "
            f"is {answer}.\nTry: add up six convolutions, each inputs·outputs·k·k·size·size.",
        )


@exercise("14.2", "the block of ResNet-18 and 34.")
def basic_block(student):
    for generator in seeds():
        for inputs, outputs, stride in [(6, 6, 1), (4, 7, 1), (5, 5, 2), (4, 8, 2)]:
            mine, right = student(inputs, outputs, stride), BasicBlock(inputs, outputs, stride)
            state = _drawn_state(right, generator)
            _compare_parts(mine, state, (inputs, outputs, stride))
            mine.load_state_dict({name.replace("downsample", "shortcut"): t for name, t in state.items()})
            right.load_state_dict(state)
            x = torch.randn(3, inputs, 8, 8, generator=generator)
            _compare_outputs(mine.train(), right.train(), x, stride)


def _drawn_state(block: nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
    state = copy.deepcopy(block.state_dict())
    for tensor in state.values():
        if tensor.is_floating_point():
            tensor.uniform_(-1, 1, generator=generator)
    return {name: t.abs() + 0.5 if name.endswith("running_var") else t for name, t in state.items()}


def _compare_parts(mine: nn.Module, state: dict[str, Tensor], case: tuple[int, int, int]) -> None:
    """Compare the names and shapes of parameters and buffers with those of a basic block."""
    inputs, outputs, stride = case
    about = f"For inputs={inputs}, outputs={outputs}, stride={stride}"
    ours = {name.replace("shortcut", "downsample"): tuple(t.shape) for name, t in mine.state_dict().items()}
    theirs = {name: tuple(t.shape) for name, t in state.items()}
    expect(
        not {"conv1.bias", "conv2.bias", "downsample.0.bias"} & ours.keys(),
        "A convolution has a bias, which the batch norm after it removes again.\nTry: bias=False.",
    )
    unneeded = [name for name in ours if name.startswith("downsample") and name not in theirs]
    expect(
        not unneeded,
        f"{about} x has the right shape, so no projection is needed.\nTry: nn.Identity() as the shortcut.",
    )
    lacking = [name for name in theirs if name.startswith("downsample") and name not in ours]
    expect(
        not lacking,
        f"{about} x does not have the shape of F(x), or the shortcut is incomplete.\n"
        "Try: self.shortcut = nn.Sequential(1×1 convolution with the stride, batch norm).",
    )
    expect(
        ours.keys() == theirs.keys(),
        f"{about} the submodules are {', '.join(sorted({n.split('.')[0] for n in ours}))}.\n"
        "Try: conv1, bn1, conv2, bn2 and shortcut, each as an attribute of self.",
    )
    for name, shape in theirs.items():
        expect(
            ours[name] == shape,
            f"{about} {name.replace('downsample', 'shortcut')} has the shape {ours[name]}, not {shape}.\n"
            "Try: 3×3 from inputs to outputs, then 3×3 from outputs to outputs.",
        )


def _compare_outputs(mine: nn.Module, right: BasicBlock, x: Tensor, stride: int) -> None:
    out = mine(x)
    size = x.shape[-1] // stride
    expect(
        out.shape[-1] == size,
        f"For a feature map of {x.shape[-1]} pixels: expected an output of {size} pixels, got {out.shape[-1]}.\n"
        "Try: padding=1 for 3×3, stride in conv1 and in the shortcut.",
    )
    for change, hint in [
        ({"after": False}, "There is no ReLU after the sum.\nTry: return relu(out + self.shortcut(x))."),
        ({"before": True, "after": False}, "Your ReLU comes before the sum.\nTry: add first, then ReLU."),
        (
            {"before": True},
            "There is also a ReLU before the sum, so F(x) is never negative.\nTry: leave it out.",
        ),
        ({"inner": False}, "There is no ReLU between the two convolutions.\nTry: a ReLU after bn1."),
        (
            {"shortcut": False},
            "The shortcut is not added: this is a plain block.\nTry: out + self.shortcut(x).",
        ),
        ({"late": True}, "Your stride is in the second convolution.\nTry: conv1 halves the feature map."),
    ]:
        same = change == {"late": True} and stride == 1
        expect(same or not close(out, _variant(right, x, stride, **change), 1e-4), hint)
    expect(
        close(out, right(x), 1e-4),
        "The submodules and shapes are right, but with the same weights the outputs differ.\n"
        "Try: conv1, bn1, ReLU, conv2, bn2, plus the shortcut, ReLU.",
    )


def _variant(block, x, stride, inner=True, before=False, after=True, shortcut=True, late=False):
    """Return the output of a basic block with one change, computed with the weights of ``block`` in train mode."""
    first, second = (1, stride) if late else (stride, 1)
    out = block.bn1(F.conv2d(x, block.conv1.weight, stride=first, padding=1))
    out = out.relu() if inner else out
    out = block.bn2(F.conv2d(out, block.conv2.weight, stride=second, padding=1))
    out = out.relu() if before else out
    if shortcut:
        out = out + (x if block.downsample is None else block.downsample(x))
    return out.relu() if after else out


@exercise("14.3", "with 256 and 64 that is a seventeenth of two 3×3 on 256 channels.")
def bottleneck_weights(student):
    draw = Random()
    for _ in range(5):
        channels, width = draw.sample(range(20, 300), 2)
        shapes = [(channels, width, 1), (width, width, 3), (width, channels, 1)]
        right = sum(nn.Conv2d(i, o, k, bias=False, device="meta").weight.numel() for i, o, k in shapes)
        answer = student(channels, width)
        for wrong, hint in [
            (
                right - channels * width,
                "One 1×1 convolution is missing.\nTry: there is one before the 3×3, and one after it.",
            ),
            (
                2 * channels * width + width**2,
                "The convolution in the middle is 3×3.\nTry: nine weights for each pair of channels.",
            ),
            (2 * channels * width + 9 * channels**2, "Your 3×3 works on all channels.\nTry: width to width."),
            (18 * channels**2, "This is the basic block.\nTry: 1×1, 3×3, 1×1."),
            (right + 2 * width + channels, "You count biases.\nTry: count only the weights."),
        ]:
            expect(answer != wrong, hint)
        expect(
            answer == right,
            f"For {channels} channels and a width of {width} there are {right} weights; your answer is {answer}.\n"
            "Try: channels·width, 9·width·width, width·channels.",
        )
