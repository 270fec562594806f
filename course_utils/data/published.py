"""Read MNIST, Fashion-MNIST and CIFAR-10 from the files that torchvision stores, each checked by its content.

No file is used before its hash has been checked: MNIST's and Fashion-MNIST's files have the same names, and an
interrupted copy or download leaves a file that looks complete.
"""

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


class DataError(RuntimeError):
    """Raised if images cannot be used; the message says what was found and what to do."""


class Split(NamedTuple):
    """Images, uint8 ``(N, C, H, W)``, and labels, int64 ``(N,)``."""

    images: Tensor
    labels: Tensor


class Published(NamedTuple):
    """A data set that ``load`` knows by name, as torchvision stores it."""

    title: str
    folder: str  # below the data folder
    classes: tuple[str, ...]
    sizes: tuple[int, int]  # training and test images
    sha256: dict[str, str]  # of each file's content; empty if torchvision's MD5 sums are used


IDX_BYTES = {
    "train-images-idx3-ubyte": 16 + 60_000 * 28 * 28,
    "train-labels-idx1-ubyte": 8 + 60_000,
    "t10k-images-idx3-ubyte": 16 + 10_000 * 28 * 28,
    "t10k-labels-idx1-ubyte": 8 + 10_000,
}


def _sha256(*digests: str) -> dict[str, str]:
    return dict(zip(IDX_BYTES, digests, strict=True))


PUBLISHED = {
    "mnist": Published(
        "MNIST",
        "MNIST/raw",
        tuple("0123456789"),
        (60_000, 10_000),
        _sha256(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    "fashion_mnist": Published(
        "Fashion-MNIST",
        "FashionMNIST/raw",
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat")
        + ("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        (60_000, 10_000),
        _sha256(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    "cifar10": Published(
        "CIFAR-10",
        "cifar-10-batches-py",
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        (50_000, 10_000),
        {},
    ),
}


def first_share(labels: Tensor, fraction: float) -> Tensor:
    """Indices of the first ``fraction`` of each class, at least one image per class, in the order of ``labels``."""
    if fraction == 1:
        return torch.arange(len(labels))
    members = [torch.nonzero(labels == label).flatten() for label in labels.unique()]
    return torch.cat([index[: max(1, round(fraction * len(index)))] for index in members]).sort().values


def read_published(name: str, root: Path) -> tuple[Split, Split] | None:
    """Read the training and test images of a ``PUBLISHED`` set below ``root``; None if files are missing.

    Raises:
        DataError: If a file is truncated or has other content than the published one.
    """
    return read_cifar10(root) if name == "cifar10" else read_idx_folder(name, root / PUBLISHED[name].folder)


# --- MNIST and Fashion-MNIST: four IDX files --------------------------------------------------------------


def read_idx(content: bytes) -> Tensor:
    """Turn an IDX file of unsigned bytes into a tensor, for example ``(60000, 28, 28)``.

    The format: two zero bytes, 8 for "unsigned byte", the number of dimensions, each size as four big-endian
    bytes, then the values.
    """
    dimensions = content[3]
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions)]
    values = torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=4 + 4 * dimensions)
    return values.reshape(shape)


def read_idx_folder(name: str, folder: Path) -> tuple[Split, Split] | None:
    """Read the verified training and test images in ``folder``; None if one of the four files is missing.

    Raises:
        DataError: If a file is truncated or has other content than the published one.
    """
    paths = [path for file in IDX_BYTES if (path := _plain_or_zipped(folder / file))]
    if len(paths) < len(IDX_BYTES):
        return None
    content = [_verified(name, file, path) for file, path in zip(IDX_BYTES, paths, strict=True)]
    x_train, y_train, x_test, y_test = (read_idx(part) for part in content)
    return Split(x_train[:, None], y_train.long()), Split(x_test[:, None], y_test.long())


def _plain_or_zipped(path: Path) -> Path | None:
    return next((p for p in (path, path.with_name(path.name + ".gz")) if p.is_file()), None)


def _verified(name: str, file: str, path: Path) -> bytes:
    """Return the unzipped content of ``path`` if it is the published ``file``; otherwise raise and say what it is."""
    retry = "Delete it and load again, or copy it again."
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path} could not be read to its end ({error}). {retry}") from None
    digest, title = hashlib.sha256(content).hexdigest(), PUBLISHED[name].title
    if digest == PUBLISHED[name].sha256[file]:
        return content
    if (other := _known_content().get(digest)) is not None:
        raise DataError(
            f"{path} should be the {title} file of that name, but it contains {other}. "
            "Move each file to the folder of its own data set."
        )
    if len(content) != IDX_BYTES[file]:
        raise DataError(f"{path} has {len(content):,} bytes, but {IDX_BYTES[file]:,} are expected. {retry}")
    raise DataError(f"{path} is not the published {title} file (its SHA-256 begins {digest[:12]}). {retry}")


def _known_content() -> dict[str, str]:
    """SHA-256 → the name of the published file with this content, to recognize files that were mixed up."""
    return {
        digest: f"{known.title}'s {file}"
        for known in PUBLISHED.values()
        for file, digest in known.sha256.items()
    }


# --- CIFAR-10: Python batches ----------------------------------------------------------------------------


def read_cifar10(root: Path) -> tuple[Split, Split] | None:
    """Read CIFAR-10's Python batches below ``root`` with torchvision; None if files are missing.

    Raises:
        DataError: If a file's MD5 sum is not the one that torchvision has for it.
    """
    folder = root / PUBLISHED["cifar10"].folder
    if not folder.is_dir():
        return None  # before the import of torchvision, which takes seconds
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import check_integrity

    sums = {file: md5 for file, md5 in [*CIFAR10.train_list, *CIFAR10.test_list]}
    sums[CIFAR10.meta["filename"]] = CIFAR10.meta["md5"]
    paths = {file: folder / file for file in sums}
    if not all(path.is_file() for path in paths.values()):
        return None
    for file, path in paths.items():
        if not check_integrity(path, sums[file]):
            raise DataError(
                f"{path} is truncated or not CIFAR-10's file of that name (its MD5 sum is wrong). "
                "Delete it and load again, or copy it again."
            )
    train, test = (CIFAR10(root, train=part) for part in (True, False))
    return _from_pixels(train.data, train.targets), _from_pixels(test.data, test.targets)


def _from_pixels(pixels: "NDArray[numpy.uint8]", labels: list[int]) -> Split:
    """Turn CIFAR-10's pixels ``(N, H, W, 3)`` and labels into a Split."""
    images = torch.as_tensor(pixels).permute(0, 3, 1, 2).contiguous()
    return Split(images, torch.as_tensor(labels, dtype=torch.int64))
