"""The widgets in JupyterLab, in a real browser: they play, pause and step, and their picture changes."""

import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from test_lab import SHOWN, picture, run_all_cells

pytestmark = pytest.mark.browser
SECONDS = 4  # of playing, while frames are counted
COUNT_FRAMES = """image => {
    window.frames_seen = 0;
    image.addEventListener('load', () => { window.frames_seen += 1; });
}"""
PHOTO = "torch.rand(60, 80, generator=torch.manual_seed(0))"
WIDGETS = {
    "network-playground": "network_playground()",
    "optimizer-race": "optimizer_race()",
    "convolution-explorer": f"convolution_explorer({PHOTO})",
}


@pytest.fixture(scope="module")
def page(open_notebook):
    """JupyterLab with a notebook of all widgets, which has run."""
    sources = ["import torch\nfrom course_utils.playground import *", *WIDGETS.values()]
    notebook = new_notebook(cells=list(map(new_code_cell, sources)))
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    page = open_notebook(nbformat.writes(notebook))
    run_all_cells(page)
    return page


@pytest.fixture
def widget(page):
    """A function that returns the output of the cell with a widget of this CSS class, and its picture."""

    def widget(css_class):
        area = page.locator(".jp-CodeCell").filter(has=page.locator(f"img.{css_class}"))
        image = area.locator(f"img.{css_class}")
        image.wait_for()
        page.wait_for_function("c => document.querySelector('img.' + c).naturalWidth > 100", arg=css_class)
        # The static form is not shown.
        assert area.locator("img").count() == 1
        return area, image

    return widget


def press(area, name):
    button(area, name).click()


def button(area, name):
    return area.locator("button.jupyter-button").filter(has_text=name)


def wait_until_shown(page, image):
    """Wait until a picture is loaded: while a widget plays, the next one may still be loading."""
    page.wait_for_function(SHOWN, arg=image.element_handle())


def source(image):
    return image.get_attribute("src")


def step(page, area, image):
    """Press Step, and wait until the picture changes."""
    before = source(image)
    press(area, "Step")
    page.wait_for_function("([image, old]) => image.src != old", arg=[image.element_handle(), before])


def test_the_network_playground_plays_steps_and_pauses(page, widget):
    area, image = widget("network-playground")
    picture(page, "playground-at-first", image)
    step(page, area, image)

    image.evaluate(COUNT_FRAMES)
    start = time.monotonic()
    press(area, "Play")
    page.wait_for_timeout(1000 * SECONDS)
    frames, seconds = page.evaluate("window.frames_seen"), time.monotonic() - start
    print(f"\n{frames / seconds:.1f} frames per second in the browser, while training")
    assert frames > 2 * SECONDS
    wait_until_shown(page, image)
    press(area, "Pause")
    button(area, "Play").wait_for()
    page.wait_for_timeout(500)
    still = source(image)
    page.wait_for_timeout(500)
    assert source(image) == still
    assert "training loss" in area.inner_text()
    picture(page, "playground", image)


@pytest.mark.parametrize("css_class", ["optimizer-race", "convolution-explorer"])
def test_the_other_widgets_step_and_play(page, widget, css_class):
    area, image = widget(css_class)
    step(page, area, image)
    image.evaluate(COUNT_FRAMES)
    press(area, "Play")
    page.wait_for_function("window.frames_seen >= 10")
    press(area, "Pause")
    button(area, "Play").wait_for()
    wait_until_shown(page, image)
    picture(page, css_class, image)
