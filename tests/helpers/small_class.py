"""A course of two exercises, and submissions for it."""

import copy
import io
import json
import zipfile

import nbformat

from course_tools.environment import ROOT
from course_tools.grading import exercises

NAME = "07_convolutions"
# output_size and field_size, which are judged within a tenth of a second.
FIRST, SECOND = "07.3", "07.5"
RIGHT = """def output_size(n, kernel, stride=1, padding=0, dilation=1):
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1"""
WRONG = """def output_size(n, kernel, stride=1, padding=0, dilation=1):
    return n"""


def course(folder):
    """Write the course's notebook, with solutions, and return its folder."""
    source = nbformat.read(ROOT / "notebooks" / f"{NAME}.ipynb", as_version=4)
    ids = {
        f"{kind}-{number.replace('.', '-')}" for kind in ("exercise", "check") for number in (FIRST, SECOND)
    }
    cells, keep = source.cells, []
    for index, cell in enumerate(cells):
        heading = (
            any(_id(later) in ids for later in cells[index + 1 : index + 2]) and cell.cell_type == "markdown"
        )
        if _id(cell) in ids or heading or cell.source.startswith("from course_utils import check"):
            keep.append(cell)
    imports = nbformat.v4.new_code_cell("import torch\nfrom course_utils import check")
    source.cells = [nbformat.v4.new_markdown_cell("# 07 · Two exercises\n\nHow?"), imports, *keep]
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(source, folder / f"{NAME}.ipynb")
    return folder


def _id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


class Class:
    """Make notebooks as students submit them."""

    def __init__(self, notebooks):
        self.assignment = exercises.read(notebooks / f"{NAME}.ipynb")
        source = nbformat.read(notebooks / f"{NAME}.ipynb", as_version=4)
        self.solutions = {_id(cell): cell.source for cell in source.cells if _id(cell).startswith("exercise")}

    def notebook(self, first=RIGHT, second=None, change=None):
        """Return a notebook with these two answers, by default correct ones; `change` may alter its cells."""
        notebook = copy.deepcopy(self.assignment.edition)
        for cell in notebook.cells:
            if _id(cell) == "exercise-07-3":
                cell.source = first
            if _id(cell) == "exercise-07-5":
                cell.source = self.solutions["exercise-07-5"] if second is None else second
        if change:
            notebook.cells = change(notebook.cells) or notebook.cells
        return notebook

    def content(self, *answers, **more):
        return json.dumps(self.notebook(*answers, **more)).encode()

    def untouched(self):
        return json.dumps(self.assignment.edition).encode()


def write(folder, content, name=f"{NAME}.ipynb"):
    """Put one notebook into a student's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def zipped(*members):
    """Return a zip of pairs (name or ZipInfo, content)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()
