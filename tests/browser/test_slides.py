"""The decks in a real browser, from disk, with the network off: every slide of each is checked."""

import re
from pathlib import Path

import nbformat
import pytest

from course_tools.commands import slides
from course_tools.environment import ROOT

pytestmark = pytest.mark.browser
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WALK = Path(__file__).with_name("walk_slides.js").read_text(encoding="utf-8").partition("\nasync ")[2]
READY = "document.body.dataset.ready === 'yes'"
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
PATIENCE = 120_000  # milliseconds: on a busy machine even a page from disk is slow
SHORTEST_LINE = 30  # characters: shorter lines of a solution occur elsewhere by chance


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that all decks share."""
    folder = tmp_path_factory.mktemp("slides")
    slides.copy_assets(folder / "static")
    return folder


@pytest.fixture(scope="module")
def offline(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def open_deck(offline, folder):
    """A function that builds a notebook's deck and opens it; it returns the page and a list of its faults."""
    pages = []

    def open_deck(path):
        slides.write_deck(path, folder)
        page, complaints = offline.new_page(), []
        pages.append(page)
        page.on("pageerror", lambda error: complaints.append(f"error in a script: {error}"))
        page.on("console", lambda line: line.type == "error" and complaints.append(f"console: {line.text}"))
        page.on("request", lambda request: complaints.extend(outside(request.url)))
        page.goto((folder / f"{path.stem}.html").as_uri())
        page.wait_for_function(READY)
        return page, complaints

    yield open_deck
    for page in pages:
        page.close()


def outside(url):
    if not url.startswith(("file:", "data:", "blob:", "about:")):
        yield f"loads {url}"


def solutions(path):
    """Return the long lines of each solution in a notebook, by the grade id of its exercise."""
    found = {}
    for cell in nbformat.read(path, as_version=4).cells:
        lines = [line.strip() for block in SOLUTION.findall(cell.source) for line in block.splitlines()]
        if lines:
            name = cell.metadata.nbgrader.grade_id
            found[name] = [line for line in lines if len(line) >= SHORTEST_LINE]
    return found


def walk(page, path):
    return page.evaluate("async " + WALK, solutions(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_slide_can_be_read(open_deck, path):
    page, complaints = open_deck(path)
    seen = walk(page, path)
    assert seen["slides"] >= 5
    assert not complaints + seen["faults"], "\n".join(["", *complaints, *seen["faults"]])


PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
ALT = "A picture of a pixel"
LONG = "A sentence that goes on and on. " * 20
TASK = "### Exercise 99.1 · add\n\nAdd two numbers."
SOLVED = """def add(a, b):
    ### BEGIN SOLUTION
    return torch.add(a, b, alpha=1.0)  # the sum
    ### END SOLUTION"""
FAULTS = {
    "cut off": LONG * 4,
    "scrolled or cut off": f'<div style="height: 60px; overflow: auto">{LONG}</div>',
    "text is cut off": f'<div style="white-space: nowrap">{LONG}</div>',
    "text of 12.0 px": '<span style="font-size: 12px">Small print.</span>',
    "contrast of 2.8": '<span style="color: #999">Pale.</span>',
    "contrast of 1.0": '<span style="opacity: 0">Nothing to see.</span>',
    "text is hidden": '<span style="display: none">Nothing to see.</span>',
    "raw TeX": r"The slope is \frac{1}{2}.",
    "math with an error": r"The slope is $\left(1$.",
    "math with an unknown command": r"The slope is $\slope$.",
    "picture is missing": f"![{ALT}](no-such-file.png)",
    "picture has no alternative text": f'<img src="{PIXEL}">',
    "picture is shown at 0.30": f'<img src="{PIXEL}" alt="{ALT}" width="0.3" height="0.3">',
    "is empty": "<span></span>",
}


def deck(tmp_path, *cells):
    """Write a notebook of these cells: texts, or pairs of text and slide type; a text with `def` is solved code."""
    notebook = nbformat.v4.new_notebook()
    for cell in [("# 99 · Small", "slide"), *cells]:
        source, kind = cell if isinstance(cell, tuple) else (cell, "slide")
        if source.startswith("def "):
            new = nbformat.v4.new_code_cell(source)
            new.metadata.nbgrader = {"grade_id": "exercise-99-1", "solution": True}
        else:
            new = nbformat.v4.new_markdown_cell(source)
        new.metadata.slideshow = {"slide_type": kind}
        notebook.cells.append(new)
    path = tmp_path / "99_small.ipynb"
    nbformat.write(notebook, path)
    return path


def test_each_fault_is_found_on_its_slide(open_deck, tmp_path):
    path = deck(tmp_path, *FAULTS.values())
    page, complaints = open_deck(path)
    faults = walk(page, path)["faults"]
    for number, fault in enumerate(FAULTS, start=2):
        there = [text for text in faults if text.startswith(f"slide {number}.1 ")]
        assert any(fault in text for text in there), (fault, there)
    assert any("no-such-file" in text or "ERR_FILE_NOT_FOUND" in text for text in complaints)


def test_a_deck_without_faults_has_none(open_deck, tmp_path):
    math = "Inline $a_1^2 = \\frac{1}{2}$ and $$\\sum_i x_i .$$ It costs \\$5 in `\\frac`."
    cells = [math, f'<img src="{PIXEL}" alt="{ALT}">', ("A fragment.", "fragment"), (TASK, "subslide")]
    path = deck(tmp_path, *cells, (SOLVED, "subslide"))
    page, complaints = open_deck(path)
    assert walk(page, path) == {"slides": 5, "faults": []}
    assert not complaints


@pytest.mark.parametrize(
    "cells",
    [
        [TASK, (SOLVED, "-")],
        [TASK, (SOLVED, "fragment")],
        [TASK + "\n\n`return torch.add(a, b, alpha=1.0)  # the sum`", (SOLVED, "subslide")],
        ["Remember `return torch.add(a, b, alpha=1.0)  # the sum`.", TASK, (SOLVED, "skip")],
    ],
)
def test_a_solution_before_its_slide_is_found(open_deck, tmp_path, cells):
    path = deck(tmp_path, *cells)
    faults = walk(open_deck(path)[0], path)["faults"]
    assert len(faults) == 1 and "exercise-99-1" in faults[0]


def test_something_loaded_from_outside_is_found(open_deck, tmp_path):
    path = deck(tmp_path, f'![{ALT}](https://example.org/picture.png) and <a href="other.html">a deck</a>')
    page, complaints = open_deck(path)
    assert any("https://example.org/picture.png" in text for text in complaints)


def test_a_full_slide_is_continued_on_the_next_one(open_deck, tmp_path):
    path = deck(
        tmp_path, "## 1 · Much", *[(LONG, "-")] * 3, ("Ask them why.", "notes"), ("The end.", "fragment")
    )
    page, _ = open_deck(path)
    seen = walk(page, path)
    assert seen["slides"] > 2 and not seen["faults"]
    texts = page.locator(".page").all_text_contents()
    assert "".join("".join(texts).split()) == "".join(f"99 · Small 1 · Much {LONG * 3} The end.".split())
    notes = page.locator("section > section:has(.page) aside.notes").all_text_contents()
    assert {note.strip() for note in notes} == {"Ask them why."} and len(notes) == seen["slides"] - 1


def test_the_keys_for_instructors_work(open_deck, offline):
    path = next(path for path in NOTEBOOKS if path.name.startswith("05"))
    page, complaints = open_deck(path)
    assert page.locator("mjx-container svg").count() > 10
    assert page.locator(".code .k, .code .kn").first.evaluate(
        "word => getComputedStyle(word).color !== getComputedStyle(word.parentElement).color"
    )
    before = page.evaluate("Reveal.getProgress()")
    page.keyboard.press("Space")
    assert page.evaluate("Reveal.getProgress()") > before
    assert page.locator(".progress").is_visible()

    page.keyboard.press("o")
    assert page.evaluate("Reveal.isOverview()")
    assert page.locator("section.present h1, section.present .page").first.is_visible()
    page.keyboard.press("o")
    with offline.expect_page() as opened:
        page.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes")
    notes.wait_for()
    expected = page.locator("section.present > section.present aside.notes").inner_html()
    opened.value.wait_for_function(
        "document.querySelector('.speaker-controls-notes .value').innerText.length > 20"
    )
    assert "minutes" in expected and "minutes" in notes.inner_text()
    opened.value.close()
    assert not complaints


def test_the_index_links_to_every_deck(offline, tmp_path, capsys):
    few = [path.name[:2] for path in NOTEBOOKS[:2]]
    assert slides.slides(few, folder=tmp_path) == 0
    page = offline.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    links = page.locator("li a")
    assert [link.get_attribute("href") for link in links.all()] == [f"{path.stem}.html" for path in NOTEBOOKS]
    links.first.click()
    page.wait_for_function(READY)
    page.close()


def test_nothing_in_a_deck_points_outside(folder):
    path = next(path for path in NOTEBOOKS if path.name.startswith("01"))
    assert "https://" in path.read_text(encoding="utf-8")
    slides.write_deck(path, folder)
    text = (folder / f"{path.stem}.html").read_text(encoding="utf-8")
    assert not re.findall(r"""(?:href|src)=["']?\w+://[^"'>]*""", text)
