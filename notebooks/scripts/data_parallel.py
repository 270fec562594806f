"""Average the gradients of two processes, by hand and with DDP, and time their training steps. Notebook 16.

    torchrun --standalone --nproc-per-node 2 scripts/data_parallel.py FOLDER

FOLDER receives the gradients, gradients.pt, and the seconds per step, times.pt.
"""

import argparse
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.parallel import DistributedDataParallel

from course_utils.models import CNNModel


def in_turn(*words: object) -> None:
    """Print one line per process, in the order of the ranks."""
    for turn in range(dist.get_world_size()):
        if turn == dist.get_rank():
            print(f"rank {turn}:", *words, flush=True)
        dist.barrier()


def by_hand() -> tuple[nn.Linear, Tensor, Tensor]:
    """Average the gradients of both processes; return the model and this process's share of the points."""
    torch.manual_seed(0)
    model = nn.Linear(3, 1)  # the same weights in both processes
    x, y = torch.randn(8, 3), torch.randn(8, 1)

    mine = slice(4 * dist.get_rank(), 4 * dist.get_rank() + 4)
    mse_loss(model(x[mine]), y[mine]).backward()
    in_turn("its own gradient", [round(g, 2) for g in model.weight.grad[0].tolist()])

    for p in model.parameters():
        dist.all_reduce(p.grad)  # now the sum of both, in both
        p.grad /= dist.get_world_size()
    in_turn("the mean of both", [round(g, 2) for g in model.weight.grad[0].tolist()])
    return model, x[mine], y[mine]


def with_ddp(model: nn.Module, x: Tensor, y: Tensor) -> None:
    """Compute the gradients again with DistributedDataParallel, and compare."""
    averaged = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    parallel = DistributedDataParallel(model)
    mse_loss(parallel(x), y).backward()
    same = all(torch.allclose(a, p.grad) for a, p in zip(averaged, model.parameters(), strict=True))
    in_turn("DDP gives the same:", same)


def step_time(model: nn.Module, x: Tensor, y: Tensor, steps: int) -> float:
    """Seconds per training step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for number in range(steps + 2):
        if number == 2:  # the first two warm up
            start = time.perf_counter()
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()
    return (time.perf_counter() - start) / steps


def measure(batch: int, steps: int) -> dict[tuple[int, int | str], float]:
    """Seconds per step for one batch size: rank 0 alone on one and on two threads, then both processes."""
    x, y, times = torch.rand(batch, 1, 28, 28), torch.randint(10, (batch,)), {}
    if dist.get_rank() == 0:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            times[batch, threads] = step_time(CNNModel(), x, y, steps)
    torch.set_num_threads(1)
    dist.barrier()
    half, parallel = batch // 2, DistributedDataParallel(CNNModel())
    times[batch, "processes"] = step_time(parallel, x[:half], y[:half], steps)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the results are saved")
    parser.add_argument("--trial", action="store_true", help="two batch sizes and few steps")
    args = parser.parse_args()
    rounds, batches = (1, [16, 128]) if args.trial else (10, [2**k for k in range(4, 11)])
    dist.init_process_group("gloo")
    model, x, y = by_hand()
    with_ddp(model, x, y)
    times = {}
    for batch in batches:
        times |= measure(batch, steps=max(2, rounds * 256 // batch))
    if dist.get_rank() == 0:
        torch.save([p.grad for p in model.parameters()], args.folder / "gradients.pt")
        torch.save(times, args.folder / "times.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
