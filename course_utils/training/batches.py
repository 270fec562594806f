"""What ``fit``, ``evaluate`` and ``predict`` loop over: batches on the model's device."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from course_utils.data import ImageSet
from course_utils.training import distributed
from course_utils.training.preflight import TrainingError


class Batches:
    """Batches on a device: slices of images that stay there, or whatever a DataLoader brings.

    ``augment``, if given, changes the inputs of each batch. Of several processes, each gets its share of each batch.
    ``number`` counts the batches of a pass from 1, and ``size`` is how many items of the batch count: all of them,
    but none where a batch has fewer items than there are processes, and one was lent.

    Raises:
        TrainingError: ``augment`` cannot be called, or returns something of another shape or type.
    """

    def __init__(self, source, batch_size, device, shuffle, augment=None):
        if augment is not None and (isinstance(augment, type) or not callable(augment)):
            raise TrainingError(
                f"augment is {augment!r}; it must be a function of a batch (B, C, H, W) that returns such a batch, "
                "for example RandomShift(2), with the brackets."
            )
        if isinstance(source, ImageSet):
            source = source.to(device)
        elif not isinstance(source, DataLoader):
            source = DataLoader(source, batch_size, shuffle=shuffle)
        self.source, self.batch_size, self.device, self.shuffle = source, batch_size, device, shuffle
        self.augment, self.number, self.size = augment, 0, 0

    def __len__(self) -> int:
        if isinstance(self.source, DataLoader):
            return len(self.source)
        return -(-len(self.source) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        originals = self._of_loader() if isinstance(self.source, DataLoader) else self._of_images()
        for number, (x, y, size) in enumerate(originals, start=1):
            self.number, self.size = number, size
            yield (x if self.augment is None else self._augmented(x)), y

    def _of_loader(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        loader, sizes = self.source, None
        if distributed.size() > 1:
            loader, sizes = distributed.share_of_loader(loader)
        for number, (x, y) in enumerate(loader):
            yield x.to(self.device), y.to(self.device), sizes[number] if sizes else len(y)

    def _of_images(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        count, order = len(self.source), None
        if self.shuffle:
            # the order is drawn on the CPU, so that a seed means the same on each device
            order = distributed.from_first(torch.randperm(count)).to(self.device)
        for start in range(0, count, self.batch_size):
            share = distributed.share(min(self.batch_size, count - start))
            size = share.stop - share.start
            part = slice(start + share.start, start + share.stop) if size else slice(start, start + 1)
            yield *self.source.batch(part if order is None else order[part]), size

    def _augmented(self, x: Tensor) -> Tensor:
        out = self.augment(x)
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
