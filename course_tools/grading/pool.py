"""Judge many answers at the same time: worker processes that have imported PyTorch, with one queue for all."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

from course_tools.environment import ROOT
from course_tools.grading.exercises import Job
from course_tools.grading.verdict import Outcome, Status
from course_tools.grading.worker import READY, Setting

PATIENCE = 30  # seconds that a worker may need beyond the limit of an answer
PATIENCE_AT_START = 300  # seconds, for a worker to import PyTorch
ATTEMPTS = 2  # the second one with a new process
SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/fonts",
    "/proc/cpuinfo",
)

Key = TypeVar("Key")


class BrokenWorker(Exception):
    """A worker does not answer."""


class CannotStart(Exception):
    """A worker cannot be started; no submission is the cause."""


def readable() -> list[Path]:
    """Return what a student's code may read: Python, its packages, course_utils, the data sets; no notebooks."""
    places = [sys.prefix, sys.base_prefix, *SYSTEM, str(ROOT / "course_utils")]
    places += [os.environ["COURSE_DATA"]] if os.environ.get("COURSE_DATA") else []
    return [path for path in dict.fromkeys(Path(place).resolve() for place in places) if path.exists()]


def exposed(secrets: Iterable[Path]) -> list[str]:
    """Return which of these paths a student's code could still read, as text."""
    return [
        f"files: {secret} is inside {path}, which must be readable"
        for secret in secrets
        for path in readable()
        if path in (secret.resolve(), *secret.resolve().parents)
    ]


def run(jobs: Sequence[tuple[Key, Job]], setting: Setting, processes: int) -> Iterator[tuple[Key, Outcome]]:
    """Judge all (key, job) and yield (key, outcome) in the order in which they finish.

    Raises CannotStart if a worker process cannot be started.
    """
    todo: queue.Queue[tuple[Key, Job]] = queue.Queue()
    done: queue.Queue[tuple[Key, Outcome | CannotStart]] = queue.Queue()
    for job in jobs:
        todo.put(job)
    setting = replace(setting, readable=tuple(map(str, readable())))
    workers = [_Worker(setting) for _ in range(min(processes, len(jobs)))]
    for worker in workers:
        threading.Thread(target=worker.serve, args=(todo, done), daemon=True).start()
    try:
        for _ in jobs:
            key, outcome = done.get()
            if isinstance(outcome, CannotStart):
                raise outcome
            yield key, outcome
    finally:
        todo.queue.clear()
        for worker in workers:
            worker.stop(for_good=True)


class _Worker:
    """A worker process; it is started when it is first needed, and again after it broke."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._process: subprocess.Popen[str] | None = None
        self._over = False

    def serve(
        self,
        todo: queue.Queue[tuple[Key, Job]],
        done: queue.Queue[tuple[Key, Outcome | CannotStart]],
    ) -> None:
        """Judge jobs until there are none left."""
        while True:
            try:
                key, job = todo.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((key, self._judge(job)))
            except CannotStart as error:
                done.put((key, error))

    def stop(self, for_good: bool = False) -> None:
        """End the process."""
        self._over = self._over or for_good
        process, self._process = self._process, None
        if process:
            process.kill()
            for pipe in filter(None, (process.stdin, process.stdout)):
                # What has not been written yet is lost.
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
            process.wait()

    def _judge(self, job: Job) -> Outcome:
        for _ in range(ATTEMPTS):
            try:
                return Outcome.from_json(self._ask(job.to_json()))
            except (BrokenWorker, OSError, ValueError) as error:
                self.stop()
                broken = str(error)
        return Outcome(Status.STOPPED, broken=broken)

    def _ask(self, line: str) -> str:
        if self._over:
            raise BrokenWorker("Grading was interrupted.")
        process = self._process or self._start()
        return _exchange(process, line, self._setting.limits.patience + PATIENCE)

    def _start(self) -> subprocess.Popen[str]:
        with tempfile.TemporaryFile() as complaints:
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", "course_tools.grading.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
                encoding="utf-8",
                env=_environment(),
                start_new_session=True,
            )
            try:
                if _exchange(process, json.dumps(asdict(self._setting)), PATIENCE_AT_START) != READY:
                    raise BrokenWorker("The process that judges answers did not get ready.")
            except (BrokenWorker, OSError) as error:
                self.stop()
                complaints.seek(0)
                message = complaints.read().decode(errors="replace").strip()
                raise CannotStart(message.rpartition("\n")[2] or str(error)) from None
        return process


def _environment() -> dict[str, str]:
    """Return the environment variables of a worker."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "COURSE_DATA") if name in os.environ}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "MPLBACKEND": "agg",
        "USER": "student",
        "HOME": tempfile.gettempdir(),
        "COURSE_DOWNLOAD": "0",
        "COURSE_FRACTION": os.environ.get("COURSE_FRACTION", "0.02"),
    }


def _exchange(process: subprocess.Popen[str], line: str, seconds: float) -> str:
    """Send a line and return the line that comes back. Raises BrokenWorker."""
    assert process.stdin and process.stdout
    clock = threading.Timer(seconds, process.kill)
    clock.start()
    try:
        process.stdin.write(line + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    except ValueError:
        raise BrokenWorker("The process that judges answers has ended.") from None
    finally:
        clock.cancel()
    if not answer:
        raise BrokenWorker("The process that judges answers has ended.")
    return answer.rstrip("\n")
