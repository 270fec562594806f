"""Calls of fit that cannot work: for each, model, data, options, and the words of the sentence that says so."""

import os
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from course_utils.data import ImageSet


@dataclass
class Mistake:
    """A call of fit, and a part of its error message."""

    words: str
    model: nn.Module
    data: object
    options: dict = field(default_factory=dict)
    make: object = None  # of the optimizer, from the parameters


def images(count=40, classes=3, seed=0):
    draw = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (count, 1, 6, 6), generator=draw, dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(count) % classes, tuple("abcdefgh"[:classes]))


def network(*middle, classes=3, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), *middle, nn.Tanh(), nn.Linear(8, classes))


def sgd(parameters, **options):
    return torch.optim.SGD(parameters, **({"lr": 0.1} | options))


class Endless(IterableDataset):
    def __iter__(self):
        yield torch.zeros(36), 0


class Items(Dataset):
    """A data set of 40 items, each made by a function of its number."""

    def __init__(self, item):
        self.item = item

    def __len__(self):
        return 40

    def __getitem__(self, index):
        return self.item(index)


class Returning(nn.Module):
    """A network that returns its outputs in a tuple or a dict."""

    def __init__(self, wrap):
        super().__init__()
        self.inner, self.wrap = network(nn.BatchNorm1d(8)), wrap

    def forward(self, x):
        return self.wrap(self.inner(x))


def of_arguments():
    other = sgd(network().parameters())
    of_other = torch.optim.lr_scheduler.StepLR(other, 1)
    empty = ImageSet(images().images[:0], images().labels[:0], ("a",))
    column = TensorDataset(torch.randn(8, 2), torch.randn(8))
    split = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, device="meta"))
    frozen = network().requires_grad_(False)
    return {
        "no data": Mistake("data set is empty", network(), empty),
        "no length": Mistake("has no length", network(), Endless()),
        "no epochs": Mistake("epochs must be a positive integer, got 0", network(), images(), {"epochs": 0}),
        "no batch": Mistake("batch_size must be .* got 0", network(), images(), {"batch_size": 0}),
        "half a batch": Mistake("batch_size must be .* got 0.5", network(), images(), {"batch_size": 0.5}),
        "another optimizer": Mistake("none of this model's", network(), images(), {"optimizer": other}),
        "another scheduler": Mistake("belongs to another", network(), images(), {"scheduler": of_other}),
        "no validation": Mistake("give fit a validation set", network(), images(), {"patience": 2}),
        "unknown precision": Mistake("must be 'float32' or 'bf16'", network(), images(), {"precision": "fp8"}),
        "unknown step": Mistake("'epoch' or 'batch', got 'year'", network(), images(), {"scheduler_step": "year"}),
        "loss class": Mistake("loss must be a function", network(), images(), {"loss": nn.CrossEntropyLoss}),
        "another device": Mistake("is on meta, the images are on cpu", network().to("meta"), images()),
        "several devices": Mistake("is on several devices: cpu, meta", split, column),
        "LBFGS": Mistake("LBFGS computes the loss several times", network(), images(), make=torch.optim.LBFGS),
        "frozen": Mistake("are frozen", frozen, images()),
        "infinite lr": Mistake("must be finite, got inf", network(), images(), make=lambda p: sgd(p, lr=float("inf"))),
    }  # fmt: skip


def of_outputs():
    normed = network(nn.BatchNorm1d(8))
    flat = nn.Sequential(nn.Flatten(), nn.Linear(36, 1), nn.Flatten(0))
    narrow = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(7, 3))
    convolved = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(7, 3))
    in_place = network(nn.Sigmoid(), nn.ReLU(inplace=True))
    x, y = images()[:]
    column = TensorDataset(torch.randn(8, 2), torch.randn(8))
    line = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    mse, each = {"loss": F.mse_loss}, {"loss": nn.CrossEntropyLoss(reduction="none")}
    by_hand = {"loss": lambda out, y: (out - y).square().mean()}
    number = {"loss": lambda out, y: F.cross_entropy(out, y).item()}
    cut = {"loss": lambda out, y: F.cross_entropy(out.detach(), y)}
    bad = torch.where(torch.arange(40) == 39, 7, y)
    dense = torch.optim.SparseAdam
    return {
        "too few outputs": Mistake("from 0 to 2, but the model has 2 outputs", network(classes=2), images()),
        "bad label at the end": Mistake("from 0 to 7, but", normed, TensorDataset(x, bad)),
        "bad label in a loader": Mistake("from 0 to 7, but", normed, DataLoader(TensorDataset(x, bad), 16)),
        "labels from -1": Mistake("from -1 to 1. .* renumber them, 0 to 2", normed, TensorDataset(x, y - 1)),
        "float labels": Mistake(r"labels must be integers.*y.long\(\)", normed, TensorDataset(x, y.float())),
        "int32 labels": Mistake(r"must be int64.*y.long\(\)", normed, TensorDataset(x, y.int())),
        "labels in a column": Mistake(r"y.squeeze\(1\)", normed, TensorDataset(x, y[:, None])),
        "changed in place": Mistake("changes a tensor in place", in_place, images()),
        "wrong size in bfloat16": Mistake("cannot take a batch", convolved, images(), {"precision": "bf16"}),
        "wrong size": Mistake(r"a batch of shape \(16, 1, 6, 6\)", narrow, images()),
        "outputs broadcast": Mistake("would broadcast", line, column, mse),
        "outputs broadcast by hand": Mistake("would broadcast", line, column, by_hand),
        "loss of many numbers": Mistake("must be one number", normed, images(), each),
        "loss of another kind": Mistake("cannot compare", normed, images(), mse),
        "loss is a float": Mistake("loss returns a float", normed, images(), number),
        "loss without gradient": Mistake("does not depend on any parameter", normed, images(), cut),
        "one output for classes": Mistake("one output per class", flat, images()),
        "a tuple": Mistake(r"returns a tuple.*cross_entropy\(out\[0\]", Returning(lambda o: (o, o)), images()),
        "a dict": Mistake(r"returns a dict.*out\['a'\]", Returning(lambda o: {"a": o}), images()),
        "batch norm, one item at the end": Mistake("last batch of each epoch has one item", normed, images(33)),
        "dense gradients": Mistake("SparseAdam cannot take a step", normed, images(), make=dense),
    }  # fmt: skip


def of_data():
    x, y = images()[:]
    model = network(nn.BatchNorm1d(8))
    items = {
        "dicts": ("dicts with the keys 'image', 'label'", lambda i: {"image": x[i], "label": y[i]}),
        "triples": ("holds 3 values", lambda i: (x[i], y[i], i)),
        "bare images": ("inputs without targets", lambda i: x[i]),
        "names of classes": (r"strings such as 'cat'.*classes.index\(name\)", lambda i: (x[i], "cat")),
        "dict as target": ("targets of a batch are of type dict", lambda i: (x[i], {"label": y[i]})),
        "dict as input": ("inputs of a batch are of type dict", lambda i: ({"image": x[i]}, y[i])),
        "different sizes": (
            "items of a batch have different shapes",
            lambda i: (torch.zeros(1, 6, i + 6), y[i]),
        ),
        "objects": ("must be tensors, arrays or numbers", lambda i: (object(), 0)),
    }
    table = {name: Mistake(words, model, Items(item)) for name, (words, item) in items.items()}
    dying = DataLoader(Items(lambda i: os._exit(1)), 8, num_workers=1)
    table["a worker that dies"] = Mistake("A worker process died.*num_workers=0", model, dying)
    local = DataLoader(Items(lambda i: (x[i], 0)), 8, num_workers=1, multiprocessing_context="spawn")
    table["workers cannot be started"] = Mistake("Worker processes cannot receive", model, local)
    pair = DataLoader(Items(lambda i: x[i]), 2)
    table["bare images, two at a time"] = Mistake("inputs without targets", model, pair)
    return table


def all_mistakes() -> dict[str, Mistake]:
    return of_arguments() | of_outputs() | of_data()
