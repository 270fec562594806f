"""Lock a process in: after that it can compute, and nothing else, for the rest of its life.

Linux provides this without any privileges: no new privileges, resource limits, Landlock (which files can be opened)
and seccomp (no sockets, no other processes, no signals). If the grader is root, the process also changes its user id.
Nothing here needs a container, and all of it works inside one.
"""

import ctypes
import math
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_tools.grading import seccomp

# User id of submissions if the grader is root; it should be unused.
NOBODY = 64_321
SET_KEEPCAPS, SET_NO_NEW_PRIVS = 8, 38  # prctl
READ_ANY_FILE = 1 << 2  # CAP_DAC_READ_SEARCH

# Landlock's system calls, with the same numbers on every architecture.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
EXECUTE, WRITE, READ, LIST, TRUNCATE, DEVICES = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
REMOVE_FOLDER, REMOVE_FILE, MAKE_FOLDER, MAKE_FILE = 1 << 4, 1 << 5, 1 << 7, 1 << 8
# Version of Landlock → number of access rights to files that it has.
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}


@dataclass(frozen=True)
class Limits:
    """The resources that an answer may use."""

    seconds: float = 20.0  # processor time, which does not depend on how busy the machine is
    megabytes: int = 2000  # memory, in addition to what PyTorch needs after its import
    disk: int = 50  # megabytes of files in its own folder

    @property
    def patience(self) -> float:
        """Limit in seconds of wall-clock time, for answers that wait instead of computing."""
        return 5 * self.seconds + 10


def missing() -> list[str]:
    """Return the protections that this system lacks, as text."""
    if not sys.platform.startswith("linux"):
        return [f"everything: submissions can be locked in on Linux only, and this is {platform.system()}"]
    lacks = []
    if landlock_version() < 1:
        lacks.append("files: this kernel has no Landlock (Linux 5.13 or newer has it, if it is switched on)")
    if not seccomp.available():
        lacks.append(f"network and processes: no seccomp filter for {platform.machine()}")
    return lacks


def lock(folder: Path, readable: list[Path], limits: Limits, unprotected: bool = False) -> None:
    """Lock this process in permanently. It keeps its open files, and may write only below `folder`.

    Raises OSError if the system lacks a protection, unless `unprotected`, or if the kernel refuses one.
    """
    _limit(limits)
    if os.geteuid() == 0:
        _become_nobody(readable)
    _call(_libc().prctl, SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    lacks = missing()
    if lacks and not unprotected:
        raise OSError("; ".join(lacks))
    if landlock_version() >= 1:
        _restrict_files(folder, readable)
    if seccomp.available():
        seccomp.install()


def _limit(limits: Limits) -> None:
    # Windows has no such module.
    import resource

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    memory, disk = used + limits.megabytes * 10**6, limits.disk * 10**6
    for kind, value in [
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, disk),
        (resource.RLIMIT_CPU, math.ceil(limits.seconds)),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ]:
        resource.setrlimit(kind, (value, value))


def _become_nobody(readable: list[Path]) -> None:
    """Give up root.

    If Python is in a folder that only root can enter, the right to read files is kept, and Landlock restricts it.
    """
    open_to_all = all(_reachable(path) for path in readable)
    _call(_libc().prctl, SET_KEEPCAPS, 0 if open_to_all else 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    keep = 0 if open_to_all else READ_ANY_FILE
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    _call(_libc().capset, header, (ctypes.c_uint32 * 6)(keep, keep, 0, 0, 0, 0))
    # Set-uid programs cannot undo this: new privileges are refused next, and nothing can be executed.


def _reachable(path: Path) -> bool:
    """Whether other users can enter this folder."""
    return all(
        step.stat().st_mode & 0o001 for step in (path.resolve(), *path.resolve().parents) if step.is_dir()
    )


def landlock_version() -> int:
    """Return the version of Landlock in this kernel, 0 if there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    version: int = _libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    return max(version, 0)


def _restrict_files(folder: Path, readable: list[Path]) -> None:
    version = landlock_version()
    handled = (1 << RIGHTS[min(version, max(RIGHTS))]) - 1
    fields = [handled]
    # No TCP: neither bind nor connect.
    fields += [0b11] if version >= 4 else []
    # No signals to processes outside, and none of their abstract sockets.
    fields += [0b11] if version >= 6 else []
    attributes = (ctypes.c_uint64 * len(fields))(*fields)
    rules = _libc().syscall(
        CREATE_RULESET, attributes, ctypes.c_size_t(ctypes.sizeof(attributes)), ctypes.c_uint32(0)
    )
    _check(rules)
    own = READ | LIST | WRITE | REMOVE_FOLDER | REMOVE_FILE | MAKE_FOLDER | MAKE_FILE | TRUNCATE
    allowed = [(path, READ | LIST) for path in readable] + [(folder, own)]
    for path, rights in [*allowed, (Path("/dev/null"), READ | WRITE), (Path("/dev/urandom"), READ)]:
        if path.exists():
            rights &= handled if path.is_dir() else handled & (READ | WRITE | TRUNCATE)
            _allow(rules, path, rights)
    _call(_libc().syscall, RESTRICT_SELF, rules, ctypes.c_uint32(0))
    os.close(rules)


def _allow(rules: int, path: Path, rights: int) -> None:
    class Beneath(ctypes.Structure):
        _pack_ = 1
        _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]

    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    beneath = Beneath(rights, place)
    _call(_libc().syscall, ADD_RULE, rules, ctypes.c_uint32(1), ctypes.byref(beneath), ctypes.c_uint32(0))
    os.close(place)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(function: Callable[..., int], *arguments: object) -> None:
    _check(function(*arguments))


def _check(result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
