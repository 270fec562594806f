"""The student edition: the notebooks without solutions, hidden tests and outputs, written into `labs/`.

A student's work is never overwritten. `labs/.manifest.json` records every edition that was handed out. A file that
equals one of them can be updated; any other file is the student's own, and a newer edition is written next to it as
`09_lenet.new.ipynb` (or `09_lenet.new-2.ipynb`, if the student works in the first one too).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_tools.environment import ROOT
from course_utils.files import write_bytes

# nbformat and nbgrader are imported on first use: if nothing has changed, `lab` starts without them.
if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOKS = ROOT / "notebooks"
LABS = ROOT / "labs"
MANIFEST = ".manifest.json"
STUB = "# the solution stood here"


@dataclass
class Update:
    """Which files in labs/ were written, as paths relative to it."""

    # New files, and files brought up to date.
    written: list[str] = field(default_factory=list)
    # Files written next to one that the student has changed.
    beside: list[str] = field(default_factory=list)


@dataclass
class Entry:
    """One file in the manifest: digests of its source and of the editions that were handed out."""

    source: str = ""
    edition: str = ""
    written: list[str] = field(default_factory=list)


def update_labs(source: Path = NOTEBOOKS, labs: Path = LABS) -> Update:
    """Bring `labs` up to date with the notebooks in `source`, and return what was written.

    Notebooks are converted, other files (for example pictures) are copied. Files that have not changed since the last
    call are skipped. Raises ValueError if a notebook breaks nbgrader's rules.
    """
    labs.mkdir(parents=True, exist_ok=True)
    update, manifest = Update(), _read_manifest(labs)
    for path in course_files(source):
        name = path.relative_to(source).as_posix()
        entry = manifest.setdefault(name, Entry())
        fingerprint = _digest(path.read_bytes() + _converter())
        if entry.source == fingerprint and not _outdated(labs / name, entry):
            continue
        edition = student_edition(path)
        _hand_out(edition, name, labs, entry, update)
        entry.source = fingerprint
        _write_manifest(labs, manifest)
    return update


def waiting(labs: Path = LABS) -> list[str]:
    """Return the names of the new editions that were written next to a student's own file."""
    names = (path.relative_to(labs).as_posix() for path in course_files(labs))
    return [name for name in names if re.search(r"\.new(-\d+)?\.\w+$", name)]


def student_edition(path: Path) -> bytes:
    """Return a file as students get it: a notebook without solutions, any other file unchanged."""
    if path.suffix != ".ipynb":
        return path.read_bytes()
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    if is_edition(notebook):
        return path.read_bytes()
    text: str = nbformat.writes(convert(notebook))
    return text.encode()


def is_edition(notebook: NotebookNode) -> bool:
    """Whether a notebook is already a student edition, as in the zip for students: it has nbgrader's checksums."""
    return any("checksum" in cell.metadata.get("nbgrader", {}) for cell in notebook.cells)


def convert(notebook: NotebookNode) -> NotebookNode:
    """Remove solutions, hidden tests, mark schemes, speaker notes and outputs from a notebook (nbformat v4).

    nbgrader does the work. A solution becomes `raise NotImplementedError` inside a function, and a comment elsewhere.
    Raises ValueError if a grade id occurs twice or a solution is outside a solution cell.
    """
    from jsonschema import ValidationError
    from nbgrader import preprocessors as nbgrader

    class ClearSolutions(nbgrader.ClearSolutions):  # type: ignore[misc]  # nbgrader has no annotations
        def preprocess_cell(
            self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
        ) -> tuple[NotebookNode, dict[str, Any]]:
            self.code_stub = {"python": STUB}
            cell, resources = super().preprocess_cell(cell, resources, cell_index)
            cell.source = re.sub(f"^([ \t]*){STUB}$", partial(_stub, cell), cell.source, flags=re.MULTILINE)
            return cell, resources

    steps = (
        nbgrader.LockCells,
        ClearSolutions,
        nbgrader.ClearOutput,
        nbgrader.ClearHiddenTests,
        nbgrader.ClearMarkScheme,
        nbgrader.ComputeChecksums,
        nbgrader.CheckCellMetadata,
    )
    notebook.cells = [
        c for c in notebook.cells if c.metadata.get("slideshow", {}).get("slide_type") != "notes"
    ]
    resources: dict[str, Any] = {}
    for step in steps:
        try:
            notebook, resources = step().preprocess(notebook, resources)
        except (RuntimeError, ValidationError) as error:
            raise ValueError(f"{step.__name__}: {error.__context__ or error}") from error
    return notebook


def _stub(cell: NotebookNode, match: re.Match[str]) -> str:
    """Return what replaces a solution: it names its exercise and does not stop "Run all"."""
    indent = match[1]
    number = re.fullmatch(r"exercise-(\d+)-(\d+)", cell.metadata.get("nbgrader", {}).get("grade_id", ""))
    text = f"Exercise {number[1]}.{number[2]}: your code here" if number else "your code here"
    return f'{indent}raise NotImplementedError("{text}")' if indent else f"# {text}"


def _hand_out(edition: bytes, name: str, labs: Path, entry: Entry, update: Update) -> None:
    """Write an edition to its place, or next to it if the student's own work is there."""
    digest, target = _digest(edition), labs / name
    if _ours(target, entry):
        if not target.exists() or _digest(target.read_bytes()) != digest:
            write_bytes(target, edition)
            update.written.append(name)
    elif _digest(target.read_bytes()) != digest and entry.edition != digest:
        target = _free_place_beside(target, entry)
        write_bytes(target, edition)
        update.beside.append(target.relative_to(labs).as_posix())
    entry.edition = digest
    if digest not in entry.written:
        entry.written.append(digest)


def _free_place_beside(target: Path, entry: Entry) -> Path:
    number = 1
    while True:
        mark = ".new" if number == 1 else f".new-{number}"
        place = target.with_name(f"{target.stem}{mark}{target.suffix}")
        if _ours(place, entry):
            return place
        number += 1


def _ours(path: Path, entry: Entry) -> bool:
    """Whether `path` may be written: it is free, or contains an unchanged edition that was handed out."""
    return not path.exists() or _digest(path.read_bytes()) in entry.written


def _outdated(path: Path, entry: Entry) -> bool:
    """Whether the file is missing, or is an older edition than the one handed out last."""
    if not path.exists():
        return True
    digest = _digest(path.read_bytes())
    return digest != entry.edition and digest in entry.written


def course_files(source: Path) -> list[Path]:
    """Return all files of the course below `source`, sorted, without hidden ones (for example checkpoints)."""
    return sorted(
        path
        for path in source.rglob("*")
        if path.is_file() and not any(part.startswith((".", "__")) for part in path.relative_to(source).parts)
    )


def _read_manifest(labs: Path) -> dict[str, Entry]:
    """Return the manifest; if it is missing or damaged, an empty one: every file then counts as the student's."""
    try:
        stored = json.loads((labs / MANIFEST).read_text(encoding="utf-8"))
        return {name: Entry(**entry) for name, entry in stored.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return {}


def _write_manifest(labs: Path, manifest: Mapping[str, Entry]) -> None:
    stored = {name: asdict(entry) for name, entry in manifest.items()}
    write_bytes(labs / MANIFEST, json.dumps(stored, indent=1).encode())


def _converter() -> bytes:
    """Identify this version of the conversion: when it changes, all editions are made again."""
    return Path(__file__).read_bytes() + importlib.metadata.version("nbgrader").encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
