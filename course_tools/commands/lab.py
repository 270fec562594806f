"""JupyterLab, on the student edition (`lab`) or on the notebooks themselves (`teach`)."""

import os
from pathlib import Path

from course_tools.editions import student

# Settings without news and without menus for instructors.
SETTINGS = Path(__file__).with_name("jupyter")


def lab(options: list[str]) -> int:
    """Update labs/ and open JupyterLab there; `options` are passed to JupyterLab, for example `--no-browser`."""
    student.update_labs()
    if names := student.waiting():
        print("You have changed these files, so the new edition is next to them:")
        print("\n".join(f"    labs/{name}" for name in names))
    return _jupyterlab(student.LABS, options)


def teach(options: list[str]) -> int:
    """Open JupyterLab on the notebooks with solutions; its RISE button shows them as live slides."""
    return _jupyterlab(student.NOTEBOOKS, options)


def _jupyterlab(folder: Path, options: list[str]) -> int:
    # Not the python3 kernel of another installation.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    paths = [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(path for path in paths if path)
    from jupyterlab.labapp import LabApp

    quiet = [
        # The address is still shown.
        "--log-level=WARN",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    # In a container, root is often the only user.
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        quiet.append("--allow-root")
    print("JupyterLab opens in your browser. To stop it, press Ctrl-C twice in this window.", flush=True)
    LabApp.launch_instance([f"--ServerApp.root_dir={folder}", *quiet, *options])
    return 0
