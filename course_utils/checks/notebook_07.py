"""Judges of notebook 07: two convolutions, their output size, their parameters, the receptive field."""

from random import Random

from torch import Tensor

from course_utils.checks import exercise
from course_utils.checks.convolutions import judge_convolution, without_conv2d
from course_utils.checks.formulas import compare_formulas
from course_utils.checks.ready_made import without

OWN_COUNT = (
    "You create the layer and count its parameters.\n"
    "Try: the formula, (weights of one filter + 1) × (number of filters)."
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
    # two cases in which wrong rounding and a wrong extent of a dilated kernel give different sizes
    cases += [(20, 3, 2, 0, 1), (21, 4, 2, 1, 2)]
    wrong = [
        (
            lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) / s + 1,
            "Your sizes have fractions, but only whole windows count.\nTry: // instead of /.",
        ),
        (
            lambda n, k, s, p, d: -((d * (k - 1) + 1 - n - 2 * p) // s) + 1,
            "You round up, but a window that does not fit at the end is left out.\nTry: // rounds down.",
        ),
        (
            lambda n, k, s, p, d: _fits(n, k, s, p / 2, d),
            "The padding is added on both sides.\nTry: add it twice, n + 2·padding.",
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
            "This is right only for stride 1.\nTry: count the steps, (n + 2p − span) // stride, and add 1.",
        ),
        (lambda n, k, s, p, d: _fits(n, k, 1, p, d), "The stride is ignored.\nTry: divide by it."),
    ]
    last = (
        "For n = {0}, kernel {1}, stride {2}, padding {3}, dilation {4} the size is {right}; your answer is {answer}.\n"
        "Try: draw a short row of pixels and count the positions at which the kernel fits."
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
            "You count a bias for each pair of channels.\nTry: multiply by the input channels first, then add 1.",
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
        "Conv2d({0}, {1}, {2}, groups={3}) has {right} parameters; your answer is {answer}.\n"
        "Try: (weights of one filter + 1) × (number of filters)."
    )
    compare_formulas(student, cases, lambda i, o, k, g: o * (i // g * k * k + 1), wrong, last)
    with without("empty", hint=OWN_COUNT):
        student(4, 6, 3, 2)


def _field(layers, order="size first", first=1, step=lambda k: k - 1):
    """Return the receptive field of (kernel, stride) layers; the other arguments make the classic mistakes."""
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
            "The jump grows too early: a layer's stride only affects the layers after it.\n"
            "Try: update the size first, then the jump.",
        ),
        (
            lambda layers: _field(layers, "no jump"),
            "The strides are ignored.\nTry: size grows by (kernel − 1)·jump, jump by the stride.",
        ),
        (
            lambda layers: _field(layers, first=0),
            "Your field is one pixel too small.\n"
            "Try: without any layer an output pixel is an input pixel: begin with size 1.",
        ),
        (
            lambda layers: _field(layers, step=lambda k: k),
            "You add the whole kernel.\nTry: a kernel of 1 adds nothing, so add (kernel − 1)·jump.",
        ),
        (
            lambda layers: _field(layers, "no jump", first=0, step=lambda k: k),
            "You add up the kernel sizes.\nTry: neighbouring windows overlap, and strides increase their distance.",
        ),
    ]
    last = (
        "For the layers (kernel, stride) {0} the field is {right}; your answer is {answer}.\n"
        "Try: write down (size, jump) from (1, 1) on, one layer at a time."
    )
    compare_formulas(student, cases, _field, wrong, last)
