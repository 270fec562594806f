"""What ``fit``, ``evaluate`` and ``predict`` loop over: batches on the model's device."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from course_utils.data import ImageSet


class Batches:
    """Batches on a device: slices of images that stay there, or whatever a DataLoader brings."""

    def __init__(self, source, batch_size, device, shuffle):
        if isinstance(source, ImageSet):
            source = source.to(device)
        elif not isinstance(source, DataLoader):
            source = DataLoader(source, batch_size, shuffle=shuffle)
        self.source, self.batch_size, self.device, self.shuffle = source, batch_size, device, shuffle

    def __len__(self) -> int:
        if isinstance(self.source, DataLoader):
            return len(self.source)
        return -(-len(self.source) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if isinstance(self.source, DataLoader):
            for x, y in self.source:
                yield x.to(self.device), y.to(self.device)
            return
        # the order is drawn on the CPU, so that a seed means the same on each device
        order = torch.randperm(len(self.source)).to(self.device) if self.shuffle else None
        for start in range(0, len(self.source), self.batch_size):
            part = slice(start, start + self.batch_size)
            yield self.source.batch(part if order is None else order[part])
