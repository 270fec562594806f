"""The widgets in JupyterLab, in a real browser: they play, pause and step, and the picture changes."""

import json
import time

import pytest
from test_lab import SHOWN, picture, run_all_cells

pytestmark = pytest.mark.browser
SECONDS = 5  # of playing, while frames are counted
COUNT_FRAMES = """image => {
    window.frames_seen = 0;
    image.addEventListener('load', () => { window.frames_seen += 1; });
}"""
PHOTO = "torch.rand(60, 80, generator=torch.manual_seed(0))"


def notebook(call):
    """A notebook that shows what a function of the playground returns."""
    name = call.partition("(")[0]
    cell = {"cell_type": "code", "id": "play", "metadata": {}, "execution_count": None, "outputs": []}
    cell["source"] = f"import torch\nfrom course_utils.playground import {name}\n\n{call}"
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [cell]})


@pytest.fixture
def live(open_notebook):
    """A function that runs one call in JupyterLab and returns the page and the widget's picture."""

    def live(call, css_class):
        page = open_notebook(notebook(call))
        run_all_cells(page)
        image = page.locator(f"img.{css_class}")
        image.wait_for()
        page.wait_for_function("c => document.querySelector('img.' + c).naturalWidth > 100", arg=css_class)
        assert page.locator(".jp-OutputArea-output img").count() == 1  # the static form stays away
        return page, image

    return live


def press(page, name):
    button(page, name).click()


def button(page, name):
    return page.locator("button.jupyter-button").filter(has_text=name)


def wait_until_shown(page, image):
    """While a widget plays, the next picture may just be loading: that is no fault, never showing one is."""
    page.wait_for_function(SHOWN, arg=image.element_handle())


def source(image):
    return image.get_attribute("src")


def test_the_network_playground_plays_steps_and_pauses(live):
    page, image = live("network_playground()", "network-playground")
    picture(page, "playground-at-first", image)
    before = source(image)
    press(page, "Step")
    page.wait_for_function("old => document.querySelector('img.network-playground').src != old", arg=before)

    image.evaluate(COUNT_FRAMES)
    start = time.monotonic()
    press(page, "Play")
    page.wait_for_timeout(1000 * SECONDS)
    frames, seconds = page.evaluate("window.frames_seen"), time.monotonic() - start
    print(f"\n{frames / seconds:.1f} frames a second in the browser, while training")
    assert frames > 2 * SECONDS
    wait_until_shown(page, image)
    press(page, "Pause")
    button(page, "Play").wait_for()
    page.wait_for_timeout(500)
    still = source(image)
    page.wait_for_timeout(500)
    assert source(image) == still
    assert "training loss" in page.locator(".jp-OutputArea-output").first.inner_text()
    picture(page, "playground", image)


@pytest.mark.parametrize(
    ("call", "css_class"),
    [("optimizer_race()", "optimizer-race"), (f"convolution_explorer({PHOTO})", "convolution-explorer")],
)
def test_the_other_widgets_step_and_play(live, call, css_class):
    page, image = live(call, css_class)
    changed = f"old => document.querySelector('img.{css_class}').src != old"
    before = source(image)
    press(page, "Step")
    page.wait_for_function(changed, arg=before)
    image.evaluate(COUNT_FRAMES)
    press(page, "Play")
    page.wait_for_function("window.frames_seen >= 10")
    press(page, "Pause")
    button(page, "Play").wait_for()
    wait_until_shown(page, image)
    picture(page, css_class, image)
