"""Reading the cells of a notebook given as JSON, and the list of all rules."""

import ast
import re

COMPARED = {"nbval-check-output", "full-data"}
RULES = []


def rule(function):
    RULES.append(function)
    return function


def source(cell):
    return "".join(cell["source"])


def tags(cell):
    return set(cell["metadata"].get("tags", []))


def syntax(cell):
    """Parse a code cell's Python, without IPython's lines (%, !)."""
    return ast.parse(re.sub(r"^\s*[%!].*$", "", source(cell), flags=re.MULTILINE))


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def is_solution(cell):
    return cell["metadata"].get("nbgrader", {}).get("solution", False)


def is_check(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade", False)


def is_report(cell):
    """Whether it is an answer in words, which is graded manually."""
    return cell["cell_type"] == "markdown" and is_solution(cell) and is_check(cell)


def where(cell):
    """Describe a cell in a complaint by its id and the beginning of its text."""
    return f"cell {cell.get('id')} ({source(cell).strip()[:40]!r})"


def output_texts(cell):
    """Yield all text in a cell's outputs, without encoded images."""
    for output in cell.get("outputs", []):
        yield "".join(output.get("text", ""))
        yield "\n".join([output.get("evalue", ""), *output.get("traceback", [])])
        for kind, data in output.get("data", {}).items():
            if kind.startswith("text/"):
                yield re.sub(r"base64,[\w+/=]+", "base64,", "".join(data))


def headings(notebook):
    """Yield (level, text) of every Markdown heading outside code blocks."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = re.sub(r"^```.*?^```", "", source(cell), flags=re.DOTALL | re.MULTILINE)
            for marks, title in re.findall(r"^(#{1,6}) +(.+)$", text, re.MULTILINE):
                yield len(marks), title.strip()
