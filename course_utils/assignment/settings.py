"""How a network is trained, and everything else that decides what a training run ends with. Notebook 12."""

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from course_utils.data import ImageSet
from course_utils.training import seed_everything


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: SGD with Nesterov momentum 0.9 and a learning rate that rises to ``lr`` and falls to 0.

    The schedule is Smith and Topin's "super-convergence" (2018), ``OneCycleLR`` in PyTorch. ``mirror`` mirrors half of
    the training images, other ones in each epoch; ``label_smoothing`` is that of Szegedy and others (2016).
    """

    epochs: int
    batch_size: int = 64
    lr: float = 0.05
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    mirror: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Machine:
    """Where a network is trained: the device, the number of CPU threads, the version of torch."""

    device: str
    threads: int
    torch: str

    def __str__(self) -> str:
        return f"{self.device}, threads: {self.threads}, torch {self.torch}"


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run; if one of these differs, it is a different run.

    ``network`` is a hash of the new network's outputs, ``images`` holds the number of images and a checksum for the
    training and for the test images.
    """

    recipe: Recipe
    network: str
    images: tuple[tuple[int, int], tuple[int, int]]
    machine: Machine

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Settings":
        """The settings that ``dataclasses.asdict`` turned into ``row``."""
        train, test = (tuple(part) for part in row["images"])
        return cls(Recipe(**row["recipe"]), row["network"], (train, test), Machine(**row["machine"]))


def describe(
    make: Callable[[], nn.Module], recipe: Recipe, train: ImageSet, test: ImageSet, device: torch.device | str
) -> Settings:
    """Return the settings of a run."""
    device = torch.device(device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    images = ((len(train), _checksum(train)), (len(test), _checksum(test)))
    machine = Machine(name, torch.get_num_threads(), torch.__version__)
    return Settings(recipe, _fingerprint(make, train), images, machine)


def _fingerprint(make: Callable[[], nn.Module], images: ImageSet) -> str:
    """A hash of the new network's outputs for two images: a changed layer, start or forward pass changes it."""
    state = torch.get_rng_state()
    seed_everything(0)
    x = images.to("cpu").batch(slice(0, 2))[0]  # (2, C, H, W)
    text = ""
    for dtype in (torch.float64, torch.float32):  # a network with tensors of its own may need float32
        try:
            with torch.no_grad():
                out = make().to(dtype).eval()(x.to(dtype))  # (2, classes)
            text = " ".join(f"{value:.6g}" for value in out.flatten().tolist())
            break
        except Exception:  # in float32 too: fit will say what is wrong
            continue
    torch.set_rng_state(state)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _checksum(images: ImageSet) -> int:
    """A number that changes with any pixel and any label."""
    pixels = zlib.crc32(images.images.cpu().numpy().tobytes())
    return zlib.crc32(images.labels.cpu().numpy().tobytes(), pixels)
