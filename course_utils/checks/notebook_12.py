"""Judges of notebook 12: three own networks, precision and recall, the cost of a LeNet."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from course_utils import metrics
from course_utils.checks import close, exercise, expect, seeds
from course_utils.models import FashionCNN, LeNet, LeNet_tiny, Net_Linear, Network

GIVEN = (Net_Linear, LeNet, LeNet_tiny, FashionCNN, Network)
# One of the three networks must have fewer parameters.
SMALL = 100_000


@exercise("12.1", "three networks of your own, and all of their weights are trainable.")
def three_models(student):
    answer = student()
    expect(
        isinstance(answer, Mapping) and len(answer) == 3,
        f"Expected a dict of three networks, got {_what(answer)}.\n"
        'Try: return {"first": First, "second": Second, "third": Third}.',
    )
    made = {}
    for name, make in answer.items():
        expect(
            not isinstance(make, nn.Module),
            f"{name!r} is a network that is already built, but each run must start with new weights.\n"
            "Try: give the class itself, without brackets.",
        )
        made[name] = _judge_network(name, make)
    shapes = [_shapes(model) for model in made.values()]
    for name, model in made.items():
        expect(
            shapes.count(_shapes(model)) == 1,
            f"Another network has the same shapes as {name!r}.\nTry: change one of them.",
        )
        for given in GIVEN:
            expect(
                _shapes(model) != _shapes(given()),
                f"{name!r} has the same shapes as the given {given.__name__}.\n"
                "Try: another depth, width or kind of layer.",
            )
    sizes = {name: _size(model) for name, model in made.items()}
    expect(
        min(sizes.values()) < SMALL,
        f"The smallest, {min(sizes, key=sizes.get)!r}, has {min(sizes.values()):,} parameters, but one must have fewer "
        f"than {SMALL:,}.\n"
        "Try: reduce the large linear layer after the convolutions, for example by pooling before it.",
    )


def _what(answer) -> str:
    return f"{len(answer)} networks" if isinstance(answer, Mapping) else type(answer).__name__


def _shapes(model: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(p.shape) for p in model.parameters()]


def _size(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def _judge_network(name: str, make: Callable) -> nn.Module:
    """Build the network and check that it can be trained on 28×28 grey images."""
    model = make()
    expect(
        isinstance(model, nn.Module),
        f"{name!r} returns {type(model).__name__}, not a network.\nTry: a class of nn.Module, or a function that "
        "returns nn.Sequential(…).",
    )
    expect(
        make() is not model,
        f"{name!r} returns the same network each time it is called; the second run would continue with the weights of "
        "the first.\nTry: build it inside the function.",
    )
    x = torch.rand(6, 1, 28, 28)
    try:
        out = model.train()(x)
    except (RuntimeError, ValueError) as error:
        first = str(error).splitlines()[0]
        expect(
            False,
            f"{name!r} cannot process six grey 28×28 images, (6, 1, 28, 28): {first}\n"
            "Try: print the shape after each layer.",
        )
    got = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
    expect(
        got == (6, 10),
        f"{name!r} returns {got} for six images; expected ten logits for each, (6, 10).\n"
        "Try: end with nn.Linear(…, 10), after nn.Flatten().",
    )
    expect(
        not close(out.exp().sum(1), torch.ones(6)) and not close(out.sum(1), torch.ones(6)),
        f"{name!r} returns probabilities, but cross-entropy expects logits.\n"
        "Try: leave out softmax, the loss includes it.",
    )
    _judge_gradients(name, model, out)
    model.eval()
    expect(
        close(model(x)[:1], model(x[:1]), 1e-3),
        f"In eval mode the output of {name!r} for an image depends on the other images in its batch.\n"
        "Try: do not combine values along dimension 0; batch norm does not do so in eval mode.",
    )
    return model


def _judge_gradients(name: str, model: nn.Module, out: Tensor) -> None:
    expect(
        out.requires_grad,
        f"{name!r} has no trainable parameters.\nTry: layers with weights, and no torch.no_grad().",
    )
    F.cross_entropy(out, torch.arange(6)).backward()
    for parameter, p in model.named_parameters():
        expect(
            p.grad is not None,
            f"The loss of {name!r} does not depend on {parameter}: this layer is never used.\n"
            "Try: call it in forward, or remove it.",
        )
    values = torch.cat([p.grad.flatten() for p in model.parameters()])
    expect(
        bool(values.isfinite().all() and values.any()),
        f"The gradients of {name!r} are all zero or not finite.\n"
        "Try: look for an activation that is always 0, or a division by 0.",
    )


@exercise("12.2", "precision and recall, even for classes that are never predicted.")
def precision_and_recall(student):
    for generator in seeds():
        matrix = torch.randint(1, 30, (10, 10), generator=generator)
        matrix.diagonal().add_(torch.arange(10) + 40)
        never, absent = torch.randperm(10, generator=generator)[:2].tolist()
        plain = matrix.clone()
        _compare_with_metrics(student, plain)
        matrix[:, never] = 0  # a class that is never predicted
        matrix[absent] = 0  # a class that has no images
        _compare_with_metrics(student, matrix)


def _compare_with_metrics(student, matrix: Tensor) -> None:
    before, expected = matrix.clone(), metrics.per_class(matrix, tuple("abcdefghij")).values()
    precision, recall = (torch.tensor(values) for values in zip(*expected, strict=True))
    answer = student(matrix)
    expect(torch.equal(matrix, before), "Your function changes the matrix.\nTry: work on matrix.clone().")
    expect(
        isinstance(answer, tuple | list) and len(answer) == 2,
        "Expected two tensors.\nTry: return precision, recall.",
    )
    ours = [torch.as_tensor(part, dtype=torch.float64) for part in answer]
    expect(
        all(part.shape == (10,) for part in ours),
        f"Expected one number for each class, (10,); the shapes are {', '.join(str(tuple(p.shape)) for p in ours)}.\n"
        "Try: matrix.diagonal() has one entry per class.",
    )
    expect(
        not any(part.isnan().any() or part.isinf().any() for part in ours),
        "A class that is never predicted, or has no images, gives 0 / 0.\nTry: divide by sums.clamp(min=1).",
    )
    precision, recall = precision.double(), recall.double()
    if close(ours[0], recall, 1e-4) and close(ours[1], precision, 1e-4):
        expect(
            False,
            "The two are swapped.\nTry: rows are the truth; precision divides by the sum of a column.",
        )
    by_all = matrix.diagonal() / matrix.sum()
    expect(
        not any(close(part, by_all.double(), 1e-4) for part in ours),
        "You divide by the number of all images.\nTry: recall divides by the number of images of this class.",
    )
    expect(
        close(ours[0], precision, 1e-4) and close(ours[1], recall, 1e-4),
        "At least one number differs from the definition.\n"
        "Try: right answers / sum of the column, right answers / sum of the row.",
    )


@exercise("12.3", "these are the numbers that PyTorch counts.")
def cost_of_lenet(student):
    for generator in seeds(5):
        a, b, h = (int(n) for n in torch.randint(4, 60, (3,), generator=generator))
        model = LeNet(widths=(a, b, h))
        with FlopCounterMode(display=False) as counter:
            model(torch.zeros(1, 1, 28, 28))
        right = _size(model), counter.get_total_flops() // 2
        answer = student(a, b, h)
        expect(
            isinstance(answer, tuple | list) and len(answer) == 2,
            "Expected two numbers.\nTry: return parameters, macs.",
        )
        parameters, macs = (round(float(n)) for n in answer)
        expect((macs, parameters) != right, "The two are swapped.\nTry: return parameters, macs.")
        _judge_parameters(parameters, right[0], (a, b, h))
        _judge_macs(macs, right[1], (a, b, h))


def _judge_parameters(answer: int, right: int, widths: tuple[int, int, int]) -> None:
    a, b, h = widths
    expect(
        answer != right - (a + b + h + 10),
        "The biases are missing.\nTry: one more parameter for each output channel, and each unit.",
    )
    expect(
        answer != right + (25 - 16) * b * h,
        "Your linear layer has 5×5 input pixels per channel.\nTry: 28 → 24 → 12 → 8 → 4; it has b·4·4 inputs.",
    )
    expect(
        answer == right,
        f"LeNet with widths {widths} has {right:,} parameters; your answer is {answer:,}.\n"
        "Try: layer by layer, (25·1 + 1)·a, (25·a + 1)·b, (16·b + 1)·h, (h + 1)·10.",
    )


def _judge_macs(answer: int, right: int, widths: tuple[int, int, int]) -> None:
    a, b, h = widths
    linear = 16 * b * h + 10 * h
    expect(
        answer != 2 * right,
        "A multiplication and the addition that follows it are one MAC.\nTry: divide by 2.",
    )
    expect(
        answer != 25 * a * 28**2 + 25 * a * b * 12**2 + linear,
        "A 5×5 filter without padding does not fit at every pixel.\nTry: 24·24 positions on 28×28, 8·8 on 12×12.",
    )
    expect(
        answer != 25 * a * 12**2 + 25 * a * b * 4**2 + linear,
        "You count the positions after pooling, but the convolution comes before.\nTry: 24·24 and 8·8 positions.",
    )
    expect(
        answer != 25 * a + 25 * a * b + linear,
        "A convolution uses its weights at every position.\nTry: multiply by the 24·24 and the 8·8 positions.",
    )
    expect(
        answer == right,
        f"LeNet with widths {widths} needs {right:,} MACs per image; your answer is {answer:,}.\n"
        "Try: (weights of the layer without biases) × (positions of its output).",
    )
