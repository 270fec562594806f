"""What this machine is, and what the course will cost on it. Notebook 00."""

import html
import json
import os
import platform
import shutil
import statistics
import time
from collections.abc import Collection
from pathlib import Path

import torch

REFERENCE = Path(__file__).parents[1] / "reference.json"  # written by `make reference`


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


def describe() -> Table:
    """What the course needs to know about this machine: versions, processor, memory, free disk."""
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    rows = [
        ["Python", platform.python_version(), "3.11 to 3.13"],
        ["torch", torch.__version__, "2.14 or newer"],
        ["operating system", platform.system(), "Linux, macOS or Windows"],
        ["processor cores", str(os.cpu_count()), "2 are enough"],
        ["threads torch uses", str(torch.get_num_threads()), "one for each core"],
        ["memory", _memory(), "4 GB are enough"],
        ["free disk", f"{free:.0f} GB", "1 GB for the data"],
    ]
    return Table(["", "here", "expected"], rows)


def costs() -> Table:
    """Minutes and memory that each notebook takes to run from top to bottom on this machine, estimated.

    The minutes measured on the reference machine are multiplied with how much longer :func:`yardstick` takes here.
    """
    records = json.loads(REFERENCE.read_text(encoding="utf-8")) if REFERENCE.exists() else {}
    here = yardstick()
    rows = []
    for record in records.values():
        minutes = record["minutes"] * here / record["yardstick"]
        rows.append([record["title"], f"{max(minutes, 0.1):.1f}", f"{record['megabytes'] / 1000:.1f} GB"])
    return Table(["notebook", "minutes here", "memory"], rows)


def yardstick() -> float:
    """Seconds for a small fixed piece of training, the middle one of five tries: how fast this machine is."""
    from course_utils.models import LeNet5

    model = LeNet5()
    x, y = torch.rand(64, 1, 32, 32), torch.randint(10, (64,))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(20):
            model.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _memory() -> str:
    try:
        import psutil
    except ImportError:
        return "not known"
    return f"{psutil.virtual_memory().total / 1e9:.0f} GB"
