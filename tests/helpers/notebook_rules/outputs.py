"""Rules about stored outputs: no errors, alt text for images, nothing about the machine that ran the notebook."""

import ast
import re
from html.parser import HTMLParser

from .cells import COMPARED, code_cells, output_texts, rule, source, syntax, tags, where

# characters
SHORTEST_ALT = 20
MACHINE_PATH = re.compile(r"(?<![\w.-])/(?:home|work|tmp|Users|root|var|private)/|\b[A-Z]:\\+\w")
TOKEN = re.compile(
    r"\b(?:gh[pousr]_|github_pat_|hf_|sk-|AKIA|xox[baprs]-|glpat-)[\w-]{12,}|\beyJ[\w-]{8,}\.eyJ"
    r"|PRIVATE KEY|\btoken=\w{8,}"
)
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
TIME = re.compile(
    r"\d\s?(?:s|ms|µs|us|ns|sec|seconds?|min|minutes?)\b|\b\d\d:\d\d\b|\b(?:it/s|s/it)\b", re.ASCII
)


@rule
def no_error_output(notebook, path):
    for cell in code_cells(notebook):
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                yield f"{where(cell)} ended in {output['ename']}"


@rule
def nothing_of_this_machine(notebook, path):
    for cell in notebook["cells"]:
        for text in (source(cell), *output_texts(cell)):
            for pattern, what in ((MACHINE_PATH, "a machine path"), (TOKEN, "a token")):
                if found := pattern.search(text):
                    yield f"{where(cell)} contains {what}: {found[0]!r}"
        for text in output_texts(cell):
            if found := ADDRESS.search(text):
                yield f"{where(cell)} printed a memory address: {found[0]!r}"


@rule
def no_widgets(notebook, path):
    if "widgets" in notebook["metadata"]:
        yield "the notebook's metadata contains widget state"
    for cell in code_cells(notebook):
        for output in cell["outputs"]:
            if any("widget" in kind for kind in output.get("data", {})):
                yield f"{where(cell)} has a widget in its outputs"


class _ImageAlts(HTMLParser):
    """Collect the alt text, or None, of every <img> and the aria-label of every <svg>."""

    def __init__(self, text):
        super().__init__()
        self.alts = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.alts.append(dict(attributes).get("alt"))
        elif tag == "svg":
            self.alts.append(dict(attributes).get("aria-label"))


@rule
def alt_text(notebook, path):
    for cell in notebook["cells"]:
        alts = list(_markdown_alts(cell) if cell["cell_type"] == "markdown" else _output_alts(cell))
        yield from (
            f"{where(cell)} has an image with the alt text {alt!r}; at least {SHORTEST_ALT} characters are required"
            for alt in alts
            if len((alt or "").strip()) < SHORTEST_ALT
        )


def _markdown_alts(cell):
    yield from re.findall(r"!\[([^\]]*)\]\(", source(cell))
    yield from _ImageAlts(re.sub(r"`[^`]*`", "", source(cell))).alts


def _output_alts(cell):
    for output in cell.get("outputs", []):
        for kind, data in output.get("data", {}).items():
            if kind == "text/html":
                yield from _ImageAlts("".join(data)).alts
            elif kind == "image/svg+xml":
                # JupyterLab shows no alt text for this kind; the SVG must be embedded in an <img>
                yield None
            elif kind.startswith("image/"):
                yield output["metadata"].get(kind, {}).get("alt")


@rule
def claims_are_compared(notebook, path):
    for cell in code_cells(notebook):
        calls = [node for node in ast.walk(syntax(cell)) if isinstance(node, ast.Call)]
        claims = [call for call in calls if getattr(call.func, "id", "") == "claim"]
        if claims and not COMPARED & tags(cell):
            yield f"{where(cell)} makes a claim but has neither the tag nbval-check-output nor full-data"
        needs_data = any(keyword.arg == "full_data" for call in claims for keyword in call.keywords)
        if needs_data and "full-data" not in tags(cell):
            yield f"{where(cell)} makes a claim that needs full data but does not have the tag full-data"


@rule
def compared_outputs_are_stable(notebook, path):
    for cell in code_cells(notebook):
        if not COMPARED & tags(cell):
            continue
        if not cell["outputs"] and cell["execution_count"]:
            yield f"{where(cell)} is compared but has no output"
        for text in output_texts(cell):
            if found := TIME.search(text):
                yield f"{where(cell)} is compared but printed a time: {found[0]!r}"
