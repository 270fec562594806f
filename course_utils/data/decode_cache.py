"""Keep the pixels of many small image files in one file, so that the next load takes less than a second.

The file is in the user's cache folder, or in ``COURSE_CACHE``, but never next to the images, which may be shared and
read-only. It can be deleted at any time.
"""

import hashlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from course_utils.files import replacing

WORTH_KEEPING = 2_000  # files; fewer are decoded in less than a second

Pixels = dict[str, Tensor]  # part → uint8 (N, C, H, W)


def decoded_once(
    folder: Path, share: float, files: Sequence[os.DirEntry[str]], decode: Callable[[], Pixels]
) -> Pixels:
    """Return the pixels that ``decode()`` reads from ``files``, or the cached ones if no file has changed since.

    There is one cache per ``folder`` and ``share`` of its images; a stale or damaged one is replaced. If it cannot be
    written, a warning says so, and the pixels are still returned.
    """
    if len(files) < WORTH_KEEPING:
        return decode()
    try:  # before decoding: a file that changes while it is decoded must not match the cache afterwards
        state = _state(folder, files)
    except OSError:  # a file has been deleted; decoding says which
        return decode()
    place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    cache = cache_folder() / f"{folder.name}-{share:g}-{place}.pt"
    pixels = _read(cache, state)
    if pixels is None:
        pixels = decode()
        _write(cache, state, pixels)
    return pixels


def cache_folder() -> Path:
    """``COURSE_CACHE``, or the system's folder for files that programs can create again."""
    if chosen := os.environ.get("COURSE_CACHE"):
        return Path(chosen).expanduser()
    places = {
        "win32": os.environ.get("LOCALAPPDATA") or "~/AppData/Local",
        "darwin": "~/Library/Caches",
    }
    place = places.get(sys.platform) or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(place).expanduser() / "pytorch-course"
    except RuntimeError:  # a user without a home
        return Path(tempfile.gettempdir()) / "pytorch-course"


def _state(folder: Path, files: Sequence[os.DirEntry[str]]) -> str:
    """A hash of the files' names, sizes and times, in their order."""
    start, lines = len(str(folder)), []
    for file in files:
        facts = file.stat()
        # a copy may keep the time of the last change; the second time is set by the system
        lines.append(f"{file.path[start:]} {facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}\n")
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def _read(cache: Path, state: str) -> Pixels | None:
    """The pixels in ``cache``, or None if it is missing, stale or damaged."""
    try:
        kept = torch.load(cache, map_location="cpu", weights_only=True)
        pixels: Pixels | None = kept["pixels"] if kept["state"] == state else None
    except Exception:  # the kind of error depends on where the file is damaged
        return None
    return pixels


def _write(cache: Path, state: str, pixels: Pixels) -> None:
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with replacing(cache) as temporary:
            torch.save({"state": state, "pixels": pixels}, temporary)
    except (OSError, RuntimeError) as error:
        warnings.warn(
            f"The decoded images could not be saved in {cache.parent} ({error}), so the next load decodes them again. "
            "Set COURSE_CACHE to a writable folder with enough free space.",
            stacklevel=2,
        )
