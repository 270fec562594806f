"""Judges of notebook 13: stacks of 3×3 filters, VGG's convolutions, the lowest loss with softmax applied twice."""

from random import Random

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_utils import complexity
from course_utils.checks import close, exercise, expect, seeds


@exercise("13.1", "as many as it takes, and their weights.")
def stack_of_threes(student):
    draw = Random()
    for field in [5, 7, *draw.sample(range(9, 31, 2), 4)]:
        channels = draw.randint(5, 90)
        answer = student(field, channels)
        expect(
            isinstance(answer, tuple | list) and len(answer) == 2,
            "Expected two numbers.\nTry: return layers, weights.",
        )
        layers, weights = answer
        right = _layers_that_see(field)
        expect(
            layers == right or layers not in (field // 3, -(-field // 3)),
            "Windows of neighbouring pixels overlap, but you count them side by side.\n"
            "Try: the first layer sees 3 pixels. How many more does each further layer add?",
        )
        expect(
            layers == right,
            f"A field of {field}×{field} needs {right} layers of 3×3; your answer is {layers}.\n"
            "Try: 3, 5, 7, …: each layer adds 2 to the receptive field.",
        )
        one = nn.Conv2d(channels, channels, kernel_size=3, bias=False, device="meta").weight.numel()
        for wrong, hint in [
            (one, "These are the weights of one layer.\nTry: multiply by the number of layers."),
            (
                right * 9,
                "A filter reads all channels, and there is one filter for each output channel.\nTry: times channels².",
            ),
            (
                right * 9 * channels,
                "This is one filter per layer.\nTry: there are as many filters as channels.",
            ),
            (
                right * (one + channels),
                "You count the biases.\nTry: 9·channels² weights per layer, without biases.",
            ),
            (
                field**2 * channels**2,
                "These are the weights of one large filter.\nTry: count the 3×3 ones.",
            ),
        ]:
            expect(weights != wrong, hint)
        expect(
            weights == right * one,
            f"{right} layers from {channels} to {channels} channels have {right * one} weights; your answer is "
            f"{weights}.\n"
            "Try: layers · 3 · 3 · channels · channels.",
        )


def _layers_that_see(field: int) -> int:
    """Return the number of 3×3 layers whose receptive field is ``field`` pixels wide."""
    layers, seen = [], 0
    while seen < field:
        layers.append(nn.Conv2d(1, 1, kernel_size=3))
        seen = complexity.receptive_field(nn.Sequential(*layers), (1, field + 1, field + 1)).size[0]
    return len(layers)


@exercise("13.2", "one function, every VGG.")
def vgg_features(student):
    for generator in seeds():
        counts = [1, 2, *torch.randint(1, 4, (2,), generator=generator).tolist()]
        widths = [4, 6, *torch.randint(7, 12, (2,), generator=generator).tolist()]
        model = student(tuple(counts), tuple(widths))
        expect(
            isinstance(model, nn.Module),
            f"Expected a network, got {type(model).__name__}.\nTry: return nn.Sequential(*layers).",
        )
        right = _features(counts, widths)
        _compare_layers(model, right, counts)
        for mine, theirs in zip(model.parameters(), right.parameters(), strict=True):
            theirs.data.normal_(std=0.3, generator=generator)
            mine.data.copy_(theirs)
        x = torch.randn(2, 3, 33, 50, generator=generator)
        expect(
            not close(model(x), _features(counts, widths, right, relu="last")(x), 1e-4),
            "There is only one ReLU per stage.\nTry: put one after each convolution.",
        )
        expect(
            close(model(x), right(x), 1e-4),
            "The layers and shapes are right, but with the same weights the outputs differ.\n"
            "Try: convolution, ReLU, …, convolution, ReLU, max pooling, in this order.",
        )


def _features(counts, widths, weights_of: nn.Module | None = None, relu: str = "all") -> nn.Sequential:
    layers, channels = [], 3
    for count, width in zip(counts, widths, strict=True):
        for number in range(count):
            layers.append(nn.Conv2d(channels, width, kernel_size=3, padding=1))
            layers += [nn.ReLU()] if relu == "all" or number == count - 1 else []
            channels = width
        layers.append(nn.MaxPool2d(2))
    model = nn.Sequential(*layers)
    if weights_of is not None:
        for mine, theirs in zip(model.parameters(), weights_of.parameters(), strict=True):
            mine.data.copy_(theirs)
    return model


def _compare_layers(model: nn.Module, right: nn.Module, counts: list[int]) -> None:
    """Compare the shapes of the parameters and of the output, and report the first that differs."""
    ours, theirs = ([tuple(p.shape) for p in m.parameters()] for m in (model, right))
    expect(
        len(ours) != 2 * len(counts) or len(counts) == sum(counts),
        "Each of your stages has only one convolution.\nTry: repeat it, for _ in range(count).",
    )
    expect(
        len(ours) == len(theirs),
        f"For counts {tuple(counts)}: expected {len(theirs)} parameter tensors, got {len(ours)}.\n"
        "Try: a weight and a bias for each convolution.",
    )
    for number, (mine, expected) in enumerate(zip(ours[::2], theirs[::2], strict=True), start=1):
        expect(
            mine == expected,
            f"Convolution {number}: expected weights of shape {expected}, got {mine}.\n"
            "Try: the input channels are the output channels of the previous convolution, 3 at first.",
        )
    shapes = [tuple(m(torch.zeros(1, 3, 128, 128)).shape[2:]) for m in (model, right)]
    stages = len(counts)
    expect(
        shapes[0] != (128, 128),
        "The feature map keeps its size.\nTry: end each stage with nn.MaxPool2d(2).",
    )
    expect(
        shapes[0] == shapes[1],
        f"A 128×128 image after {stages} stages: expected {shapes[1][0]}×{shapes[1][1]}, got "
        f"{shapes[0][0]}×{shapes[0][1]}.\nTry: padding=1 in each convolution, one pooling per stage.",
    )


@exercise("13.3", "that is the lowest loss with one softmax too many.")
def lowest_loss(student):
    draw = Random()
    for n in [2, 10, *draw.sample(range(11, 2000), 5)]:
        answer = float(student(n))
        right = cross_entropy(torch.eye(n, dtype=torch.float64), torch.arange(n)).item()
        e = torch.e
        for wrong, hint in [
            (0.0, "The loss never sees a probability of 1: it takes the softmax of your probabilities.\n"
                  "Try: the logits are (1, 0, …, 0)."),
            (torch.tensor(n).log().item(), "This is the loss of a uniform guess.\nTry: the right class has logit 1."),
            (-(right), "A loss is positive.\nTry: minus the logarithm of the probability."),
            (right + 1, "The loss has two parts: the log of the sum, minus the logit of the right class.\n"
            "Try: subtract the logit, 1."),
            (torch.tensor(e + n).log().item() - 1, "One class too many.\nTry: n − 1 have logit 0."),
            (2.718281828459045 / (e + n - 1), "This is the probability.\nTry: the loss is minus its logarithm."),
        ]:  # fmt: skip
            expect(abs(answer - wrong) > 1e-5, hint)
        expect(
            abs(answer - right) < 1e-5,
            f"For {n} classes the lowest loss is {right:.5f}; your answer is {answer:.5f}.\n"
            "Try: compute the softmax of (1, 0, …, 0), then minus the logarithm of its first entry.",
        )
