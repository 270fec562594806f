"""A process that can compute and nothing else: it locks itself in, and no way leads back out.

What the Linux kernel is asked for, without any privilege: no new privileges, resource limits, Landlock (which files
can be opened) and seccomp (no sockets, no other processes, no signals). Whoever grades as root gets another user id
on top. Nothing here needs a container, and all of it works inside one.
"""

import ctypes
import math
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from course_tools.grading import seccomp

NOBODY = 64_321  # user id of submissions where the grader is root; nobody else's, we hope
SET_KEEPCAPS, SET_NO_NEW_PRIVS = 8, 38  # prctl
READ_ANY_FILE = 1 << 2  # CAP_DAC_READ_SEARCH

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # Landlock's system calls, the same everywhere
EXECUTE, WRITE, READ, LIST, TRUNCATE, DEVICES = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
REMOVE_FOLDER, REMOVE_FILE, MAKE_FOLDER, MAKE_FILE = 1 << 4, 1 << 5, 1 << 7, 1 << 8
RIGHTS = {
    1: 13,
    2: 14,
    3: 15,
    4: 15,
    5: 16,
}  # version of Landlock → how many kinds of access to files it knows

_libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


@dataclass(frozen=True)
class Limits:
    """What an answer may use."""

    seconds: float = 20.0  # of computing; a busy machine takes nothing away from anybody
    megabytes: int = 2000  # of memory, on top of what PyTorch holds when it has been imported
    disk: int = 50  # megabytes of files in its own folder

    @property
    def patience(self) -> float:
        """Seconds on the clock, for whoever sleeps instead of computing."""
        return 5 * self.seconds + 10


def missing() -> list[str]:
    """Return the protections that this system lacks, in words."""
    if not sys.platform.startswith("linux"):
        return [f"everything: submissions can be locked in on Linux only, and this is {platform.system()}"]
    lacks = []
    if landlock_version() < 1:
        lacks.append("files: this kernel has no Landlock (Linux 5.13 or newer has it, if it is switched on)")
    if not seccomp.available():
        lacks.append(f"network and processes: no seccomp filter for {platform.machine()}")
    return lacks


def lock(folder: Path, readable: list[Path], limits: Limits, unprotected: bool = False) -> None:
    """Lock this process in, for good. It keeps its open files, and may write below `folder` only.

    Raises OSError where the kernel refuses; with `unprotected`, goes on without that part.
    """
    _limit(limits)
    if os.geteuid() == 0:
        _become_nobody(readable)
    _call(_libc.prctl, SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    lacks = missing()
    if lacks and not unprotected:
        raise OSError("; ".join(lacks))
    if landlock_version() >= 1:
        _restrict_files(folder, readable)
    if seccomp.available():
        seccomp.install()


def _limit(limits: Limits) -> None:
    import resource  # Windows has none

    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    memory, disk = held + limits.megabytes * 10**6, limits.disk * 10**6
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
    """Give up root. Python itself may lie in root's home: then the right to read stays, and Landlock says what."""
    open_to_all = all(_reachable(path) for path in readable)
    _call(_libc.prctl, SET_KEEPCAPS, 0 if open_to_all else 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    keep = 0 if open_to_all else READ_ANY_FILE
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    _call(_libc.capset, header, (ctypes.c_uint32 * 6)(keep, keep, 0, 0, 0, 0))
    # set-uid programs can give nothing back: no new privileges follow, and nothing can be executed


def _reachable(path: Path) -> bool:
    """Whether another user can get to this folder."""
    return all(
        step.stat().st_mode & 0o001 for step in (path.resolve(), *path.resolve().parents) if step.is_dir()
    )


def landlock_version() -> int:
    """Return the version of Landlock that this kernel has, 0 where it has none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(_libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1)), 0)


def _restrict_files(folder: Path, readable: list[Path]) -> None:
    version = landlock_version()
    handled = (1 << RIGHTS[min(version, max(RIGHTS))]) - 1
    fields = [handled]
    fields += [0b11] if version >= 4 else []  # no TCP, neither to bind nor to connect
    fields += [0b11] if version >= 6 else []  # no signals to, no abstract sockets of processes outside
    attributes = (ctypes.c_uint64 * len(fields))(*fields)
    rules = _libc.syscall(
        CREATE_RULESET, attributes, ctypes.c_size_t(ctypes.sizeof(attributes)), ctypes.c_uint32(0)
    )
    _check(rules)
    own = READ | LIST | WRITE | REMOVE_FOLDER | REMOVE_FILE | MAKE_FOLDER | MAKE_FILE | TRUNCATE
    allowed = [(path, READ | LIST) for path in readable] + [(folder, own)]
    for path, rights in [*allowed, (Path("/dev/null"), READ | WRITE), (Path("/dev/urandom"), READ)]:
        if path.exists():
            rights &= handled if path.is_dir() else handled & (READ | WRITE | TRUNCATE)
            _allow(rules, path, rights)
    _call(_libc.syscall, RESTRICT_SELF, rules, ctypes.c_uint32(0))
    os.close(rules)


def _allow(rules: int, path: Path, rights: int) -> None:
    class Beneath(ctypes.Structure):
        _pack_ = 1
        _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]

    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    beneath = Beneath(rights, place)
    _call(_libc.syscall, ADD_RULE, rules, ctypes.c_uint32(1), ctypes.byref(beneath), ctypes.c_uint32(0))
    os.close(place)


def _call(function, *arguments) -> None:
    _check(function(*arguments))


def _check(result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
