"""What was handed in: a folder, a zip or a notebook a student, in whatever order the learning platform gives it.

Nothing is unpacked and no link is followed: notebooks are read into memory, so that no path in an archive matters.
"""

import hashlib
import io
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from course_tools.grading.notebooks import LARGEST

LARGEST_ZIP = 200 * 10**6  # bytes
MOST_FILES = 5000  # of one student
MOST_BYTES = 10 * LARGEST  # of one student's notebooks, unpacked
DEEPEST = 3  # zips within zips
MOST_UNPACKED = 5 * LARGEST_ZIP  # bytes, of all that one student has packed


@dataclass
class Submission:
    """What one student has handed in."""

    student: str  # safe as the name of a file; the platform's name where that is safe already
    notebooks: list[tuple[str, bytes]] = field(default_factory=list)  # (path, content)
    problems: list[str] = field(default_factory=list)  # for the instructor: what was refused, and why
    twice: bool = False  # there are two of this name, and nobody can say which one counts
    unpacked: int = 0  # bytes so far


def collect(place: Path) -> list[Submission]:
    """Return the submissions in a folder, or in a zip of a whole class. Raises ValueError where neither is there."""
    if place.is_dir():
        found = [_from_entry(path) for path in sorted(place.iterdir()) if not path.name.startswith(".")]
    elif zipfile.is_zipfile(place):
        found = _from_class_zip(place)
    else:
        raise ValueError(f"{place} is neither a folder nor a zip of submissions.")
    merged = {}
    for submission in filter(None, found):
        first = merged.setdefault(submission.student, submission)
        if first is not submission:
            first.twice = True
            first.notebooks += submission.notebooks
            first.problems += submission.problems
    return list(merged.values())


def safe_name(label: str) -> str:
    """Return a name for files that no other label gets; an ordinary label stays as it is."""
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
            submission.problems.append(f"{path.name} is a link or no file, and was not opened.")
        else:
            _add(submission, [(path.name, lambda most: _read(path, most))])
    else:
        return None
    return submission


def _from_class_zip(place: Path) -> list[Submission]:
    found = {}
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


def _add(submission: Submission, files) -> None:
    """Read all notebooks among the files: (name, function that reads so many bytes at most)."""
    for count, (name, read) in enumerate(_flat(files, submission)):
        held = sum(len(content) for _, content in submission.notebooks)
        if count >= MOST_FILES or held > MOST_BYTES:
            submission.problems.append("There are too many files; the rest was not read.")
            return
        if not name.lower().endswith(".ipynb") or re.search(r"(^|/)(\.[^./\\]|__MACOSX)", name):
            continue
        try:
            submission.notebooks.append((name, read(LARGEST + 1)))
        except Exception as error:  # whatever a damaged archive or disk can raise
            submission.problems.append(f"{name} could not be read: {error or type(error).__name__}")


def _flat(files, submission: Submission, depth: int = 0) -> Iterator[tuple]:
    """Yield all files, those within zips too."""
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
            members = [
                (i.filename, _member(archive, i, submission)) for i in archive.infolist() if not i.is_dir()
            ]
        except Exception as error:
            submission.problems.append(f"{name} could not be opened: {error or type(error).__name__}")
            continue
        yield from _flat(members, submission, depth + 1)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, submission: Submission):
    def read(most: int) -> bytes:
        if leads_out(info.filename):
            raise ValueError("its path leads out of the archive")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ValueError("it is a link")
        if submission.unpacked > MOST_UNPACKED:
            raise ValueError(f"more than {MOST_UNPACKED // 10**6} MB were packed into the submission")
        submission.unpacked += min(info.file_size, most)  # also where it turns out to be damaged
        with archive.open(info) as file:
            return file.read(most)

    return read


def leads_out(name: str) -> bool:
    """Whether an archive's path is absolute or climbs upwards."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return ".." in parts or name.startswith(("/", "\\")) or bool(re.match(r"[A-Za-z]:", name))


def _folder(top: Path, submission: Submission) -> Iterator[tuple]:
    for parent, folders, names in os.walk(top):
        for name in sorted(folders):
            if (Path(parent) / name).is_symlink():
                submission.problems.append(f"{name} is a link, and was not followed.")
        folders[:] = sorted(name for name in folders if not (Path(parent) / name).is_symlink())
        for name in sorted(names):
            path = Path(parent, name)
            yield path.relative_to(top).as_posix(), lambda most, path=path: _read(path, most)


def _read(path: Path, most: int) -> bytes:
    """Read a plain file; neither a link nor a pipe is opened."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ValueError("it is no file")
        return opened.read(most)
