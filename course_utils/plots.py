"""Figures in one style: readable from the back row, by colour-blind eyes, and by a screen reader.

Each function returns a :class:`Picture`; as the last line of a cell it is shown with its alternative text,
which says what the data says.
"""

import base64
import html
import io
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from course_utils.training import History

# Okabe and Ito's colours, which stay apart for colour-blind eyes; the dashes stay apart without colour
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 3)))
WIDEST = 13.4  # inches: a wider figure is made so small on a slide that its text is below 18 pixels
STYLE = {
    "figure.figsize": (9, 4.5),
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "font.size": 15,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "lines.linewidth": 2.5,
    "legend.frameon": False,
}


class Picture:
    """A figure with its alternative text; JupyterLab shows both, HTML and slides carry both."""

    def __init__(self, figure, alt: str):
        buffer = io.BytesIO()
        figure.savefig(
            buffer, format="png", bbox_inches="tight", facecolor="white", metadata={"Software": None}
        )
        self.figure, self.alt, self.png = figure, alt, buffer.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/html": embedded("png", self.png, self.alt), "text/plain": f"<Picture: {self.alt}>"}


def embedded(kind: str, image: bytes, alt: str) -> str:
    """HTML that holds an image of type ``image/<kind>`` and its alternative text.

    An <img>, because JupyterLab gives outputs of an image type no alternative text.
    """
    data = base64.b64encode(image).decode("ascii")
    return f'<img src="data:image/{kind};base64,{data}" alt="{html.escape(alt)}">'


def new(rows: int = 1, columns: int = 1, size: tuple[float, float] | None = None):
    """Start a figure of your own in the course's style: returns (figure, axes), as ``plt.subplots`` does.

    Args:
        size: width and height in inches; the width at most ``WIDEST``.
    """
    import matplotlib.pyplot as plt

    plt.rcParams.update(STYLE | {"axes.prop_cycle": plt.cycler(color=COLOURS, linestyle=DASHES)})
    return plt.subplots(rows, columns, figsize=size)


def show(figure, alt: str) -> Picture:
    """Close a figure of your own and return it as a Picture with the alternative text ``alt``.

    Raises:
        ValueError: the text is missing or too short to tell anything.
    """
    import matplotlib.pyplot as plt

    if len(alt) < 20:
        raise ValueError(
            f"alt={alt!r} tells too little: say what the figure shows to someone who cannot see it."
        )
    plt.close(figure)
    return Picture(figure, alt)


def learning_curves(
    histories: History | Mapping[str, History], reference: Mapping[str, Sequence[float]] | None = None
) -> Picture:
    """Loss and accuracy against epochs, for one run or for several by name.

    Args:
        histories: one History, or histories by name.
        reference: published curves to compare with, by column: ``{"val_accuracy": [0.34, …]}``.
    """
    runs = {"": histories} if isinstance(histories, History) else dict(histories)
    has_accuracy = any(
        value is not None for run in runs.values() for value in run.train_accuracy + run.val_accuracy
    )
    figure, axes = new(1, 1 + has_accuracy, (12, 4.5) if has_accuracy else None)
    told = []
    for axis, what in zip([axes] if not has_accuracy else axes, ["loss", "accuracy"], strict=False):
        lines = _curves_of(runs, reference or {}, what)
        for (name, values), colour, dash in zip(lines.items(), COLOURS * 2, DASHES * 2, strict=False):
            axis.plot(range(1, len(values) + 1), values, label=name, color=colour, linestyle=dash)
            told.append(
                f"{name} {what} goes from {values[0]:.3g} to {values[-1]:.3g} in {len(values)} epochs"
            )
        axis.set(xlabel="epoch", ylabel=what)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    return show(figure, f"Learning curves: {'; '.join(told)}.")


def _curves_of(runs: Mapping[str, History], reference: Mapping, what: str) -> dict[str, Sequence[float]]:
    """The lines to draw: name → values, training and validation of each run, then the published ones."""
    lines = {}
    for kind, label in [("train", "training"), ("val", "validation")]:
        for name, run in runs.items():
            values = getattr(run, f"{kind}_{what}")
            if values and values[0] is not None:
                lines[f"{name} {label}".strip()] = values
        if f"{kind}_{what}" in reference:
            lines[f"published {label}"] = reference[f"{kind}_{what}"]
    return lines


def curves(
    series: Mapping[str, Sequence[float] | Tensor],
    x: Sequence[float] | Tensor | None = None,
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    log: bool = False,
) -> Picture:
    """Draw several lines over one axis, by name; ``log`` makes the vertical axis logarithmic."""
    figure, axis = new()
    told = []
    for name, values in series.items():
        values = torch.as_tensor(values).tolist()
        axis.plot(range(1, len(values) + 1) if x is None else x, values, label=name)
        told.append(f"{name}: from {values[0]:.3g} to {values[-1]:.3g}, smallest {min(values):.3g}")
    axis.set(xlabel=xlabel, ylabel=ylabel, title=title, yscale="log" if log else "linear")
    if len(series) > 1:
        figure.legend(loc="outside right upper") if len(series) > 2 else axis.legend()
    return show(figure, f"{title or ylabel} against {xlabel}. {'; '.join(told)}.")


def confusion_matrix(matrix: Tensor, classes: Sequence[str]) -> Picture:
    """Draw a confusion matrix ``(C, C)``, truth down and prediction across; scikit-learn's display."""
    from sklearn.metrics import ConfusionMatrixDisplay

    from course_utils.metrics import most_confused

    figure, axis = new(size=(8, 7))
    display = ConfusionMatrixDisplay(matrix.numpy(), display_labels=classes)
    display.plot(ax=axis, cmap="Blues", colorbar=False)
    axis.grid(False)
    axis.tick_params(axis="x", rotation=45 if max(map(len, classes)) > 2 else 0)
    worst = most_confused(matrix, tuple(classes), 1)
    tells = "no class is confused with another"
    if worst:
        tells = f"most confused: {worst[0].truth} read as {worst[0].read_as}, {100 * worst[0].share:.1f} %"
    return show(figure, f"Confusion matrix, {len(classes)} classes; {tells}.")


def image_grid(
    images: Tensor,
    titles: Sequence[str] | None = None,
    columns: int = 8,
    alt: str = "",
    cmap: str = "gray",
    symmetric: bool = False,
) -> Picture:
    """Draw images ``(N, C, H, W)`` with 1 or 3 channels, uint8 or in [0, 1], with a title each.

    Args:
        titles: a short text above each image; they are part of the alternative text.
        alt: what the images are; ``"Images"`` if left out.
        cmap: colours for one-channel images.
        symmetric: choose the range of colours around 0, for weights and activations of either sign.
    """
    if not len(images):
        raise ValueError("There are no images to draw: the tensor's first dimension is 0.")
    images = images.detach().cpu()
    rows, columns = -(-len(images) // columns), min(columns, len(images))
    figure, axes = new(rows, columns, (1.35 * columns, (1.75 if titles else 1.4) * rows))
    limit = images.abs().max().item() if symmetric else None
    for axis in figure.axes:
        axis.axis("off")
    for i, (axis, image) in enumerate(zip(figure.axes, images, strict=False)):
        picture = image.permute(1, 2, 0).squeeze(2) if image.shape[0] == 1 else image.permute(1, 2, 0)
        axis.imshow(picture.numpy(), cmap=cmap, vmin=-limit if limit else None, vmax=limit)
        if titles:
            axis.set_title(titles[i], fontsize="medium")
    told = f": {', '.join(t.replace(chr(10), ' ') for t in titles[: len(images)])}" if titles else ""
    return show(
        figure,
        f"{alt or 'Images'} ({len(images)} pictures, {images.shape[2]}×{images.shape[3]} pixels){told}.",
    )


def surface(
    height: Callable[[Tensor, Tensor], Tensor],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    paths: Mapping[str, Tensor] | None = None,
    *,
    xlabel: str = "x",
    ylabel: str = "y",
    title: str = "",
) -> Picture:
    """Contour lines of a function of two variables, with the paths ``(steps, 2)`` of some optimizers on it.

    Args:
        height: takes grids x and y ``(100, 100)``, returns the values ``(100, 100)``.
    """
    x, y = torch.meshgrid(torch.linspace(*xlim, 100), torch.linspace(*ylim, 100), indexing="xy")
    z = height(x, y)
    figure, axis = new(size=(8, 6))
    # closer levels near the bottom, where the paths end
    levels = (z.min() + (z.max() - z.min()) * torch.linspace(0, 1, 15) ** 2).tolist()
    axis.contourf(x, y, z, levels=levels, cmap="Blues", alpha=0.7)
    axis.contour(x, y, z, levels=levels, colors="0.5", linewidths=0.7, linestyles="-")
    axis.grid(False)
    told = []
    for (name, path), marker in zip((paths or {}).items(), "osD^v", strict=False):
        path = path.detach()
        axis.plot(path[:, 0], path[:, 1], marker=marker, markersize=5, label=name, linewidth=1.5)
        ends = [f"({p[0]:.2f}, {p[1]:.2f})" for p in path[[0, -1]].tolist()]
        told.append(f"{name} goes from {ends[0]} to {ends[1]} in {len(path) - 1} steps")
    axis.set(xlabel=xlabel, ylabel=ylabel, title=title, xlim=xlim, ylim=ylim)
    if paths:
        axis.legend()
    return show(figure, f"{title or 'Contour lines'} over {xlabel} and {ylabel}. {'; '.join(told)}.")
