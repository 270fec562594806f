"""The folder of the course, and files that are written completely or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

# the folder that holds notebooks, course_utils and the rest
PROJECT = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name in the folder of ``path`` to write to; afterwards that file replaces ``path``.

    Concurrent readers see the old file or the new one, never a part of one; after an interruption the old one is left.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, completely or not at all; missing parent folders are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
