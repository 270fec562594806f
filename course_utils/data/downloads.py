"""Download a published data set with torchvision, and move it into place only after its content has been verified."""

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from course_utils.data.published import DataError, Split, read_published
from course_utils.data.session import session

CIFAR10_ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
PATIENCE = 20  # seconds without a byte after which a download counts as failed


class Unavailable(RuntimeError):
    """A data set cannot be downloaded here; the message says why."""


def fetch(name: str, root: Path) -> tuple[Split, Split]:
    """Download ``name`` into a temporary folder in ``root``, verify it, move it into place, and return it.

    Raises:
        Unavailable: If there is no network, the download stalls or fails, the files are not the published ones, or
            ``COURSE_DOWNLOAD=0`` forbids it.
        DataError: If ``root`` cannot be written.
    """
    if os.environ.get("COURSE_DOWNLOAD") == "0":
        raise Unavailable("COURSE_DOWNLOAD=0 forbids it")
    if name in session.failed_downloads:
        raise Unavailable(session.failed_downloads[name])
    try:
        root.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(prefix="download-", dir=root, ignore_cleanup_errors=True)
    except OSError as error:
        raise DataError(
            f"The data folder {root} cannot be written ({error.strerror}). Set COURSE_DATA to another one, "
            "or set COURSE_DOWNLOAD=0 to work with the offline stand-in."
        ) from None
    with temporary as folder:
        try:
            _watch(_downloader(name, folder), Path(folder))
            splits = _verify(name, Path(folder))
        except Unavailable as reason:
            session.failed_downloads[name] = str(reason)
            raise
        _move_into_place(Path(folder), root)
    return splits


def _downloader(name: str, folder: str) -> Callable[[], object]:
    from torchvision import datasets

    kinds = {"mnist": datasets.MNIST, "fashion_mnist": datasets.FashionMNIST, "cifar10": datasets.CIFAR10}
    return lambda: kinds[name](folder, download=True)


def _watch(download: Callable[[], object], folder: Path) -> None:
    """Run ``download`` in a thread, and give up when ``folder`` has not grown for ``PATIENCE`` seconds.

    A timeout of the connection is not enough: looking up a name, or trying one address after the other, can take
    minutes behind a firewall.
    """
    errors: list[str] = []

    def run() -> None:
        try:
            download()
        except Exception as error:
            errors.append(str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    size, last_change = 0, time.monotonic()
    while thread.is_alive():
        thread.join(timeout=0.2)
        now = _bytes_below(folder)
        if now != size:
            size, last_change = now, time.monotonic()
        elif time.monotonic() - last_change > PATIENCE:
            raise Unavailable(f"no data arrived for {PATIENCE} seconds")
    if errors:
        raise Unavailable(errors[0])


def _bytes_below(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except OSError:  # a file was renamed or removed in the meantime
        return -1


def _verify(name: str, folder: Path) -> tuple[Split, Split]:
    """Read the downloaded files; their content must be the published one."""
    if name == "cifar10":
        archive = hashlib.sha256((folder / "cifar-10-python.tar.gz").read_bytes()).hexdigest()
        if archive != CIFAR10_ARCHIVE_SHA256:
            raise Unavailable("the downloaded archive is not the published one (wrong SHA-256)")
    try:
        splits = read_published(name, folder)
    except DataError:
        raise Unavailable("the downloaded files are not the published ones (wrong SHA-256)") from None
    if splits is None:
        raise Unavailable("some files are missing in the download")
    return splits


def _move_into_place(folder: Path, root: Path) -> None:
    """Move the unpacked files, each in one step: concurrent readers see a whole file or none."""
    for path in [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".gz"]:
        target = root / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
