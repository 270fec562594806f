"""Compare accuracy and time of `precision="bf16"` and float32: `python -m benchmarks.precision`.

LeNet-5 on MNIST at batch 512, three epochs of Adam, float32 and bfloat16 in turn from the same seeds.
"""

import statistics

import torch

from course_utils import data
from course_utils.models import LeNet5
from course_utils.training import fit, seed_everything

SEEDS = range(3)


def main() -> None:
    """Train with all seeds in both precisions, and print accuracies and the ratio of the times."""
    train, test = (part.resized(32) for part in data.load("mnist"))
    seconds, accuracies = {}, {}
    for seed in SEEDS:
        for precision in ("float32", "bf16"):
            seed_everything(seed)
            model = LeNet5()
            optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
            options = {"batch_size": 512, "validation": test, "precision": precision, "progress": False}
            history = fit(model, train, epochs=3, optimizer=optimizer, **options)
            seconds.setdefault(precision, []).extend(history.seconds)
            accuracies.setdefault(precision, []).append(100 * history.val_accuracy[-1])
    print(f"{train.source}; {torch.get_num_threads()} threads, torch {torch.__version__}")
    for precision, values in accuracies.items():
        shown = ", ".join(f"{value:.2f}" for value in values)
        ratio = statistics.median(seconds[precision]) / statistics.median(seconds["float32"])
        print(f"{precision:8} test accuracy {shown} %   time {ratio:.2f} of float32's")


if __name__ == "__main__":
    main()
