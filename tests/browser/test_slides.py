"""The decks in a real browser, from disk, with the network off: every slide of each is looked at."""

import re
from pathlib import Path

import nbformat
import pytest

from course_tools import slides
from course_tools.environment import ROOT

pytestmark = pytest.mark.browser
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WALK = Path(__file__).with_name("walk_slides.js").read_text(encoding="utf-8").partition("\nasync ")[2]
READY = "document.body.dataset.ready === 'yes'"
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
SHORTEST_LINE = 30  # characters: shorter lines of a solution occur elsewhere by chance


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with what all decks share."""
    folder = tmp_path_factory.mktemp("slides")
    slides.copy_assets(folder / "static")
    return folder


@pytest.fixture(scope="module")
def offline(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    yield context
    context.close()


@pytest.fixture
def open_deck(offline, folder):
    """A function that builds a notebook's deck and opens it; it returns the page and a list of its complaints."""
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
    """Lines of each solution in a notebook, long enough to be told apart, by the name of its exercise."""
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
