"""JupyterLab in a real browser, on a notebook with no exercise solved."""

import json
import os
import re
from pathlib import Path

import pytest
import torch
from playwright.sync_api import expect

from course_tools.editions.student import student_edition
from course_utils.graphs import autograd_graph

pytestmark = pytest.mark.browser
NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "01_autograd.ipynb"
RUN_SECONDS = 120
# In the status bar, once the kernel is connected.
IDLE = re.compile(r"^Python 3 .*\| Idle$")
SHOWN = "image => image.complete && image.naturalWidth > 0"


def run_all_cells(page):
    idle = page.locator(".jp-StatusBar-TextItem").filter(has_text=IDLE)
    idle.wait_for(timeout=RUN_SECONDS * 1000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    not_run = prompts.filter(has_not_text=re.compile(r"\[\d+\]"))
    expect(not_run).to_have_count(0, timeout=RUN_SECONDS * 1000)
    idle.wait_for(timeout=RUN_SECONDS * 1000)


def picture(page, name, element):
    """Save a screenshot around an element to the folder that COURSE_SCREENSHOTS names."""
    if folder := os.environ.get("COURSE_SCREENSHOTS"):
        element.scroll_into_view_if_needed()
        page.screenshot(path=Path(folder, f"{name}.png"))


def test_a_lab_shows_figures_with_alt_text_and_friendly_hints(open_notebook):
    page = open_notebook(student_edition(NOTEBOOK).decode("utf-8"))
    run_all_cells(page)

    errors = page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]')
    hints = errors.filter(has_text="Exercise 01.")
    assert hints.count() == NOTEBOOK.read_text(encoding="utf-8").count('"grade_id": "check-01-')
    for number, hint in enumerate(hints.all(), start=1):
        text = hint.inner_text()
        assert f"Exercise 01.{number}" in text and "Try: " in text
        assert not re.search(r"Traceback|---->|\.py\b", text)
        assert hint.is_visible()
    assert "Traceback" not in page.locator(".jp-Notebook").inner_text()
    picture(page, "hint", hints.first)

    images = page.locator(".jp-OutputArea-output img")
    # A graph and a curve.
    assert images.count() >= 2
    picture(page, "figure", images.first)
    assert all(image.evaluate(SHOWN) for image in images.all())
    alts = [image.get_attribute("alt") or "" for image in images.all()]
    assert all(len(alt) >= 20 for alt in alts), alts


def test_a_stored_graph_shows_in_a_notebook_that_is_not_trusted(open_notebook):
    x = torch.tensor(2.0, requires_grad=True)
    drawing = autograd_graph((x**2).sin(), {"x": x})
    output = {"output_type": "display_data", "data": drawing._repr_mimebundle_(), "metadata": {}}
    cell = {"cell_type": "code", "id": "graph", "metadata": {}, "source": "", "execution_count": 1}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell | {"outputs": [output]}]}
    page = open_notebook(json.dumps(notebook))
    image = page.locator(".jp-OutputArea-output:not(.jp-mod-trusted) img")
    image.wait_for()
    assert image.get_attribute("alt") == drawing.alt
    assert image.evaluate(SHOWN)
    picture(page, "untrusted", image)
