"""The page for instructors with the time that each notebook takes and the classic mistakes in its exercises.

The times are those in the speaker's notes; the mistakes are those that the tests make.
"""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import nbformat

from course_tools.reports.claims_and_costs import opening, table

if TYPE_CHECKING:
    from nbformat import NotebookNode

INTRODUCTION = """# Notebook by notebook

How long each notebook takes in class, its exercises with their points, and the mistakes that their checks recognize, as
the hints that students read. The tests make every one of these mistakes and look for its hint. An ellipsis replaces
what the check fills in.
"""


class Graded(NamedTuple):
    """An exercise, as the page lists it."""

    number: str
    title: str
    points: float


def page(root: Path) -> str:
    """Return the page in Markdown: the times of each notebook, and its exercises with points and mistakes."""
    known = hints(root / "course_utils" / "checks")
    parts = [INTRODUCTION]
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        title, _ = opening(notebook)
        parts += [f"## [{title}](notebooks/{path.name})\n", first_note(notebook) + "\n"]
        rows = [
            [
                exercise.title,
                exercise.points,
                "<br>".join(f"• {text}" for text in mistakes(root, exercise.number, known)),
            ]
            for exercise in exercises(notebook)
        ]
        if rows:
            parts.append(table(["exercise", "points", "what goes wrong"], rows) + "\n")
    return "\n".join(parts)


def first_note(notebook: NotebookNode) -> str:
    """Return the first of the speaker's notes: how long the notebook takes, and what to prepare."""
    for cell in notebook.cells:
        if cell.metadata.get("slideshow", {}).get("slide_type") == "notes":
            return str(cell.source)
    return ""


def exercises(notebook: NotebookNode) -> Iterator[Graded]:
    """Yield the exercises of a notebook."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    titles = dict(re.findall(r"^#+ Exercise (\d\d\.\d+) · (.+)$", text, re.MULTILINE))
    for cell in notebook.cells:
        grade = cell.metadata.get("nbgrader", {})
        if grade.get("grade") and (found := re.fullmatch(r"check-(\d\d)-(\d+)", grade["grade_id"])):
            number = f"{found[1]}.{found[2]}"
            yield Graded(number, f"{number} · {titles.get(number, '')}", grade["points"])


def mistakes(root: Path, number: str, known: list[str]) -> list[str]:
    """Return the hint for each classic mistake in exercise `number`, without its advice."""
    file = root / "tests" / "checks" / "mistakes" / f"{number.replace('.', '_')}.py"
    if not file.exists():
        return []
    return [whole(words, known) for _, words in runpy.run_path(str(file))["MISTAKES"]]


def hints(folder: Path) -> list[str]:
    """Return every text in the judges' sources; an ellipsis replaces what a formatted text fills in."""
    return [
        text for file in sorted(folder.glob("*.py")) for text in _texts(ast.parse(file.read_text("utf-8")))
    ]


def _texts(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
        case ast.Constant(value=str(text)):
            yield text
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _texts(child)


def whole(words: str, known: list[str]) -> str:
    """Return the hint that contains these words, without its advice; the words themselves if there is none."""
    found = [text for text in known if words in text]
    text = min(found, key=len).partition("\nTry")[0] if found else words
    return " ".join(text.split()).lstrip("…;:, ")
