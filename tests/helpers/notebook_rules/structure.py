"""Rules about a notebook's parts: format, sections, slides, tags, code cells."""

import ast
import re

import nbformat

from .cells import COMPARED, code_cells, headings, is_check, is_solution, rule, source, syntax, tags, where

SLIDE_TYPES = {"slide", "subslide", "fragment", "skip", "notes", "-"}
# lines that are neither blank nor comments
LONGEST_CODE = 20
# bytes
LARGEST_NOTEBOOK = 3_000_000


@rule
def valid_format(notebook, path):
    if (notebook["nbformat"], notebook["nbformat_minor"]) != (4, 5):
        yield f"format {notebook['nbformat']}.{notebook['nbformat_minor']}, not 4.5"
    if notebook["metadata"].get("kernelspec", {}).get("name") != "python3":
        yield "kernelspec is not python3"
    ids = [cell.get("id") for cell in notebook["cells"]]
    if duplicates := {name for name in ids if ids.count(name) > 1}:
        yield f"cell ids {sorted(duplicates)} are not unique"
        return
    try:
        nbformat.validate(nbformat.from_dict(notebook))
    except nbformat.ValidationError as error:
        yield f"not a valid notebook: {str(error).splitlines()[0]}"


@rule
def executed_in_order(notebook, path):
    counts = [cell["execution_count"] for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"code cells were executed as {counts}, not as 1 to {len(counts)}"


@rule
def parts(notebook, path):
    first = notebook["cells"][0]
    if first["cell_type"] != "markdown" or not re.match(rf"# {path.name[:2]} · \S", source(first)):
        yield f"the first cell does not begin with '# {path.name[:2]} · Title'"
    opening = "\n".join(map(source, notebook["cells"])).split("\n## ")[0]
    for words in ("?", "You will be able to", "You need"):
        if words not in opening:
            yield f"the opening, before the first section, lacks {words!r}"
    sections = [title for level, title in headings(notebook) if level == 2]
    if sections[-2:] != ["Summary", "One step further"]:
        yield f"the last two sections are {sections[-2:]}, not Summary and One step further"


@rule
def headings_in_order(notebook, path):
    last = 0
    for level, title in headings(notebook):
        if level > last + 1 or (level == 1 and last):
            yield f"heading {title!r} of level {level} after one of level {last}"
        last = level


@rule
def slide_types(notebook, path):
    for cell in notebook["cells"]:
        kind = cell["metadata"].get("slideshow", {}).get("slide_type")
        if kind not in SLIDE_TYPES:
            yield f"{where(cell)} has slide type {kind!r}"


@rule
def known_tags(notebook, path):
    for cell in notebook["cells"]:
        if "nbval-skip" in tags(cell) or "NBVAL_" in source(cell):
            yield f"{where(cell)} overrides how nbval treats it"
        if COMPARED <= tags(cell):
            yield f"{where(cell)} has both nbval-check-output and full-data"
        if "raises-exception" in tags(cell) and not is_check(cell):
            yield f"{where(cell)} has the tag raises-exception but is not a check cell"


@rule
def short_code(notebook, path):
    for cell in code_cells(notebook):
        lines = [line.strip() for line in source(cell).splitlines()]
        length = len([line for line in lines if line and not line.startswith("#")])
        if length > LONGEST_CODE and not is_solution(cell):
            yield f"{where(cell)} has {length} lines of code; the limit is {LONGEST_CODE}"


@rule
def large_type(notebook, path):
    """Text in figures is not smaller than the style sets it: smaller text is not readable from the back row."""
    for cell in code_cells(notebook):
        for argument in re.findall(r"\b(?:fontsize|labelsize)\b\W+(?:\d+|small|x+-small)", source(cell)):
            yield f"{where(cell)} has {argument!r}; figures must keep the font sizes of plots.STYLE"


@rule
def imports_where_used(notebook, path):
    """A cell imports what it uses; the same statement may also import a name for later cells."""
    trees = [syntax(cell) for cell in code_cells(notebook)]
    used = [{node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} for tree in trees]
    for index, (cell, tree) in enumerate(zip(code_cells(notebook), trees, strict=True)):
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = {(alias.asname or alias.name).split(".")[0] for alias in node.names}
                if not names & used[index]:
                    yield f"{where(cell)} imports {sorted(names)} but does not use it"
                for name in names - set().union(*used[index:]):
                    yield f"{where(cell)} imports {name!r}, which nothing uses"


@rule
def small(notebook, path):
    size = path.stat().st_size
    if size > LARGEST_NOTEBOOK:
        yield f"{size / 1e6:.1f} MB; the limit is {LARGEST_NOTEBOOK / 1e6:.0f} MB"
