"""How many frames a second does the network playground draw while it trains?

    python -m benchmarks.playground

The widget plays as in a notebook's kernel, on an event loop of its own; what a browser adds is measured by
tests/browser/test_live_playground.py. The player itself stops at 20 frames a second; the third column is what it could
do without that limit.
"""

import argparse
import asyncio
import time

from course_utils.playground.interactive import one_thread
from course_utils.playground.network import Playground

# name → what is chosen: data, features, units of each layer, epochs a frame
CASES = {
    "as it opens, 1 epoch a frame": ("circle", 2, (4, 2), 1),
    "spiral, 7 features, 8-8, 1 epoch": ("spiral", 7, (8, 8), 1),
    "the largest: 7 features, 8-8-8-8, 1 epoch": ("spiral", 7, (8, 8, 8, 8), 1),
    "the largest, 25 epochs a frame": ("spiral", 7, (8, 8, 8, 8), 25),
}


def main() -> None:
    """Print a table: frames a second, and what a frame costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of playing for each row (%(default)s)")
    seconds = parser.parse_args().seconds
    print("| network playground | frames a second | without limit | training, ms | drawing, ms |")
    print("|---|--:|--:|--:|--:|")
    for name, case in CASES.items():
        playground = prepare(*case)
        rate = asyncio.run(frames_per_second(playground, seconds))
        training, drawing = cost(playground)
        free = 1 / (training + drawing)
        print(
            f"| {name} | {rate:.1f} | {free:.0f} | {1000 * training:.1f} | {1000 * drawing:.1f} |", flush=True
        )


def prepare(data: str, features: int, widths: tuple[int, ...], epochs: int) -> Playground:
    """A playground in which all this has been chosen with its controls."""
    playground = Playground()
    playground.data.value, playground.speed.value = data, epochs
    for i, button in enumerate(playground.features.values()):
        button.value = i < features
    for layer, units in zip(playground.layers, (*widths, 0, 0, 0, 0), strict=False):
        layer.value = units
    return playground


async def frames_per_second(playground: Playground, seconds: float) -> float:
    """Press Play, wait, press Pause; return how many pictures came out in a second."""
    playground.player.play()
    start, before = time.perf_counter(), playground.player.frames
    await asyncio.sleep(seconds)
    frames, seconds = playground.player.frames - before, time.perf_counter() - start
    playground.player.pause()
    await playground.player.task
    return frames / seconds


def cost(playground: Playground, repeats: int = 20) -> tuple[float, float]:
    """Seconds that a frame's training and its drawing take."""
    times = [0.0, 0.0]
    with one_thread():
        for _ in range(repeats):
            for i, part in enumerate((lambda: playground._train(playground.speed.value), playground._show)):
                start = time.perf_counter()
                part()
                times[i] += (time.perf_counter() - start) / repeats
    return times[0], times[1]


if __name__ == "__main__":
    main()
