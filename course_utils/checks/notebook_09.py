"""Judges of notebook 09: LeNet-5, the cost of a convolution, the most confused digits."""

import copy

import torch
from torch import nn

from course_utils.checks import close, exercise, expect, seeds
from course_utils.models import LeNet5


@exercise("09.1", "LeNet-5 to the last of its 61 706 parameters.")
def lenet(student):
    model = student()
    expect(
        isinstance(model, nn.Module),
        f"Expected a network, got {type(model).__name__}.\n"
        "Try: return nn.Sequential(…), or an instance of your class.",
    )
    out = model(torch.zeros(2, 1, 32, 32))
    expect(
        tuple(out.shape) == (2, 10),
        f"Two 32×32 images give outputs of shape {tuple(out.shape)}, not (2, 10).\n"
        "Try: print the shape after each layer.",
    )
    _compare_shapes(model)
    expect(
        not close(out.exp().sum(1), torch.ones(2)) and not close(out.sum(1), torch.ones(2)),
        "The outputs are probabilities; cross-entropy expects logits.\nTry: leave out softmax, the loss includes it.",
    )
    reference = LeNet5()
    for seed, _ in enumerate(seeds()):
        torch.manual_seed(seed)
        for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
            nn.init.normal_(theirs, std=0.3)
            ours.data.copy_(theirs)
        x = torch.randn(3, 1, 32, 32)
        expect(
            not close(model(x), _variant(reference, nn.AvgPool2d, nn.MaxPool2d(2))(x), 1e-4),
            "Your pooling takes the maximum; LeNet-5 averages.\nTry: nn.AvgPool2d(2).",
        )
        expect(
            not close(model(x), _variant(reference, nn.Tanh, nn.ReLU())(x), 1e-4),
            "Your activation is ReLU; LeNet-5 is older than that.\nTry: nn.Tanh().",
        )
        expect(
            close(model(x), reference(x), 1e-4),
            "Sizes and parameters are right, but with the same weights the outputs differ from LeNet-5's.\n"
            "Try: tanh after each convolution and after the first linear layer, in this order: conv, tanh, pool.",
        )


def _compare_shapes(model: nn.Module) -> None:
    """Compare the shapes of the parameters with LeNet-5's, and report the first that differs."""
    ours, theirs = ([tuple(p.shape) for p in m.parameters()] for m in (model, LeNet5()))
    total = sum(p.numel() for p in model.parameters())
    swapped = [(120, 84), (120,), (10, 120), (10,)]
    expect(
        ours[-4:] != swapped,
        "The sizes of your last layers are 84 → 120 → 10.\nTry: decreasing sizes, 120 → 84 → 10.",
    )
    expect(
        len(ours) == len(theirs),
        f"Your network has {len(ours) // 2} layers with weights, LeNet-5 has 5.\n"
        "Try: three convolutions, two linear layers.",
    )
    for i, (mine, right) in enumerate(zip(ours, theirs, strict=True)):
        expect(
            mine == right,
            f"Parameter tensor {i} has the shape {mine}, but LeNet-5's has {right}; "
            f"you have {total} parameters, not 61 706.\n"
            "Try: conv 1→6, 6→16, 16→120, each 5×5; linear 120→84, 84→10.",
        )


def _variant(reference: LeNet5, old: type[nn.Module], new: nn.Module) -> LeNet5:
    """Return LeNet-5 with the same weights and each layer of type ``old`` replaced by ``new``."""
    variant = copy.deepcopy(reference)
    for part in (variant.features, variant.classifier):
        for i, layer in enumerate(part):
            part[i] = new if isinstance(layer, old) else layer
    return variant


@exercise("09.2", "that is the cost of a convolution, whatever its size.")
def multiplications(student):
    for generator in seeds(5):
        i, o, k, h, w = (int(n) for n in torch.randint(2, 12, (5,), generator=generator))
        k += k == i  # for k = i two of the mistakes below would give the same number
        h, w = h + 60, w + h + 60
        right = i * o * k * k * (h - k + 1) * (w - k + 1)
        answer = student(i, o, k, h, w)
        for wrong, hint in [
            (
                i * o * k * k * h * w,
                "You apply the filter at every pixel.\nTry: without padding it fits at (H−k+1)·(W−k+1) positions.",
            ),
            (i * o * k * k, "This counts one position.\nTry: multiply by the number of output pixels."),
            (
                o * k * k * (h - k + 1) * (w - k + 1),
                "Each filter looks at all input channels.\nTry: one output pixel costs in·k·k multiplications.",
            ),
            (
                right + o * (h - k + 1) * (w - k + 1),
                "You count the bias too, but adding it is not a multiplication.\nTry: leave the bias out.",
            ),
            (i * o * k * (h - k + 1) * (w - k + 1), "A k×k filter has k·k weights.\nTry: square k."),
        ]:
            expect(answer != wrong, hint)
        expect(
            answer == right,
            f"A {k}×{k} convolution from {i} to {o} channels on a {h}×{w} image takes {right} multiplications; your "
            f"answer is {answer}.\nTry: (weights of one filter) × (filters) × (positions).",
        )


@exercise("09.3", "found.")
def most_confused_pair(student):
    for generator in seeds():
        matrix = torch.randint(0, 20, (10, 10), generator=generator)
        matrix.diagonal().fill_(900)
        i, j = (int(n) for n in torch.randperm(10, generator=generator)[:2])
        matrix[i, j], matrix[j, i] = 50, 21
        before = matrix.clone()
        answer = student(matrix)
        expect(
            torch.equal(matrix, before),
            "Your function changes the matrix that it is given.\nTry: work on matrix.clone().",
        )
        expect(
            isinstance(answer, tuple | list) and len(answer) == 2,
            "Expected two digits: return truth, prediction.\n"
            "Try: divmod(index, 10) gives row and column for the index into the flattened 10×10 matrix.",
        )
        truth, prediction = int(answer[0]), int(answer[1])
        expect(truth != prediction, "The diagonal counts the right predictions.\nTry: set it to 0 first.")
        expect(
            (truth, prediction) != (j, i),
            "The two are swapped.\nTry: rows are the truth, columns the prediction.",
        )
        expect(
            (truth, prediction) == (i, j),
            f"The largest number off the diagonal is {matrix[i, j]}, at row {i}, column {j}; you found "
            f"{matrix[truth, prediction]}.\n"
            "Try: argmax of the whole matrix, without its diagonal.",
        )
