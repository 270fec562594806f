"""CLAIMS.md and the README's table of costs, written from `reference.json`."""

import json
import re
from pathlib import Path

from course_utils.files import write_bytes
from course_utils.formatting import thousands

STORE = "reference.json"
COSTS = ("<!-- costs:begin -->", "<!-- costs:end -->")
KEPT = ("claim", "value", "bound", "unit", "lecture", "needs", "device", "torch")


def update(root: Path, name: str, record: dict) -> None:
    """Put one notebook's record in the place of its old one, then write both reports anew.

    name: the notebook's file name without suffix; record: title, question, minutes, megabytes, cores, and
    claims as `course_utils.claims` wrote them to the ledger.
    """
    store = root / STORE
    records = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
    claims = {claim["claim"]: {key: claim[key] for key in KEPT} for claim in record["claims"]}
    records[name] = record | {"claims": list(claims.values())}
    # A notebook that was renamed or removed leaves no rows behind.
    records = {key: records[key] for key in sorted(records) if (root / "notebooks" / f"{key}.ipynb").exists()}
    write_bytes(store, (json.dumps(records, indent=1, ensure_ascii=False) + "\n").encode())
    write_bytes(root / "CLAIMS.md", claims_page(records).encode())
    readme = root / "README.md"
    write_bytes(readme, between(readme.read_text(encoding="utf-8"), COSTS, costs_table(records)).encode())


def claims_page(records: dict) -> str:
    """Return CLAIMS.md: for each notebook its claims, the lecture's value beside ours."""
    parts = [
        "# Every number the course teaches",
        "Each line is asserted by its notebook whenever it runs; this page is written by `make reference`.\n"
        "*Taught* is the bound that must hold, *the lecture* what the lecture printed, *ours* what came out\n"
        "in the stored run on full data.",
    ]
    for name, record in records.items():
        if not record["claims"]:
            continue
        versions = sorted({f"torch {claim['torch']} on {claim['device']}" for claim in record["claims"]})
        rows = [[f"`{c['claim']}`", c["bound"], c["lecture"], shown(c), c["needs"]] for c in record["claims"]]
        parts.append(f"## [{record['title']}](notebooks/{name}.ipynb)")
        parts.append(f"{', '.join(versions)}; {record['cores']} cores.")
        parts.append(table(["claim", "taught", "the lecture", "ours", "needs"], rows))
    return "\n\n".join(parts) + "\n"


def costs_table(records: dict) -> str:
    """Return the README's table: what each notebook answers, and what running all of it costs."""
    rows = []
    for name, record in records.items():
        link = f"[{record['title']}](notebooks/{name}.ipynb)"
        minutes = f"{max(record['minutes'], 0.1):.1f}"
        rows.append([link, record["question"], minutes, f"{record['megabytes'] / 1000:.1f} GB"])
    cores = " or ".join(str(number) for number in sorted({record["cores"] for record in records.values()}))
    measured = f"Measured by `make reference`, on full data, with {cores} cores."
    return table(["notebook", "what you learn to answer", "minutes", "peak memory"], rows) + "\n\n" + measured


def opening(notebook) -> tuple[str, str]:
    """Return a notebook's title and opening question: heading and first paragraph of its first cell."""
    heading, _, text = notebook.cells[0].source.strip().partition("\n")
    question = " ".join(text.strip().split("\n\n")[0].split())
    label = re.compile(r"^\*\*[^*]+\*\* (?=\S)")  # **The question of this notebook.**
    return heading.lstrip("# ").strip(), label.sub("", question).strip("*_ ")


def between(text: str, markers: tuple[str, str], content: str) -> str:
    """Return `text` with what stands between the two markers replaced. Raises ValueError without them."""
    begin, end = markers
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"the page must hold {begin} and {end}, once each")
    before, rest = text.split(begin)
    return f"{before}{begin}\n{content}\n{end}{rest.split(end)[1]}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; a bar in a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    lines = [[str(cell).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(claim: dict) -> str:
    """Return the measured value of a claim, with its unit: 61 706, 98.93 %."""
    value = claim["value"]
    if isinstance(value, float) and not value.is_integer():
        text = f"{value:.6g}"
    else:
        text = thousands(value) if not isinstance(value, bool | str) else str(value)
    return f"{text} {claim['unit']}".strip()
