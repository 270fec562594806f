"""Find the constructions that `style.toml` rejects, in Markdown, notebooks and Python files.

`python tests/prose/linter.py [FILE ...]` prints `path:line: 'phrase' → advice` for these files, or for all of them.
In a notebook, `[7] 2` is the second line of the cell with index 7.
"""

import ast
import io
import json
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (".github", "benchmarks", "course_tools", "course_utils", "docs", "notebooks", "tests")
MASK = "¤"  # replaces each character that is not prose: code, math, addresses, HTML
NOT_PROSE = re.compile(
    r"^ *(?P<fence>```+).*?^ *(?P=fence)|<!--.*?-->|(?P<ticks>`+).+?(?P=ticks)|\$\$.+?\$\$"
    r"|\$[^$\n]+(?:\n[^$\n]+)?\$|(?<=\])\([^()\s]*\)|https?://\S+|</?\w+[^<>]*>",
    re.DOTALL | re.MULTILINE,
)
NEW_BLOCK = re.compile(
    r"\s*$|\s*(?:[-*#|>]+|\d+\.) "
)  # an empty line, or the start of an item, a title, a row
SHORTEST = 4  # words; shorter string literals are keys and labels


class Rule(NamedTuple):
    name: str
    pattern: re.Pattern
    advice: str
    only: str  # the only kind of prose that the rule concerns, or empty


class Prose(NamedTuple):
    text: str
    kind: str  # markdown, docstring, string or comment
    lines: list[tuple[str, str]]  # the source: place, such as "12" or "[7] 2", and line


def read_rules() -> list[Rule]:
    """Return the rules of `style.toml`. In a pattern, <name> stands for a list of words."""
    table = tomllib.loads(Path(__file__).with_name("style.toml").read_text(encoding="utf-8"))
    lists = {f"<{name}>": f"(?:{'|'.join(words.split())})" for name, words in table.pop("words").items()}
    rules = []
    for name, entry in table.items():
        pattern = re.sub(r"(?<!\?)<[a-z]+>", lambda match: lists[match[0]], "|".join(entry["patterns"]))
        rules.append(Rule(name, re.compile(pattern), entry["advice"], entry.get("only", "")))
    return rules


def matches(piece: Prose, rules: list[Rule]) -> Iterator[tuple[str, str, Rule]]:
    """Yield the place, the phrase and the rule of each match. Line breaks count as spaces."""
    for paragraph in re.split(r"\n\s*\n", mask(piece.text).strip()):
        text = " ".join(paragraph.split())
        for rule in rules:
            for match in rule.pattern.finditer(text) if rule.only in ("", piece.kind) else ():
                phrase = match[0].strip(" .,;:()")
                yield find_line(phrase.split(MASK)[0].split(), piece.lines), phrase, rule


def find_line(words: list[str], lines: list[tuple[str, str]]) -> str:
    """Return the place of the line that contains these words, or ends with the first of them."""
    for count in range(len(words), 0, -1):
        start = " ".join(words[:count])
        for place, line in lines:
            if start in line and (count == len(words) or line.rstrip("\"' ").endswith(start)):
                return place
    return lines[0][0]


def mask(text: str) -> str:
    """Return the text with everything that is not prose replaced, line by line."""
    return NOT_PROSE.sub(lambda match: re.sub(r"[^\n]", MASK, match[0]), text)


def from_markdown(source: str, place: str = "{}") -> Iterator[Prose]:
    """Yield paragraphs, list items, table rows and titles."""
    lines: list[tuple[str, str]] = []
    for number, line in enumerate([*mask(source).split("\n"), ""], 1):
        if NEW_BLOCK.match(line) and lines:
            yield Prose("\n".join(text for _, text in lines), "markdown", lines)
            lines = []
        lines += [(place.format(number), line)] if line.strip() else []


def from_python(source: str, place: str = "{}") -> Iterator[Prose]:
    """Yield docstrings, other string literals that are neither short nor code, and comments."""
    lines = [(place.format(number), line) for number, line in enumerate(source.split("\n"), 1)]
    nodes = list(ast.walk(ast.parse(source)))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if id(node) not in parts and isinstance(node, ast.JoinedStr | ast.Constant):
            values = node.values if isinstance(node, ast.JoinedStr) else [node]
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else MASK for part in values)
            if len(text.split()) >= SHORTEST and not is_code(text):
                kind = "docstring" if id(node) in docstrings else "string"
                yield Prose(text, kind, lines[node.lineno - 1 : node.end_lineno])
    comment: dict[int, str] = {}  # by line; comments on successive lines are one text
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if comment and (token.type == tokenize.ENDMARKER or token.start[0] > max(comment) + 1):
            yield Prose("\n".join(comment.values()), "comment", [lines[number - 1] for number in comment])
            comment = {}
        if token.type == tokenize.COMMENT:
            comment[token.start[0]] = token.string.lstrip("#: ")


def is_code(text: str) -> bool:
    """Return whether a string literal is a piece of Python, as in a list of wrong answers."""
    try:
        return bool(ast.parse(text))
    except (SyntaxError, ValueError):
        return False


def from_notebook(source: str) -> Iterator[Prose]:
    """Yield the prose of Markdown cells and of code cells, whose magics are skipped."""
    for index, cell in enumerate(json.loads(source)["cells"]):
        text, place = "".join(cell["source"]), f"[{index}] {{}}"
        if cell["cell_type"] == "code":
            yield from from_python(re.sub(r"(?m)^\s*[%!].*", "", text), place)
        else:
            yield from from_markdown(text, place)


READERS = {".md": from_markdown, ".ipynb": from_notebook, ".py": from_python}


def files(suffix: str) -> list[Path]:
    """Return the course's own files with this suffix, but for the tests of this linter, which quote what is wrong."""
    paths = [
        *ROOT.glob(f"*{suffix}"),
        *(path for folder in FOLDERS for path in (ROOT / folder).rglob(f"*{suffix}")),
    ]
    return sorted(path for path in paths if not {".ipynb_checkpoints", "test_prose.py"} & {*path.parts})


def check(paths: list[Path]) -> Iterator[str]:
    """Yield one line per phrase to rewrite."""
    rules = read_rules()
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        for piece in READERS[path.suffix](path.read_text(encoding="utf-8")):
            yield from (
                f"{name}:{place}: {phrase!r} → {rule.advice}" for place, phrase, rule in matches(piece, rules)
            )


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    everything = [path for suffix in READERS for path in files(suffix)]
    found = list(check([Path(name).resolve() for name in sys.argv[1:]] or everything))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(bool(found))
