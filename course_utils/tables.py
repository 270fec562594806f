"""Tables of text, for a notebook and for a terminal."""

import html
from collections.abc import Collection, Mapping, Sequence


class Table:
    """Rows of text, shown as a table in a notebook and as aligned columns elsewhere.

    Args:
        numbers: indices of the columns that are aligned on the right.
    """

    def __init__(self, header: list[str], rows: list[list[str]], numbers: Collection[int] = ()):
        self.header, self.rows, self.numbers = header, rows, numbers

    def __repr__(self) -> str:
        lines = [self.header, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.header))]
        sides = [">" if i in self.numbers else "<" for i in range(len(self.header))]
        return "\n".join(
            "  ".join(f"{cell:{s}{w}}" for cell, s, w in zip(line, sides, widths, strict=True)).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        sides = ["right" if i in self.numbers else "left" for i in range(len(self.header))]
        styles = [f' style="text-align: {side}"' if self.numbers else "" for side in sides]
        head = _row("th", self.header, styles)
        body = "".join(_row("td", row, styles) for row in self.rows)
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def facts_as_html(caption: str, facts: Mapping[str, str]) -> str:
    """HTML table with one row per fact, its name on the left, below a caption."""
    rows = "".join(f"<tr>{_cell('th', name)}{_cell('td', fact)}</tr>" for name, fact in facts.items())
    return f"<table><caption>{html.escape(caption)}</caption><tbody>{rows}</tbody></table>"


def _row(tag: str, cells: Sequence[str], styles: Sequence[str]) -> str:
    return f"<tr>{''.join(_cell(tag, cell, style) for cell, style in zip(cells, styles, strict=True))}</tr>"


def _cell(tag: str, text: str, style: str = "") -> str:
    return f"<{tag}{style}>{html.escape(text)}</{tag}>"
