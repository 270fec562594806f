"""Measure every row of the benchmark; print and write a table of ratios to the floor."""

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
WARM_UP = 1_200  # training images of an epoch that is not measured
BOUND = 1.05  # promised upper bound for fit, as a multiple of the floor
# The bound of 1.05 needs more rounds than the comparison with the others, which run in every third round.
RIVALS_EVERY = 3

Times = dict[str, dict[int, float]]  # row → round → seconds


def main() -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 64, 128, 512], metavar="N")
    parser.add_argument("--images", type=int, default=4_800, help="training images per epoch (%(default)s)")
    parser.add_argument(
        "--rounds",
        type=int,
        default=9,
        help="rounds for fit; the others run in every third one (%(default)s)",
    )
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("RESULTS.md"))
    options = parser.parse_args()
    # All rows run on the CPU.
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    keep_freed_memory()
    # Advice of the other packages on workers and on deprecated calls.
    warnings.filterwarnings("ignore")

    installed = [row for row in ROWS if row in {FLOOR, *options.rows} and is_installed(row)]
    missing = [row for row in options.rows if not is_installed(row)]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        short = make_task(WARM_UP, Path(folder, "short"))
        task = make_task(options.images, Path(folder, "task"))
        results = {}
        for size in options.batch_sizes:
            time_rows(installed, replace(short, batch_size=size), rounds=1)
            results[size] = time_rows(installed, replace(task, batch_size=size), options.rounds)
            print(f"batch size {size}: {options.rounds} rounds done", flush=True)
    seconds = time.perf_counter() - start
    text = report(results, missing, options.images, options.rounds, seconds)
    print(text)
    options.output.write_text(text, encoding="utf-8")


def keep_freed_memory() -> None:
    """Let malloc keep freed memory (glibc only): otherwise new pages slow down rows by a third, at random."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    # Not glibc.
    except OSError:
        return
    trim_threshold, mmap_threshold = -1, -3
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(mmap_threshold, 2**25)


def is_installed(row: str) -> bool:
    """Whether the package that a row needs is installed."""
    return importlib.util.find_spec(ROWS[row][1]) is not None


def time_rows(rows: list[str], task: Task, rounds: int) -> Times:
    """Measure the rows, in a new order in each round: floor and fit in all rounds, the others in every third."""
    times: Times = {row: {} for row in rows}
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
    """Return the table of ratios in Markdown, the conditions, and whether ``fit`` keeps its promises."""
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
    """Return the median of the ratios within each round, in which the speed of the machine cancels."""
    return statistics.median(taken / floor[number] for number, taken in seconds.items())


def spread(times: dict[int, float]) -> float:
    """Return half the distance between the quartiles, as a fraction of the median."""
    if len(times) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(times.values(), n=4)
    return (high - low) / 2 / middle


def verdict(ratios: dict[int, dict[str, float]]) -> list[str]:
    """Return for each batch size in which way ``fit`` breaks its promises, or that it keeps them."""
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
