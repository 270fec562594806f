"""The site, built offline: its links work, and every page can be read on a desktop and on a phone."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from course_tools.commands import site
from course_tools.editions.student import student_edition
from course_tools.environment import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PATIENCE = 120_000  # milliseconds: on a busy machine even a page from disk is slow
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
# Returns the faults of an open page: wider than the window, missing pictures, raw math.
LOOK = """() => {
  const faults = [], root = document.documentElement;
  if (root.scrollWidth > window.innerWidth + 1) {
    const wide = [...document.querySelectorAll('main *')].find(e => e.getBoundingClientRect().right > innerWidth + 1);
    faults.push(`${root.scrollWidth} px wide: ${wide ? wide.outerHTML.slice(0, 90) : ''}`);
  }
  for (const image of document.images) {
    if (image.complete && !image.naturalWidth) faults.push('missing picture: ' + image.src.slice(0, 90));
    if (image.closest('article') && !image.alt.trim()) faults.push('no alternative text');
  }
  for (const math of document.querySelectorAll('.math')) {
    if (!math.querySelector('mjx-container')) faults.push('raw math: ' + math.textContent.slice(0, 60));
    if (math.querySelector('mjx-merror')) faults.push('math with an error: ' + math.textContent.slice(0, 60));
  }
  return faults;
}"""
TYPESET = "!document.querySelector('.math') || !!document.querySelector('mjx-container')"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the finished site."""
    folder = tmp_path_factory.mktemp("site")
    assert site.site(folder=folder / "site", source=folder / "source") == 0
    return folder / "site"


@pytest.fixture(scope="module")
def offline(browser):
    context = browser.new_context(viewport=DESK, offline=True)
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


class Links(HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self, text):
        super().__init__()
        self.names, self.links, self.loaded = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.names |= {values.get("id"), values.get("name") if tag == "a" else None} - {None}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        elif values.get(LOADED.get(tag)) and values.get("rel") not in (
            "canonical",
            "license",
            "next",
            "prev",
        ):
            self.loaded.append(values[LOADED[tag]])


def broken(pages):
    """Yield a message for each broken link, and for each resource from outside. pages: Path → Links."""
    for path, page in pages.items():
        for address in page.links + page.loaded:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                if address in page.loaded and parts.scheme != "data":
                    yield f"{path.name} loads {address}"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                yield f"{path.name} points to {address}, which is not there"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].names:
                yield f"{path.name} points to {address}, but there is no such anchor"


def pages_of(folder):
    """Return the pages of a site, without the theme's templates in `_static`."""
    return [path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts]


def parsed(folder):
    return {path: Links(path.read_text(encoding="utf-8")) for path in pages_of(folder.resolve())}


def test_every_link_works_and_nothing_is_loaded_from_outside(built):
    pages = parsed(built)
    assert len(pages) > len(NOTEBOOKS) + len(site.FIRST)
    assert not list(broken(pages))


def test_the_link_check_finds_each_kind_of_broken_link(tmp_path):
    text = '<p id="here"></p><a href="#here">1</a><a href="#gone">2</a><a href="no.html">3</a><a href="https://a.example">4</a>'
    text += '<img src="data:image/gif;base64,R0"><script src="//cdn.example/x.js"></script><img src="no.png">'
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    complaints = list(broken(parsed(tmp_path)))
    assert len(complaints) == 4
    for words in ("#gone", "no.html", "cdn.example", "no.png"):
        assert any(words in text for text in complaints)


def test_contents_downloads_and_reports_are_there(built):
    index = (built / "index.html").read_text(encoding="utf-8")
    captions = re.findall(r'class="caption-text">([^<]+)<', index)
    assert [text for text in captions if text in site.PARTS] and "Reference" in captions
    for path in NOTEBOOKS:
        assert f'href="notebooks/{path.stem}.html"' in index
        assert (built / "student" / path.name).read_bytes() == student_edition(path)
        page = (built / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        assert f'href="../student/{path.name}"' in page
    assert (built / "student" / "course.zip").stat().st_size > 100_000
    assert "peak memory" in index
    assert "lenet5.parameters" in (built / "CLAIMS.html").read_text(encoding="utf-8")
    assert 'id="course_utils.training.fit"' in (built / "api" / "training.html").read_text(encoding="utf-8")
    between = (built / "notebooks" / f"{NOTEBOOKS[1].stem}.html").read_text(encoding="utf-8")
    for neighbour, name in ((NOTEBOOKS[0], "left-prev"), (NOTEBOOKS[2], "right-next")):
        assert re.search(rf'class="{name}"\s+href="{neighbour.stem}.html"', between)


def test_pages_show_outputs_but_no_solution(built):
    for path in NOTEBOOKS:
        html = (built / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)).replace("&quot;", '"').replace("&#39;", "'")
        cells = nbformat.read(path, as_version=4).cells
        lines = [
            line.strip() for c in cells for block in SOLUTION.findall(c.source) for line in block.splitlines()
        ]
        assert not [line for line in lines if len(line) >= 30 and line in text]
        assert html.count("<img ") >= sum(
            str(output).count("<img ") for c in cells for output in c.get("outputs", [])
        )


def test_the_guide_names_every_mistake(built):
    text = (built / "classic_mistakes.html").read_text(encoding="utf-8")
    assert "The activation is ReLU" in text or "activation is ReLU" in text
    assert len(re.findall(r"<tr", text)) > 2 * len(NOTEBOOKS)


@pytest.mark.browser
def test_every_page_can_be_read_on_a_desktop_and_on_a_phone(built, offline):
    page, faults = offline.new_page(), []
    page.on("pageerror", lambda error: faults.append(f"error in a script: {error}"))
    page.on("console", lambda line: line.type == "error" and faults.append(f"console: {line.text}"))
    page.on("request", lambda r: r.url.startswith("http") and faults.append(f"loads {r.url}"))
    page.on("requestfailed", lambda r: faults.append(f"cannot load {r.url}"))
    for path in pages_of(built):
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            if size is DESK:
                page.goto(path.as_uri())
                page.wait_for_function(TYPESET)
                page.evaluate("window.MathJax && MathJax.startup.promise")
            faults += [f"{path.name}, {size['width']} px: {fault}" for fault in page.evaluate(LOOK)]
    assert not faults, "\n".join(faults)


@pytest.mark.browser
def test_the_search_finds_a_page(built, offline):
    page = offline.new_page()
    page.goto((built / "search.html").as_uri() + "?q=momentum")
    found = page.locator("#search-results li a")
    found.first.wait_for()
    assert any("notebooks/" in (link.get_attribute("href") or "") for link in found.all())
