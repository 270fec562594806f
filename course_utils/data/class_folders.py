"""Read images from the folders ``train/<class>/*`` and ``test/<class>/*``, as torchvision's ImageFolder does."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from course_utils.data.decode_cache import decoded_once
from course_utils.data.published import DataError, Split, first_share

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

IMAGE_FILES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
LARGE_FILE = 20_000  # bytes


def read_class_folders(
    folder: Path, fraction: float = 1, known: tuple[str, ...] = ()
) -> tuple[Split, Split, tuple[str, ...]]:
    """Read the first ``fraction`` of each class; return training images, test images and class names.

    Classes are sorted by name, and files within a class too. Folders with the names of the ``known`` classes, or with
    their numbers, get the known order and names. Images are grey if all of them are, RGB otherwise. Thousands of files
    are decoded only once; later loads read the decoded pixels from ``decode_cache``.

    Raises:
        DataError: If a folder is missing or empty, the classes of train and test differ, an image is damaged, or
            the images do not all have the same size.
    """
    files = {part: _files_by_class(folder / part) for part in ("train", "test")}
    if files["train"].keys() != files["test"].keys():
        only_one = ", ".join(sorted(files["train"].keys() ^ files["test"].keys()))
        raise DataError(
            f"{folder} must contain the same classes in train and in test; only one of them has {only_one}."
        )
    order, classes = _label_order(list(files["train"]), known)
    chosen, labels = {}, {}
    for part, by_class in files.items():
        entries = [entry for name in order for entry in by_class[name]]
        targets = torch.tensor([label for label, name in enumerate(order) for _ in by_class[name]])
        index = first_share(targets, fraction)
        chosen[part], labels[part] = [entries[i] for i in index.tolist()], targets[index]
    both = [*chosen["train"], *chosen["test"]]
    pixels = decoded_once(folder, fraction, both, lambda: _decode_parts(chosen))
    return Split(pixels["train"], labels["train"]), Split(pixels["test"], labels["test"]), classes


def _files_by_class(folder: Path) -> dict[str, list[os.DirEntry[str]]]:
    """The image files of each class folder in ``folder``, sorted."""
    if not folder.is_dir():
        raise DataError(
            f"There is no folder {folder}. The expected folders are train/<class>/* and test/<class>/*."
        )
    files = {}
    for class_folder in sorted(path for path in folder.iterdir() if path.is_dir()):
        # for 60 000 files, scandir is twice as fast as iterdir, and it returns their sizes and times too
        images = [entry for entry in os.scandir(class_folder) if _is_image(entry.name)]
        if not images:
            raise DataError(
                f"The class folder {class_folder} contains no image. Add images, or delete the folder."
            )
        files[class_folder.name] = sorted(images, key=lambda entry: entry.name)
    if not files:
        raise DataError(
            f"{folder} contains no class folders. It must contain one folder of images per class."
        )
    return files


def _is_image(name: str) -> bool:
    return name[name.rfind(".") :].lower() in IMAGE_FILES


def _label_order(folders: list[str], known: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """Return the folder names in the order of their labels, and the class names."""
    by_letters = {_letters(folder): folder for folder in folders}
    for spelling in ([_letters(name) for name in known], [str(label) for label in range(len(known))]):
        if set(spelling) == by_letters.keys():
            return [by_letters[name] for name in spelling], known
    return folders, tuple(folders)


def _letters(name: str) -> str:
    """Reduce a name to its letters and digits: ``T-shirt/top`` and ``t_shirt_top`` become ``tshirttop``."""
    return re.sub(r"[\W_]", "", name).lower()


def _decode_parts(files: dict[str, list[os.DirEntry[str]]]) -> dict[str, Tensor]:
    """Decode the images of each part to uint8 ``(N, C, H, W)``: C is 1 if all of them are grey, else 3."""
    first = files["train"][0].path
    decoded = {part: _decode([entry.path for entry in entries], first) for part, entries in files.items()}
    channels = 1 if all(is_grey for _, is_grey in decoded.values()) else 3
    return {part: pixels[:, :channels].contiguous() for part, (pixels, _) in decoded.items()}


def _decode(paths: list[str], first: str) -> tuple[Tensor, bool]:
    """Decode image files to RGB, uint8 ``(N, 3, H, W)``, all of the size of ``first``; return whether all were grey."""
    height, width = _decode_one(first)[0].shape[:2]
    pixels = torch.empty(len(paths), 3, height, width, dtype=torch.uint8)
    rows, all_grey = pixels.numpy(), True
    # Threads are faster only for large files; for thumbnails, passing the work on takes longer than decoding.
    with ThreadPoolExecutor() as pool:
        many = pool.map if os.path.getsize(first) > LARGE_FILE else map
        for i, (image, is_grey) in enumerate(many(_decode_one, paths)):
            if image.shape[:2] != (height, width):
                raise DataError(
                    f"All images must have the same size: {first} has {width}×{height} pixels, "
                    f"{paths[i]} has {image.shape[1]}×{image.shape[0]}. Resize the files first."
                )
            rows[i] = image.transpose(2, 0, 1)
            all_grey = all_grey and is_grey
    return pixels, all_grey


def _decode_one(path: str) -> tuple["NDArray[numpy.uint8]", bool]:
    """Decode one file into a NumPy array ``(H, W, 3)``; return whether it was grey."""
    import numpy
    from PIL import Image

    try:
        with Image.open(path) as image:
            return numpy.asarray(image.convert("RGB")), image.mode in ("1", "L")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} could not be read as an image ({error}). Replace or delete it.") from None
