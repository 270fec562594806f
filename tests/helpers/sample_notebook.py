"""A small notebook, as JSON, that follows every rule; each test breaks it in one place."""

import copy

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
ALT = "A single grey pixel, as small as an image can be"


def markdown(name, text, slide="slide"):
    return {
        "cell_type": "markdown",
        "id": name,
        "metadata": {"slideshow": {"slide_type": slide}},
        "source": text,
    }


def code(name, text, count, outputs=(), tags=(), nbgrader=None):
    metadata = {"slideshow": {"slide_type": "-"}}
    metadata |= {"tags": list(tags)} if tags else {}
    metadata |= {"nbgrader": nbgrader} if nbgrader else {}
    return {
        "cell_type": "code",
        "id": name,
        "metadata": metadata,
        "execution_count": count,
        "source": text,
        "outputs": list(outputs),
    }


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def shown(data, metadata=None):
    return {"output_type": "display_data", "data": data, "metadata": metadata or {}}


def nbgrader(name, solution):
    metadata = {"schema_version": 3, "solution": solution, "grade": not solution, "locked": not solution}
    return metadata | {"task": False, "grade_id": name} | ({} if solution else {"points": 1})


def report(name, text):
    cell = markdown(name, text, slide="skip")
    cell["metadata"]["nbgrader"] = nbgrader("report-00-1", False) | {"solution": True, "locked": False}
    return cell


FIRST = "# 00 · A sample\n\nWhat is a mean?\n\n**You will be able to** square.\n\n**You need** nothing."
SOLUTION = """def mean_square(x):
    ### BEGIN SOLUTION
    return (x ** 2).sum() / x.numel()  # by hand
    ### END SOLUTION"""
CLAIM = """from course_utils import claim

claim("two", 2, equals=2)"""
CHECK = """from course_utils import check

check("00.1", mean_square)"""
PIXEL = shown({"image/png": PNG}, {"image/png": {"alt": ALT}})
DRAWING = shown({"text/html": f'<img src="data:," alt="{ALT}">'})
PRAISE = printed("✓ Exercise 00.1: that is how every exercise ends.\n")
CELLS = [
    markdown("title", FIRST),
    code("figure", "import torch\n\ntorch.ones(1)", 1, [PIXEL]),
    code("drawing", "torch.ones(2)", 2, [DRAWING]),
    code("claim", CLAIM, 3, [printed("✓ two = 2\n")], ["nbval-check-output"]),
    markdown("section", "## An exercise\n\n### Exercise 00.1 · Mean of squares"),
    code("solution", SOLUTION, 4, nbgrader=nbgrader("exercise-00-1", True)),
    code(
        "check",
        CHECK,
        5,
        [PRAISE],
        ["raises-exception", "nbval-check-output"],
        nbgrader("check-00-1", False),
    ),
    markdown("question", "### Report 00.1 · What is seen"),
    report("report", "The instructor's answer in words."),
    markdown("summary", "## Summary"),
    markdown("further", "## One step further"),
]


def sample():
    """Return a fresh copy of the notebook and a dict of its cells by id."""
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": copy.deepcopy(CELLS),
    }
    return notebook, {cell["id"]: cell for cell in notebook["cells"]}
