"""Write grades.csv for the instructor, and one page of feedback per student."""

import csv
import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_tools.grading.verdict import Status
from course_utils.files import write_bytes

LONGEST_CODE = 20_000  # characters of an answer that are shown
COLUMNS = ("student", "exercise", "points", "hint", "status")
IN_WORDS = {
    Status.PASSED: "Solved.",
    Status.FAILED: "Not correct yet.",
    Status.MISSING: "Nothing was handed in for this exercise.",
    Status.STOPPED: "Your code did not finish.",
    Status.REVIEW: "Your instructor will look at this.",
    Status.REVIEWED: "Your instructor has looked at this.",
}

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Feedback for {{ student }}</title>
<style>
body { font: 1.1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { margin-top: 2.5rem } h3 { margin: 2rem 0 .3rem; font-size: 1.15rem }
.points { float: right; font-weight: normal } .hint { white-space: pre-wrap; margin: .3rem 0 }
.mark { border-left: .4rem solid #b35900; padding-left: .8rem } .passed { border-color: #1a7f37 }
pre { background: #f4f5f7; padding: .8rem; overflow-x: auto; font-size: .95rem; line-height: 1.4 }
{{ colours }}
</style>
</head>
<body>
<h1>Feedback for {{ student }}</h1>
<p>{{ total }} of {{ possible }} points.</p>
{% for problem in problems %}<p class="mark hint">{{ problem }}</p>
{% endfor %}
{% for name, rows in parts %}<h2>{{ name }}</h2>
{% for row in rows %}<section>
<h3>{{ row.title }}<span class="points">{{ row.points }} of {{ row.possible }}</span></h3>
<div class="mark {{ row.status }}"><p class="hint">{{ row.words }}{% if row.advice %}
{{ row.advice }}{% endif %}</p></div>
{% if row.code %}{{ row.code }}{% endif %}
</section>
{% endfor %}{% endfor %}
</body>
</html>
"""


@dataclass(frozen=True)
class Row:
    """The result of one exercise or report of one student."""

    student: str
    assignment: str
    exercise: str
    title: str
    points: float
    possible: float
    hint: str
    status: Status
    code: str = ""


def write_grades(path: Path, rows: list[Row]) -> None:
    """Write the table: one row per exercise and student."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row.student), row.exercise, f"{row.points:g}", _cell(row.hint), row.status])
    # Excel needs the byte order mark of this encoding.
    write_bytes(path, text.getvalue().encode("utf-8-sig", errors="replace"))


def _cell(text: str) -> str:
    """Return a cell that spreadsheets do not interpret as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def write_feedback(path: Path, student: str, rows: list[Row], problems: list[str]) -> None:
    """Write a student's page: their code, points and hints, but no check cell and no hidden test."""
    from jinja2 import Environment

    parts: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        parts.setdefault(row.assignment, []).append(_shown(row))
    page = Environment(autoescape=True).from_string(PAGE)
    text = page.render(
        student=student,
        total=f"{sum(row.points for row in rows):g}",
        possible=f"{sum(row.possible for row in rows):g}",
        problems=problems,
        parts=parts.items(),
        colours=_colours(),
    )
    write_bytes(path, text.encode("utf-8", errors="replace"))


@cache
def _colours() -> str:
    """Return the style sheet for code, from accessible-pygments if it is installed."""
    from pygments.formatters import HtmlFormatter
    from pygments.util import ClassNotFound

    try:
        formatter = HtmlFormatter(style="a11y-light")
    except ClassNotFound:
        formatter = HtmlFormatter()
    return str(formatter.get_style_defs(".highlight"))


def _shown(row: Row) -> dict[str, str]:
    """Return what the page shows of a row."""
    from markupsafe import Markup
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    # Why code is strange is for the instructor only; and its own hint could contain anything.
    advice = row.hint if row.status in (Status.FAILED, Status.STOPPED) else ""
    code = highlight(row.code[:LONGEST_CODE], PythonLexer(), HtmlFormatter()) if row.code.strip() else ""
    return {
        "title": row.title,
        "status": row.status,
        "points": f"{row.points:g}",
        "possible": f"{row.possible:g}",
        "words": IN_WORDS[row.status],
        "advice": advice,
        "code": Markup(code),
    }
