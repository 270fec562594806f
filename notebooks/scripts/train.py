"""Train the first network of notebook 09 on MNIST, in one process or in several. Notebook 16.

    python scripts/train.py --epochs 2
    torchrun --standalone --local-addr=127.0.0.1 --nproc-per-node 2 scripts/train.py --epochs 2

With --checkpoint the run may be killed at any moment: the same command resumes it after its last complete epoch.
"""

import argparse
import os
import signal

import torch
from torch.distributed.elastic.multiprocessing.errors import record
from torch.nn.functional import cross_entropy

from course_utils import data
from course_utils.models import CNNModel
from course_utils.training import distributed, evaluate, fit, seed_everything


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=512, help="images per step, over all processes")
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--accumulate", type=int, default=1, help="batches per step")
    parser.add_argument("--precision", choices=("float32", "bf16"), default="float32")
    parser.add_argument(
        "--images", type=int, help="train on this many images (default: all that load() returns)"
    )
    parser.add_argument("--checkpoint", help="file for the state of the run, written after each epoch")
    parser.add_argument("--kill-at", type=int, default=0, help="simulate a power cut: SIGKILL in this step")
    return parser.parse_args()


def power_cut(step: int):
    """Return cross-entropy as a loss that kills the last process in this step of the first attempt."""
    steps = 0

    def loss(out, y):
        nonlocal steps
        steps += 1
        first_attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"
        if steps == step and first_attempt and distributed.rank() == distributed.size() - 1:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))  # Windows has no SIGKILL
        return cross_entropy(out, y)

    return loss


@record  # so that torchrun can report which process failed and why
def main() -> None:
    args = options()
    with distributed.processes() as device:
        train, test = data.load("mnist", fraction=1 if args.images else None)
        if args.images:
            train = train.subset(slice(args.images))
        seed_everything(0)
        model = CNNModel().to(device)
        optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
        history = fit(
            model,
            train,
            epochs=args.epochs,
            optimizer=optimizer,
            loss=power_cut(args.kill_at),
            batch_size=args.batch_size,
            accumulate=args.accumulate,
            precision=args.precision,
            checkpoint=args.checkpoint,
            resume=True,
        )
        scores = evaluate(model, test)
        if distributed.rank() == 0:
            print(history)
            print(f"{distributed.size()} process(es), test: {scores}")


if __name__ == "__main__":
    main()
