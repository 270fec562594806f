"""Many answers at once: worker processes, each with PyTorch in it, fed from one queue."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from course_tools.environment import ROOT
from course_tools.grading.sandbox import Limits

PATIENCE = 30  # seconds that a worker may need beyond the limit of an answer
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


class BrokenWorker(Exception):
    """A worker does not answer."""


class CannotStart(Exception):
    """A worker does not even start: no submission's fault."""


@dataclass(frozen=True)
class Setting:
    """What all answers have in common."""

    modules: tuple[str, ...]  # judges, imported before any student's code runs
    limits: Limits = Limits()
    unprotected: bool = False


def readable() -> list[Path]:
    """What a student's code may read: Python, its packages, course_utils, the data sets. No notebook of the course."""
    places = [sys.prefix, sys.base_prefix, *SYSTEM, str(ROOT / "course_utils")]
    places += [os.environ["COURSE_DATA"]] if os.environ.get("COURSE_DATA") else []
    return [path for path in dict.fromkeys(Path(place).resolve() for place in places) if path.exists()]


def exposed(secrets: Iterable[Path]) -> list[str]:
    """Return which of these paths a student's code could read all the same, in words."""
    return [
        f"files: {secret} lies inside {path}, which has to be readable"
        for secret in secrets
        for path in readable()
        if path in (secret.resolve(), *secret.resolve().parents)
    ]


def run(jobs: list[tuple[object, dict]], setting: Setting, processes: int) -> Iterator[tuple[object, dict]]:
    """Judge all jobs, (key, what to send), and yield (key, verdict) as they come. Raises CannotStart."""
    todo, done = queue.Queue(), queue.Queue()
    for job in jobs:
        todo.put(job)
    workers = [_Worker(setting) for _ in range(min(processes, len(jobs)))]
    for worker in workers:
        threading.Thread(target=worker.serve, args=(todo, done), daemon=True).start()
    try:
        for _ in jobs:
            key, verdict = done.get()
            if isinstance(verdict, Exception):
                raise verdict
            yield key, verdict
    finally:
        todo.queue.clear()
        for worker in workers:
            worker.stop(for_good=True)


class _Worker:
    """One process; started when it is first needed, and again after it broke."""

    def __init__(self, setting: Setting):
        self._setting, self._process, self._over = setting, None, False

    def serve(self, todo: queue.Queue, done: queue.Queue) -> None:
        while True:
            try:
                key, job = todo.get_nowait()
            except queue.Empty:
                return
            for _ in range(2):  # the second time with a new process
                try:
                    verdict = self._ask(job | {"limits": asdict(self._setting.limits)})
                    break
                except (BrokenWorker, OSError) as error:
                    self.stop()
                    verdict = {"broken": str(error)}
                except CannotStart as error:
                    verdict = error
                    break
            done.put((key, verdict))

    def stop(self, for_good: bool = False) -> None:
        self._over = self._over or for_good
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ask(self, message: dict) -> dict:
        if self._over:
            raise BrokenWorker("Grading was interrupted.")
        if self._process is None:
            self._start()
        return self._exchange(message, self._setting.limits.patience + PATIENCE)

    def _start(self) -> None:
        environment = {
            name: os.environ[name] for name in ("PATH", "LANG", "COURSE_DATA") if name in os.environ
        }
        environment |= {
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
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "course_tools.grading.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            encoding="utf-8",
            env=environment,
            start_new_session=True,
        )
        first = {
            "readable": [str(path) for path in readable()],
            "modules": self._setting.modules,
            "unprotected": self._setting.unprotected,
        }
        try:
            self._exchange(first, 300)
        except (BrokenWorker, OSError) as error:
            self._process.wait()
            self._complaints.seek(0)
            said = self._complaints.read().decode(errors="replace").strip()
            raise CannotStart(said.rpartition("\n")[2] or str(error)) from None

    def _exchange(self, message: dict, seconds: float) -> dict:
        """Send a line and return the line that comes back. Raises BrokenWorker."""
        clock = threading.Timer(seconds, self._process.kill)
        clock.start()
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        except ValueError:
            raise BrokenWorker("The process that judges answers has ended.") from None
        finally:
            clock.cancel()
