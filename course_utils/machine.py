"""What this machine is, and what the course costs on it. Notebook 00."""

import json
import os
import platform
import shutil
import statistics
import time
from pathlib import Path

import torch

from course_utils.files import PROJECT
from course_utils.tables import Table

# Written by `make reference`.
REFERENCE = PROJECT / "reference.json"


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
    """Estimated minutes and memory that each notebook takes to run from top to bottom on this machine.

    The minutes measured on the reference machine are multiplied by how much longer :func:`yardstick` takes here.
    """
    records = json.loads(REFERENCE.read_text(encoding="utf-8")) if REFERENCE.exists() else {}
    here = yardstick()
    rows = []
    for record in records.values():
        minutes = record["minutes"] * here / record["yardstick"]
        rows.append([record["title"], f"{max(minutes, 0.1):.1f}", f"{record['megabytes'] / 1000:.1f} GB"])
    return Table(["notebook", "minutes here", "memory"], rows)


def yardstick() -> float:
    """How fast this machine is: seconds for a small fixed piece of training, the median of five runs."""
    from course_utils.models import LeNet5

    model = LeNet5()
    x, y = torch.rand(64, 1, 32, 32), torch.randint(10, (64,))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(20):
            model.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x), y)
            loss.backward()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _memory() -> str:
    try:
        import psutil
    except ImportError:
        return "not known"
    return f"{psutil.virtual_memory().total / 1e9:.0f} GB"
