"""A process that has imported PyTorch once and forks a locked-in child for each answer: `python -m …grading.worker`.

It reads a job a line from its standard input and writes a result a line to its standard output. It never runs a
student's code itself, and it never sees a solution.
"""

import contextlib
import gc
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
from pathlib import Path

from course_tools.grading.judging import Pristine, judge
from course_tools.grading.notebooks import writable
from course_tools.grading.sandbox import NOBODY, Limits, lock

LONGEST_REPORT = 64_000  # bytes
LOOK = 0.05  # seconds between two looks at the clock and the disk
PRELOAD = ("torch.optim", "torch.nn.functional", "torch.testing", "torch.autograd.gradcheck", "IPython")


def main() -> None:
    """Serve until the input ends."""
    settings = json.loads(sys.stdin.readline())
    readable = [Path(name) for name in settings["readable"]]
    pristine = _prepare(settings["modules"])
    _reply({"ready": True})
    for line in sys.stdin:
        job = json.loads(line)
        _reply(attend(job, pristine, readable, Limits(**job["limits"]), settings["unprotected"]))


def _prepare(modules: list[str]) -> Pristine:
    import importlib

    import torch

    torch.set_num_threads(1)  # a child cannot use threads that were started before the fork
    for name in (*PRELOAD, *modules):
        importlib.import_module(name)
    _warm_up()
    pristine = Pristine()
    gc.collect()
    gc.freeze()  # children share these pages as long as nobody counts references in them
    return pristine


def _warm_up() -> None:
    """Let PyTorch change itself now: its first optimizer imports a compiler, and wraps its own functions."""
    import torch

    weight = torch.nn.Parameter(torch.zeros(2))
    for kind in vars(torch.optim).values():
        if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer):
            with contextlib.suppress(Exception):  # the base class, and those that want other parameters
                kind([weight], lr=0.1)


def _reply(message: dict) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def attend(job: dict, pristine: Pristine, readable: list[Path], limits: Limits, unprotected: bool) -> dict:
    """Judge one answer in a child and return its verdict: passed, hint, strange, stopped, missing."""
    folder = Path(tempfile.mkdtemp(prefix="answer-"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        inbox, outbox = os.pipe()
        seal = secrets.token_hex(16).encode()
        child = os.fork()
        if child == 0:
            _be_the_child(job, pristine, outbox, seal, folder, readable, limits, unprotected)
        os.close(outbox)
        report, why = _listen(inbox, folder, child, limits)
        os.kill(child, signal.SIGKILL)
        _, status, used = os.wait4(child, 0)
        os.close(inbox)
        if not why and used.ru_utime + used.ru_stime > 0.8 * limits.seconds:
            why = f"It was stopped after {limits.seconds:g} seconds of computing."
        return _verdict(report, seal, why, status)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _be_the_child(job, pristine, outbox, seal, folder, readable, limits, unprotected) -> None:
    """Lock in, judge, say so, end: nothing returns from here. What lacks the seal, the judge did not say."""

    def say(message):
        os.write(3, seal + json.dumps(message).encode() + b"\n")

    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nothing, number)
        os.dup2(outbox, 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        for name in ("HOME", "TMPDIR", "MPLCONFIGDIR", "IPYTHONDIR"):
            os.environ[name] = str(folder)
        tempfile.tempdir = None
        os.chdir(folder)
        lock(folder, readable, limits, unprotected)
        judge(job, pristine, say)
    except BaseException as error:  # the sandbox failed, or the judge: nobody's points depend on it
        say({"broken": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(0)


def _listen(inbox: int, folder: Path, child: int, limits: Limits) -> tuple[bytes, str]:
    """Return what the child says until its second line, and why it was stopped before, if it was."""
    report, end = b"", time.monotonic() + limits.patience
    while report.count(b"\n") < 2:
        if time.monotonic() > end:
            return report, f"It was stopped after {limits.patience:g} seconds."
        if _held(folder) + _deleted(child) > limits.disk * 10**6:
            return report, f"It was stopped when it had written more than {limits.disk} MB."
        if select.select([inbox], [], [], LOOK)[0]:
            more = os.read(inbox, LONGEST_REPORT)
            if not more:
                return report, ""
            report += more
            if len(report) > LONGEST_REPORT:
                return b"", "It said too much."
    return report, ""


def _held(folder: Path) -> int:
    """Bytes in a folder; a very large number where it holds very many files."""
    total = 0
    for count, (parent, _, names) in enumerate(os.walk(folder)):
        if count > 100 or len(names) > 5000:
            return 2**60
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:  # it has just been deleted
                continue
    return total


def _deleted(child: int) -> int:
    """Bytes in files that a process holds open though they are deleted: they take room like any other."""
    total = 0
    with contextlib.suppress(OSError):  # it has just ended
        for opened in os.scandir(f"/proc/{child}/fd"):
            with contextlib.suppress(OSError):
                file = os.stat(opened.path)
                total += file.st_size if stat.S_ISREG(file.st_mode) and not file.st_nlink else 0
    return total


def _message(line: bytes, seal: bytes) -> dict:
    """What the judge said in this line; or that somebody else said it."""
    if line.startswith(seal):
        with contextlib.suppress(ValueError):  # something was written into the middle of it
            return json.loads(line.removeprefix(seal))
    return {"strange": ["speaks to the grader"]}


def _verdict(report: bytes, seal: bytes, why: str, status: int) -> dict:
    messages = [_message(line, seal) for line in report.splitlines()]
    broken = [str(m["broken"]) for m in messages if "broken" in m]
    if broken:
        return {"broken": broken[0]}
    strange = [writable(str(item)) for m in messages for item in m.get("strange", [])]
    if len(messages) == 2 and isinstance(messages[1].get("passed"), bool):
        last = messages[1]
        verdict = {
            "passed": last["passed"],
            "hint": writable(str(last.get("hint", ""))),
            "missing": bool(last.get("missing")),
        }
        return verdict | {"strange": strange}
    if not why:
        ended = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "an early end"
        why = f"Its process ended without a verdict ({ended})."
    return {"passed": False, "stopped": True, "hint": why, "strange": strange}


if __name__ == "__main__":
    main()
