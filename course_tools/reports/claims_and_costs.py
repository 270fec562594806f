"""CLAIMS.md and the README's table of costs, written from `reference.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from course_utils.files import write_bytes
from course_utils.formatting import thousands

if TYPE_CHECKING:
    from nbformat import NotebookNode

STORE = "reference.json"
COSTS = ("<!-- costs:begin -->", "<!-- costs:end -->")


@dataclass(frozen=True)
class Claim:
    """A number that a notebook asserts, as `course_utils.claims` wrote it to the ledger."""

    claim: str
    value: float | bool | str
    bound: str
    unit: str
    lecture: str
    needs: str
    device: str
    torch: str


@dataclass(frozen=True)
class Record:
    """The measurements of the last reference run of a notebook."""

    title: str
    question: str
    minutes: float
    megabytes: int  # peak memory
    cores: int
    yardstick: float  # seconds, with which notebook 00 compares other machines
    claims: tuple[Claim, ...]


def update(root: Path, name: str, record: Record) -> None:
    """Replace the record of the notebook `name` (without suffix), then write both reports again."""
    records = {**_read_store(root / STORE), name: record}
    # A notebook that was renamed or removed leaves no rows behind.
    records = {key: records[key] for key in sorted(records) if (root / "notebooks" / f"{key}.ipynb").exists()}
    stored = {key: asdict(record) for key, record in records.items()}
    write_bytes(root / STORE, (json.dumps(stored, indent=1, ensure_ascii=False) + "\n").encode())
    write_bytes(root / "CLAIMS.md", claims_page(records).encode())
    readme = root / "README.md"
    write_bytes(readme, between(readme.read_text(encoding="utf-8"), COSTS, costs_table(records)).encode())


def _read_store(store: Path) -> dict[str, Record]:
    if not store.exists():
        return {}
    stored = json.loads(store.read_text(encoding="utf-8"))
    return {
        name: Record(**fields | {"claims": tuple(Claim(**claim) for claim in fields["claims"])})
        for name, fields in stored.items()
    }


def claims_page(records: Mapping[str, Record]) -> str:
    """Return CLAIMS.md: the claims of each notebook, the lecture's value next to ours."""
    parts = [
        "# Every number the course teaches",
        "Each line is asserted by its notebook whenever it runs; this page is written by `make reference`.\n"
        "*Taught* is the bound that must hold, *the lecture* is what the lecture printed, *ours* is the result\n"
        "of the stored run on full data.",
    ]
    for name, record in records.items():
        if not record.claims:
            continue
        versions = sorted({f"torch {claim.torch} on {claim.device}" for claim in record.claims})
        rows = [[f"`{c.claim}`", c.bound, c.lecture, shown(c), c.needs] for c in record.claims]
        parts.append(f"## [{record.title}](notebooks/{name}.ipynb)")
        parts.append(f"{', '.join(versions)}; {record.cores} cores.")
        parts.append(table(["claim", "taught", "the lecture", "ours", "needs"], rows))
    return "\n\n".join(parts) + "\n"


def costs_table(records: Mapping[str, Record]) -> str:
    """Return the README's table: what each notebook answers, and what running all of it costs."""
    rows = []
    for name, record in records.items():
        link = f"[{record.title}](notebooks/{name}.ipynb)"
        minutes = f"{max(record.minutes, 0.1):.1f}"
        rows.append([link, record.question, minutes, f"{record.megabytes / 1000:.1f} GB"])
    cores = " or ".join(str(number) for number in sorted({record.cores for record in records.values()}))
    measured = f"Measured by `make reference`, on full data, with {cores} cores."
    return table(["notebook", "what you learn to answer", "minutes", "peak memory"], rows) + "\n\n" + measured


def opening(notebook: NotebookNode) -> tuple[str, str]:
    """Return a notebook's title and opening question: heading and first paragraph of its first cell."""
    heading, _, text = notebook.cells[0].source.strip().partition("\n")
    question = " ".join(text.strip().split("\n\n")[0].split())
    label = re.compile(r"^\*\*[^*]+\*\* (?=\S)")  # **The question of this notebook.**
    return heading.lstrip("# ").strip(), label.sub("", question).strip("*_ ")


def between(text: str, markers: tuple[str, str], content: str) -> str:
    """Return `text` with the part between the two markers replaced.

    Raises ValueError if a marker does not occur exactly once.
    """
    begin, end = markers
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"the page must contain {begin} and {end}, once each")
    before, rest = text.split(begin)
    return f"{before}{begin}\n{content}\n{end}{rest.split(end)[1]}"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table; a bar in a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    escaped = [[str(cell).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def shown(claim: Claim) -> str:
    """Return the measured value of a claim, with its unit: 61 706, 98.93 %."""
    value = claim.value
    if isinstance(value, bool | str):
        text = str(value)
    elif isinstance(value, float) and not value.is_integer():
        text = f"{value:.6g}"
    else:
        text = thousands(value)
    return f"{text} {claim.unit}".strip()
