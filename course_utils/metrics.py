"""Measure a classifier: confusions, precision and recall, worst mistakes. Notebook 09."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Confusion:
    """Two confused classes: ``count`` images of ``truth``, a fraction ``share``, are read as ``read_as``."""

    truth: str
    read_as: str
    count: int
    share: float


def confusion_matrix(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """Count how often each class is read as each class: entry (i, j) is truth i read as j.

    Args:
        labels: true classes ``(N,)``, from 0 to ``classes - 1``.
        predicted: predicted classes ``(N,)``, or logits ``(N, classes)``.
        classes: number of classes.

    Returns:
        Counts ``(classes, classes)``, int64, on the CPU.

    Raises:
        ValueError: If the numbers of labels and predictions differ, or a class is out of range.
    """
    labels, predicted = labels.cpu(), _as_classes(labels, predicted, classes).cpu()
    for what, values in (("labels", labels), ("predictions", predicted)):
        wrong = values[(values < 0) | (values >= classes) | (values != values.long())]
        if len(wrong):
            raise ValueError(
                f"With {classes} classes, {what} must be 0 to {classes - 1}; got {wrong[0].item()}."
            )
    pairs = classes * labels.long() + predicted.long()  # each pair of classes has its own number
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def most_confused(matrix: Tensor, classes: tuple[str, ...], k: int = 5) -> list[Confusion]:
    """The ``k`` most frequent confusions of a confusion matrix ``(C, C)``, the most frequent first.

    Raises:
        ValueError: If the matrix does not have one row and one column per class.
    """
    _check_shape(matrix, classes)
    mistakes = matrix.clone().fill_diagonal_(0)
    counts, order = mistakes.flatten().sort(descending=True, stable=True)
    pairs = [
        divmod(i, len(classes)) for i, n in zip(order[:k].tolist(), counts[:k].tolist(), strict=True) if n > 0
    ]
    return [
        Confusion(classes[i], classes[j], int(matrix[i, j]), float(matrix[i, j] / matrix[i].sum()))
        for i, j in pairs
    ]


def per_class(matrix: Tensor, classes: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Precision and recall of each class.

    Precision is the fraction of the images predicted as this class that belong to it; recall is the fraction of the
    images of this class that are predicted as it. A class that is never predicted has precision 0, and a class without
    images has recall 0.

    Raises:
        ValueError: If the matrix does not have one row and one column per class.
    """
    _check_shape(matrix, classes)
    right = matrix.diagonal().double()
    precision = right / matrix.sum(0).clamp(min=1)
    recall = right / matrix.sum(1).clamp(min=1)
    return {name: (float(p), float(r)) for name, p, r in zip(classes, precision, recall, strict=True)}


def worst_mistakes(labels: Tensor, logits: Tensor, k: int = 10) -> Tensor:
    """Indices of the ``k`` misclassified images whose true class got the smallest probability, the worst first.

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


def _as_classes(labels: Tensor, predicted: Tensor, classes: int | None = None) -> Tensor:
    """Turn logits into predicted classes, and check that there is one for each label."""
    if predicted.dim() == 2:
        outputs = predicted.shape[1]
        if outputs != (classes or max(2, outputs)):
            advice = " For one output per image pass (outputs > 0).long().squeeze(1)." if outputs == 1 else ""
            raise ValueError(
                f"There are {classes or 2} classes, but each prediction has {outputs} outputs.{advice}"
            )
        predicted = predicted.argmax(1)
    if predicted.shape != labels.shape:
        raise ValueError(
            f"There are {len(labels)} labels and {len(predicted)} predictions; both must come from the same images, "
            "in the same order."
        )
    return predicted


def _check_shape(matrix: Tensor, classes: tuple[str, ...]) -> None:
    if matrix.shape != (len(classes), len(classes)):
        raise ValueError(
            f"A confusion matrix of {len(classes)} classes has the shape ({len(classes)}, {len(classes)}); "
            f"this one has {tuple(matrix.shape)}. Give the name of each class."
        )
