"""`slides`: write one reveal.js deck per notebook and an index into `build/slides/`; they need no network.

The notebooks' slideshow metadata say what is on a slide. A slide that is too full for 1280×720 is continued on another
one, between two blocks and never inside one. The browser does this (`deck/deck.js`), because only the browser knows the
heights of text, math and pictures.
"""

from __future__ import annotations

import html
import importlib.util
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from jinja2 import Environment, FileSystemLoader
from nbconvert.filters import Highlight2HTML, ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from course_tools.commands.reference import select
from course_tools.environment import ROOT
from course_tools.reports import claims_and_costs
from course_utils.files import write_bytes

FOLDER = ROOT / "build" / "slides"
# Templates, style and script of a deck.
DECK = Path(__file__).with_name("deck")
CODE_COLOURS = "a11y-high-contrast-light"
REVEAL = "sphinx_revealjs", "_static/revealjs"
MATHJAX = "sphinx-mathjax-offline", "static/mathjax"
FONTS = "dist/theme/fonts/source-sans-pro"
# Name in build/slides/static → (package, file or folder in it).
COPIED = {
    "reveal.js": (REVEAL, "dist/reveal.js"),
    "reveal.css": (REVEAL, "dist/reveal.css"),
    "notes.js": (REVEAL, "plugin/notes/notes.js"),
    "reveal-license.txt": (REVEAL, "LICENSE"),
    "fonts": (REVEAL, FONTS),
    "mathjax.js": (MATHJAX, "tex-svg.js"),
}


@dataclass
class Block:
    """A part of a slide that is not split: a text, a cell's code, one output, a picture, or the speaker's notes."""

    kind: str
    html: str
    fragment: int | None = None  # blocks with the same number appear together, at a key press
    solution: str | None = None  # grade id, if this is the solution or the check of an exercise


@dataclass
class Slide:
    """A slide, and the section of the notebook to which it belongs."""

    section: str
    blocks: list[Block] = field(default_factory=list)


def slides(names: Sequence[str], root: Path = ROOT, folder: Path = FOLDER) -> int:
    """Write the decks of the notebooks whose names begin with one of `names`, or all; and the index of all decks."""
    copy_assets(folder / "static")
    every, chosen = select([], root), select(names, root)
    for path in chosen:
        print(f"{path.stem}: {write_deck(path, folder)} slides", flush=True)
    for stale in {file.stem for file in folder.glob("*.html")} - {path.stem for path in every} - {"index"}:
        (folder / f"{stale}.html").unlink()
    write_bytes(folder / "index.html", page("index.html", decks=[opening(path) for path in every]))
    print(f"Open {folder / 'index.html'} in a browser.")
    return 0


def write_deck(path: Path, folder: Path) -> int:
    """Write the deck of one notebook into `folder`, next to the assets; return the number of slides."""
    stacks = arrange(nbformat.read(path, as_version=4))
    write_bytes(folder / f"{path.stem}.html", page("deck.html", stacks=stacks, **opening(path)))
    return sum(map(len, stacks))


def arrange(notebook: NotebookNode) -> list[list[Slide]]:
    """Return a notebook's slides, in stacks: a slide and the sub-slides below it."""
    stacks: list[list[Slide]] = []
    section, fragment = "", None
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        if cell.cell_type == "markdown" and (heading := re.match(r"## (.+)", cell.source)):
            section = heading[1].replace("`", "")
        if kind == "skip":
            continue
        if kind == "slide" or (kind != "notes" and not stacks):
            stacks.append([])
        if kind in ("slide", "subslide") or not stacks[-1]:
            stacks[-1].append(Slide(section))
            fragment = None
        elif kind == "fragment":
            fragment = 0 if fragment is None else fragment + 1
        for block in blocks(cell):
            block.fragment = fragment if block.kind != "notes" else None
            stacks[-1][-1].blocks.append(block)
    return stacks


def blocks(cell: NotebookNode) -> Iterator[Block]:
    """Yield the blocks of one cell."""
    if cell.cell_type == "markdown":
        is_note = cell.metadata.get("slideshow", {}).get("slide_type") == "notes"
        yield Block("notes" if is_note else "text", markdown(cell.source))
        return
    grade = cell.metadata.get("nbgrader", {}).get("grade_id")
    yield Block("code", highlight(cell.source), solution=grade)
    for output in cell.outputs:
        kind, text = rendered(output)
        if text:
            yield Block(kind, text, solution=grade)


def rendered(output: NotebookNode) -> tuple[str, str]:
    """Return the kind of block for an output, and its HTML."""
    if output.output_type == "stream":
        return "output", f"<pre>{ansi2html(output.text.rstrip())}</pre>"
    if output.output_type == "error":
        return "output", f"<pre>{ansi2html(chr(10).join(output.traceback))}</pre>"
    if text := output.data.get("text/html"):
        return "picture" if text.lstrip().startswith("<img") else "output", text
    for kind in ("image/png", "image/jpeg"):
        if kind in output.data:
            alt = html.escape(output.metadata.get(kind, {}).get("alt", ""))
            return "picture", f'<img src="data:{kind};base64,{output.data[kind].strip()}" alt="{alt}">'
    text = output.data.get("text/plain", "")
    return "output", f"<pre>{ansi2html(text)}</pre>" if text else ""


class _Renderer(IPythonRenderer):
    """Render Markdown for slides: links to notebooks lead to their decks, others are plain text."""

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if re.match(r"[a-z]+:", url):
            return text
        return str(super().link(text, re.sub(r"\.ipynb\b", ".html", url), title))


def markdown(source: str) -> str:
    """Return Markdown as HTML; math is left unchanged, for MathJax."""
    renderer = _Renderer(escape=False, exclude_anchor_links=True)
    return str(MarkdownWithMath(renderer=renderer).render(source))


def highlight(source: str) -> str:
    """Return Python code as HTML; consecutive blank lines are collapsed."""
    return str(Highlight2HTML(pygments_lexer="ipython3")(re.sub(r"\n{3,}", "\n\n", source)))


def opening(path: Path) -> dict[str, str]:
    """Return what the index says about a notebook: its name, title and question."""
    title, question = claims_and_costs.opening(nbformat.read(path, as_version=4))
    return {"name": path.stem, "title": title, "question": question}


def page(template: str, **content: object) -> bytes:
    """Return a page from a template in `deck/`."""
    environment = Environment(loader=FileSystemLoader(DECK), autoescape=True, trim_blocks=True)
    return environment.get_template(template).render(**content).encode()


def copy_assets(static: Path) -> None:
    """Write the files that all decks share into `static`: reveal.js, MathJax, fonts, our style and script."""
    static.mkdir(parents=True, exist_ok=True)
    for name, ((package, folder), inside) in COPIED.items():
        source = package_folder(package) / folder / inside
        if source.is_dir():
            shutil.copytree(source, static / name, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, static / name)
    for name in ("deck.js", "deck.css"):
        shutil.copyfile(DECK / name, static / name)
    colours = HtmlFormatter(style=CODE_COLOURS, nobackground=True).get_style_defs(".highlight")
    (static / "code.css").write_text(colours + "\n", encoding="utf-8")


def package_folder(package: str) -> Path:
    """Return the folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    assert spec and spec.submodule_search_locations, f"{package} is not installed"
    return Path(spec.submodule_search_locations[0])
