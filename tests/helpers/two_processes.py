"""The trainings that test_distributed.py compares: run by torchrun in two processes, and by the test in one."""

import sys
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.data import ImageSet
from course_utils.training import distributed, evaluate, fit, predict, seed_everything
from course_utils.training.batches import Batches
from course_utils.training.checkpoints import load

# (images, batch size, batches per step): the last batch is even, uneven, a single image, alone in its step
SIZES = [(32, 8, 1), (43, 8, 1), (41, 8, 1), (41, 8, 2), (41, 8, 5), (3, 8, 1), (1, 8, 2)]


def images(count):
    draw = torch.Generator().manual_seed(count)
    pixels = torch.randint(0, 256, (count, 1, 6, 6), generator=draw, dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(count) % 3, ("a", "b", "c"))


def network(*middle):
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), *middle, nn.Tanh(), nn.Linear(8, 3))


def trained(model, train, make=torch.optim.SGD, epochs=2, **options):
    """Train briefly; return all results, as plain values and tensors."""
    optimizer = make(model.parameters(), lr=0.05)
    if options.pop("scheduled", False):
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        options |= {"scheduler": schedule, "scheduler_step": "batch"}
    history = fit(model, train, epochs=epochs, optimizer=optimizer, progress=False, **options)
    return {"weights": list(model.state_dict().values()), "history": vars(history)}


def momentum(parameters, lr):
    return torch.optim.SGD(parameters, lr=lr, momentum=0.9, weight_decay=0.1)


def uneven():
    """Trainings with all sizes of a last batch, each evaluated afterwards."""
    results = []
    for count, batch_size, accumulate in SIZES:
        seed_everything(count)
        model, train = network(), images(count)
        options = {"batch_size": batch_size, "accumulate": accumulate, "validation": images(7)}
        result = trained(model, train, momentum, scheduled=True, **options)
        result["scores"] = tuple(evaluate(model, images(11), batch_size=5))
        result["outputs"] = predict(model, images(11), batch_size=5)
        results.append(result)
    return results


def loader():
    """A DataLoader whose last batch is one item, and a loss without class labels."""
    seed_everything(0)
    x = torch.randn(33, 4)
    model, items = nn.Linear(4, 2), TensorDataset(x, x[:, :2] - 1)
    result = trained(model, DataLoader(items, batch_size=8), torch.optim.Adam, loss=F.mse_loss)
    return result | {"outputs": predict(model, DataLoader(items, batch_size=8))}


class Idle(nn.Module):
    """A layer that does not affect the loss."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return x


def idle():
    seed_everything(0)
    return trained(network(Idle()), images(20), momentum, batch_size=8)


class Words(nn.Module):
    """An embedding with a sparse gradient, and a layer with a dense one."""

    def __init__(self):
        super().__init__()
        self.embedding, self.last = nn.Embedding(12, 4, sparse=True), nn.Linear(4, 3)

    def forward(self, x):
        return self.last(self.embedding(x).mean(1))


def sparse():
    seed_everything(0)
    texts = TensorDataset(torch.randint(12, (21, 5)), torch.arange(21) % 3)
    return trained(Words(), texts, batch_size=4, accumulate=2)


def seen():
    """The labels that this process counts in an epoch, in the loader's order; they are the numbers of the images."""
    seed_everything(0)
    numbers = tuple(map(str, range(43)))
    dataset = ImageSet(torch.zeros(43, 1, 2, 2, dtype=torch.uint8), torch.arange(43), numbers)
    pairs = TensorDataset(torch.zeros(43, 1), torch.arange(43))
    sources = (dataset, DataLoader(pairs, batch_size=6, shuffle=True))
    rounds = [Batches(source, 6, torch.device("cpu"), shuffle=True) for source in sources]
    return [[batch.y[: batch.size].tolist() for batch in batches] for batches in rounds]


def randomness():
    """Dropout and batch norm; two runs with the same seed, and the next random numbers after each."""
    results = []
    for _ in range(2):
        seed_everything(0)
        result = trained(network(nn.BatchNorm1d(8), nn.Dropout()), images(24), batch_size=8)
        results.append(result | {"next": torch.rand(4)})
    return results


def resumed():
    """A run with dropout and Adam that is resumed after each epoch, next to one that is not; the checkpoint's parts."""
    folder = Path(distributed.from_first(tempfile.mkdtemp()))
    results = []
    for name, parts in (("whole", [3]), ("parts", [1, 2, 3])):
        seed_everything(0)
        for epochs in parts:
            options = {"epochs": epochs, "batch_size": 8, "checkpoint": folder / name, "resume": True}
            result = trained(network(nn.Dropout()), images(21), torch.optim.Adam, **options)
            # random numbers drawn between the parts must not matter
            torch.manual_seed(99)
        results.append(result)
    return results, len(load(folder / "parts")["random"]), len(list(folder.iterdir()))


SCENARIOS = (uneven, loader, idle, sparse, seen, randomness, resumed)

if __name__ == "__main__":
    torch.set_num_threads(1)
    with distributed.processes():
        everything = distributed.from_all({scenario.__name__: scenario() for scenario in SCENARIOS})
        if distributed.rank() == 0:
            torch.save(everything, sys.argv[1])
