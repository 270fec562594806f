"""Figures carry an alternative text that says what the data say, and leave nothing open."""

import base64
import html
import re
import struct

import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from matplotlib import pyplot as plt
from matplotlib.text import Text

from course_utils import plots
from course_utils.training import History


def history(losses, accuracies=None):
    count, none = len(losses), [None] * len(losses)
    return History(losses, accuracies or none, losses, accuracies or none, [0.1] * count, [1.0] * count, [])


def shown(picture):
    """The picture and its alternative text, read from what a notebook stores."""
    stored = DisplayFormatter().format(picture)[0]["text/html"]
    data, alt = re.fullmatch(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)">', stored).groups()
    return base64.b64decode(data), html.unescape(alt)


PICTURES = {
    "curves": lambda: plots.curves(
        {"f": [3.0, 1.0], "g": [2.0, 2.5]}, xlabel="step", ylabel="loss", log=True
    ),
    "learning curves": lambda: plots.learning_curves(history([2.0, 1.0], [0.1, 0.5])),
    "loss only": lambda: plots.learning_curves({"A": history([2.0, 1.0]), "B": history([3.0])}),
    "confusion": lambda: plots.confusion_matrix(torch.tensor([[8, 2], [0, 5]]), ("cat", "dog")),
    "grid": lambda: plots.image_grid(torch.rand(3, 3, 4, 4), ["a", "b", "c"]),
    "surface": lambda: plots.surface(lambda x, y: x**2 + y**2, (-1, 1), (-1, 1), {"p": torch.eye(2)}),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_notebook_stores_a_figure_with_its_alternative_text(name):
    picture = PICTURES[name]()
    png, alt = shown(picture)
    width, _ = struct.unpack(">II", png[16:24])
    assert png.startswith(b"\x89PNG") and width > 300
    assert alt == picture.alt and len(alt) >= 20


@pytest.mark.parametrize("name", PICTURES)
def test_no_text_is_smaller_than_the_style_says(name):
    figure = PICTURES[name]().figure
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip()]
    assert min(sizes) >= plots.STYLE["font.size"]
    assert figure.get_figwidth() <= plots.WIDEST


@pytest.mark.parametrize("name", PICTURES)
def test_no_figure_stays_open(name):
    plt.close("all")
    PICTURES[name]()
    assert plt.get_fignums() == []


def test_the_text_of_learning_curves_tells_where_they_start_and_end():
    alt = plots.learning_curves(
        history([2.3, 0.34], [0.34, 0.91]), reference={"val_accuracy": [0.3, 0.9]}
    ).alt
    assert "training loss goes from 2.3 to 0.34 in 2 epochs" in alt
    assert "published validation accuracy goes from 0.3 to 0.9" in alt


def test_the_text_of_a_confusion_matrix_names_the_worst_pair():
    assert (
        PICTURES["confusion"]().alt == "Confusion matrix, 2 classes; most confused: cat read as dog, 20.0 %."
    )
    perfect = plots.confusion_matrix(torch.eye(3, dtype=torch.int64), ("a", "b", "c"))
    assert "no class is confused" in perfect.alt


def test_the_text_of_a_surface_tells_each_path():
    assert "p goes from (1.00, 0.00) to (0.00, 1.00) in 1 steps" in PICTURES["surface"]().alt


def test_lines_can_be_told_apart_without_colour():
    figure, axis = plots.new()
    styles = [axis.plot([0, 1])[0].get_linestyle() for _ in range(4)]
    plt.close(figure)
    assert len(set(styles)) == 4


@pytest.mark.parametrize("alt", ["", "a picture"])
def test_a_figure_without_a_telling_text_is_refused(alt):
    figure, _ = plots.new()
    with pytest.raises(ValueError, match="tells too little"):
        plots.show(figure, alt)
    plt.close(figure)


def test_no_images_are_said_to_be_none():
    with pytest.raises(ValueError, match="no images to draw"):
        plots.image_grid(torch.zeros(0, 1, 8, 8))
