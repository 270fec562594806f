"""Several processes train one model: who does what, and how the results come together. Notebook 16.

Started by ``torchrun``, a script runs in several processes at once, one a GPU or a core; each has a number, its
**rank**. ``processes()`` connects them. From then on ``fit``, ``evaluate`` and ``predict`` share the work, and give
in every process what one process alone would give. They must be called in all processes: each waits for the others.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import DataLoader

from course_utils.device import pick_device


def rank() -> int:
    """The number of this process, from 0; 0 without others."""
    return dist.get_rank() if _connected() else 0


def size() -> int:
    """How many processes work together; 1 without others."""
    return dist.get_world_size() if _connected() else 1


def _connected() -> bool:
    return dist.is_available() and dist.is_initialized()


@contextlib.contextmanager
def processes() -> Iterator[torch.device]:
    """Inside, the processes that torchrun started are connected; yields the device of this one.

    With a GPU for each process they talk over NCCL, else over gloo, which every system has. Started by plain
    ``python``, there is one process and nothing to connect: this is ``pick_device()``.
    """
    if "LOCAL_RANK" not in os.environ:
        yield pick_device()
        return
    here, local = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["LOCAL_RANK"])
    if here == int(os.environ["WORLD_SIZE"]):  # one machine: no name of it needs to be looked up
        os.environ.setdefault("GLOO_SOCKET_IFNAME", _loopback())
    own_gpu = torch.cuda.device_count() >= here and not os.environ.get("COURSE_DEVICE")
    with contextlib.redirect_stdout(sys.stdout if os.environ["RANK"] == "0" else None):
        device = pick_device(f"cuda:{local}" if own_gpu else os.environ.get("COURSE_DEVICE") or "cpu")
    if own_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("cpu:gloo,cuda:nccl" if own_gpu else "gloo")
    yield device
    dist.destroy_process_group()  # not after an error: others may still be waiting, until torchrun ends them


def _loopback() -> str:
    """The name of the network interface over which a machine talks to itself."""
    import psutil

    for name, addresses in psutil.net_if_addrs().items():
        if any(address.address == "127.0.0.1" for address in addresses):
            return name
    return "lo"


def torchrun(count: int) -> list[str]:
    """The beginning of a command that runs a script in ``count`` processes: torchrun, as this Python's module.

    ``subprocess.run([*torchrun(2), "train.py"])`` is ``torchrun --standalone --nproc-per-node 2 train.py`` in a
    terminal. PyTorch for Windows lacks the network library that torchrun takes for granted (PyTorch issue
    148283); there the processes find each other through a file.
    """
    meet = ["--standalone"]
    if sys.platform == "win32":
        os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"  # for the command: it takes no option for this
        file = Path(tempfile.mkdtemp(), "meeting_point")
        meet = ["--rdzv-backend=c10d", f"--rdzv-endpoint={file}", "--rdzv-conf=store_type=file"]
    meet += ["--local-addr=127.0.0.1"]
    return [sys.executable, "-m", "torch.distributed.run", *meet, f"--nproc-per-node={count}"]


def share(count: int) -> slice:
    """Which of ``count`` items are this process's: neighbours, at most one more than any other process has.

    All shares together are all items, each once; the first process always has one.
    """
    return slice(-(-count * rank() // size()), -(-count * (rank() + 1) // size()))


def from_first(value):
    """Return, in every process, the first process's ``value``: a tensor, a number, a list."""
    if size() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def from_all(value) -> list:
    """Return, in every process, the values of all processes, in the order of their ranks."""
    if size() == 1:
        return [value]
    boxes = [None] * size()
    dist.all_gather_object(boxes, value)
    return boxes


def wait_for_all() -> None:
    """Go on when every process has come this far."""
    if size() > 1:
        dist.barrier()


@torch.no_grad()
def copy_from_first(tensors: Iterable[Tensor]) -> None:
    """Overwrite the tensors with the first process's."""
    if size() > 1:
        for tensor in tensors:
            dist.broadcast(tensor.detach(), src=0)


def own_randomness() -> None:
    """Give each process random numbers of its own, which follow from the seed; the first one's stay as they are.

    Otherwise dropout would switch off the same units everywhere. What must be alike, such as the order of
    the images, comes ``from_first``.
    """
    if rank():
        torch.manual_seed(int(torch.randint(2**62, ())) + rank())


def share_of_loader(loader: DataLoader) -> tuple[DataLoader, list[int]]:
    """A loader of this process's share of each batch, for one epoch, and the size of each share.

    The first process draws the batches. Where a batch has fewer items than there are processes, some get
    its first item with size 0: nobody may stay away when gradients are joined.
    """
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
    return DataLoader(loader.dataset, batch_sampler=mine, **options), [len(part) for part in shares]


def join_batches(
    losses: list[Tensor], right: list[Tensor | None], sizes: list[int]
) -> tuple[list[Tensor], list[Tensor | None], list[int]]:
    """What each batch gave in all processes together: mean loss, right answers, items. As given, if alone."""
    if size() == 1:
        return losses, right, sizes
    counted = None if right[0] is None else torch.stack(right).cpu()
    theirs = from_all((torch.stack(losses).cpu(), counted, torch.tensor(sizes)))
    means, counts, each = zip(*theirs, strict=True)
    each = torch.stack(each)  # (processes, batches)
    totals = each.sum(0)
    joined = torch.where(each > 0, torch.stack(means).double() * each, 0.0).sum(0) / totals
    if counted is not None:
        right = list(torch.where(each > 0, torch.stack(counts), 0).sum(0))
    return list(joined), right, totals.tolist()
