"""The student edition: the notebooks without solutions, hidden tests and outputs, written into `labs/`.

A student's work is never overwritten. `labs/.manifest.json` remembers every edition that was handed out;
a file that equals one of them is ours to update, any other file is the student's, and a newer edition lands
beside it as `09_lenet.new.ipynb` (or `09_lenet.new-2.ipynb`, if the student works in the first one too).
"""

import hashlib
import importlib.metadata
import json
import os
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from course_tools.environment import ROOT

NOTEBOOKS = ROOT / "notebooks"
LABS = ROOT / "labs"
MANIFEST = ".manifest.json"
STUB = "# the solution stood here"


@dataclass
class Report:
    """What a release did: names of files in labs/, relative to it."""

    written: list[str] = field(default_factory=list)  # new here, or brought up to date
    beside: list[str] = field(default_factory=list)  # put beside a file that the student has changed


def release(source: Path = NOTEBOOKS, labs: Path = LABS) -> Report:
    """Bring `labs` up to date with the notebooks in `source`, and report what was written.

    Every notebook is converted, any other file (a picture, say) is copied. What has not changed since the
    last time is skipped, so that a second call is quick. Raises ValueError where a notebook breaks
    nbgrader's rules.
    """
    labs.mkdir(parents=True, exist_ok=True)
    report, manifest = Report(), _read_manifest(labs)
    for path in course_files(source):
        name = path.relative_to(source).as_posix()
        entry = manifest.setdefault(name, {"source": "", "edition": "", "written": []})
        fingerprint = _digest(path.read_bytes() + _converter())
        if entry["source"] == fingerprint and not _outdated(labs / name, entry):
            continue
        edition = student_edition(path)
        _hand_out(edition, name, labs, entry, report)
        entry["source"] = fingerprint
        replace(labs / MANIFEST, json.dumps(manifest, indent=1).encode())
    return report


def waiting(labs: Path = LABS) -> list[str]:
    """Names of the new editions that lie beside a student's own file."""
    names = (path.relative_to(labs).as_posix() for path in course_files(labs))
    return [name for name in names if re.search(r"\.new(-\d+)?\.\w+$", name)]


def student_edition(path: Path) -> bytes:
    """Return a file as students get it: a notebook without solutions, anything else as it is."""
    if path.suffix != ".ipynb":
        return path.read_bytes()
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    if is_edition(notebook):
        return path.read_bytes()
    return nbformat.writes(convert(notebook)).encode()


def is_edition(notebook) -> bool:
    """Whether a notebook is a student edition already, as in a release: nbgrader has put checksums into it."""
    return any("checksum" in cell.metadata.get("nbgrader", {}) for cell in notebook.cells)


def convert(notebook):
    """Take solutions, hidden tests, mark schemes, speaker notes and outputs out of a notebook (nbformat v4).

    nbgrader does it. A solution becomes `raise NotImplementedError` inside a function, a comment elsewhere.
    Raises ValueError where a grade id occurs twice or a solution stands outside a solution cell.
    """
    from jsonschema import ValidationError
    from nbgrader import preprocessors as nbgrader

    class ClearSolutions(nbgrader.ClearSolutions):
        def preprocess_cell(self, cell, resources, cell_index):
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
    resources = {}
    for step in steps:
        try:
            notebook, resources = step().preprocess(notebook, resources)
        except (RuntimeError, ValidationError) as error:
            raise ValueError(f"{step.__name__}: {error.__context__ or error}") from error
    return notebook


def _stub(cell, match: re.Match) -> str:
    """What stands where a solution stood: it names its exercise, and "Run all" goes on past it."""
    indent = match[1]
    number = re.fullmatch(r"exercise-(\d+)-(\d+)", cell.metadata.get("nbgrader", {}).get("grade_id", ""))
    text = f"Exercise {number[1]}.{number[2]}: your code here" if number else "your code here"
    return f'{indent}raise NotImplementedError("{text}")' if indent else f"# {text}"


def _hand_out(edition: bytes, name: str, labs: Path, entry: dict, report: Report) -> None:
    """Write one edition to its place, or beside it where the student's own work is."""
    digest, target = _digest(edition), labs / name
    if _ours(target, entry):
        if not target.exists() or _digest(target.read_bytes()) != digest:
            replace(target, edition)
            report.written.append(name)
    elif _digest(target.read_bytes()) != digest and entry["edition"] != digest:
        target = _free_place_beside(target, entry)
        replace(target, edition)
        report.beside.append(target.relative_to(labs).as_posix())
    entry["edition"] = digest
    if digest not in entry["written"]:
        entry["written"].append(digest)


def _free_place_beside(target: Path, entry: dict) -> Path:
    number = 1
    while True:
        mark = ".new" if number == 1 else f".new-{number}"
        place = target.with_name(f"{target.stem}{mark}{target.suffix}")
        if _ours(place, entry):
            return place
        number += 1


def _ours(path: Path, entry: dict) -> bool:
    """Whether we may write here: nothing is there, or an edition that we handed out, unchanged."""
    return not path.exists() or _digest(path.read_bytes()) in entry["written"]


def _outdated(path: Path, entry: dict) -> bool:
    """Whether the file is missing, or is an edition older than the one handed out last."""
    if not path.exists():
        return True
    digest = _digest(path.read_bytes())
    return digest != entry["edition"] and digest in entry["written"]


def course_files(source: Path) -> list[Path]:
    """Every file of the course below `source`, sorted; hidden ones (checkpoints, say) are left out."""
    return sorted(
        path
        for path in source.rglob("*")
        if path.is_file() and not any(part.startswith((".", "__")) for part in path.relative_to(source).parts)
    )


def _read_manifest(labs: Path) -> dict:
    try:
        return json.loads((labs / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # without it every file counts as the student's, and is kept
        return {}


def _converter() -> bytes:
    """Stands for the way editions are made: when it changes, they are made anew."""
    return Path(__file__).read_bytes() + importlib.metadata.version("nbgrader").encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def replace(path: Path, content: bytes) -> None:
    """Write to a temporary name and rename: a reader sees the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(content)
    os.replace(temporary, path)
