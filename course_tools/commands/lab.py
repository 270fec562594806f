"""JupyterLab, on the student edition (`lab`) or on the notebooks themselves (`teach`)."""

import os
from pathlib import Path

from course_tools.editions import student

SETTINGS = Path(__file__).with_name("jupyter")  # no pop-up about news, no menus for instructors


def lab(options: list[str]) -> int:
    """Bring labs/ up to date and open JupyterLab there; `options` go to JupyterLab (`--no-browser`, say)."""
    student.update_labs()
    if names := student.waiting():
        print("You have changed these files, so the new edition lies beside them:")
        print("\n".join(f"    labs/{name}" for name in names))
    return _jupyterlab(student.LABS, options)


def teach(options: list[str]) -> int:
    """Open JupyterLab on the notebooks with solutions; its RISE button shows them as live slides."""
    return _jupyterlab(student.NOTEBOOKS, options)


def _jupyterlab(folder: Path, options: list[str]) -> int:
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # not the python3 kernel of some other installation
    paths = [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(path for path in paths if path)
    from jupyterlab.labapp import LabApp

    quiet = [
        "--log-level=WARN",  # the address is still shown
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        quiet.append("--allow-root")  # in a container there is no other user
    print("JupyterLab opens in your browser. Ctrl-C, twice, in this window ends it.", flush=True)
    LabApp.launch_instance([f"--ServerApp.root_dir={folder}", *quiet, *options])
    return 0
