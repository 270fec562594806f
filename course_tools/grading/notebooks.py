"""Reading a notebook that somebody handed in: its code cells and reports, or a sentence that says why not."""

import json
from dataclasses import dataclass

LARGEST = (
    20 * 10**6
)  # bytes of a notebook; the course's own, with all their pictures, hold less than three million


REPORT = "report-"  # how the grade ids of texts begin that a person reads


class Unreadable(Exception):
    """These bytes are no notebook; the text says why."""


@dataclass(frozen=True)
class Cell:
    """A code cell or a report: nbgrader's id of it, or "", and its source."""

    grade_id: str
    source: str


def is_report(grade_id: str) -> bool:
    """Whether a cell with this id is a text that a person reads."""
    return grade_id.startswith(REPORT)


def read_cells(content: bytes) -> list[Cell]:
    """Return code cells and reports of a notebook in nbformat 3 or 4, whatever else is wrong with it.

    Raises Unreadable.
    """
    if len(content) > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST // 10**6} MB; clear its outputs and hand it in again")
    try:
        notebook = json.loads(_decode(content))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is no JSON ({str(error)[:100]})") from error
    cells = _cells(notebook)
    if cells is None:
        raise Unreadable("it is JSON, but no notebook: it has no list of cells")
    return [cell for cell in map(_cell, cells) if cell]


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")  # saved by an editor on Windows


def _cells(notebook) -> list | None:
    if not isinstance(notebook, dict):
        return None
    if isinstance(sheets := notebook.get("worksheets"), list):  # nbformat 3
        lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        return [cell for cells in lists if isinstance(cells, list) for cell in cells]
    cells = notebook.get("cells")
    return cells if isinstance(cells, list) else None


def _cell(cell) -> Cell | None:
    if not isinstance(cell, dict):
        return None
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    metadata = cell.get("metadata")
    entry = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = entry.get("grade_id") if isinstance(entry, dict) else None
    read = Cell(*(writable(text) if isinstance(text, str) else "" for text in (grade_id, source)))
    kind = cell.get("cell_type")
    return read if is_report(read.grade_id) == (kind == "markdown") and kind in ("code", "markdown") else None


def writable(text: str) -> str:
    """Return the text with a mark in place of what no file can hold: halves of characters, from JSON's \\ud800."""
    return text.encode("utf-8", "replace").decode("utf-8")
