"""The task of every row: one epoch of LeNet-5 on the same images, then one evaluation."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from course_utils import data
from course_utils.data import ImageSet
from course_utils.models import LeNet5

TEST_BATCH = 512  # every row evaluates at this batch size
RATE = 1e-3  # learning rate of Adam


@dataclass
class Task:
    """The images, 32×32 in memory and 28×28 in files, and the batch size.

    ``folder`` has the same images in the format of torchvision's MNIST, for the lecture's loop.
    """

    train: ImageSet
    test: ImageSet
    folder: Path
    batch_size: int = 32

    def model(self) -> LeNet5:
        """Return a new LeNet-5, with the same weights in every row."""
        torch.manual_seed(0)
        return LeNet5()

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return images, float32 ``(N, 1, 32, 32)``, and labels, int64 ``(N,)``, for training, then for testing."""
        return *self.train.batch(slice(None)), *self.test.batch(slice(None))

    def loaders(self) -> tuple[DataLoader, DataLoader]:
        """Return a ``DataLoader`` over float tensors in memory for training, and one for testing."""
        x, y, x_test, y_test = self.tensors()
        train = DataLoader(TensorDataset(x, y), self.batch_size, shuffle=True)
        return train, DataLoader(TensorDataset(x_test, y_test), TEST_BATCH)


def make_task(images: int, folder: Path) -> Task:
    """Return a task with ``images`` of MNIST's training images, and a sixth as many test images.

    The synthetic data set, which is used offline, has fewer images; they are repeated.
    """
    train, test = data.load("mnist", fraction=1)
    train, test = _first(train, images), _first(test, images // 6)
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for part, split in (("train", train), ("t10k", test)):
        _write_idx(raw / f"{part}-images-idx3-ubyte", split.images[:, 0])
        _write_idx(raw / f"{part}-labels-idx1-ubyte", split.labels.byte())
    return Task(train.resized(32), test.resized(32), folder)


def _first(images: ImageSet, count: int) -> ImageSet:
    """The first ``count`` images; a set with fewer is repeated."""
    return images.subset(torch.arange(count) % len(images))


def _write_idx(path: Path, values: Tensor) -> None:
    """Write unsigned bytes in MNIST's format: type and number of dimensions, sizes, values."""
    header = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    path.write_bytes(header + values.contiguous().numpy().tobytes())
