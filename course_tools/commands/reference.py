"""`reference`: run the notebooks on full data, store their outputs, and report every number they teach.

`reference.json` stores for each notebook what its last run measured. CLAIMS.md and the table of costs in the README are
written from it, so that running one notebook again keeps the rows of the others.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from course_tools.environment import ROOT
from course_tools.reports import claims_and_costs
from course_tools.reports.claims_and_costs import Claim, Record
from course_utils import machine
from course_utils.files import write_bytes

WIDGET = "application/vnd.jupyter.widget-view+json"
BINARY = ("image/png", "image/jpeg", "image/gif", "application/pdf")
PROBE = (
    "import sys\n"
    "_data = sys.modules.get('course_utils.data')\n"
    "print('full' if _data is None or _data.is_full() else 'part')"
)


class Refused(Exception):
    """The outputs of a run must not be stored; the text says why."""


def reference(names: Sequence[str], root: Path = ROOT) -> int:
    """Run the notebooks whose names begin with one of `names`, or all; return the exit status.

    A notebook whose run fails, or is not on full data, is left unchanged and keeps its rows in the reports.
    """
    paths = select(names, root)
    refused = []
    for path in paths:
        print(f"{path.stem} …", flush=True)
        try:
            notebook, record = run(path)
        except Refused as reason:
            refused.append(path.stem)
            print(f"{path.stem}: not stored. {reason}", file=sys.stderr)
            continue
        write_bytes(path, nbformat.writes(notebook).encode())
        claims_and_costs.update(root, path.stem, record)
        costs = f"{record.minutes:.1f} min, {record.megabytes} MB"
        print(f"{path.stem}: stored; {costs}, {len(record.claims)} claims", flush=True)
    if refused:
        print("Not stored: " + ", ".join(refused), file=sys.stderr)
    return int(bool(refused))


def select(names: Sequence[str], root: Path) -> list[Path]:
    """Return the notebooks whose file names start with one of `names`, in order; all if `names` is empty."""
    paths = sorted((root / "notebooks").glob("*.ipynb"))
    known = ", ".join(path.stem for path in paths)
    for name in names:
        if not any(path.name.startswith(name) for path in paths):
            raise SystemExit(f"No notebook starts with {name!r}. There are: {known}")
    return [path for path in paths if not names or path.name.startswith(tuple(names))]


def run(path: Path) -> tuple[NotebookNode, Record]:
    """Execute one notebook; return it, ready to be stored, and what was measured.

    Raises Refused if a cell fails, if the data are not complete, or if an output shows a path of this machine.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(PROBE))
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder, "ledger.jsonl")
        ledger.touch()
        environment = os.environ | {
            "COURSE_FRACTION": "1",
            "COURSE_LEDGER": str(ledger),
            "COURSE_NOTEBOOK": path.stem,
            # An empty folder, so that no results of earlier runs are used.
            "COURSE_RESULTS": folder,
        }
        start = time.perf_counter()
        with PeakMemory() as memory:
            execute(notebook, path.parent, environment)
        minutes = (time.perf_counter() - start) / 60
        entries = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    probe = notebook.cells.pop()
    tidy(notebook)
    for fault in faults(notebook, probe, entries):
        raise Refused(fault)
    title, question = claims_and_costs.opening(notebook)
    return notebook, Record(
        title=title,
        question=question,
        minutes=round(minutes, 2),
        megabytes=memory.megabytes,
        cores=os.cpu_count() or 1,
        yardstick=round(machine.yardstick(), 4),
        claims=claims_of(entries),
    )


def claims_of(entries: Sequence[dict[str, Any]]) -> tuple[Claim, ...]:
    """Return the claims in a ledger; of a claim made twice, the last value."""
    last = {entry["claim"]: entry for entry in entries}
    return tuple(
        Claim(**{field.name: entry[field.name] for field in fields(Claim)}) for entry in last.values()
    )


def execute(notebook: NotebookNode, folder: Path, environment: dict[str, str]) -> None:
    """Run all cells in a fresh kernel that starts in `folder`. Raises Refused at the first error."""
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
    )
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        raise Refused(str(error)) from error
    except DeadKernelError as error:
        raise Refused("The kernel died; it may have run out of memory.") from error


def tidy(notebook: NotebookNode) -> None:
    """Remove what must not be stored: widget views and state, execution times, the version of Python."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            # The text that replaces a view is removed with it; a static form has its own output.
            if output.get("data", {}).pop(WIDGET, None) and set(output.data) <= {"text/plain"}:
                output.data.clear()
        if cell.cell_type == "code":
            cell.outputs = [item for item in cell.outputs if item.get("data", True)]


def faults(notebook: NotebookNode, probe: NotebookNode, entries: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield each reason not to store a run, as a message; entries: the lines of its ledger."""
    if probe.outputs[0].text.strip() != "full":
        yield "It ran on a part of the data or on synthetic data. Set COURSE_DATA to the real data."
    for entry in entries:
        if entry["skipped"]:
            yield f"The claim {entry['claim']} was skipped: it needs {entry['needs']}."
    paths = re.compile("|".join(map(re.escape, machine_paths())))
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                yield f"Cell {number} ends in an error: {output.ename}: {output.evalue}"
            if found := paths.search(text_of(output)):
                yield f"Cell {number} shows a path of this machine: {found[0]}"


def text_of(output: NotebookNode) -> str:
    """Return the textual parts of an output, without images: base64 contains any short path by chance."""
    data = {kind: content for kind, content in output.get("data", {}).items() if kind not in BINARY}
    return json.dumps(output | {"data": data}, ensure_ascii=False)


def machine_paths() -> list[str]:
    """Return beginnings of paths that exist only on this machine."""
    places = {str(ROOT), str(Path.home()), tempfile.gettempdir(), sys.prefix, sys.base_prefix}
    return [json.dumps(place)[1:-1] + os.sep for place in sorted(places)]


class PeakMemory:
    """Context manager that measures the peak memory of all child processes together, in megabytes."""

    # Seconds. A shorter interval would slow down what is measured.
    interval = 0.5

    def __enter__(self) -> Self:
        self.megabytes = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(self.interval):
            total = 0
            for child in psutil.Process().children(recursive=True):
                # It may have just ended.
                with contextlib.suppress(psutil.Error):
                    total += child.memory_info().rss
            self.megabytes = max(self.megabytes, round(total / 1e6))
