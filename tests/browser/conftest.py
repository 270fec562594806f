"""A headless Chromium and a separate JupyterLab for the tests in this folder."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "msedge",
)
FLAGS = (
    # Required for Chromium as root in a container.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_SECONDS = 90


# Per module: while Playwright is open, no other test of this process can use asyncio.
@pytest.fixture(scope="module")
def browser():
    """Chromium, Chrome or Edge: from the PATH, from Playwright, or from the system's usual folder."""
    from playwright.sync_api import Error, sync_playwright

    found = list(filter(None, map(shutil.which, BROWSERS)))
    choices = [{"executable_path": path} for path in found] + [
        {},
        {"channel": "chrome"},
        {"channel": "msedge"},
    ]
    with sync_playwright() as playwright:
        for choice in choices:
            try:
                browser = playwright.chromium.launch(args=FLAGS, **choice)
            except Error as error:
                # It is installed, so it must work.
                if "executable_path" in choice:
                    raise
                missing = str(error).splitlines()[0]
            else:
                yield browser
                browser.close()
                return
    pytest.skip(f"no browser found: install Chromium, Chrome or Edge ({missing})")


@pytest.fixture(scope="session")
def jupyterlab(tmp_path_factory):
    """The URL, the token and the folder of a running JupyterLab."""
    home = tmp_path_factory.mktemp("jupyterlab")
    folder = home / "labs"
    folder.mkdir()
    with _jupyterlab(home, folder) as (url, token):
        yield url, token, folder


@pytest.fixture(scope="module")
def open_notebook(browser, jupyterlab):
    """A function that opens a notebook (its JSON text) in a separate workspace and returns the page."""
    url, token, folder = jupyterlab
    context = browser.new_context(viewport={"width": 1280, "height": 900})

    def open_notebook(text):
        name = secrets.token_hex(4)
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")
        page = context.new_page()
        page.goto(f"{url}lab/workspaces/{name}/tree/{name}.ipynb?token={token}")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=START_SECONDS * 1000)
        return page

    yield open_notebook
    key = {"Authorization": f"token {token}"}
    for session in context.request.get(f"{url}api/sessions", headers=key).json():
        context.request.delete(f"{url}api/sessions/{session['id']}", headers=key)
    context.close()


class _jupyterlab:
    """Context manager that runs JupyterLab on a free local port with separate settings; gives (URL, token)."""

    def __init__(self, home, folder):
        self.home, self.folder = home, folder

    def __enter__(self):
        settings = self.home / "settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
        settings.parent.mkdir(parents=True)
        # Keep cells that are out of view on the page.
        settings.write_text('{"windowingMode": "none"}', encoding="utf-8")
        token = secrets.token_hex(16)
        environment = os.environ | {
            "COURSE_DATA": str(self.home / "no_data"),
            "COURSE_DOWNLOAD": "0",
            "COURSE_FRACTION": "0.02",
            "IPYTHONDIR": str(self.home / "ipython"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.home / "workspaces"),
            "JUPYTER_CONFIG_DIR": str(self.home / "config"),
            "JUPYTER_DATA_DIR": str(self.home / "share"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_RUNTIME_DIR": str(self.home / "runtime"),
            "JUPYTER_TOKEN": token,
        }
        command = [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--ip=127.0.0.1",
            "--port=0",
            "--allow-root",
        ]
        command += [f"--ServerApp.root_dir={self.folder}", "--LabApp.news_url=None"]
        command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
        self.log = (self.home / "jupyterlab.log").open("w", encoding="utf-8")
        self.server = subprocess.Popen(command, env=environment, stdout=self.log, stderr=subprocess.STDOUT)
        try:
            return self._wait_for_url(), token
        except BaseException:
            self.__exit__()
            raise

    def _wait_for_url(self):
        record = self.home / "runtime" / f"jpserver-{self.server.pid}.json"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.server.poll() is None:
            if record.exists() and record.stat().st_size:
                return json.loads(record.read_text(encoding="utf-8"))["url"]
            time.sleep(0.1)
        raise RuntimeError("JupyterLab did not start:\n" + Path(self.log.name).read_text(encoding="utf-8"))

    def __exit__(self, *exception):
        self.server.terminate()
        try:
            self.server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.server.kill()
        self.log.close()
