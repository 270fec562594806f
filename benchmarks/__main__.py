"""Time every row of the benchmark in turn, and print and write a table of ratios to the floor."""

import argparse
import ctypes
import gc
import importlib.util
import os
import platform
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.rows import ROWS
from benchmarks.task import Task, make_task

FLOOR, FIT = list(ROWS)[:2]
WARM_UP = 1_200  # training images of an epoch that is not counted
BOUND = 1.05  # what fit may take, as a multiple of the floor

RIVALS_EVERY = 3  # the promise of 1.05 needs more rounds than the comparison with the others

Times = dict[str, dict[int, float]]  # row → round → seconds


def main() -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 64, 128, 512], metavar="N")
    parser.add_argument("--images", type=int, default=4_800, help="training images of an epoch (%(default)s)")
    parser.add_argument(
        "--rounds",
        type=int,
        default=9,
        help="how often fit is timed; the others a third as often (%(default)s)",
    )
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("RESULTS.md"))
    options = parser.parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # all rows run on the CPU
    keep_freed_memory()
    warnings.filterwarnings("ignore")  # the others' advice on workers and on deprecated calls

    installed = [row for row in ROWS if row in {FLOOR, *options.rows} and is_installed(row)]
    missing = [row for row in options.rows if not is_installed(row)]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        short, task = (
            make_task(WARM_UP, Path(folder) / "short"),
            make_task(options.images, Path(folder) / "task"),
        )
        results = {}
        for size in options.batch_sizes:
            time_rows(installed, replace(short, batch_size=size), rounds=1)  # to warm up
            results[size] = time_rows(installed, replace(task, batch_size=size), options.rounds)
            print(f"batch size {size}: {options.rounds} rounds done", flush=True)
    seconds = time.perf_counter() - start
    text = report(results, missing, options.images, options.rounds, seconds)
    print(text)
    options.output.write_text(text, encoding="utf-8")


def keep_freed_memory() -> None:
    """Let malloc keep what is freed (glibc only): else any row pays, at random, a third more for fresh pages."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except OSError:  # another system, another malloc
        return
    trim_threshold, mmap_threshold = -1, -3
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(mmap_threshold, 2**25)


def is_installed(row: str) -> bool:
    """Whether the package that a row compares with is there."""
    return importlib.util.find_spec(ROWS[row][1]) is not None


def time_rows(rows: list[str], task: Task, rounds: int) -> Times:
    """Time the rows in rounds, in a new order each time: floor and fit in each, the others in every third."""
    times = {row: {} for row in rows}
    order = random.Random(0)
    for number in range(rounds):
        present = [row for row in rows if row in (FLOOR, FIT) or number % RIVALS_EVERY == 0]
        for row in order.sample(present, len(present)):
            epoch = ROWS[row][0](task)
            gc.collect()
            start = time.perf_counter()
            epoch()
            times[row][number] = time.perf_counter() - start
    return times


def report(
    results: dict[int, Times], missing: Iterable[str], images: int, rounds: int, seconds: float
) -> str:
    """The table of ratios in Markdown, with what was measured, where, and whether ``fit`` keeps its promise."""
    ratios = {
        size: {row: median_ratio(seconds, times[FLOOR]) for row, seconds in times.items()}
        for size, times in results.items()
    }
    rows = list(next(iter(ratios.values())))
    lines = [
        "| one epoch and one evaluation of LeNet-5, batch size | " + " | ".join(map(str, ratios)) + " |",
        "|---|" + "--:|" * len(ratios),
    ]
    for row in rows:
        lines.append(f"| {row} | " + " | ".join(f"{of_size[row]:.2f}" for of_size in ratios.values()) + " |")
    lines += [f"| {row} | " + "not installed | " * len(ratios) for row in missing]
    floors = ", ".join(
        f"{statistics.median(times[FLOOR].values()):.2f} s (± {spread(times[FLOOR]):.0%})"
        for times in results.values()
    )
    where = f"{platform.system()}, {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    return "\n".join([
        *lines,
        "",
        f"Multiples of the floor's time in the same round; medians of {rounds} rounds for fit and "
        f"of {-(-rounds // RIVALS_EVERY)} for the others, {images:,} training images. "
        f"The floor took {floors}; ± is half the distance between the quartiles. "
        f"Measured on {where}, in {seconds / 60:.0f} minutes.",
        "",
        *verdict(ratios),
        "",
    ])  # fmt: skip


def median_ratio(seconds: dict[int, float], floor: dict[int, float]) -> float:
    """The median of the ratios within each round: what slows a whole round down cancels."""
    return statistics.median(taken / floor[number] for number, taken in seconds.items())


def spread(times: dict[int, float]) -> float:
    """Half the distance between the quartiles, as a share of the median."""
    if len(times) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(times.values(), n=4)
    return (high - low) / 2 / middle


def verdict(ratios: dict[int, dict[str, float]]) -> list[str]:
    """Say for each batch size where ``fit`` breaks its promises, or that it keeps them."""
    broken = []
    for size, of_size in ratios.items():
        if FIT in of_size and of_size[FIT] > BOUND:
            broken.append(
                f"At batch {size}, fit takes {of_size[FIT]:.3f} of the floor; at most {BOUND} is promised."
            )
        broken += [
            f"At batch {size}, {row} is faster than fit."
            for row, ratio in of_size.items()
            if row not in (FLOOR, FIT) and ratio < of_size.get(FIT, 0)
        ]
    return broken or [
        f"fit takes at most {BOUND} of the floor's time and is the fastest at every batch size."
    ]


if __name__ == "__main__":
    main()
