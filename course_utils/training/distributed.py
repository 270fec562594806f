"""Multiple processes train one model: how the work is divided and the results are joined. Notebook 16.

Started by ``torchrun``, a script runs in multiple processes at once, one per GPU or core; each has a number, its
**rank**. ``processes()`` connects them. From then on ``fit``, ``evaluate`` and ``predict`` share the work, and return
in every process what a single process would return. They must be called in all processes: each waits for the others.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import DataLoader

from course_utils.device import pick_device
from course_utils.training.errors import TrainingError

T = TypeVar("T")


def rank() -> int:
    """The number of this process, counted from 0; 0 if there is only one process."""
    return dist.get_rank() if _connected() else 0


def size() -> int:
    """How many processes work together."""
    return dist.get_world_size() if _connected() else 1


def _connected() -> bool:
    return dist.is_available() and dist.is_initialized()


@contextlib.contextmanager
def processes() -> Iterator[torch.device]:
    """Connect the processes that torchrun started; yields the device of this one.

    If there is a GPU for each process, they communicate over NCCL, otherwise over gloo, which every system has. If
    the script is started by plain ``python``, there is nothing to connect, and this is ``pick_device()``.
    """
    if "LOCAL_RANK" not in os.environ:
        yield pick_device()
        return
    here, local = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["LOCAL_RANK"])
    # on a single machine, no host name needs to be looked up
    if here == int(os.environ["WORLD_SIZE"]):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", _loopback())
    own_gpu = torch.cuda.device_count() >= here and not os.environ.get("COURSE_DEVICE")
    with contextlib.redirect_stdout(sys.stdout if os.environ["RANK"] == "0" else None):
        device = pick_device(f"cuda:{local}" if own_gpu else os.environ.get("COURSE_DEVICE") or "cpu")
    if own_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("cpu:gloo,cuda:nccl" if own_gpu else "gloo")
    yield device
    # not after an error: other ranks may still be waiting, until torchrun ends them
    dist.destroy_process_group()


def _loopback() -> str:
    """The name of the loopback network interface."""
    import psutil

    for name, addresses in psutil.net_if_addrs().items():
        if any(address.address == "127.0.0.1" for address in addresses):
            return name
    return "lo"


def torchrun(count: int) -> list[str]:
    """The first words of a command that runs a script in ``count`` processes: torchrun, as this Python's module.

    ``subprocess.run([*torchrun(2), "train.py"])`` is, in a terminal,
    ``torchrun --standalone --local-addr=127.0.0.1 --nproc-per-node 2 train.py``; the address is for machines whose own
    name cannot be looked up. PyTorch for Windows lacks the network library that torchrun requires (PyTorch issue
    148283); there the processes find each other through a file.
    """
    meet = ["--standalone"]
    if sys.platform == "win32":
        # the command inherits it; there is no option for it
        os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
        file = Path(tempfile.mkdtemp(), "meeting_point")
        meet = ["--rdzv-backend=c10d", f"--rdzv-endpoint={file}", "--rdzv-conf=store_type=file"]
    meet += ["--local-addr=127.0.0.1"]
    return [sys.executable, "-m", "torch.distributed.run", *meet, f"--nproc-per-node={count}"]


def share(count: int) -> slice:
    """This process's part of ``count`` items: consecutive, and at most one item larger than any other part.

    Together the parts are all items, each once; the first process always has at least one.
    """
    return slice(-(-count * rank() // size()), -(-count * (rank() + 1) // size()))


def from_first(value: T) -> T:
    """Return, in every process, the ``value`` of the first process: a tensor, a number, a list."""
    if size() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def from_all(value: T) -> list[T]:
    """Return, in every process, the values of all processes, in the order of their ranks."""
    if size() == 1:
        return [value]
    boxes = [value] * size()
    dist.all_gather_object(boxes, value)
    return boxes


def wait_for_all() -> None:
    """Wait until every process has reached this line."""
    if size() > 1:
        dist.barrier()


@torch.no_grad()
def copy_from_first(tensors: Iterable[Tensor]) -> None:
    """Overwrite the tensors with the first process's."""
    if size() > 1:
        for tensor in tensors:
            dist.broadcast(tensor.detach(), src=0)


def own_randomness() -> None:
    """Give each process its own random numbers, which follow from the seed; those of the first do not change.

    Otherwise dropout would switch off the same units in all processes. What must be equal, such as the order of
    the images, comes ``from_first``.
    """
    if rank():
        torch.manual_seed(int(torch.randint(2**62, ())) + rank())


def share_of_loader(loader: DataLoader[object]) -> tuple[DataLoader[object], list[int]]:
    """A loader of this process's share of each batch, for one epoch, and the size of each share.

    The first process draws the batches. If a batch has fewer items than there are processes, the empty shares are
    padded with its first item and have size 0: every rank must take part when gradients are joined.
    """
    if loader.batch_sampler is None:
        raise TrainingError(
            "Multiple processes can only divide the batches of a DataLoader with a batch_size."
        )
    # a DataLoader draws a seed for its workers first, then the order: so that the order is that of one process
    seed = int(torch.empty((), dtype=torch.int64).random_(generator=loader.generator))
    batches = from_first([list(batch) for batch in loader.batch_sampler])
    shares = [batch[share(len(batch))] for batch in batches]
    mine = [part or batch[:1] for part, batch in zip(shares, batches, strict=True)]
    names = (
        "num_workers",
        "collate_fn",
        "pin_memory",
        "timeout",
        "worker_init_fn",
        "multiprocessing_context",
    )
    options = {name: getattr(loader, name) for name in names}
    own = torch.Generator().manual_seed(seed)
    share_loader = DataLoader(loader.dataset, batch_sampler=mine, generator=own, **options)
    return share_loader, [len(part) for part in shares]


def join_batches(
    losses: list[Tensor], right: list[Tensor], sizes: list[int]
) -> tuple[list[Tensor], list[Tensor], list[int]]:
    """Join the results of each batch over all processes: mean loss, right answers (or none), number of items."""
    if size() == 1:
        return losses, right, sizes
    counted = torch.stack(right).cpu() if right else None
    theirs = from_all((torch.stack(losses).cpu(), counted, torch.tensor(sizes)))
    means, counts, each = zip(*theirs, strict=True)
    items = torch.stack(each)  # (processes, batches)
    totals = items.sum(0)
    joined = torch.where(items > 0, torch.stack(means).double() * items, 0.0).sum(0) / totals
    if counted is not None:
        right = list(torch.where(items > 0, torch.stack(counts), 0).sum(0))
    return list(joined), right, totals.tolist()
