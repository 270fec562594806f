"""Judges of notebook 12: three networks of one's own, precision and recall, the cost of a LeNet."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from course_utils import metrics
from course_utils.checks import close, exercise, expect, seeds
from course_utils.models import FashionCNN, LeNet, LeNet_tiny, Net_Linear, Network

GIVEN = (Net_Linear, LeNet, LeNet_tiny, FashionCNN, Network)
SMALL = 100_000  # parameters; one of the three stays below


@exercise("12.1", "three networks of your own, and every weight of them can learn.")
def three_models(student):
    answer = student()
    expect(
        isinstance(answer, Mapping) and len(answer) == 3,
        f"{_what(answer)} came back; three networks by name were expected.\n"
        'Try: return {"first": First, "second": Second, "third": Third}.',
    )
    made = {}
    for name, make in answer.items():
        expect(
            not isinstance(make, nn.Module),
            f"{name!r} is a network that is already built; each run must start with new weights.\n"
            "Try: give the class, without brackets.",
        )
        made[name] = _judge_network(name, make)
    shapes = [_shapes(model) for model in made.values()]
    for name, model in made.items():
        expect(shapes.count(_shapes(model)) == 1, f"Two are the same as {name!r}.\nTry: change one of them.")
        for given in GIVEN:
            expect(
                _shapes(model) != _shapes(given()),
                f"{name!r} has the weights of the given {given.__name__}.\nTry: another depth, width or kind of layer.",
            )
    sizes = {name: _size(model) for name, model in made.items()}
    expect(
        min(sizes.values()) < SMALL,
        f"The smallest, {min(sizes, key=sizes.get)!r}, has {min(sizes.values()):,} parameters; one must have fewer "
        f"than {SMALL:,}.\nTry: the large linear layer after the convolutions; pool once more before it.",
    )


def _what(answer) -> str:
    return f"{len(answer)} networks" if isinstance(answer, Mapping) else type(answer).__name__


def _shapes(model: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(p.shape) for p in model.parameters()]


def _size(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def _judge_network(name: str, make: Callable) -> nn.Module:
    """Build the network and see whether it can be trained on 28×28 grey images."""
    model = make()
    expect(
        isinstance(model, nn.Module),
        f"{name!r} makes {type(model).__name__}, not a network.\nTry: a class of nn.Module, or a function that "
        "returns nn.Sequential(…).",
    )
    expect(
        make() is not model,
        f"{name!r} returns the same network each time it is called; the second run would go on with the first one's "
        "weights.\nTry: build it inside the function.",
    )
    x = torch.rand(6, 1, 28, 28)
    try:
        out = model.train()(x)
    except (RuntimeError, ValueError) as error:
        first = str(error).splitlines()[0]
        expect(
            False,
            f"{name!r} cannot take six grey 28×28 images, (6, 1, 28, 28): {first}\n"
            "Try: print the shape after each layer.",
        )
    got = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
    expect(
        got == (6, 10),
        f"{name!r} makes {got} out of six images; ten logits for each, (6, 10), were expected.\n"
        "Try: end with nn.Linear(…, 10), after nn.Flatten().",
    )
    expect(
        not close(out.exp().sum(1), torch.ones(6)) and not close(out.sum(1), torch.ones(6)),
        f"{name!r} returns probabilities; cross-entropy wants raw scores.\n"
        "Try: leave softmax out, the loss contains it.",
    )
    _judge_gradients(name, model, out)
    model.eval()
    expect(
        close(model(x)[:1], model(x[:1]), 1e-3),
        f"What {name!r} says of an image in eval mode depends on the others in its batch.\n"
        "Try: never mix along dimension 0; batch norm does not in eval mode.",
    )
    return model


def _judge_gradients(name: str, model: nn.Module, out: Tensor) -> None:
    expect(
        out.requires_grad,
        f"{name!r} has nothing to learn.\nTry: layers with weights, and no torch.no_grad().",
    )
    F.cross_entropy(out, torch.arange(6)).backward()
    for parameter, p in model.named_parameters():
        expect(
            p.grad is not None,
            f"The loss of {name!r} does not depend on {parameter}: this layer is never used.\n"
            "Try: call it in forward, or take it out.",
        )
    values = torch.cat([p.grad.flatten() for p in model.parameters()])
    expect(
        bool(values.isfinite().all() and values.any()),
        f"The gradients of {name!r} are all zero or not finite.\nTry: look for a dead activation or a division by 0.",
    )


@exercise("12.2", "precision and recall, for classes that are never named, too.")
def precision_and_recall(student):
    for generator in seeds():
        matrix = torch.randint(1, 30, (10, 10), generator=generator)
        matrix.diagonal().add_(torch.arange(10) + 40)
        never, absent = torch.randperm(10, generator=generator)[:2].tolist()
        plain = matrix.clone()
        _compare_figures(student, plain)
        matrix[:, never] = 0  # a class that is never predicted
        matrix[absent] = 0  # a class that has no images
        _compare_figures(student, matrix)


def _compare_figures(student, matrix: Tensor) -> None:
    before, wanted = matrix.clone(), metrics.per_class(matrix, tuple("abcdefghij")).values()
    precision, recall = (torch.tensor(values) for values in zip(*wanted, strict=True))
    answer = student(matrix)
    expect(torch.equal(matrix, before), "Your function changes the matrix.\nTry: work on matrix.clone().")
    expect(
        isinstance(answer, tuple | list) and len(answer) == 2,
        "Two tensors were expected.\nTry: return precision, recall.",
    )
    ours = [torch.as_tensor(part, dtype=torch.float64) for part in answer]
    expect(
        all(part.shape == (10,) for part in ours),
        f"The shapes are {', '.join(str(tuple(p.shape)) for p in ours)}; a number for each class was expected, "
        "(10,).\n"
        "Try: matrix.diagonal() has one entry a class.",
    )
    expect(
        not any(part.isnan().any() or part.isinf().any() for part in ours),
        "A class that is never predicted, or has no images, gives 0 / 0.\nTry: divide by sums.clamp(min=1).",
    )
    precision, recall = precision.double(), recall.double()
    if close(ours[0], recall, 1e-4) and close(ours[1], precision, 1e-4):
        expect(
            False,
            "The two are exchanged.\nTry: rows are the truth; precision divides by the sum of a column.",
        )
    shares = matrix.diagonal() / matrix.sum()
    expect(
        not any(close(part, shares.double(), 1e-4) for part in ours),
        "You divide by the number of all images.\nTry: recall divides by the images of this class alone.",
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
            "Two numbers were expected.\nTry: return parameters, macs.",
        )
        parameters, macs = (round(float(n)) for n in answer)
        expect((macs, parameters) != right, "The two are exchanged.\nTry: return parameters, macs.")
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
        "You let 5×5 pixels into the linear layer.\nTry: 28 → 24 → 12 → 8 → 4; it sees b·4·4 numbers.",
    )
    expect(
        answer == right,
        f"LeNet with widths {widths} has {right:,} parameters; you count {answer:,}.\n"
        "Try: layer by layer, (25·1 + 1)·a, (25·a + 1)·b, (16·b + 1)·h, (h + 1)·10.",
    )


def _judge_macs(answer: int, right: int, widths: tuple[int, int, int]) -> None:
    a, b, h = widths
    linear = 16 * b * h + 10 * h
    expect(
        answer != 2 * right,
        "A multiplication and the addition that follows it are one MAC.\nTry: half of it.",
    )
    expect(
        answer != 25 * a * 28**2 + 25 * a * b * 12**2 + linear,
        "A 5×5 filter without padding does not fit at every pixel.\nTry: 24·24 places on 28×28, 8·8 on 12×12.",
    )
    expect(
        answer != 25 * a * 12**2 + 25 * a * b * 4**2 + linear,
        "You count the places after pooling; the convolution comes before.\nTry: 24·24 and 8·8 places.",
    )
    expect(
        answer != 25 * a + 25 * a * b + linear,
        "A convolution uses its weights at every place anew.\nTry: multiply with the 24·24 and the 8·8 places.",
    )
    expect(
        answer == right,
        f"LeNet with widths {widths} needs {right:,} MACs for an image; you count {answer:,}.\n"
        "Try: (weights of the layer without biases) × (places of its output).",
    )
