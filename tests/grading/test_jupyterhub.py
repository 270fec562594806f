"""A class on JupyterHub: two users log in, fetch a lab, run it, submit it through nbgrader's exchange, are graded.

Needs JupyterHub, which the tests' requirements install on Linux, and its proxy: `apt install
node-configurable-http-proxy`, or `npm install -g configurable-http-proxy`.
"""

import contextlib
import csv
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from small_class import NAME, RIGHT, WRONG, Class, course

from course_tools.grading import grader, sandbox

PROXY = shutil.which("configurable-http-proxy")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (PROXY and importlib.util.find_spec("jupyterhub")), reason="needs JupyterHub and its proxy"
    ),
    pytest.mark.skipif(bool(sandbox.missing()), reason="submissions cannot be locked in here"),
]
PATIENCE = 180  # seconds, for two servers to start on a busy machine
NBGRADER = """c = get_config()
c.Exchange.root = {exchange!r}
c.CourseDirectory.course_id = "pytorch"
c.ExchangeCollect.check_owner = False  # on such a hub all users are one user of the system
"""
HUB = """c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "a password for tests"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.cmd = {own_passwd!r} + [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = c.Spawner.http_timeout = {patience}
c.Spawner.env_keep = ["PATH", "PYTHONPATH", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "LANG"]
"""
# As in Jupyter's images, all users are jovyan in a separate passwd file; nbgrader asks the hub for their names.
AS_IN_AN_IMAGE = ["unshare", "-rm", "sh", "-c", 'mount --bind {passwd} /etc/passwd && exec "$@"', "sh"]


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [item.getsockname()[1] for item in sockets]


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if found := condition():
                return found
        time.sleep(0.5)
    pytest.fail(f"timed out waiting for {what}")


def stop(process):
    """Stop the hub, its proxy and the users' servers; kill what has not ended after a minute."""
    import psutil

    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    process.terminate()
    _, left = psutil.wait_procs(family, 60)
    for one in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait(60)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The address of a running hub, and the instructor's folder of a course with a released assignment."""
    for name in ("exchange", "homes", "etc"):
        (tmp_path / name).mkdir()
    (tmp_path / "exchange").chmod(0o777)
    (tmp_path / "etc" / "nbgrader_config.py").write_text(NBGRADER.format(exchange=str(tmp_path / "exchange")))
    # Where its server extensions are registered.
    prefix = Path(nbgrader_place()).parents[3]
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", f"{tmp_path / 'etc'}{os.pathsep}{prefix / 'etc' / 'jupyter'}")
    monkeypatch.setenv("JUPYTER_PATH", str(prefix / "share" / "jupyter"))
    # nbgrader calls alembic.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    # Debian's folder for the proxy's packages; a Node.js that is not Debian's does not search there.
    monkeypatch.setenv("NODE_PATH", "/usr/share/nodejs:/usr/lib/nodejs")
    instructor = tmp_path / "instructor"
    course(instructor / "source" / NAME)
    for step in ("generate_assignment", "release_assignment"):
        nbgrader(instructor, step)
    port, hub_port, proxy_port = free_ports(3)
    (tmp_path / "passwd").write_text("jovyan:x:0:0::/home/jovyan:/bin/sh\n")
    own_passwd = [word.format(passwd=tmp_path / "passwd") for word in AS_IN_AN_IMAGE]
    config = HUB.format(
        port=port, hub_port=hub_port, proxy_port=proxy_port, proxy=PROXY, python=sys.executable,
        own_passwd=own_passwd, homes=str(tmp_path / "homes"), patience=PATIENCE,
    )  # fmt: skip
    (tmp_path / "jupyterhub_config.py").write_text(config)
    log = (tmp_path / "hub.log").open("w")
    process = subprocess.Popen([sys.executable, "-m", "jupyterhub"], cwd=tmp_path, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}", instructor
    finally:
        stop(process)
        log.close()


def nbgrader_place():
    return importlib.util.find_spec("nbgrader").submodule_search_locations[0]


def nbgrader(folder, *command):
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *command, NAME],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr[-2000:]


class Student:
    """The requests of a user's browser."""

    def __init__(self, address, name):
        import requests

        self.address, self.name, self.session = address, name, requests.Session()
        until(lambda: self.session.get(f"{address}/hub/login").ok, "the hub")
        form = {"username": name, "password": "a password for tests", "_xsrf": self.session.cookies["_xsrf"]}
        self.session.post(f"{address}/hub/login", data=form).raise_for_status()
        until(self.lab_is_open, f"the server of {name}")

    def lab_is_open(self):
        page = self.session.get(f"{self.address}/user/{self.name}/lab")
        return page.ok and f"/user/{self.name}/" in page.url and "jupyter-config-data" in page.text

    def ask(self, method, path, **more):
        cookies = [c.value for c in self.session.cookies if c.name == "_xsrf" and self.name in c.path]
        headers = {"X-XSRFToken": cookies[0]} if cookies else {}
        url = f"{self.address}/user/{self.name}/{path}"
        answer = self.session.request(method, url, headers=headers, **more)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def run(self, sources):
        """Run cells in a kernel of the user's own server; return what they print."""
        import websocket

        kernel = self.ask("POST", "api/kernels", json={"name": "python3"})["id"]
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.session.cookies)
        url = f"{self.address.replace('http', 'ws')}/user/{self.name}/api/kernels/{kernel}/channels"
        line = websocket.create_connection(url, cookie=cookies, timeout=PATIENCE)
        printed = [self._execute(line, source) for source in sources]
        line.close()
        return printed

    def _execute(self, line, source):
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": "s", "username": "u"}
        content = {"code": source, "silent": False}
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }
        line.send(json.dumps(message))
        printed = ""
        while True:
            answer = json.loads(line.recv())
            if answer["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if answer["msg_type"] == "stream":
                printed += answer["content"]["text"]
            if answer["msg_type"] == "error":
                printed += answer["content"]["evalue"]
            if answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
                return printed


def test_two_users_submit_on_a_hub_and_are_graded(hub, tmp_path):
    address, instructor = hub
    group = Class(instructor / "source" / NAME)
    for name, code, outcome in (("ada", RIGHT, "✓ Exercise 07.3"), ("bob", WRONG, "Exercise 07.3: ")):
        student = Student(address, name)
        place = {"course_id": "pytorch", "assignment_id": NAME}
        fetched = student.ask("POST", "assignments/fetch", data=place)
        assert fetched["success"], fetched
        content = student.ask("GET", f"api/contents/{NAME}/{NAME}.ipynb")["content"]
        assert "SOLUTION" not in json.dumps(content)
        (cell,) = [
            c
            for c in content["cells"]
            if c["metadata"].get("nbgrader", {}).get("grade_id") == "exercise-07-3"
        ]
        cell["source"] = code
        saved = {"type": "notebook", "format": "json", "content": content}
        student.ask("PUT", f"api/contents/{NAME}/{NAME}.ipynb", json=saved)
        check = group.assignment.exercises[0].check
        printed = student.run(["from course_utils import check", code, check])
        assert outcome in printed[-1], printed
        submitted = student.ask("POST", "assignments/submit", data=place)
        assert submitted["success"], submitted
    nbgrader(instructor, "collect")
    notebooks, limits = instructor / "source" / NAME, sandbox.Limits(seconds=10)
    grader.grade(instructor / "submitted", [], tmp_path / "out", limits, 1, notebooks=notebooks)
    with (tmp_path / "out" / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {(row["student"], row["exercise"]): row["status"] for row in csv.DictReader(file)}
    assert rows == {
        ("ada", "07.3"): "passed",
        ("ada", "07.5"): "failed",
        ("bob", "07.3"): "failed",
        ("bob", "07.5"): "failed",
    }
