"""Judges of notebook 08: two classes out of many, accuracy over batches, counting a network, a deeper one."""

import copy
from random import Random

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.checks import close, exercise, expect, seeds
from course_utils.checks.formulas import compare_formulas
from course_utils.models import DeeperConvNet


@exercise("08.1", "the right images, in their order, with labels from 0 on.")
def two_classes(student):
    for generator in seeds(5):
        labels = torch.randperm(40, generator=generator) % 5
        images = torch.randint(256, (40, 3, 2, 2), dtype=torch.uint8, generator=generator)
        keep = (3, 0, 1)  # three, in an order of their own: what works for (0, 2) alone does not pass
        given = labels.clone()
        answer = student(images, labels, keep)
        expect(
            isinstance(answer, tuple | list)
            and len(answer) == 2
            and all(isinstance(a, Tensor) for a in answer),
            "Images and labels were expected, two tensors.\nTry: return images[chosen], labels[chosen].",
        )
        expect(
            torch.equal(labels, given),
            "Your function changes the labels it is given.\nTry: write the new ones into a tensor of their own.",
        )
        _compare_classes(*answer, images, labels, keep)


def _compare_classes(found: Tensor, new: Tensor, images: Tensor, labels: Tensor, keep: tuple) -> None:
    chosen = torch.tensor([label in keep for label in labels.tolist()])
    right = torch.tensor([keep.index(label) for label in labels[chosen].tolist()])
    expect(
        len(found) == len(new) == len(right),
        f"{len(right)} of the 40 images are of the classes {keep}; you return {len(found)} images and {len(new)} "
        "labels.\nTry: torch.isin(labels, torch.tensor(keep)) says of each image whether it stays.",
    )
    grouped = torch.cat([images[labels == label] for label in keep])
    expect(
        not torch.equal(found, grouped),
        "Your images are sorted by class.\nTry: choose all of them at once, with one mask, and their order stays.",
    )
    expect(
        torch.equal(found, images[chosen]),
        "These are not the images of the classes asked for.\nTry: index images and labels with the same mask.",
    )
    expect(
        not torch.equal(new, labels[chosen]),
        f"The labels still have their old numbers, {sorted(keep)}.\n"
        "Try: a network with three outputs knows the labels 0, 1, 2; the first class of keep becomes 0.",
    )
    expect(
        not torch.equal(new, labels[chosen].unique(return_inverse=True)[1]),
        "You number the classes by size.\nTry: the order of keep counts; here class 3 becomes 0, class 0 becomes 1.",
    )
    expect(
        new.dtype == torch.int64,
        f"The labels are {new.dtype}; cross-entropy takes torch.int64 for classes.\nTry: torch.empty_like(labels).",
    )
    expect(
        torch.equal(new, right),
        "The images are right, the labels are not: perhaps one that was renumbered was renumbered again.\n"
        "Try: compare with the old labels, and write into a new tensor.",
    )


class _Probe(nn.Module):
    """Gives each item the logits it is told to, and notes in which mode it was called."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.trained, self.recorded = False, False

    def forward(self, x: Tensor) -> Tensor:
        self.trained = self.trained or self.training
        self.recorded = self.recorded or torch.is_grad_enabled()
        return x * self.weight


@exercise("08.2", "the share of right answers, whatever the size of the last batch.")
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
            f"One number was expected, {type(answer).__name__} came back.\nTry: return right / seen.",
        )
        hits = (logits.argmax(1) == labels).float()
        shares = [part.mean() for part in hits.split(8)]
        for wrong, hint in [
            (sum(shares) / len(shares), "The last batch is shorter, but counts like the others: you average the "
             "batches.\nTry: add up the right ones and the images, and divide once."),
            (hits.sum(), "This is how many are right.\nTry: divide by the number of images."),
            (100 * hits.mean(), "This is a percentage.\nTry: a share lies between 0 and 1."),
            (hits.sum() / 7, "You divide by the number of batches.\nTry: count the images, len(y) of each batch."),
            (shares[-1], "This is the last batch alone.\nTry: add up before you return, after the loop."),
        ]:  # fmt: skip
            expect(abs(float(answer) - float(wrong)) > 1e-6, hint)
        expect(
            abs(float(answer) - float(hits.mean())) < 1e-5,
            f"{int(hits.sum())} of 50 are right, a share of {float(hits.mean()):.3f}; you say {float(answer):.3f}.\n"
            "Try: the prediction is argmax(1), the largest of the outputs of one image.",
        )
        expect(
            not probe.trained,
            "The network was in training mode, where dropout and batch norm behave otherwise.\n"
            "Try: model.eval() before the loop.",
        )
        expect(
            not probe.recorded,
            "Autograd recorded every step, for a gradient that nobody asks for.\n"
            "Try: with torch.no_grad(): around the loop.",
        )


def _size(first, second, hidden, classes, kernel=25, side=5, inside=None, biases=1):
    """Parameters of BasicConvNet; the arguments after ``classes`` make the classic mistakes."""
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
            "You count one bias a layer.\nTry: each filter and each unit has its own.",
        ),
        (
            lambda *c: _size(*c, side=32),
            "The image does not stay 32×32.\nTry: 5×5 without padding takes 4 pixels, pooling halves: 28, 14, 10, 5.",
        ),
        (
            lambda *c: _size(*c, side=8),
            "This is right with padding.\nTry: here there is none: 32, 28, 14, 10, 5.",
        ),
        (
            lambda *c: _size(*c, side=10),
            "You forget the second pooling.\nTry: it makes 5×5 out of 10×10 before the linear layer.",
        ),
        (
            lambda *c: _size(*c, side=1),
            "The linear layer sees all pixels of all maps.\nTry: second·5·5 inputs, not second.",
        ),
        (lambda *c: _size(*c, kernel=5), "A 5×5 window has 25 weights.\nTry: square the kernel."),
        (
            lambda *c: _size(*c, inside=3),
            "The second convolution does not see the image.\nTry: its input channels are the first one's filters.",
        ),
    ]
    last = (
        "With {0} and {1} filters, {2} hidden units and {3} classes there are {right} parameters, you say {answer}.\n"
        "Try: four layers, each (inputs of one unit + 1) × (units), and compare them one by one."
    )
    compare_formulas(student, cases, _size, wrong, last)


@exercise("08.4", "deeper, and as large as the basic network.")
def deeper(student):
    for width, classes in [(4, 10), (6, 3)]:
        model = student(width, classes)
        expect(
            isinstance(model, nn.Module),
            f"{type(model).__name__} came back; a network was expected.\nTry: return nn.Sequential(…).",
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
    """Compare the parameters one by one, and say which one differs first."""
    ours, theirs = ([tuple(p.shape) for p in m.parameters()] for m in (model, reference))
    filters = [shape[0] for shape in ours if len(shape) == 4]
    expect(
        len(filters) == 3,
        f"There are {len(filters)} convolutions; three were asked for.\nTry: conv, ReLU, pool, three times.",
    )
    expect(
        filters != [width] * 3,
        "All your convolutions have the same number of filters.\nTry: it doubles from one to the next, w, 2w, 4w.",
    )
    for i, (mine, right) in enumerate(zip(ours, theirs, strict=False)):
        expect(
            mine == right,
            f"With w = {width} parameter tensor {i} has the shape {mine}; {right} was expected.\n"
            "Try: three 3×3 convolutions with padding 1, so that only pooling shrinks: 32, 16, 8, 4 pixels.",
        )
    expect(
        len(ours) == len(theirs),
        f"There are {len(ours)} parameter tensors, not {len(theirs)}.\nTry: after the convolutions one linear layer.",
    )


def _compare_outputs(model: nn.Module, reference: nn.Module) -> None:
    """Give both the same weights and compare what they answer."""
    model.eval()
    for generator in seeds():
        for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
            nn.init.normal_(theirs, std=0.3, generator=generator)
            ours.data.copy_(theirs)
        x = torch.randn(3, 3, 32, 32, generator=generator)
        out, right = model(x), reference(x)
        for wrong, hint in [
            (right.softmax(1), "Your outputs are probabilities.\nTry: leave softmax out, cross-entropy contains it."),
            (right.relu(), "There is a ReLU after the last layer: no score can be negative.\nTry: leave that one out."),
            (_variant(reference, nn.ReLU, nn.Identity())(x), "Nothing stands between the convolutions but pooling.\n"
             "Try: nn.ReLU() after each of them."),
            (_variant(reference, nn.MaxPool2d, nn.AvgPool2d(2))(x), "Your pooling averages.\nTry: nn.MaxPool2d(2)."),
        ]:  # fmt: skip
            expect(not close(out, wrong, 1e-4) or close(right, wrong, 1e-4), hint)
        expect(
            close(out, right, 1e-4),
            "The sizes are right, but with the same weights your network answers otherwise.\n"
            "Try: conv, ReLU, pool, three times, then flatten and one linear layer, and nothing else.",
        )


def _variant(reference: DeeperConvNet, old: type[nn.Module], new: nn.Module) -> DeeperConvNet:
    """The network with the same weights and each layer of type ``old`` replaced by ``new``."""
    variant = copy.deepcopy(reference)
    for i, layer in enumerate(variant.features):
        variant.features[i] = new if isinstance(layer, old) else layer
    return variant
