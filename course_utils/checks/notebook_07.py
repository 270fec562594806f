"""Judges of notebook 07: convolution written twice, its output size, its parameters, the receptive field."""

from random import Random

from torch import Tensor

from course_utils.checks import exercise
from course_utils.checks.convolutions import judge_convolution, without_conv2d
from course_utils.checks.formulas import compare_formulas
from course_utils.checks.ready_made import without

OWN_COUNT = (
    "You make the layer and count.\nTry: the number alone, (weights of one filter + 1) × (number of filters)."
)


@exercise("07.1", "your loops and F.conv2d agree, with stride and padding.")
def convolution_with_loops(student):
    def answer(x, *rest):
        out = without_conv2d(student, x[0], *rest)
        return out[None] if isinstance(out, Tensor) else out

    judge_convolution(answer, images=1)


@exercise("07.2", "one matrix product, and the result of F.conv2d.")
def convolution_with_unfold(student):
    judge_convolution(lambda *given: without_conv2d(student, *given), images=2)


def _fits(n, kernel, stride, padding, dilation):
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


@exercise("07.3", "the size that PyTorch gives, in every case.")
def output_size(student):
    draw = Random()
    cases = [
        (n, draw.randint(2, 5), draw.randint(1, 4), draw.randint(0, 3), draw.randint(1, 3))
        for n in draw.sample(range(20, 80), 40)
    ]
    # two cases that tell rounding, and the extent of a dilated kernel, from each other
    cases += [(20, 3, 2, 0, 1), (21, 4, 2, 1, 2)]
    wrong = [
        (
            lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) / s + 1,
            "A part of a window does not count, but your sizes have fractions.\nTry: // instead of /.",
        ),
        (
            lambda n, k, s, p, d: -((d * (k - 1) + 1 - n - 2 * p) // s) + 1,
            "You round up; a window that sticks out at the end is left out.\nTry: // rounds down.",
        ),
        (
            lambda n, k, s, p, d: _fits(n, k, s, p / 2, d),
            "The padding stands on both sides.\nTry: add it twice, n + 2·padding.",
        ),
        (
            lambda n, k, s, p, d: _fits(n, k, s, p, 1),
            "The dilation is ignored.\nTry: a kernel of k pixels with dilation d spans d·(k − 1) + 1.",
        ),
        (
            lambda n, k, s, p, d: (n + 2 * p - d * k) // s + 1,
            "A dilated kernel spans less than d·k.\nTry: between k pixels there are k − 1 gaps: d·(k − 1) + 1.",
        ),
        (
            lambda n, k, s, p, d: _fits(n, k, s, p, d) - 1,
            "One window is missing, the first one.\nTry: add 1 after dividing by the stride.",
        ),
        (
            lambda n, k, s, p, d: (n + 2 * p - d * (k - 1)) // s,
            "This is right for stride 1 alone.\nTry: count the steps, (n + 2p − span) // stride, and add 1.",
        ),
        (lambda n, k, s, p, d: _fits(n, k, 1, p, d), "The stride is ignored.\nTry: divide the steps by it."),
    ]
    last = (
        "For n = {0}, kernel {1}, stride {2}, padding {3}, dilation {4} the size is {right}, you say {answer}.\n"
        "Try: draw a short row of pixels and count the places where the kernel fits."
    )
    compare_formulas(student, cases, _fits, wrong, last)


@exercise("07.4", "as many as PyTorch makes.")
def parameters(student):
    draw = Random()
    cases = []
    for _ in range(30):
        groups = draw.randint(1, 4)
        cases.append((groups * draw.randint(2, 6), groups * draw.randint(2, 6), draw.randint(2, 7), groups))
    wrong = [
        (
            lambda i, o, k, g: o * (i // g) * k * k,
            "The biases are missing.\nTry: one for each output channel.",
        ),
        (
            lambda i, o, k, g: o * (i // g) * k * k + 1,
            "You count one bias for the whole layer.\nTry: each output channel has its own.",
        ),
        (
            lambda i, o, k, g: o * (i // g) * (k * k + 1),
            "You count a bias for each pair of channels.\nTry: add 1 after multiplying with the input channels.",
        ),
        (
            lambda i, o, k, g: o * (i * k * k + 1),
            "This is right without groups.\nTry: a filter sees in/groups input channels.",
        ),
        (
            lambda i, o, k, g: o // g * (i // g * k * k + 1),
            "This is one group.\nTry: all groups together have out filters.",
        ),
        (lambda i, o, k, g: o * (i // g * k + 1), "A k×k window has k·k weights.\nTry: square k."),
        (
            lambda i, o, k, g: o * (k * k + 1),
            "A filter has a window for each input channel it sees.\nTry: multiply k·k with in/groups.",
        ),
    ]
    last = (
        "Conv2d({0}, {1}, {2}, groups={3}) has {right} parameters, you say {answer}.\n"
        "Try: (weights of one filter + 1) × (number of filters)."
    )
    compare_formulas(student, cases, lambda i, o, k, g: o * (i // g * k * k + 1), wrong, last)
    with without("empty", hint=OWN_COUNT):
        student(4, 6, 3, 2)


def _field(layers, order="size first", first=1, step=lambda k: k - 1):
    """The receptive field of (kernel, stride) layers; the arguments after it make the classic mistakes."""
    size, jump = first, 1
    for kernel, stride in layers:
        jump *= stride if order == "jump first" else 1
        size += step(kernel) * (1 if order == "no jump" else jump)
        jump *= stride if order == "size first" else 1
    return size


@exercise("07.5", "conv3, pool2, conv3 sees 8, and yours works for any stack.")
def receptive_field(student):
    draw = Random()
    cases = [([(draw.randint(2, 5), draw.randint(1, 3)) for _ in range(4)],) for _ in range(20)]
    cases.append(([(3, 1), (2, 2), (3, 1)],))
    wrong = [
        (
            lambda layers: _field(layers, "jump first"),
            "The jump grows too early: a layer's stride spreads what comes after it.\n"
            "Try: first the size, then the jump.",
        ),
        (
            lambda layers: _field(layers, "no jump"),
            "The strides are ignored.\nTry: size grows by (kernel − 1)·jump, jump by the stride.",
        ),
        (
            lambda layers: _field(layers, first=0),
            "You are one pixel short.\nTry: without a layer an output pixel is an input pixel: begin with size 1.",
        ),
        (
            lambda layers: _field(layers, step=lambda k: k),
            "You add the whole kernel.\nTry: a kernel of 1 adds nothing, so add (kernel − 1)·jump.",
        ),
        (
            lambda layers: _field(layers, "no jump", first=0, step=lambda k: k),
            "You add the kernels up.\nTry: neighbouring windows overlap, and strides spread them.",
        ),
    ]
    last = (
        "For the layers (kernel, stride) {0} the field is {right}, you say {answer}.\n"
        "Try: follow (size, jump) by hand from (1, 1), one layer at a time."
    )
    compare_formulas(student, cases, _field, wrong, last)
