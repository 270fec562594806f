"""Grids of images, and confusion matrices."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from course_utils.metrics import Confusion, most_confused
from course_utils.plots.style import WIDEST, Picture, drawable, new, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELLS_WITH_NUMBERS = 12  # classes; the numbers of a larger confusion matrix would overlap
NAMES_ON_AXES = 30  # classes; with more, the names would overlap
LARGEST_CONFUSIONS = 12  # shown next to a large confusion matrix


def image_grid(
    images: Tensor,
    titles: Sequence[str] | None = None,
    columns: int = 8,
    alt: str = "",
    cmap: str = "gray",
    symmetric: bool = False,
    rescale: bool = False,
) -> Picture:
    """Draw images ``(N, C, H, W)`` with 1 or 3 channels, or grey ones ``(N, H, W)``, with a title each.

    Grey images share one scale: from 0 to 255 for uint8, from 0 to 1 for floats in that range, and otherwise from
    the smallest to the largest value of all images.

    Args:
        titles: a short text above each image; they are part of the alternative text.
        alt: what the images are; ``"Images"`` if left out.
        cmap: colours for one-channel images.
        symmetric: choose the range of colours around 0, for weights and activations of either sign.
        rescale: give each grey image its own scale, from its smallest to its largest value.

    Raises:
        ValueError: If there are no images, or the tensor has another shape.
    """
    images = images.detach().cpu()
    images = images[:, None] if images.dim() == 3 else images
    if images.dim() != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"images must be (N, C, H, W) with 1 or 3 channels, or (N, H, W); got {tuple(images.shape)}. "
            "For one image try image[None]."
        )
    if not len(images):
        raise ValueError("There are no images to draw: the tensor's first dimension is 0.")
    rows, columns = -(-len(images) // columns), min(columns, len(images))
    figure, _ = new(rows, columns, (1.35 * columns, (1.75 if titles else 1.4) * rows))
    low, high = (None, None) if rescale else _grey_scale(images, symmetric)
    for axis in figure.axes:
        axis.axis("off")
    shown = drawable(titles) if titles else []
    for i, (axis, image) in enumerate(zip(figure.axes, images, strict=False)):
        picture = image.permute(1, 2, 0).squeeze(2) if image.shape[0] == 1 else image.permute(1, 2, 0)
        axis.imshow(picture.numpy(), cmap=cmap, vmin=low, vmax=high)
        if titles:
            axis.set_title(shown[i], fontsize="medium")
    told = f": {', '.join(t.replace(chr(10), ' ') for t in titles[: len(images)])}" if titles else ""
    return show(
        figure,
        f"{alt or 'Images'} ({len(images)} pictures, {images.shape[2]}×{images.shape[3]} pixels){told}.",
    )


def _grey_scale(images: Tensor, symmetric: bool) -> tuple[float, float]:
    """The values that are drawn as black and as white."""
    if symmetric:
        limit = images.abs().max().item() or 1.0
        return -limit, limit
    if images.dtype == torch.uint8:
        return 0, 255
    low, high = (value.item() for value in images.aminmax())
    return (0, 1) if low >= 0 and high <= 1 else (low, high)


def confusion_matrix(matrix: Tensor, classes: Sequence[str]) -> Picture:
    """Draw a confusion matrix ``(C, C)``, truth down and prediction across.

    Up to 12 classes, every cell shows its number. A larger matrix is drawn without numbers, next to a bar chart of the
    largest confusions.

    Raises:
        ValueError: If the matrix does not have one row and one column per class.
    """
    worst = most_confused(matrix, tuple(classes), LARGEST_CONFUSIONS)
    tells = "no class is confused with another"
    if worst:
        tells = f"most confused: {worst[0].truth} read as {worst[0].read_as}, {100 * worst[0].share:.1f} %"
    names = drawable(classes)
    if len(classes) <= CELLS_WITH_NUMBERS:
        figure = _matrix_with_numbers(matrix, names)
    else:
        figure = _large_matrix(matrix, names, most_confused(matrix, tuple(names), LARGEST_CONFUSIONS))
        tells += "".join(f"; {w.truth} read as {w.read_as}: {w.count}" for w in worst[1:])
    return show(figure, f"Confusion matrix, {len(classes)} classes; {tells}.")


def _matrix_with_numbers(matrix: Tensor, names: Sequence[str]) -> "Figure":
    """A small confusion matrix; scikit-learn's display."""
    from sklearn.metrics import ConfusionMatrixDisplay

    figure, axis = new(size=(8, 7))
    ConfusionMatrixDisplay(matrix.numpy(), display_labels=names).plot(ax=axis, cmap="Blues", colorbar=False)
    axis.grid(False)
    axis.tick_params(axis="x", rotation=45 if max(map(len, names)) > 2 else 0)
    return figure


def _large_matrix(matrix: Tensor, names: Sequence[str], worst: Sequence[Confusion]) -> "Figure":
    """The fraction of each class as a colour, and bars of the largest confusions."""
    figure, (left, right) = new(1, 2, (WIDEST, 7))
    shares = matrix / matrix.sum(1, keepdim=True).clamp(min=1)  # (C, C)
    # the square root makes rare confusions visible next to a diagonal near 1
    left.imshow(shares.sqrt().numpy(), cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    left.grid(False)
    left.set(
        xlabel="Predicted label", ylabel="True label", title="fraction of each class (square-root scale)"
    )
    if len(names) <= NAMES_ON_AXES:
        left.set_xticks(range(len(names)), names, rotation=90)
        left.set_yticks(range(len(names)), names)
    labels = [f"{_short(w.truth)} → {_short(w.read_as)}" for w in worst]
    right.barh(range(len(worst)), [w.count for w in worst], tick_label=labels)
    right.invert_yaxis()  # the largest at the top
    right.grid(False, axis="y")
    right.set(xlabel="images", title="largest confusions")
    return figure


def _short(name: str, most: int = 16) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
