"""How many frames per second does the network playground draw while it trains?

    python -m benchmarks.playground

The widget plays in its own event loop, as in a notebook's kernel; tests/browser/test_live_playground.py measures it in
a browser. The player draws at most 20 frames per second; the third column is the rate without that limit.
"""

import argparse
import asyncio
import time

from course_utils.playground.interactive import one_thread
from course_utils.playground.network import Playground

# Name → what is chosen: data, number of features, units of each layer, epochs per frame.
CASES = {
    "initial settings, 1 epoch per frame": ("circle", 2, (4, 2), 1),
    "spiral, 7 features, 8-8, 1 epoch": ("spiral", 7, (8, 8), 1),
    "the largest: 7 features, 8-8-8-8, 1 epoch": ("spiral", 7, (8, 8, 8, 8), 1),
    "the largest, 25 epochs per frame": ("spiral", 7, (8, 8, 8, 8), 25),
}


def main() -> None:
    """Print a table: frames per second, and the time per frame."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of playing per row (%(default)s)")
    seconds = parser.parse_args().seconds
    print("| network playground | frames per second | without limit | training, ms | drawing, ms |")
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
    """Return a playground with these values in its controls."""
    playground = Playground()
    playground.data.value, playground.speed.value = data, epochs
    for i, button in enumerate(playground.features.values()):
        button.value = i < features
    for layer, units in zip(playground.layers, (*widths, 0, 0, 0, 0), strict=False):
        layer.value = units
    return playground


async def frames_per_second(playground: Playground, seconds: float) -> float:
    """Press Play, wait, press Pause; return the number of frames per second."""
    playground.player.play()
    start, before = time.perf_counter(), playground.player.frames
    await asyncio.sleep(seconds)
    frames, seconds = playground.player.frames - before, time.perf_counter() - start
    playground.player.pause()
    await playground.player.task
    return frames / seconds


def cost(playground: Playground, repeats: int = 20) -> tuple[float, float]:
    """Return the seconds for training and for drawing one frame."""
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
