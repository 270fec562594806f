"""Augment training images: mirror them, move them, or cut a patch out. Notebook 10.

``fit(…, augment=Compose(RandomHorizontalFlip(), RandomShift(2)))`` changes each training batch; the validation images
are left unchanged. An augmentation is called with a batch of images ``(B, C, H, W)``, uint8 or float, on any device,
and returns a new one of the same shape and type. It draws random numbers for each image separately, from torch's
generator on the CPU, so that a run with the same seed is repeated on every device.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "Compose", "Cutout", "RandomHorizontalFlip", "RandomShift", "cut_out", "horizontal_flip", "shift",
]  # fmt: skip


def horizontal_flip(images: Tensor, chosen: Tensor) -> Tensor:
    """Mirror the chosen images: exchange left and right.

    Args:
        images: ``(B, C, H, W)``, uint8 or float.
        chosen: bool ``(B,)``.
    """
    chosen = chosen.to(images.device)[:, None, None, None]  # (B, 1, 1, 1)
    return torch.where(chosen, images.flip(3), images)


def shift(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Move each image by its own number of pixels; pixels from outside the image are 0.

    Args:
        images: ``(B, C, H, W)``, uint8 or float.
        down: int64 ``(B,)``; a negative number moves the image up.
        right: int64 ``(B,)``; a negative number moves the image left.
    """
    height, width = images.shape[2:]
    border = int(torch.maximum(down.abs(), right.abs()).max())
    padded = F.pad(images, (border,) * 4)
    # all windows of the image's size, as a view without a copy: (B, C, 2·border + 1, 2·border + 1, H, W)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    index = (torch.arange(len(images)), border - down, border - right)
    each, top, left = (i.to(images.device) for i in index)
    return windows[each, :, top, left]  # (B, C, H, W)


def cut_out(images: Tensor, row: Tensor, column: Tensor, size: int) -> Tensor:
    """Set a square in each image to 0; the part of the square outside the image is ignored.

    Args:
        images: ``(B, C, H, W)``, uint8 or float.
        row: int64 ``(B,)``, the first row of the square; may be negative.
        column: int64 ``(B,)``, the first column of the square; may be negative.
        size: the side of the square in pixels.
    """
    inside = []
    for start, length in zip((row, column), images.shape[2:], strict=True):
        offset = torch.arange(length, device=images.device) - start.to(images.device)[:, None]
        inside.append((offset >= 0) & (offset < size))  # (B, H), then (B, W)
    rows, columns = inside
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0)  # mask: (B, 1, H, W)


@dataclass(frozen=True)
class RandomHorizontalFlip:
    """Mirror each image with probability ``p``. Use it only if mirroring keeps the class: not for digits.

    Raises:
        ValueError: If ``p`` is not between 0 and 1, or the input is not a batch of images.
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ValueError(f"p must be between 0 and 1, got {self.p}.")

    def __call__(self, images: Tensor) -> Tensor:
        count = _count(images)
        return horizontal_flip(images, torch.rand(count) < self.p)


@dataclass(frozen=True)
class RandomShift:
    """Move each image by up to ``pixels`` vertically and horizontally; pixels from outside the image are 0.

    This equals padding with ``pixels`` zeros on each side and random cropping: ``RandomCrop`` in torchvision.

    Raises:
        ValueError: If ``pixels`` is not a positive integer, or the input is not a batch of images.
    """

    pixels: int = 2

    def __post_init__(self) -> None:
        _check_pixels("pixels", self.pixels)

    def __call__(self, images: Tensor) -> Tensor:
        down, right = torch.randint(-self.pixels, self.pixels + 1, (2, _count(images)))
        return shift(images, down, right)


@dataclass(frozen=True)
class Cutout:
    """Set a square with sides of ``size`` pixels in each image to 0; its centre is a random pixel.

    DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout" (2017).

    Raises:
        ValueError: If ``size`` is not a positive integer, or the input is not a batch of images.
    """

    size: int = 8

    def __post_init__(self) -> None:
        _check_pixels("size", self.size)

    def __call__(self, images: Tensor) -> Tensor:
        count = _count(images)
        row, column = (torch.randint(length, (count,)) - self.size // 2 for length in images.shape[2:])
        return cut_out(images, row, column, self.size)


class Compose:
    """Apply several augmentations in order: ``Compose(RandomHorizontalFlip(), RandomShift(2))``.

    Raises:
        ValueError: If one of them cannot be called.
    """

    def __init__(self, *parts: Callable[[Tensor], Tensor]) -> None:
        for part in parts:
            if not callable(part):
                raise ValueError(
                    f"Compose takes augmentations, separated by commas; {part!r} cannot be called. "
                    "Try Compose(*parts) for a list."
                )
        self.parts = parts

    def __call__(self, images: Tensor) -> Tensor:
        for part in self.parts:
            images = part(images)
        return images

    def __repr__(self) -> str:
        return f"Compose({', '.join(map(repr, self.parts))})"


def _count(images: Tensor) -> int:
    """The number of images in a batch.

    Raises:
        ValueError: If ``images`` is not a batch of images.
    """
    if not isinstance(images, Tensor) or images.dim() != 4:
        got = f"shape {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(
            f"An augmentation takes a batch of images (B, C, H, W); got {got}. For one image try image[None]."
        )
    return len(images)


def _check_pixels(name: str, pixels: int) -> None:
    if not isinstance(pixels, int) or pixels < 1:
        raise ValueError(f"{name} must be a positive integer, got {pixels!r}.")
