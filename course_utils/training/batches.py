"""Batches on the model's device, which ``fit``, ``evaluate`` and ``predict`` loop over."""

from collections.abc import Callable, Iterator, Sized
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from course_utils.data import ImageSet
from course_utils.training import distributed, sources
from course_utils.training.errors import TrainingError

Source = Dataset[object] | DataLoader[object]
Augment = Callable[[Tensor], Tensor]


class Batch(NamedTuple):
    """One batch, on the model's device.

    Attributes:
        x: inputs ``(B, ...)``.
        y: targets ``(B, ...)``.
        size: how many of the items count: all B, or 0 if this process's share is empty and was padded with an item.
        last: whether this batch ends the epoch.
    """

    x: Tensor
    y: Tensor
    size: int
    last: bool


class Batches:
    """All items of a data set, in batches: each iteration is one epoch.

    An ``ImageSet`` is moved to the device once; anything else is read through a ``DataLoader``. If multiple
    processes work together, each gets its share of each batch.

    Args:
        source: where the items come from.
        batch_size: items per batch, of all processes together; ignored for a ``DataLoader``, which has its own.
        device: where the batches are to be.
        shuffle: whether to draw a new order for each epoch; ignored for a ``DataLoader``.
        augment: changes the inputs of each batch.

    Raises:
        TrainingError: If the source is empty or has no length; while iterating, if batches are not pairs of tensors,
            or ``augment`` returns something of another shape or type.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        device: torch.device,
        *,
        shuffle: bool,
        augment: Augment | None = None,
    ):
        check_not_empty(source)
        if isinstance(source, ImageSet):
            source = source.to(device)
        elif isinstance(source, DataLoader):
            batch_size = source.batch_size or 1
        else:
            source = DataLoader(source, batch_size, shuffle=shuffle)
        self.source: ImageSet | DataLoader[object] = source
        self.batch_size, self.device, self.shuffle, self.augment = batch_size, device, shuffle, augment

    def __len__(self) -> int:
        """The number of batches per epoch."""
        if isinstance(self.source, ImageSet):
            return -(-len(self.source) // self.batch_size)
        return len(self.source)

    def __iter__(self) -> Iterator[Batch]:
        count = len(self)
        parts = (
            self._of_images(self.source)
            if isinstance(self.source, ImageSet)
            else self._of_loader(self.source)
        )
        for number, (x, y, size) in enumerate(parts, start=1):
            yield Batch(
                x if self.augment is None else _augmented(self.augment, x), y, size, last=number == count
            )

    def has_single_item_at_end(self) -> bool:
        """Whether the last batch of an epoch is known to have one item."""
        if isinstance(self.source, ImageSet):
            count = len(self.source)
        else:
            loader = self.source
            if not loader.batch_size or loader.drop_last or not isinstance(loader.sampler, Sized):
                return False
            count = len(loader.sampler)
        return count % self.batch_size == 1 < self.batch_size

    def generators(self) -> list[torch.Generator]:
        """The random number generators of a DataLoader, if it has some besides the global one."""
        if isinstance(self.source, ImageSet):
            return []
        owners = (self.source, self.source.sampler)
        found = [getattr(owner, "generator", None) for owner in owners]
        # the sampler that a DataLoader makes has the generator of the loader
        return list({id(g): g for g in found if isinstance(g, torch.Generator)}.values())

    def _of_loader(self, loader: DataLoader[object]) -> Iterator[tuple[Tensor, Tensor, int]]:
        sizes = None
        if distributed.size() > 1:
            loader, sizes = distributed.share_of_loader(loader)
        for number, (x, y) in enumerate(sources.pairs(loader)):
            yield x.to(self.device), y.to(self.device), sizes[number] if sizes else len(y)

    def _of_images(self, images: ImageSet) -> Iterator[tuple[Tensor, Tensor, int]]:
        count, order = len(images), None
        if self.shuffle:
            # the order is drawn on the CPU, so that a seed means the same on each device
            order = distributed.from_first(torch.randperm(count)).to(self.device)
        for start in range(0, count, self.batch_size):
            share = distributed.share(min(self.batch_size, count - start))
            size = share.stop - share.start
            # every rank must take part in each step: an empty share is padded with the first item
            part = slice(start + share.start, start + share.stop) if size else slice(start, start + 1)
            yield *images.batch(part if order is None else order[part]), size


def check_not_empty(source: Source) -> None:
    """Raise TrainingError for a data set without items, or one whose length is not known."""
    dataset = source.dataset if isinstance(source, DataLoader) else source
    if isinstance(dataset, IterableDataset) or not isinstance(source, Sized):
        raise TrainingError(
            "This data set has no length. fit needs a map-style data set: __len__ and __getitem__."
        )
    if len(source) == 0:
        raise TrainingError("The data set is empty. Look at len(train): was everything filtered away?")


def _augmented(augment: Augment, x: Tensor) -> Tensor:
    out = augment(x)
    if not isinstance(out, Tensor):
        raise TrainingError(
            f"augment returned {type(out).__name__}; it must return a new batch. Is a return missing?"
        )
    for what, was, became in [
        ("the shape", tuple(x.shape), tuple(out.shape)),
        ("the type", x.dtype, out.dtype),
        ("the device", x.device, out.device),
    ]:
        if was != became:
            raise TrainingError(
                f"augment changed {what} of a batch from {was} to {became}. It must return as many images as it "
                "is given, of the same size and type, since labels and model stay the same."
            )
    return out
