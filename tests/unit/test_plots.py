"""Figures carry an alternative text that says what the data say, and leave nothing open."""

import base64
import gc
import html
import itertools
import re
import struct
import time

import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from matplotlib import pyplot as plt
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

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
    "large confusion": lambda: plots.confusion_matrix(
        100 * torch.eye(15).long() + 1, tuple("abcdefghijklmno")
    ),
    "scatter": lambda: plots.labelled_scatter(
        {"size": [1, 20, 300], "time": [3.0, 2.0, 1.0]}, [5, 6, 5.5], ["a", "b", "c"], ylabel="y", log="x"
    ),
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


def settings():
    return dict(plt.rcParams)


@pytest.mark.parametrize("name", PICTURES)
def test_a_figure_leaves_the_users_settings_alone(name):
    with plt.style.context("dark_background"):
        before = settings()
        PICTURES[name]()
        assert settings() == before


@pytest.mark.parametrize("name", PICTURES)
def test_a_figure_is_the_same_whatever_style_the_user_has_chosen(name):
    torch.manual_seed(0)
    usual = PICTURES[name]().png
    with plt.style.context("dark_background"):
        torch.manual_seed(0)
        assert PICTURES[name]().png == usual


def test_the_style_is_in_force_from_new_to_show_and_no_longer():
    before = settings()
    figure, axis = plots.new()
    inner, _ = plots.new()
    assert plt.rcParams["font.size"] == plots.STYLE["font.size"]
    plots.show(inner, "a second figure, begun and ended in between")
    assert axis.plot([0, 1])[0].get_linewidth() == plots.STYLE["lines.linewidth"]
    plots.show(figure, "the first figure, which was drawn in two parts")
    assert settings() == before


def test_a_figure_that_is_never_shown_does_not_keep_the_style():
    before = settings()
    plots.new()
    plt.close("all")
    gc.collect()
    PICTURES["curves"]()
    assert settings() == before


def test_a_figure_that_cannot_be_made_leaves_the_settings_alone():
    before = settings()
    with pytest.raises(ValueError):
        plots.new(rows=0)
    assert settings() == before


def test_a_picture_prints_its_text():
    picture = PICTURES["curves"]()
    assert str(picture) == repr(picture) == f"<Picture: {picture.alt}>"


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


def drawn_lines(picture):
    return [[line for line in axis.get_lines() if len(line.get_xdata())] for axis in picture.figure.axes]


def test_every_run_is_drawn_and_looks_different():
    runs = {f"run {i}": history([3.0 - i / 9, 2.0], [i / 20, 0.5]) for i in range(9)}
    picture = plots.learning_curves(runs)
    for lines in drawn_lines(picture):
        assert len(lines) == 18
        assert len({(line.get_color(), str(line._dash_pattern)) for line in lines}) == 18
    names = [text.get_text() for text in picture.figure.legends[0].get_texts()]
    assert sorted(names) == sorted(f"{run} {kind}" for run in runs for kind in ("training", "validation"))


def test_many_lines_of_curves_look_different_too():
    picture = plots.curves({str(i): [i, i + 1.0] for i in range(20)}, xlabel="x", ylabel="y")
    (lines,) = drawn_lines(picture)
    assert len({(line.get_color(), str(line._dash_pattern)) for line in lines}) == 20


def test_validation_that_began_later_is_drawn():
    first, second = history([3.0, 2.5], [0.1, 0.2]), history([2.0, 1.5], [0.3, 0.4])
    first.val_loss = first.val_accuracy = [None, None]
    picture = plots.learning_curves(first + second)
    assert [len(lines) for lines in drawn_lines(picture)] == [2, 2]
    assert "validation loss goes from 2 to 1.5 in 2 epochs" in picture.alt
    y = drawn_lines(picture)[0][1].get_ydata()
    assert all(y[:2] != y[:2]) and list(y[2:]) == [2.0, 1.5]


def test_a_run_of_one_epoch_is_visible():
    (lines,) = drawn_lines(plots.learning_curves(history([2.0])))
    assert [line.get_marker() for line in lines] == ["o", "o"]


@pytest.mark.parametrize("runs", [History(), {"A": history([1.0]), "B": History()}, {}])
def test_learning_curves_without_epochs_are_refused(runs):
    with pytest.raises(ValueError, match="no epochs to draw.*train first"):
        plots.learning_curves(runs)


@pytest.mark.parametrize("series", [{}, {"a": []}, {"a": [1.0], "b": torch.tensor([])}])
def test_curves_without_values_are_refused(series):
    with pytest.raises(ValueError, match="no values to draw"):
        plots.curves(series, xlabel="x", ylabel="y")


@pytest.mark.parametrize("shape", [(0, 1, 8, 8), (0, 8, 8)])
def test_no_images_are_said_to_be_none(shape):
    with pytest.raises(ValueError, match="no images to draw"):
        plots.image_grid(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(8, 8), (4, 2, 8, 8), (1, 4, 1, 8, 8)])
def test_a_tensor_that_is_no_batch_of_images_is_refused(shape):
    with pytest.raises(ValueError, match=r"images must be \(N, C, H, W\) with 1 or 3 channels"):
        plots.image_grid(torch.zeros(shape))


def shades(images, **options):
    """The grey of the upper left pixel of each image, between 0 (black) and 1 (white)."""
    shown = [image for axis in plots.image_grid(images, **options).figure.axes for image in axis.get_images()]
    return [round(float(image.norm(image.get_array()[0, 0])), 3) for image in shown]


def constant(*values, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype)[:, None, None, None].expand(-1, 1, 4, 4)


def test_grey_images_share_one_scale():
    assert shades(constant(0, 0.5, 1)) == [0, 0.5, 1]
    assert shades(constant(0.2, 0.4)) == [0.2, 0.4]
    assert shades(constant(0, 51, 255, dtype=torch.uint8)) == [0, 0.2, 1]
    assert shades(constant(-1, 3)) == [0, 1]
    assert shades(constant(-1, 0, 3), symmetric=True) == [0.333, 0.5, 1]


def test_each_image_gets_its_own_scale_if_asked():
    images = torch.stack([torch.tensor([[0.1, 0.2]]), torch.tensor([[0.8, 0.4]])])
    assert shades(images, rescale=True) == [0, 1]


def test_grey_images_need_no_dimension_of_channels():
    images = torch.rand(3, 5, 4)
    assert plots.image_grid(images).png == plots.image_grid(images[:, None]).png


def boxes(picture, kind):
    """The rectangles of the annotations or dots of each panel, in pixels."""
    found = []
    for axis in picture.figure.axes:
        if kind is Annotation:
            found.append([note.get_window_extent() for note in axis.texts])
        else:
            dots = axis.collections[0]
            sides = dots.get_sizes() ** 0.5 * picture.figure.dpi / 72 / 2
            centres = axis.transData.transform(dots.get_offsets())
            sides = [sides[i % len(sides)] for i in range(len(centres))]
            found.append([Bbox([c - s, c + s]) for c, s in zip(centres, sides, strict=True)])
    return found


@pytest.mark.parametrize("log", ["", "x", "xy"])
@pytest.mark.parametrize("seed", range(3))
def test_names_overlap_neither_each_other_nor_a_point_and_stay_inside(log, seed):
    generator = torch.Generator().manual_seed(seed)
    x, other, y = (10 ** (2 * torch.rand(10, generator=generator)) for _ in range(3))
    names = [f"network {i}" for i in range(10)]
    panels = {"parameters": x.tolist(), "seconds": other.tolist()}
    picture = plots.labelled_scatter(panels, y.tolist(), names, ylabel="accuracy", log=log)
    for axis, labels, dots in zip(
        picture.figure.axes, boxes(picture, Annotation), boxes(picture, None), strict=True
    ):
        assert not any(a.overlaps(b) for a, b in itertools.combinations(labels, 2))
        assert not any(label.overlaps(dot) for label in labels for dot in dots)
        inside = axis.get_window_extent()
        assert all(inside.containsx(b.x0) and inside.containsx(b.x1) for b in labels)


def test_a_name_stands_next_to_its_own_point():
    picture = plots.labelled_scatter(
        {"x": [1, 2, 9]}, [1, 1.1, 5], ["a", "b", "c"], ylabel="y", areas=[9, 99, 999]
    )
    for label, dot in zip(boxes(picture, Annotation)[0], boxes(picture, None)[0], strict=True):
        gap = max(label.x0 - dot.x1, dot.x0 - label.x1, label.y0 - dot.y1, dot.y0 - label.y1)
        assert 0 < gap < 30


def test_the_text_of_a_scatter_plot_tells_each_point():
    alt = PICTURES["scatter"]().alt
    assert alt.startswith("y against size and time. a: size 1, time 3, y 5; b: size 20, time 2, y 6")


def test_points_and_names_of_different_numbers_are_refused():
    with pytest.raises(ValueError, match=r"one value per point, at least one; got \[2, 3\]"):
        plots.labelled_scatter({"x": [1, 2]}, [1, 2, 3], ["a", "b", "c"], ylabel="y")


@pytest.mark.parametrize(("classes", "seconds"), [(100, 2), (1000, 12)])
def test_a_large_confusion_matrix_shows_the_largest_confusions_and_soon(classes, seconds):
    matrix = 100 * torch.eye(classes, dtype=torch.int64)
    matrix[3, 7], matrix[50, 2] = 40, 30
    names = [f"class {i}" for i in range(classes)]
    plots.confusion_matrix(matrix[:20, :20], names[:20])  # to warm up
    start = time.process_time()
    picture = plots.confusion_matrix(matrix, names)
    assert time.process_time() - start < seconds
    bars = [text.get_text() for text in picture.figure.axes[1].get_yticklabels()]
    assert bars == ["class 3 → class 7", "class 50 → class 2"]
    assert "most confused: class 3 read as class 7, 28.6 %; class 50 read as class 2: 30." in picture.alt


def test_a_confusion_matrix_with_too_few_names_is_refused():
    with pytest.raises(ValueError, match="Give the name of each class"):
        plots.confusion_matrix(torch.eye(3, dtype=torch.int64), ["a", "b"])


def test_names_without_a_font_become_numbers_and_a_sentence(recwarn):
    names = ["cat", "\U000f0000\U000f0001", "café"]  # of private use: no font has them
    with pytest.warns(UserWarning, match="No font on this machine can draw .* \\(#1\\)"):
        picture = plots.confusion_matrix(torch.eye(3, dtype=torch.int64), names)
    assert [text.get_text() for text in picture.figure.axes[0].get_xticklabels()] == ["cat", "#1", "café"]
    assert not [w for w in recwarn if "Glyph" in str(w.message)]


@pytest.mark.filterwarnings("error:Glyph")
@pytest.mark.filterwarnings("ignore:No font on this machine")
def test_names_in_chinese_japanese_or_korean_warn_of_no_missing_glyph():
    names = ["猫", "犬のなか", "고양이"]
    plots.confusion_matrix(torch.eye(3, dtype=torch.int64), names)
    plots.image_grid(torch.rand(3, 4, 4), names)
    plots.labelled_scatter({"x": [1, 2, 3]}, [1, 2, 3], names, ylabel="y")
    plots.learning_curves({name: history([2.0, 1.0]) for name in names})
    plots.curves({name: [1.0, 2.0] for name in names}, xlabel="x", ylabel="y")
