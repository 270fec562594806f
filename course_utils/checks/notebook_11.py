"""Judges of notebook 11: the cost of a layer, a counter with hooks, the memory of training, the roofline."""

from random import Random

import torch
from torch import nn

from course_utils.checks import exercise, expect
from course_utils.checks.formulas import compare_formulas
from course_utils.checks.mac_counters import count_macs, judge_counter


@exercise("11.1", "parameters, MACs and output elements of every layer.")
def cost_of_a_convolution(student):
    draw = Random()
    # the first layer is one for which all classic mistakes give different numbers
    layers = [(nn.Conv2d(3, 5, 3), 13, 17)]
    for _ in range(20):
        groups = draw.choice([1, 2, 4])
        channels = [groups * draw.randint(2, 5) for _ in range(2)]
        options = {"stride": draw.randint(1, 2), "padding": draw.randint(0, 1), "bias": draw.random() < 0.6}
        layer = nn.Conv2d(*channels, draw.randint(2, 4), groups=groups, **options)
        layers.append((layer, *draw.sample(range(9, 20), 2)))
    for layer, height, width in layers:
        answer = student(layer, height, width)
        expect(
            isinstance(answer, tuple | list) and len(answer) == 3,
            f"Expected three numbers, got {answer!r}.\nTry: return parameters, macs, numbers.",
        )
        _judge_cost(layer, height, width, tuple(float(number) for number in answer))


def _judge_cost(layer: nn.Conv2d, height: int, width: int, answer: tuple[float, float, float]) -> None:
    image = torch.zeros(1, layer.in_channels, height, width)
    out, weights = layer(image), layer.weight.numel()
    parameters, macs = sum(p.numel() for p in layer.parameters()), count_macs(layer, image)
    pixels, biases = out[0, 0].numel(), layer.out_channels
    case = f"{layer} on {height}×{width} pixels"
    expect(
        answer[0] == parameters or layer.bias is None or answer[0] != weights,
        f"The biases of {case} are parameters too.\nTry: add one for each output channel.",
    )
    expect(
        answer[0] == parameters or answer[0] != weights + biases,
        f"{layer} has no biases, but you count some.\nTry: check whether layer.bias is None.",
    )
    expect(
        answer[0] == parameters,
        f"{case} has {parameters} parameters; your answer is {answer[0]:.0f}.\n"
        "Try: layer.weight.numel(), and the biases.",
    )
    expect(
        answer[2] != pixels or biases == 1,
        f"{pixels} is the size of one feature map of {case}, but it has {biases}.\n"
        "Try: multiply by the output channels.",
    )
    expect(
        answer[2] == out.numel(),
        f"The output of {case} has {out.numel()} elements; your answer is {answer[2]:.0f}.\n"
        "Try: channels · height · width of the output; padding and stride decide its size.",
    )
    for wrong, hint in [
        (
            macs * layer.groups,
            "Your filters see all input channels.\nTry: with groups a filter sees in_channels / groups.",
        ),
        (
            2 * macs,
            "You count multiplications and additions; a MAC is both together.\nTry: only FLOPs have the factor 2.",
        ),
        (
            macs + out.numel(),
            "You add the biases. By convention they are not counted as MACs.\nTry: the multiplications only.",
        ),
        (
            weights * height * width,
            "You count a window at every input pixel.\nTry: there is one window per output pixel.",
        ),
        (
            weights,
            "You count one window, but the filter moves over the image.\n"
            "Try: multiply by the number of output pixels.",
        ),
    ]:
        expect(answer[1] == macs or answer[1] != wrong, hint)
    expect(
        answer[1] == macs,
        f"{case} takes {macs} MACs; your answer is {answer[1]:.0f}.\n"
        "Try: the weights of one filter, times the number of output elements.",
    )


@exercise("11.2", "as many as torch's counter, and the network is clean afterwards.")
def counter_with_hooks(student):
    judge_counter(student)


@exercise("11.3", "weights, gradients, the optimizer state, and the activations of the batch.")
def memory_of_training(student):
    draw = Random()
    cases = []
    for states in (0, 1, 2) * 6:
        cases.append((draw.randint(100, 9000), 4 * draw.randint(100, 9000), draw.randint(2, 64), states))
    wrong = [
        (
            lambda p, a, n, s: 4 * p + n * a,
            "The gradients are missing.\nTry: each weight has one, of the same size.",
        ),
        (
            lambda p, a, n, s: 4 * p * (1 + s) + n * a,
            "The gradients are missing, although the optimizer state is included.\nTry: weights, gradients and states.",
        ),
        (
            lambda p, a, n, s: 8 * p + n * a,
            "The optimizer state is missing.\nTry: the optimizer stores `states` more numbers for each weight.",
        ),
        (
            lambda p, a, n, s: 4 * p * (2 + s) + a,
            "These are the activations of one image.\nTry: each image of the batch has its own.",
        ),
        (
            lambda p, a, n, s: n * (4 * p * (2 + s) + a),
            "The weights are stored once, however many images there are.\nTry: multiply only the activations.",
        ),
        (
            lambda p, a, n, s: p * (2 + s) + n * a,
            "You add numbers and bytes.\nTry: a float32 takes 4 bytes; activation_bytes are bytes already.",
        ),
        (
            lambda p, a, n, s: 4 * (p * (2 + s) + n * a),
            "activation_bytes are bytes already.\nTry: multiply only the parameters by 4.",
        ),
    ]
    last = (
        "{0} parameters, {1} bytes of activations per image, batch {2}, {3} states: {right} bytes; your answer "
        "is {answer}.\n"
        "Try: 4 bytes for each weight, gradient and state; then the activations of the batch."
    )
    compare_formulas(student, cases, lambda p, a, n, s: 4 * p * (2 + s) + n * a, wrong, last)


@exercise("11.4", "the slower of the two decides.")
def roofline(student):
    draw = Random()
    # powers of two, so that the result is exact however the formula is written
    cases = [
        (draw.randint(1, 500) * 2.0**30, 2.0 ** draw.randint(26, 36), 2.0**30, 2.0 ** draw.randint(26, 30))
        for _ in range(30)
    ]
    cases += [(2.0**36, 2.0**26, 2.0**30, 2.0**28), (2.0**30, 2.0**36, 2.0**30, 2.0**28)]
    wrong = [
        (
            lambda f, b, peak, width: f / peak,
            "This is the arithmetic only.\nTry: the numbers must also be moved, bytes / bandwidth.",
        ),
        (
            lambda f, b, peak, width: b / width,
            "This is the memory transfer only.\nTry: the arithmetic takes flops / peak.",
        ),
        (
            lambda f, b, peak, width: f / peak + b / width,
            "You add the two times, but the machine does both at once.\nTry: the larger of the two times.",
        ),
        (
            lambda f, b, peak, width: min(f / peak, b / width),
            "You take the shorter time, but the work is done only when both are.\nTry: max.",
        ),
        (
            lambda f, b, peak, width: max(f / width, b / peak),
            "You divide operations by the bandwidth.\nTry: flops / peak and bytes / bandwidth.",
        ),
        (
            lambda f, b, peak, width: min(peak, f / b * width),
            "This is the attainable speed, in operations per second.\nTry: divide flops by it.",
        ),
    ]
    last = (
        "{0:.0f} operations and {1:.0f} bytes at {2:.0f} and {3:.0f} per second take {right}; your answer is "
        "{answer}.\n"
        "Try: compute both times, and take the larger one."
    )
    compare_formulas(student, cases, lambda f, b, peak, width: max(f / peak, b / width), wrong, last)
