"""Labelled images in memory, as a torch ``Dataset``."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.data import Dataset

from course_utils.data.published import DataError
from course_utils.formatting import first, thousands
from course_utils.tables import facts_as_html


@dataclass(eq=False, repr=False)
class ImageSet(Dataset[tuple[Tensor, int | Tensor]]):
    """Labelled images in memory: a data set for any ``DataLoader``, and a fast source of whole batches.

    Args:
        images: uint8 ``(N, C, H, W)``.
        labels: int64 ``(N,)``, each an index into ``classes``.
        classes: the names of the classes.
        name: what the set is called.
        source: where the images come from, as text.
        full: whether this is the complete real data set.

    ``dataset[i]`` is one image, float32 ``(C, H, W)`` in [0, 1], and its label, an int; ``dataset[:5]`` and
    ``dataset.batch(index)`` are several at once.

    Raises:
        DataError: If images and labels are not as described above.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    name: str = "images"
    source: str = "given tensors"
    full: bool = False

    def __post_init__(self) -> None:
        self.classes = tuple(self.classes)
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            got = f"{self.images.dtype} of shape {tuple(self.images.shape)}"
            raise DataError(f"images must be uint8 of shape (N, C, H, W); got {got}.")
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise DataError(
                f"labels must be int64 of shape ({len(self.images)},), one per image; "
                f"got {self.labels.dtype} of {tuple(self.labels.shape)}."
            )
        low, high = self.labels.aminmax() if len(self.labels) else (0, 0)
        if low < 0 or high >= max(1, len(self.classes)):
            raise DataError(
                f"labels must lie between 0 and {len(self.classes) - 1}, as there are {len(self.classes)} "
                f"classes; got {low} to {high}."
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int | slice) -> tuple[Tensor, int | Tensor]:
        if isinstance(index, slice):
            return self.batch(index)
        return self.images[index].float() / 255, int(self.labels[index])

    def batch(self, index: slice | Tensor) -> tuple[Tensor, Tensor]:
        """Return images, float32 ``(B, C, H, W)`` in [0, 1], and labels, int64 ``(B,)``, on the set's device.

        ``index`` is a slice, or the numbers of the images as an integer tensor ``(B,)``.
        """
        if isinstance(index, slice):
            images, labels = self.images[index], self.labels[index]
        else:
            # index_select gathers whole images: for bytes it is several times faster than images[index].
            index = index.to(self.images.device)
            images, labels = self.images.index_select(0, index), self.labels.index_select(0, index)
        return images.float().div_(255), labels

    def to(self, device: torch.device | str) -> "ImageSet":
        """Return the set with images and labels on ``device``."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))

    def resized(self, size: int | tuple[int, int]) -> "ImageSet":
        """Return the set with all images resized to ``size``: (height, width), or the length of the shorter side.

        The same uint8 values as torchvision's ``v2.Resize(size)`` (bilinear, antialiased), on every device.
        """
        height, width = self.images.shape[-2:]
        if isinstance(size, int):
            short = min(height, width)
            size = (size * height // short, size * width // short)
        images = torch.nn.functional.interpolate(self.images.cpu(), size, mode="bilinear", antialias=True)
        return self.with_images(images.to(self.images.device))

    def with_images(self, images: Tensor) -> "ImageSet":
        """Return the set with other images ``(N, C, H, W)``, uint8, and the same labels."""
        return replace(self, images=images)

    def with_labels(self, labels: Tensor) -> "ImageSet":
        """Return the set with other labels ``(N,)``, int64, and the same images."""
        return replace(self, labels=labels)

    def subset(self, index: slice | Tensor | Sequence[int]) -> "ImageSet":
        """Return the chosen images with their labels.

        Args:
            index: a slice, the numbers of the images ``(M,)``, or a boolean mask ``(N,)``.
        """
        if not isinstance(index, slice):
            index = torch.as_tensor(index, device=self.labels.device)
            # an empty list becomes a float tensor, which cannot be an index
            index = index if index.numel() else index.long()
        images, labels = self.images[index], self.labels[index]
        return replace(self, images=images, labels=labels, full=self.full and len(labels) == len(self))

    def only(self, *class_names: str) -> "ImageSet":
        """Return the images of these classes, relabelled 0, 1, … in the order given.

        Raises:
            DataError: If a name is not among the classes, is given twice, or no name is given.
        """
        unknown = [name for name in class_names if name not in self.classes]
        if unknown or not class_names or len(set(class_names)) < len(class_names):
            raise DataError(
                f"only() takes one or more different classes of {', '.join(self.classes)}; got {class_names}."
            )
        new_label = torch.full((len(self.classes),), -1)
        new_label[[self.classes.index(name) for name in class_names]] = torch.arange(len(class_names))
        labels = new_label.to(self.labels.device)[self.labels]
        chosen = labels >= 0
        return replace(self.subset(chosen), labels=labels[chosen], classes=class_names)

    def sample(self, fraction: float | None = None, *, count: int | None = None, seed: int = 0) -> "ImageSet":
        """Return a random part of the set, with the same fraction of each class and in the same order.

        The same seed gives the same images; ``sample(0.1)`` is the second of the two sets of ``split(0.1)``.

        Args:
            fraction: the fraction of each class, at most 1; ``round(fraction * N)`` images in total.
            count: the number of images instead; the whole set if it has no more.
            seed: seed of the random numbers.

        Raises:
            DataError: If neither or both of fraction and count are given, or one of them is out of range.
        """
        if (fraction is None) == (count is None):
            raise DataError("sample() takes a fraction or a count: sample(0.1) or sample(count=500).")
        if count is not None:
            if not isinstance(count, int) or count < 1:
                raise DataError(f"count must be a positive integer, got {count!r}.")
            fraction = 1 if count >= len(self) else count / len(self)
        if fraction is None or not 0 < fraction <= 1:
            raise DataError(
                f"fraction must be above 0 and at most 1, got {fraction}. For a number use count=."
            )
        return self if fraction == 1 else self.subset(self._draw(fraction, seed))

    def split(self, fraction: float, seed: int = 0) -> tuple["ImageSet", "ImageSet"]:
        """Split at random into (rest, part), where part has this fraction of each class.

        Part holds ``round(fraction * N)`` images. The same seed gives the same split, and the order is kept.

        Raises:
            DataError: If the fraction does not lie between 0 and 1.
        """
        if not 0 < fraction < 1:
            raise DataError(f"split() takes a fraction between 0 and 1, for example 0.1; got {fraction}.")
        chosen = self._draw(fraction, seed)
        return self.subset(~chosen), self.subset(chosen)

    def _draw(self, fraction: float, seed: int) -> Tensor:
        """Choose this fraction of each class at random: a mask ``(N,)``."""
        labels = self.labels.cpu()
        quotas = fraction * torch.bincount(labels, minlength=len(self.classes)).double()
        counts = quotas.floor().long()
        # The images still missing from the total come from the classes that lost most by rounding down.
        missing = round(fraction * len(self)) - int(counts.sum())
        counts[(counts - quotas).argsort(stable=True)[:missing]] += 1
        shuffled = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        chosen = torch.zeros(len(self), dtype=torch.bool)
        for label, count in enumerate(counts.tolist()):
            chosen[shuffled[labels[shuffled] == label][:count]] = True
        return chosen

    def _facts(self) -> dict[str, str]:
        channels, height, width = self.images.shape[1:]
        colours = {1: "grey", 3: "RGB"}.get(channels, f"{channels} channels")
        classes = first(self.classes, 10, ", …")
        return {
            "images": f"{thousands(len(self))} of {height}×{width}, {colours}",
            "classes": f"{len(self.classes)}: {classes}",
            "source": self.source,
        }

    def __repr__(self) -> str:
        facts = [f"  {fact}: {value}" for fact, value in self._facts().items()]
        return "\n".join([f"ImageSet {self.name}", *facts])

    def _repr_html_(self) -> str:
        return facts_as_html(self.name, self._facts())
