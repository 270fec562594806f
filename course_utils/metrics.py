"""What a classifier gets right, what it confuses, and where it is most wrong. Notebook 09."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Confusion(NamedTuple):
    """A pair of classes that is confused: how many images of ``truth`` are read as ``read_as``, and their share."""

    truth: str
    read_as: str
    count: int
    share: float


def confusion_matrix(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """Count how often each class is read as each class: entry (i, j) is truth i read as j.

    Args:
        labels: true classes ``(N,)``.
        predicted: predicted classes ``(N,)``, or logits ``(N, classes)``.
        classes: number of classes.

    Returns:
        Counts ``(classes, classes)``, int64; computed by scikit-learn.
    """
    from sklearn.metrics import confusion_matrix as count

    predicted = _as_classes(labels, predicted)
    return torch.from_numpy(count(labels.cpu().numpy(), predicted.cpu().numpy(), labels=range(classes)))


def most_confused(matrix: Tensor, classes: tuple[str, ...], k: int = 5) -> list[Confusion]:
    """The ``k`` most frequent confusions of a confusion matrix ``(C, C)``, the most frequent first."""
    mistakes = matrix.clone().fill_diagonal_(0)
    values, order = mistakes.flatten().sort(descending=True, stable=True)
    pairs = [divmod(int(i), len(classes)) for i, n in zip(order[:k], values, strict=False) if n > 0]
    return [
        Confusion(classes[i], classes[j], int(matrix[i, j]), float(matrix[i, j] / matrix[i].sum()))
        for i, j in pairs
    ]


def per_class(matrix: Tensor, classes: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Precision and recall of each class: of the images read as it, the share that is; of its images, the share found.

    A class that is never predicted has precision 0, one without images recall 0.
    """
    right = matrix.diagonal().double()
    precision = right / matrix.sum(0).clamp(min=1)
    recall = right / matrix.sum(1).clamp(min=1)
    return {name: (float(p), float(r)) for name, p, r in zip(classes, precision, recall, strict=True)}


def worst_mistakes(labels: Tensor, logits: Tensor, k: int = 10) -> Tensor:
    """Indices of the ``k`` wrongly read images whose true class got the smallest probability, the worst first.

    Args:
        labels: true classes ``(N,)``.
        logits: outputs of the model ``(N, classes)``.
    """
    wrong = (_as_classes(labels, logits) != labels).nonzero().squeeze(1)
    loss = torch.nn.functional.cross_entropy(logits[wrong], labels[wrong], reduction="none")
    return wrong[loss.argsort(descending=True)[:k]]


def relative_difference(model: nn.Module, reference: nn.Module, x: Tensor) -> float:
    """The largest difference between the outputs of two models, as a fraction of the largest output of ``reference``.

    Both models are switched to eval mode and receive the same batch ``x``. Notebooks 13 and 14 compare their networks
    with torchvision's.
    """
    with torch.no_grad():
        ours, theirs = model.eval()(x), reference.eval()(x)
    return float((ours - theirs).abs().max() / theirs.abs().max())


def _as_classes(labels: Tensor, predicted: Tensor) -> Tensor:
    predicted = predicted.argmax(1) if predicted.dim() == 2 else predicted
    if predicted.shape != labels.shape:
        raise ValueError(
            f"There are {len(labels)} labels and {len(predicted)} predictions; both must come from the same images, "
            "in the same order."
        )
    return predicted
