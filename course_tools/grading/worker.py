"""A process that has imported PyTorch and forks a locked-in child for each answer: `python -m …grading.worker`.

It reads settings and then one job per line from its standard input, and writes one outcome per line to its standard
output. It never runs a student's code itself, and it never has a solution.
"""

import contextlib
import gc
import importlib
import json
import os
import secrets
import select
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from course_tools.grading.exercises import Job
from course_tools.grading.judging import judge
from course_tools.grading.pristine import Pristine
from course_tools.grading.sandbox import NOBODY, Limits, lock
from course_tools.grading.verdict import Outcome, Status

READY = "ready"
REPORTS = 2  # that the judge makes: before and after the student's code has run
LONGEST_REPORT = 64_000  # bytes
INTERVAL = 0.05  # seconds between two checks of the time and the disk
CHANNEL = 3  # file descriptor on which the child reports
# Modules that are imported before any student's code runs.
PRELOAD = ("torch.optim", "torch.nn.functional", "torch.testing", "torch.autograd.gradcheck", "IPython")


@dataclass(frozen=True)
class Setting:
    """The settings that all answers share."""

    modules: tuple[str, ...]  # judges, imported before any student's code runs
    limits: Limits = Limits()
    unprotected: bool = False
    readable: tuple[str, ...] = ()  # what a student's code may read

    @classmethod
    def from_json(cls, line: str) -> "Setting":
        """Return the setting from a line of JSON with its fields."""
        fields = json.loads(line)
        return cls(**fields | {"limits": Limits(**fields["limits"])})


def main() -> None:
    """Serve until the input ends."""
    setting = Setting.from_json(sys.stdin.readline())
    pristine = _prepare(setting.modules)
    _reply(READY)
    for line in sys.stdin:
        _reply(attend(Job.from_json(line), pristine, setting).to_json())


def _reply(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _prepare(modules: Iterable[str]) -> Pristine:
    import torch

    import course_utils

    # A child cannot use threads that were started before the fork.
    torch.set_num_threads(1)
    for name in (*PRELOAD, *modules):
        importlib.import_module(name)
    # These are imported on first use; Pristine must know them.
    for name in course_utils.__all__:
        getattr(course_utils, name)
    _warm_up()
    pristine = Pristine()
    gc.collect()
    # Children share these pages as long as the garbage collector does not write to them.
    gc.freeze()
    return pristine


def _warm_up() -> None:
    """Let PyTorch change itself now: its first optimizer imports a compiler and wraps its own functions."""
    import torch

    weight = torch.nn.Parameter(torch.zeros(2))
    for kind in vars(torch.optim).values():
        if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer):
            make: Callable[..., object] = kind
            # The base class and some others expect other arguments.
            with contextlib.suppress(Exception):
                make([weight], lr=0.1)


def attend(job: Job, pristine: Pristine, setting: Setting) -> Outcome:
    """Judge one answer in a child process and return the outcome."""
    folder = Path(tempfile.mkdtemp(prefix="answer-"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        inbox, outbox = os.pipe()
        token = secrets.token_hex(16).encode()
        child = os.fork()
        if child == 0:
            _be_the_child(job, pristine, setting, folder, outbox, token)
        os.close(outbox)
        reports, why = _listen(inbox, folder, child, setting.limits)
        os.kill(child, signal.SIGKILL)
        _, status, used = os.wait4(child, 0)
        os.close(inbox)
        if not why and used.ru_utime + used.ru_stime > 0.8 * setting.limits.seconds:
            why = f"It was stopped after {setting.limits.seconds:g} seconds of computing."
        return _outcome([_read_report(line, token) for line in reports.splitlines()], why, status)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _be_the_child(
    job: Job, pristine: Pristine, setting: Setting, folder: Path, outbox: int, token: bytes
) -> None:
    """Lock in, judge, report, exit: this function does not return. Reports without the token are not the judge's."""

    def report(outcome: Outcome) -> None:
        os.write(CHANNEL, token + outcome.to_json().encode() + b"\n")

    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in range(CHANNEL):
            os.dup2(nothing, number)
        os.dup2(outbox, CHANNEL)
        os.closerange(CHANNEL + 1, os.sysconf("SC_OPEN_MAX"))
        for name in ("HOME", "TMPDIR", "MPLCONFIGDIR", "IPYTHONDIR"):
            os.environ[name] = str(folder)
        tempfile.tempdir = None
        os.chdir(folder)
        lock(folder, [Path(path) for path in setting.readable], setting.limits, setting.unprotected)
        judge(job, pristine, report)
    # The sandbox or the judge failed: no score may depend on it.
    except BaseException as error:
        report(Outcome(Status.STOPPED, broken=f"{type(error).__name__}: {error}"))
    finally:
        os._exit(0)


def _listen(inbox: int, folder: Path, child: int, limits: Limits) -> tuple[bytes, str]:
    """Return what the child writes until both reports are there, and why it was stopped before, if it was."""
    written, end = b"", time.monotonic() + limits.patience
    while written.count(b"\n") < REPORTS:
        if time.monotonic() > end:
            return written, f"It was stopped after {limits.patience:g} seconds."
        if _size(folder) + _size_of_deleted(child) > limits.disk * 10**6:
            return written, f"It was stopped when it had written more than {limits.disk} MB."
        if select.select([inbox], [], [], INTERVAL)[0]:
            more = os.read(inbox, LONGEST_REPORT)
            if not more:
                return written, ""
            written += more
            if len(written) > LONGEST_REPORT:
                return b"", "Its report was too long."
    return written, ""


def _size(folder: Path) -> int:
    """Return the bytes in a folder; a very large number if it contains very many files."""
    total = 0
    for count, (parent, _, names) in enumerate(os.walk(folder)):
        if count > 100 or len(names) > 5000:
            return 2**60
        for name in names:
            # It may have just been deleted.
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total


def _size_of_deleted(process: int) -> int:
    """Return the bytes in deleted files that a process still has open: they take up space too."""
    total = 0
    # The process, or one of its files, may have just been closed.
    with contextlib.suppress(OSError):
        for opened in os.scandir(f"/proc/{process}/fd"):
            with contextlib.suppress(OSError):
                file = os.stat(opened.path)
                total += file.st_size if stat.S_ISREG(file.st_mode) and not file.st_nlink else 0
    return total


def _read_report(line: bytes, token: bytes) -> Outcome:
    """Return what the judge reported in this line, or that something else wrote to its channel."""
    if line.startswith(token):
        # Something may have been written into the middle of a report.
        with contextlib.suppress(ValueError):
            return Outcome.from_json(line.removeprefix(token))
    return Outcome(Status.STOPPED, strange=("writes to the grader",))


def _outcome(reports: list[Outcome], why: str, status: int) -> Outcome:
    """Combine the reports of one child.

    why: the reason why it was stopped, if it was; status: how its process ended, as from `os.wait`.
    """
    for report in reports:
        if report.broken:
            return report
    strange = tuple(reason for report in reports for reason in report.strange)
    if len(reports) == REPORTS and reports[-1].status != Status.STOPPED:
        return replace(reports[-1], strange=strange)
    if not why:
        ended = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "an early exit"
        why = f"Its process ended without a verdict ({ended})."
    return Outcome(Status.STOPPED, why, strange)


if __name__ == "__main__":
    main()
