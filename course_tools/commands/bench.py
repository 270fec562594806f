"""`bench`: compare our training loop with others that a user might choose."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

from course_tools.environment import ROOT, SetupError
from course_tools.reports import claims_and_costs
from course_utils.files import write_bytes

RIVALS = "benchmarks/requirements.txt"
RESULTS = "benchmarks/RESULTS.md"
MARKERS = ("<!-- benchmark:begin -->", "<!-- benchmark:end -->")


def bench(options: list[str], root: Path = ROOT) -> int:
    """Install the missing packages to compare with, run the benchmark, and return its exit status.

    `options` are passed to the benchmark. A complete benchmark, without options, puts its table into the README.
    """
    if missing := missing_rivals(root):
        print(f"Installing for the benchmark only: {', '.join(missing)}", flush=True)
        install = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-r", RIVALS]
        if subprocess.run(install, cwd=root).returncode:
            raise SetupError("The packages to compare with could not be installed; pip says why above.")
    status = subprocess.run([sys.executable, "-m", "benchmarks", *options], cwd=root).returncode
    if status == 0 and not options:
        readme, results = root / "README.md", (root / RESULTS).read_text(encoding="utf-8").strip()
        text = claims_and_costs.between(readme.read_text(encoding="utf-8"), MARKERS, results)
        write_bytes(readme, text.encode())
    return status


def missing_rivals(root: Path = ROOT) -> list[str]:
    """Return the names in benchmarks/requirements.txt that are not installed."""
    lines = (root / RIVALS).read_text(encoding="utf-8").splitlines()
    rivals = [Requirement(line).name for line in lines if line and not line.startswith("#")]
    installed = {item.name.lower() for item in importlib.metadata.distributions() if item.name}
    return [rival for rival in rivals if rival.lower() not in installed]
