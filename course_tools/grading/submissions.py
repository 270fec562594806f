"""Read what was handed in: one folder, zip or notebook per student, however the learning platform nests them.

Nothing is unpacked to disk and no link is followed: notebooks are read into memory, so paths in archives are harmless.
"""

import hashlib
import io
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from course_tools.grading.notebooks import LARGEST

# Limits per student: bytes of a zip, number of files, bytes of all notebooks, zips within zips, bytes unpacked.
LARGEST_ZIP = 200 * 10**6
MOST_FILES = 5000
MOST_BYTES = 10 * LARGEST
DEEPEST = 3
MOST_UNPACKED = 5 * LARGEST_ZIP

# The name of a file, and a function that reads at most n bytes of it.
File = tuple[str, Callable[[int], bytes]]


@dataclass
class Submission:
    """The files that one student has handed in."""

    student: str  # a name that is safe for files: the platform's name, if that is safe
    notebooks: list[tuple[str, bytes]] = field(default_factory=list)  # (path, content)
    problems: list[str] = field(default_factory=list)  # for the instructor: what was refused, and why
    twice: bool = False  # there are two of this name, so it is ambiguous which one counts
    unpacked: int = 0  # bytes so far


def collect(place: Path) -> list[Submission]:
    """Return the submissions in a folder, or in a zip of a whole class. Raises ValueError if `place` is neither."""
    if place.is_dir():
        paths = [path for path in sorted(place.iterdir()) if not path.name.startswith(".")]
        found = [submission for path in paths if (submission := _from_entry(path))]
    elif zipfile.is_zipfile(place):
        found = _from_class_zip(place)
    else:
        raise ValueError(f"{place} is neither a folder nor a zip of submissions.")
    merged: dict[str, Submission] = {}
    for submission in found:
        first = merged.setdefault(submission.student, submission)
        if first is not submission:
            first.twice = True
            first.notebooks += submission.notebooks
            first.problems += submission.problems
    return list(merged.values())


def safe_name(label: str) -> str:
    """Return a name for files, different for each label; an ordinary label is left unchanged."""
    label = unicodedata.normalize("NFC", label)
    safe = "".join(c if c.isalnum() or c in " ._-@+(),'" else "_" for c in label).strip(" .")[:80]
    if safe == label:
        return safe
    return f"{safe.strip('_. ') or 'submission'}~{hashlib.sha256(label.encode(errors='replace')).hexdigest()[:6]}"


def _from_entry(path: Path) -> Submission | None:
    kind = path.lstat().st_mode
    if stat.S_ISDIR(kind):
        submission = Submission(safe_name(path.name))
        _add(submission, _folder(path, submission))
    elif path.suffix.lower() in (".zip", ".ipynb"):
        submission = Submission(safe_name(path.stem))
        if not stat.S_ISREG(kind):
            submission.problems.append(f"{path.name} is a link or not a regular file, and was not opened.")
        else:
            _add(submission, [(path.name, partial(_read, path))])
    else:
        return None
    return submission


def _from_class_zip(place: Path) -> list[Submission]:
    found: dict[str, Submission] = {}
    with zipfile.ZipFile(place) as archive:
        for info in archive.infolist():
            first, _, rest = info.filename.partition("/")
            if leads_out(info.filename):
                first, rest = info.filename, ""
            elif not rest:
                first = PurePosixPath(first).stem
            if info.is_dir() or first.startswith((".", "__MACOSX")) and not leads_out(first):
                continue
            submission = found.setdefault(first, Submission(safe_name(first)))
            _add(submission, [(info.filename, _member(archive, info, submission))])
    return list(found.values())


def _add(submission: Submission, files: Iterable[File]) -> None:
    """Read all notebooks among the files."""
    for count, (name, read) in enumerate(_flat(files, submission)):
        size = sum(len(content) for _, content in submission.notebooks)
        if count >= MOST_FILES or size > MOST_BYTES:
            submission.problems.append("There are too many files; the rest was not read.")
            return
        if not name.lower().endswith(".ipynb") or re.search(r"(^|/)(\.[^./\\]|__MACOSX)", name):
            continue
        try:
            submission.notebooks.append((name, read(LARGEST + 1)))
        # A damaged archive or disk can raise anything.
        except Exception as error:
            submission.problems.append(f"{name} could not be read: {error or type(error).__name__}")


def _flat(files: Iterable[File], submission: Submission, depth: int = 0) -> Iterator[File]:
    """Yield all files, including those within zips."""
    for name, read in files:
        if not name.lower().endswith(".zip"):
            yield name, read
            continue
        if depth == DEEPEST:
            submission.problems.append(f"{name} is a zip in a zip in a zip, and was not opened.")
            continue
        try:
            content = read(LARGEST_ZIP + 1)
            if len(content) > LARGEST_ZIP:
                raise ValueError(f"it is larger than {LARGEST_ZIP // 10**6} MB")
            archive = zipfile.ZipFile(io.BytesIO(content))
            infos = [info for info in archive.infolist() if not info.is_dir()]
            members = [(info.filename, _member(archive, info, submission)) for info in infos]
        except Exception as error:
            submission.problems.append(f"{name} could not be opened: {error or type(error).__name__}")
            continue
        yield from _flat(members, submission, depth + 1)


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, submission: Submission
) -> Callable[[int], bytes]:
    """Return a function that reads at most n bytes of a member. It raises ValueError if the member is refused."""

    def read(most: int) -> bytes:
        if leads_out(info.filename):
            raise ValueError("its path leads out of the archive")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ValueError("it is a link")
        if submission.unpacked > MOST_UNPACKED:
            raise ValueError(f"more than {MOST_UNPACKED // 10**6} MB were packed into the submission")
        # Counted even if the member turns out to be damaged.
        submission.unpacked += min(info.file_size, most)
        with archive.open(info) as file:
            return file.read(most)

    return read


def leads_out(name: str) -> bool:
    """Whether an archive's path is absolute or climbs upwards."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return ".." in parts or name.startswith(("/", "\\")) or bool(re.match(r"[A-Za-z]:", name))


def _folder(top: Path, submission: Submission) -> Iterator[File]:
    """Yield the files in a student's folder; links are noted and not followed."""
    for parent, folders, names in os.walk(top):
        for name in sorted(folders):
            if (Path(parent) / name).is_symlink():
                submission.problems.append(f"{name} is a link, and was not followed.")
        folders[:] = sorted(name for name in folders if not (Path(parent) / name).is_symlink())
        for name in sorted(names):
            path = Path(parent, name)
            yield path.relative_to(top).as_posix(), partial(_read, path)


def _read(path: Path, most: int) -> bytes:
    """Read at most `most` bytes of a regular file; links and pipes are not opened."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ValueError("it is not a regular file")
        return opened.read(most)
