"""Keep the pixels of many small image files in one file, so that the next load takes less than a second.

The file lies in the user's cache folder, or in ``COURSE_CACHE``, never among the images: these may be shared
and read-only. It can be deleted at any time.
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

WORTH_KEEPING = 2_000  # files; fewer are decoded within a second

Pixels = dict[str, Tensor]  # part → uint8 (N, C, H, W)


def decoded_once(
    folder: Path, share: float, files: Sequence[os.DirEntry], decode: Callable[[], Pixels]
) -> Pixels:
    """Return what ``decode()`` makes out of ``files``, or what it made last time if no file has changed since.

    There is one cache for each ``folder`` and each ``share`` of its images; a stale or damaged one is made anew.
    Where it cannot be written a warning says so, and the pixels are returned all the same.
    """
    if len(files) < WORTH_KEEPING:
        return decode()
    try:  # before decoding: a file that changes meanwhile must not fit the cache afterwards
        state = _state(folder, files)
    except OSError:  # a file has gone; decoding says which
        return decode()
    place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    cache = cache_folder() / f"{folder.name}-{share:g}-{place}.pt"
    pixels = _read(cache, state)
    if pixels is None:
        pixels = decode()
        _write(cache, {"state": state, "pixels": pixels})
    return pixels


def cache_folder() -> Path:
    """``COURSE_CACHE``, or a folder where this system keeps what programs can make anew."""
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


def _state(folder: Path, files: Sequence[os.DirEntry]) -> str:
    """A hash of the files' names, sizes and times, in their order."""
    start, lines = len(str(folder)), []
    for file in files:
        facts = file.stat()
        # a copy may keep the time of the last change; the second time is the system's own
        lines.append(f"{file.path[start:]} {facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}\n")
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def _read(cache: Path, state: str) -> Pixels | None:
    """The pixels in ``cache``, or None if it is missing, stale or damaged."""
    try:
        kept = torch.load(cache, map_location="cpu", weights_only=True)
        return kept["pixels"] if kept["state"] == state else None
    except Exception:  # what a damaged file raises depends on where it is damaged
        return None


def _write(cache: Path, content: dict) -> None:
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with replacing(cache) as temporary:
            torch.save(content, temporary)
    except (OSError, RuntimeError) as error:
        warnings.warn(
            f"The decoded images could not be kept in {cache.parent} ({error}), so the next load decodes them again. "
            "Name a folder that can be written, with room for them, in COURSE_CACHE.",
            stacklevel=2,
        )
