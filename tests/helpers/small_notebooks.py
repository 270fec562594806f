"""Small notebooks for the tests of the commands."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

SOLUTION = '''def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    secret = x + x
    return secret
    ### END SOLUTION'''


def nbgrader(grade_id, **fields):
    """Return the metadata of a cell as nbgrader's toolbar writes it."""
    defaults = {"schema_version": 3, "solution": False, "grade": False, "locked": False, "task": False}
    return defaults | {"grade_id": grade_id} | fields


def exercise(source=SOLUTION, number="03-1"):
    """Return the cell that a student fills in."""
    metadata = {
        "nbgrader": nbgrader(f"exercise-{number}", solution=True),
        "slideshow": {"slide_type": "subslide"},
    }
    return new_code_cell(source, metadata=metadata, execution_count=7)


def check(source="assert double(2) == 4", number="03-1"):
    """Return the cell that judges the exercise, executed, with an output."""
    metadata = {
        "nbgrader": nbgrader(f"check-{number}", grade=True, locked=True, points=2),
        "slideshow": {"slide_type": "skip"},
        "tags": ["raises-exception", "nbval-check-output"],
    }
    outputs = [new_output("stream", name="stdout", text="✓ Exercise 03.1: well done\n")]
    return new_code_cell(source, metadata=metadata, outputs=outputs, execution_count=8)


def notebook(*cells, title="# 03 · A small one\n\n**The question.** What is twice two?"):
    """Return a notebook with a title and a question, as in the course."""
    result = new_notebook(cells=[new_markdown_cell(title), *cells])
    result.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return result


def code(source, *tags, **fields):
    """Return a plain code cell."""
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {}, **fields)


def write(path, *cells, **fields):
    """Write a notebook of these cells to `path` and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook(*cells, **fields), path)
    return path
