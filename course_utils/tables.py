"""Tables of text, for a notebook and for a terminal."""

import html
from collections.abc import Collection


class Table:
    """Rows of text, shown as a table in a notebook and as aligned columns elsewhere.

    Args:
        numbers: the columns, counted from 0, that are aligned at the right.
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
        def cells(row: list[str], tag: str) -> str:
            sides = ["right" if i in self.numbers else "left" for i in range(len(row))]
            aligned = [f' style="text-align: {side}"' if self.numbers else "" for side in sides]
            return "".join(
                f"<{tag}{style}>{html.escape(cell)}</{tag}>" for cell, style in zip(row, aligned, strict=True)
            )

        head, body = cells(self.header, "th"), "".join(f"<tr>{cells(row, 'td')}</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
