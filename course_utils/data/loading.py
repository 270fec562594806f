"""Load a training set and a test set by name: ``load("mnist")``, with or without a network.

The images are searched in this order: files in the data folder (torchvision's layout, or class folders), torchvision's
download, and an offline stand-in, announced by a warning. Four environment variables control this: ``COURSE_DATA`` is
the data folder (by default ``data`` in the project's folder), ``COURSE_FRACTION`` the fraction of each class to load
(by default 1), ``COURSE_CACHE`` the folder for decoded class folders (by default the user's cache folder), and
``COURSE_DOWNLOAD=0`` forbids the network.
"""

import difflib
import os
import re
import warnings
from pathlib import Path

from course_utils.data import downloads, synthetic
from course_utils.data.class_folders import read_class_folders
from course_utils.data.image_set import ImageSet
from course_utils.data.published import PUBLISHED, DataError, Split, first_share, read_published
from course_utils.data.session import session
from course_utils.files import PROJECT


def load(
    name: str, root: str | Path | None = None, fraction: float | None = None
) -> tuple[ImageSet, ImageSet]:
    """Return the training set and the test set called ``name``. Notebook 00.

    Args:
        name: ``"mnist"``, ``"fashion_mnist"``, ``"cifar10"``, or a folder that contains ``train/<class>/*`` and
            ``test/<class>/*``.
        root: the data folder; default ``COURSE_DATA``, else ``data`` in the project's folder.
        fraction: the fraction of each class, the same images every time; default ``COURSE_FRACTION``, else 1.

    Raises:
        DataError: If the name is unknown, files are damaged or mixed up, or a folder cannot be written.
    """
    share = _share(fraction)
    root = _data_folder() if root is None else Path(root).expanduser()
    key = _published_name(str(name))
    if key is not None:
        title = PUBLISHED[key].title
        splits, classes, source, full = _load_published(key, root, share)
    else:
        folder = _class_folder(str(name), root)
        title, source, full = folder.name, "class folders", share == 1
        train_split, test_split, classes = read_class_folders(folder, share)
        splits = (train_split, test_split)
    session.all_full = session.all_full and full
    train, test = (
        ImageSet(split.images, split.labels, classes, f"{title}, {part}", source, full)
        for split, part in zip(splits, ("training", "test"), strict=True)
    )
    return train, test


def fraction() -> float:
    """The fraction of each class that ``load`` returns: ``COURSE_FRACTION``, or 1.

    Raises:
        DataError: If it is not a number above 0 and at most 1.
    """
    return _checked_fraction(os.environ.get("COURSE_FRACTION") or 1, "COURSE_FRACTION")


def is_full() -> bool:
    """Whether ``load`` has returned only whole real data sets in this process, and will continue to.

    ``session.reset()`` forgets the sets returned so far.
    """
    return session.all_full and fraction() == 1


def _published_name(name: str) -> str | None:
    """The key of ``PUBLISHED`` for a name such as ``FashionMNIST``, ``Fashion-MNIST`` or ``fashion_mnist``."""
    letters = re.sub(r"[\W_]", "", name).lower()
    return next((key for key in PUBLISHED if key.replace("_", "") == letters), None)


def _share(given: float | None) -> float:
    return fraction() if given is None else _checked_fraction(given, "fraction")


def _checked_fraction(value: str | float, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number <= 1:
        raise DataError(f"{what} must be a number above 0 and at most 1, for example 0.05; got {value!r}.")
    return number


def _data_folder() -> Path:
    """``COURSE_DATA``, or ``data``; relative to the project's folder, or to the current one outside the project."""
    project = PROJECT if (PROJECT / "pyproject.toml").exists() else Path.cwd()
    return project / Path(os.environ.get("COURSE_DATA") or "data").expanduser()


def _load_published(
    key: str, root: Path, share: float
) -> tuple[tuple[Split, Split], tuple[str, ...], str, bool]:
    """Return the two splits, the classes, the source, and whether this is the complete real data set."""
    known = PUBLISHED[key]
    if (root / key).is_dir():
        train, test, classes = read_class_folders(root / key, share, known.classes)
        full = (len(train.labels), len(test.labels)) == known.sizes
        return (train, test), classes, f"{known.title} as class folders", full
    try:
        splits = read_published(key, root) or downloads.fetch(key, root)
        source, full = f"{known.title}, verified by its hash", share == 1
    except downloads.Unavailable as reason:
        splits, source, full = synthetic.make(key), synthetic.SOURCES[key], False
        warnings.warn(
            f"{known.title} is not in the data folder and was not downloaded: {reason}. Its files are expected in "
            f"{root / known.folder}. You get a {source}: good for trying the code, not for the course's numbers.",
            stacklevel=3,
        )
    return (_first(splits[0], share), _first(splits[1], share)), known.classes, source, full


def _first(split: Split, share: float) -> Split:
    """The first share of each class."""
    index = first_share(split.labels, share)
    return Split(split.images[index], split.labels[index])


def _class_folder(name: str, root: Path) -> Path:
    """The folder called ``name`` in the current folder or in the data folder."""
    for folder in (Path(name).expanduser(), root / name):
        if folder.is_dir():
            return folder
    close = difflib.get_close_matches(name.lower(), PUBLISHED, n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    raise DataError(
        f"There is no data set and no folder called {name!r}.{guess} The known ones are {', '.join(PUBLISHED)}; "
        "a folder of your own must contain train/<class>/* and test/<class>/*."
    )
