"""The page that tells instructors how long each notebook takes and where students stumble.

The times are those of the speaker's notes, the mistakes those that the tests make.
"""

import ast
import re
import runpy
from pathlib import Path

import nbformat

from course_tools.reports.claims_and_costs import opening, table

INTRODUCTION = """# Notebook by notebook

How long each notebook takes in class, its exercises with their points, and the mistakes that their checks know, in the
words that a student reads. The tests make every one of these mistakes and look for its hint. An ellipsis stands for
what the check fills in.
"""


def page(root: Path) -> str:
    """Return the page, in Markdown: for each notebook the times, and its exercises with points and mistakes."""
    known = hints(root / "course_utils" / "checks")
    parts = [INTRODUCTION]
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        title, _ = opening(notebook)
        parts += [f"## [{title}](notebooks/{path.name})\n", first_note(notebook) + "\n"]
        rows = [
            [title, points, "<br>".join(f"• {text}" for text in mistakes(root, number, known))]
            for number, title, points in exercises(notebook)
        ]
        if rows:
            parts.append(table(["exercise", "points", "what goes wrong"], rows) + "\n")
    return "\n".join(parts)


def first_note(notebook) -> str:
    """Return the first of the speaker's notes: how long the notebook takes, and what to prepare."""
    notes = [
        cell.source
        for cell in notebook.cells
        if cell.metadata.get("slideshow", {}).get("slide_type") == "notes"
    ]
    return notes[0] if notes else ""


def exercises(notebook):
    """Yield (number, title, points) of each exercise of a notebook."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    titles = dict(re.findall(r"^#+ Exercise (\d\d\.\d+) · (.+)$", text, re.MULTILINE))
    for cell in notebook.cells:
        grade = cell.metadata.get("nbgrader", {})
        if grade.get("grade") and (found := re.fullmatch(r"check-(\d\d)-(\d+)", grade["grade_id"])):
            number = f"{found[1]}.{found[2]}"
            yield number, f"{number} · {titles.get(number, '')}", grade["points"]


def mistakes(root: Path, number: str, known: list[str]) -> list[str]:
    """Return the hint for each classic mistake in exercise `number`, as far as it says what was seen."""
    file = root / "tests" / "checks" / "mistakes" / f"{number.replace('.', '_')}.py"
    if not file.exists():
        return []
    return [whole(words, known) for _, words in runpy.run_path(str(file))["MISTAKES"]]


def hints(folder: Path) -> list[str]:
    """Return every text in the judges' sources; what a formatted text fills in is left as an ellipsis."""
    texts = []
    for file in sorted(folder.glob("*.py")):
        _collect(ast.parse(file.read_text(encoding="utf-8")), texts)
    return texts


def _collect(node: ast.AST, texts: list[str]) -> None:
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
        texts.append("".join(parts))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        texts.append(node.value)
    else:
        for child in ast.iter_child_nodes(node):
            _collect(child, texts)


def whole(words: str, known: list[str]) -> str:
    """Return the hint that holds these words, without its advice; the words themselves if none does."""
    found = [text for text in known if words in text]
    text = min(found, key=len).partition("\nTry")[0] if found else words
    return " ".join(text.split()).lstrip("…;:, ")
