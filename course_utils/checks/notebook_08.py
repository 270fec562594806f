"""Judges of notebook 08: choosing classes, accuracy over batches, counting parameters, a deeper network."""

import copy
from random import Random

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.checks import close, exercise, expect, seeds
from course_utils.checks.formulas import compare_formulas
from course_utils.models import DeeperConvNet


@exercise("08.1", "the right images, in their order, with labels that start at 0.")
def two_classes(student):
    for generator in seeds(5):
        labels = torch.randperm(40, generator=generator) % 5
        images = torch.randint(256, (40, 3, 2, 2), dtype=torch.uint8, generator=generator)
        # three classes, not sorted: code that only works for (0, 2) does not pass
        keep, given = (3, 0, 1), labels.clone()
        answer = student(images, labels, keep)
        expect(
            isinstance(answer, tuple | list)
            and len(answer) == 2
            and all(isinstance(a, Tensor) for a in answer),
            "Expected images and labels, two tensors.\nTry: return images[chosen], labels[chosen].",
        )
        expect(
            torch.equal(labels, given),
            "Your function changes the labels that it is given.\nTry: write the new labels into a new tensor.",
        )
        _compare_classes(*answer, images, labels, keep)


def _compare_classes(found: Tensor, new: Tensor, images: Tensor, labels: Tensor, keep: tuple) -> None:
    chosen = torch.tensor([label in keep for label in labels.tolist()])
    right = torch.tensor([keep.index(label) for label in labels[chosen].tolist()])
    expect(
        len(found) == len(new) == len(right),
        f"{len(right)} of the 40 images are of the classes {keep}; you return {len(found)} images and {len(new)} "
        "labels.\nTry: torch.isin(labels, torch.tensor(keep)) is true for each image to keep.",
    )
    grouped = torch.cat([images[labels == label] for label in keep])
    expect(
        not torch.equal(found, grouped),
        "Your images are sorted by class.\nTry: choose all of them at once, with one mask; this keeps their order.",
    )
    expect(
        torch.equal(found, images[chosen]),
        "These are not the images of the classes in keep.\nTry: index images and labels with the same mask.",
    )
    expect(
        not torch.equal(new, labels[chosen]),
        f"The labels still have their old numbers, {sorted(keep)}.\n"
        "Try: a network with three outputs needs the labels 0, 1, 2; the first class of keep becomes 0.",
    )
    expect(
        not torch.equal(new, labels[chosen].unique(return_inverse=True)[1]),
        "You number the classes in ascending order.\n"
        "Try: use the order of keep; here class 3 becomes 0, class 0 becomes 1.",
    )
    expect(
        new.dtype == torch.int64,
        f"The labels are {new.dtype}, but cross-entropy expects torch.int64 for classes.\n"
        "Try: torch.empty_like(labels).",
    )
    expect(
        torch.equal(new, right),
        "The images are right, but the labels are not: a renumbered label may have been renumbered again.\n"
        "Try: compare with the old labels, and write into a new tensor.",
    )


class _Probe(nn.Module):
    """Return the input as logits, and record in which mode the network was called."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.trained, self.recorded = False, False

    def forward(self, x: Tensor) -> Tensor:
        self.trained = self.trained or self.training
        self.recorded = self.recorded or torch.is_grad_enabled()
        return x * self.weight


@exercise("08.2", "the fraction of right answers, whatever the size of the last batch.")
def accuracy(student):
    for generator in seeds():
        logits, labels = torch.randn(50, 4, generator=generator), torch.arange(50) % 4
        logits[range(36), labels[:36]] += 5  # the first batches are nearly right, the short last one is not
        logits[range(44, 50), labels[44:]] -= 9
        loader = DataLoader(TensorDataset(logits, labels), batch_size=8)  # six batches of 8, one of 2
        probe = _Probe().train()
        answer = student(probe, loader)
        expect(
            isinstance(answer, float | int) or (isinstance(answer, Tensor) and answer.numel() == 1),
            f"Expected one number, got {type(answer).__name__}.\nTry: return right / seen.",
        )
        hits = (logits.argmax(1) == labels).float()
        per_batch = [part.mean() for part in hits.split(8)]
        for wrong, hint in [
            (sum(per_batch) / len(per_batch), "The last batch is smaller, but counts like the others: you average the "
             "batches.\nTry: add up the right answers and the images, and divide once."),
            (hits.sum(), "This is the number of right answers.\nTry: divide by the number of images."),
            (100 * hits.mean(), "This is a percentage.\nTry: a fraction is between 0 and 1."),
            (hits.sum() / 7, "You divide by the number of batches.\nTry: count the images, len(y) of each batch."),
            (per_batch[-1], "This is the accuracy of the last batch only.\n"
            "Try: add up before you return, after the loop."),
        ]:  # fmt: skip
            expect(abs(float(answer) - float(wrong)) > 1e-6, hint)
        expect(
            abs(float(answer) - float(hits.mean())) < 1e-5,
            f"{int(hits.sum())} of 50 are right: expected {float(hits.mean()):.3f}, got {float(answer):.3f}.\n"
            "Try: the prediction is argmax(1), the largest of the outputs of one image.",
        )
        expect(
            not probe.trained,
            "The network was in training mode, in which dropout and batch norm behave differently.\n"
            "Try: model.eval() before the loop.",
        )
        expect(
            not probe.recorded,
            "Autograd recorded every step, for a gradient that is not needed.\n"
            "Try: with torch.no_grad(): around the loop.",
        )


def _size(first, second, hidden, classes, kernel=25, side=5, inside=None, biases=1):
    """Return the number of BasicConvNet's parameters; the arguments after ``classes`` make the classic mistakes."""
    convolutions = first * (3 * kernel + biases) + second * ((inside or first) * kernel + biases)
    return convolutions + hidden * (second * side * side + biases) + classes * (hidden + biases)


@exercise("08.3", "109 050 for BasicConvNet, and right for every width.")
def count(student):
    draw = Random()
    cases = [tuple(draw.randint(low, low + 20) for low in (4, 5, 30, 2)) for _ in range(20)]
    cases.append((8, 16, 256, 10))
    wrong = [
        (lambda *c: _size(*c, biases=0), "The biases are missing.\nTry: one for each filter and each unit."),
        (
            lambda *c: _size(*c, biases=0) + 4,
            "You count one bias per layer.\nTry: each filter and each unit has its own.",
        ),
        (
            lambda *c: _size(*c, side=32),
            "The image does not remain 32×32.\n"
            "Try: 5×5 without padding removes 4 pixels, pooling halves: 28, 14, 10, 5.",
        ),
        (
            lambda *c: _size(*c, side=8),
            "This would be right with padding.\nTry: without padding: 32, 28, 14, 10, 5.",
        ),
        (
            lambda *c: _size(*c, side=10),
            "You forget the second pooling.\nTry: it reduces 10×10 to 5×5 before the linear layer.",
        ),
        (
            lambda *c: _size(*c, side=1),
            "The linear layer sees all pixels of all feature maps.\nTry: second·5·5 inputs, not second.",
        ),
        (lambda *c: _size(*c, kernel=5), "A 5×5 window has 25 weights.\nTry: square the kernel."),
        (
            lambda *c: _size(*c, inside=3),
            "The second convolution does not see the image.\nTry: its input channels are the first one's filters.",
        ),
    ]
    last = (
        "With {0} and {1} filters, {2} hidden units and {3} classes there are {right} parameters; your answer "
        "is {answer}.\n"
        "Try: four layers, each (inputs of one unit + 1) × (units), and compare them one by one."
    )
    compare_formulas(student, cases, _size, wrong, last)


@exercise("08.4", "deeper, and as large as the basic network.")
def deeper(student):
    for width, classes in [(4, 10), (6, 3)]:
        model = student(width, classes)
        expect(
            isinstance(model, nn.Module),
            f"Expected a network, got {type(model).__name__}.\nTry: return nn.Sequential(…).",
        )
        _compare_shapes(model, DeeperConvNet(classes, width), width)
        out = model(torch.zeros(2, 3, 32, 32))
        expect(
            tuple(out.shape) == (2, classes),
            f"Two images give outputs of shape {tuple(out.shape)}, not (2, {classes}).\n"
            "Try: nn.Flatten() before the linear layer.",
        )
        _compare_outputs(model, DeeperConvNet(classes, width))


def _compare_shapes(model: nn.Module, reference: nn.Module, width: int) -> None:
    """Compare the shapes of the parameters one by one, and report the first that differs."""
    ours, theirs = ([tuple(p.shape) for p in m.parameters()] for m in (model, reference))
    filters = [shape[0] for shape in ours if len(shape) == 4]
    expect(
        len(filters) == 3,
        f"Expected three convolutions, got {len(filters)}.\nTry: conv, ReLU, pool, three times.",
    )
    expect(
        filters != [width] * 3,
        "All your convolutions have the same number of filters.\nTry: double it from one to the next, w, 2w, 4w.",
    )
    for i, (mine, right) in enumerate(zip(ours, theirs, strict=False)):
        expect(
            mine == right,
            f"With w = {width}, parameter tensor {i}: expected the shape {right}, got {mine}.\n"
            "Try: three 3×3 convolutions with padding 1, so that only pooling reduces the size: 32, 16, 8, 4 pixels.",
        )
    expect(
        len(ours) == len(theirs),
        f"Expected {len(theirs)} parameter tensors, got {len(ours)}.\nTry: one linear layer after the convolutions.",
    )


def _compare_outputs(model: nn.Module, reference: nn.Module) -> None:
    """Give both the same weights and compare their outputs."""
    model.eval()
    for generator in seeds():
        for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
            nn.init.normal_(theirs, std=0.3, generator=generator)
            ours.data.copy_(theirs)
        x = torch.randn(3, 3, 32, 32, generator=generator)
        out, right = model(x), reference(x)
        for wrong, hint in [
            (right.softmax(1), "Your outputs are probabilities.\nTry: leave out softmax, cross-entropy includes it."),
            (right.relu(), "There is a ReLU after the last layer: no score can be negative.\nTry: leave it out."),
            (_variant(reference, nn.ReLU, nn.Identity())(x), "There is only pooling between the convolutions.\n"
             "Try: nn.ReLU() after each of them."),
            (_variant(reference, nn.MaxPool2d, nn.AvgPool2d(2))(x), "Your pooling averages.\nTry: nn.MaxPool2d(2)."),
        ]:  # fmt: skip
            expect(not close(out, wrong, 1e-4) or close(right, wrong, 1e-4), hint)
        expect(
            close(out, right, 1e-4),
            "The sizes are right, but with the same weights your network's outputs differ.\n"
            "Try: conv, ReLU, pool, three times, then flatten and one linear layer, and nothing else.",
        )


def _variant(reference: DeeperConvNet, old: type[nn.Module], new: nn.Module) -> DeeperConvNet:
    """Return the network with the same weights and each layer of type ``old`` replaced by ``new``."""
    variant = copy.deepcopy(reference)
    for i, layer in enumerate(variant.features):
        variant.features[i] = new if isinstance(layer, old) else layer
    return variant
