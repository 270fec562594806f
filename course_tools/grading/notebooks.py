"""Read a submitted notebook: its code cells and reports, or a sentence that says why it cannot be read."""

import json
from dataclasses import dataclass

# Bytes of a notebook. The course's own, with all their pictures, have less than three million.
LARGEST = 20 * 10**6
REPORT = "report-"  # how the grade ids of reports begin


class Unreadable(Exception):
    """These bytes are not a notebook; the text says why."""


@dataclass(frozen=True)
class SubmittedCell:
    """A code cell or a report: nbgrader's id, empty if it has none, and its source."""

    grade_id: str
    source: str


def is_report(grade_id: str) -> bool:
    """Whether a cell with this id is a text that an instructor reads."""
    return grade_id.startswith(REPORT)


def read_cells(content: bytes) -> list[SubmittedCell]:
    """Return the code cells and reports of a notebook in nbformat 3 or 4, whatever else is wrong with it.

    Raises Unreadable if the content is too large, is not JSON, or has no cells.
    """
    if len(content) > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST // 10**6} MB; clear its outputs and hand it in again")
    try:
        notebook = json.loads(_decode(content))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not valid JSON ({str(error)[:100]})") from error
    cells = _cells(notebook)
    if cells is None:
        raise Unreadable("it is JSON, but not a notebook: it has no list of cells")
    return [cell for cell in map(_cell, cells) if cell]


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Saved by an editor on Windows.
        return content.decode("cp1252", errors="replace")


def _cells(notebook: object) -> list[object] | None:
    if not isinstance(notebook, dict):
        return None
    # nbformat 3 has sheets of cells.
    if isinstance(sheets := notebook.get("worksheets"), list):
        lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        return [cell for cells in lists if isinstance(cells, list) for cell in cells]
    cells = notebook.get("cells")
    return cells if isinstance(cells, list) else None


def _cell(cell: object) -> SubmittedCell | None:
    if not isinstance(cell, dict):
        return None
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    metadata = cell.get("metadata")
    entry = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = entry.get("grade_id") if isinstance(entry, dict) else None
    read = SubmittedCell(_text(grade_id), _text(source))
    kind = cell.get("cell_type")
    return read if is_report(read.grade_id) == (kind == "markdown") and kind in ("code", "markdown") else None


def _text(value: object) -> str:
    return writable(value) if isinstance(value, str) else ""


def writable(text: str) -> str:
    """Replace what no file can store: halves of characters, which JSON writes as \\ud800."""
    return text.encode("utf-8", "replace").decode("utf-8")
