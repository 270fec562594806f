"""Hostile and broken submissions: what each does, and the verdict that it must get.

ANSWERS: name → (source of exercise 07.3, status, words of the hint). If a hint contains "which passes the check", the
attack worked, but its points wait for an instructor. NOTEBOOKS: name → (answer, change to the cells, status of both
exercises). `files`: name → (function that submits the files, status of both exercises). Each stops by itself after
using few resources, even if the limits under test do not work.
"""

import copy
import json
import os
import zipfile

from small_class import NAME, RIGHT, WRONG, write, zipped

ASK = "def output_size(n, kernel, stride=1, padding=0, dilation=1):\n"
TRUE = "    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1\n"
BLOCKED = "which does not pass the check"
CHEATED = "which passes the check"

ANSWERS = {
    "infinite loop": (ASK + "    while True:\n        pass", "stopped", "after 2 seconds"),
    "loop that catches interrupts": (
        ASK + "    while True:\n        try:\n            while True:\n                pass\n"
        "        except BaseException:\n            pass",
        "stopped",
        "It was stopped after",
    ),
    "forks": ("import os\n" + ASK + "    for _ in range(20):\n        os.fork()\n" + TRUE, "review", BLOCKED),
    "starts a program": (
        "import subprocess\n" + ASK + "    subprocess.run(['true'])\n" + TRUE,
        "review",
        BLOCKED,
    ),
    "takes memory": (
        "import torch\n" + ASK + "    kept = [torch.ones(20_000_000) for _ in range(20)]\n" + TRUE,
        "failed",
        "memory",
    ),
    "takes memory in Python": (
        ASK + "    kept = [bytearray(10**8) for _ in range(20)]\n" + TRUE,
        "failed",
        "Memory",
    ),
    "fills the disk": (
        "import numpy as np\n" + ASK + "    for i in range(30):\n"
        "        np.ones(500_000).tofile(f'file{i}')\n    while True:\n        pass",
        "stopped",
        "more than 5 MB",
    ),
    "one large file": (
        "import numpy as np\n" + ASK + "    np.ones(2_000_000).tofile('file')\n" + TRUE,
        "failed",
        "OSError",
    ),
    "prints 200 MB": (
        ASK + "    for _ in range(200 * (n == 20)):\n        print('x' * 10**6)\n" + TRUE,
        "passed",
        "",
    ),
    "raises SystemExit": (ASK + "    raise SystemExit", "failed", "ends the program"),
    "sys.exit": ("import sys\n" + ASK + "    sys.exit(0)", "review", BLOCKED),
    "os._exit": ("import os\n" + ASK + "    os._exit(0)", "review", BLOCKED),
    "kills its parent": ("import os\n" + ASK + "    os.kill(os.getppid(), 9)\n" + TRUE, "review", BLOCKED),
    "kills all processes": ("import os\n" + ASK + "    os.kill(-1, 9)\n" + TRUE, "review", BLOCKED),
    "a segmentation fault": ("import ctypes\n" + ASK + "    ctypes.string_at(0)\n" + TRUE, "review", BLOCKED),
    "endless recursion": (ASK + "    return output_size(n, kernel)", "failed", "RecursionError"),
    "defines its own check": (
        WRONG + "\n\ndef check(*given):\n    print('✓ Exercise 07.3')",
        "failed",
        "Try:",
    ),
    "prints the message of success": (
        ASK + "    print('✓ Exercise 07.3: solved')\n    raise SystemExit",
        "failed",
        "ends",
    ),
    "check replaced": (
        "import course_utils\ncourse_utils.check = lambda *given: None\noutput_size = course_utils.check",
        "review",
        BLOCKED,
    ),
    "the judge replaced": (
        "from course_utils.checks import notebook_07 as n7\n"
        + ASK
        + "    n7._fits = lambda *given: n\n    return n",
        "review",
        "imports course_utils.checks",
    ),
    "expect replaced": (
        "import course_utils.checks as checks\n" + ASK + "    checks.expect = print\n    return n",
        "review",
        "changes course_utils.checks",
    ),
    "torch.testing replaced": (
        "import torch\n"
        + ASK
        + "    torch.testing.assert_close = print\n    torch.allclose = print\n    return n",
        "review",
        BLOCKED,
    ),
    "PyTorch replaced under another name, and put back": (
        "import torch\n\ndef output_size(n, *rest):\n    t, old = torch, torch.allclose\n    t.allclose = print\n"
        "    t.allclose = old\n    return n",
        "review",
        "changes torch",
    ),
    "the tensors' equality replaced": (
        "import torch\n" + ASK + "    torch.Tensor.__eq__ = print\n    return n",
        "review",
        "changes Tensor",
    ),
    "functools sets the attribute": (
        "import functools, torch\n\nclass fake:\n    allclose = print\n\n"
        + ASK
        + "    functools.update_wrapper(torch, fake, ('allclose',), ())\n    return n",
        "review",
        "changes torch.allclose",
    ),
    "builtins replaced": (
        "import builtins\n" + ASK + "    builtins.all = print\n    return n",
        "review",
        "builtins",
    ),
    "equals everything": (
        "class Any:\n    def __eq__(self, other):\n        return True\n\n" + ASK + "    return Any()",
        "review",
        "defines __eq__",
    ),
    "a number that equals everything": (
        "class Any(float):\n    def __eq__(self, other):\n        return True\n\n" + ASK + "    return Any()",
        "review",
        CHEATED,
    ),
    "defines ordinary types": (
        "import enum\nfrom collections import namedtuple\nfrom dataclasses import dataclass\n\n"
        "Size = namedtuple('Size', 'n kernel')\n\n@dataclass\nclass Step:\n    stride: int\n\n"
        "class Kind(enum.IntEnum):\n    TWO = 2\n\n"
        + ASK
        + "    size, step = Size(n, kernel), Step(stride)\n"
        + "    room = size.n + Kind.TWO * padding - dilation * (size.kernel - 1) - 1\n"
        + "    return room // step.stride + 1",
        "passed",
        "",
    ),
    "a class made by type()": (
        "Any = type('Any', (float,), {'__eq__': lambda self, other: True})\n" + ASK + "    return Any()",
        "review",
        "makes a class by type",
    ),
    "reads the judge's variables": (
        "import sys\n"
        + ASK
        + "    return sys._getframe(1).f_globals['_fits'](n, kernel, stride, padding, dilation)",
        "review",
        "uses ._getframe",
    ),
    "finds them by an error": (
        ASK + "    try:\n        1 / 0\n    except ZeroDivisionError as error:\n"
        "        frame = error.__traceback__.tb_frame.f_back\n"
        "    while '_fits' not in frame.f_globals:\n        frame = frame.f_back\n"
        "    return frame.f_globals['_fits'](n, kernel, stride, padding, dilation)",
        "review",
        "uses .__traceback__",
    ),
    "code in a string": (ASK + "    return eval('n')", "review", "uses eval"),
    "a name composed at run time": (
        "import math\n" + ASK + "    return getattr(math, '__lo' + 'ader__')",
        "review",
        "getattr with a name",
    ),
    "reports to the grader itself": (
        "import os\n" + ASK + '    os.write(3, b\'{"passed": true, "hint": ""}\\n\')\n    os._exit(0)',
        "review",
        BLOCKED,
    ),
    "reports through a library's os": (
        "import random\n" + ASK + '    random._os.write(3, b\'{"passed": true, "hint": ""}\\n\')\n'
        "    while True:\n        pass",
        "review",
        "writes to the grader",
    ),
    "the judge through a library's sys": (
        "import collections\n"
        + ASK
        + "    judge = collections._sys.modules['course_utils.checks.notebook_07']\n"
        "    return judge._fits(n, kernel, stride, padding, dilation)",
        "review",
        "uses ._sys",
    ),
    "getattr under another name": (
        "look = getattr\n" + ASK + "    try:\n        1 / 0\n    except ZeroDivisionError as error:\n"
        "        frame = look(look(error, '__trace' + 'back__'), 'tb_' + 'frame')\n"
        "    while '_fits' not in look(frame, 'f_glo' + 'bals'):\n        frame = look(frame, 'f_' + 'back')\n"
        "    return look(frame, 'f_glo' + 'bals')['_fits'](n, kernel, stride, padding, dilation)",
        "review",
        "getattr under another name",
    ),
    "a class without a class statement": (
        "maker = int.__class__\nAny = maker('Any', (float,), {'__e' + 'q__': lambda self, other: True})\n"
        + ASK
        + "    return Any()",
        "review",
        "makes a special kind",
    ),
    "text run as code by PyTorch": (
        "import torch.utils.benchmark as b\n" + ASK + "    out = []\n"
        "    b.Timer('out.append(n)', globals={'out': out, 'n': n}).timeit(1)\n    return out[0]",
        "review",
        "torch.utils.benchmark",
    ),
    "a pickle": (
        "import numpy as np\n" + ASK + "    return np.load('p', allow_pickle=True)",
        "review",
        "loads a pickle",
    ),
    "a program in memory": (
        "import os\n" + ASK + "    file = os.memfd_create('x')\n    os.write(file, b'#!/bin/true')\n"
        "    os.execv(f'/proc/self/fd/{file}', ['x'])",
        "review",
        BLOCKED,
    ),
    "starts one with posix_spawn": (
        "import os\n" + ASK + "    os.posix_spawn('/bin/true', ['true'], {})\n" + TRUE,
        "review",
        BLOCKED,
    ),
    "writes to its own memory": (
        "import os\n" + ASK + "    os.pwrite(os.open('/proc/self/mem', os.O_RDWR), b'x', 0)\n" + TRUE,
        "review",
        BLOCKED,
    ),
    "removes all rights to PyTorch": (
        "import os, torch\n" + ASK + "    os.chmod(torch.__file__, 0)\n" + TRUE,
        "review",
        BLOCKED,
    ),
    "at exit": (
        "import atexit, os\n" + ASK + "    atexit.register(os.write, 3, b'{}')\n" + TRUE,
        "review",
        CHEATED,
    ),
    "reads the solutions": (
        ASK + "    text = open('{solutions}').read()\n" + TRUE,
        "review",
        BLOCKED,
    ),
    "lists the solutions' folder": (
        "import os\n" + ASK + "    os.listdir('{folder}')\n" + TRUE,
        "review",
        BLOCKED,
    ),
    "reads another student's work": (ASK + "    open('{neighbour}').read()\n" + TRUE, "review", BLOCKED),
    "reads without a flagged name": (
        "import numpy as np\n" + ASK + "    np.fromfile('{neighbour}')\n" + TRUE,
        "failed",
        "PermissionError",
    ),
    "writes to the gradebook": (
        "import sqlite3\n"
        + ASK
        + "    sqlite3.connect('{gradebook}').execute('create table t (x)')\n"
        + TRUE,
        "review",
        BLOCKED,
    ),
    "overwrites the gradebook": (
        "import numpy as np\n" + ASK + "    np.ones(9).tofile('{gradebook}')\n" + TRUE,
        "failed",
        "PermissionError",
    ),
    "opens a socket": (
        "import socket\n" + ASK + "    socket.create_connection(('127.0.0.1', 9), 1)\n" + TRUE,
        "review",
        BLOCKED,
    ),
    "a thread that outlives the run": (
        "import threading, time\n\ndef forever():\n    while True:\n        time.sleep(0.01)\n\n"
        + ASK
        + "    if n == 20:\n        threading.Thread(target=forever).start()\n"
        + TRUE,
        "review",
        CHEATED,
    ),
    "many threads": (
        "import threading, time\n" + ASK + "    for _ in range(60):\n"
        "        threading.Thread(target=time.sleep, args=(9,)).start()\n" + TRUE,
        "review",
        "imports threading",
    ),
    "a message of ten megabytes": (ASK + "    raise ValueError('x' * 10**7)", "failed", "ValueError: xxx"),
    "an error that cannot be shown": (
        "class Mute(Exception):\n    def __str__(self):\n        while True:\n            pass\n\n"
        + ASK
        + "    raise Mute",
        "stopped",
        "It was stopped after",
    ),
    "an error whose text ends the program": (
        "class End(Exception):\n    def __str__(self):\n        raise SystemExit\n\n" + ASK + "    raise End",
        "failed",
        "ends the program",
    ),
    "HTML in the message": (ASK + "    raise ValueError('<script>alert(1)</script>')", "failed", "<script>"),
    "never run: a loop next to the answer": (RIGHT + "\n\nwhile True:\n    pass", "passed", ""),
    "never run: an exit next to the answer": ("import os\n" + RIGHT + "\n\nos._exit(0)", "passed", ""),
    "not Python": (ASK + "    return (n", "failed", "not Python"),
    "too deep for the parser": ("output_size = " + "(" * 50_000 + "1" + ")" * 50_000, "failed", "not Python"),
    "too deep to be unparsed": ("output_size = " + "-" * 20_000 + "1", "failed", "not Python"),
    "a magic at the top of the cell": ("%%time\n" + RIGHT, "passed", ""),
    "a null byte": (RIGHT + "\n\x00", "failed", "not Python"),
    "half a character": (RIGHT + "  # \ud800", "passed", ""),
    "half a character in a message": (ASK + "    raise ValueError(chr(0xD800))", "failed", "ValueError"),
    "nothing": ("", "missing", "No cell of the notebook defines output_size"),
    "None": ("output_size = None", "failed", "got NoneType"),
}


def _without(kind):
    def change(cells):
        return [c for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") != f"{kind}-07-3"]

    return change


def _each(change):
    def apply(cells):
        for cell in cells:
            if "nbgrader" in cell.metadata:
                change(cell)

    return apply


def _rename(cell):
    cell.metadata.nbgrader["grade_id"] = "mine-" + cell.metadata.nbgrader["grade_id"]


def _always_passes(cell):
    if cell.metadata.nbgrader.grade:
        cell.source, cell.metadata.nbgrader["points"] = "pass", 100


def _to_text(cell):
    if cell.metadata.nbgrader.grade_id == "exercise-07-3":
        cell.cell_type = "markdown"


def _says_it_is_solved(cell):
    if cell.cell_type == "code":
        cell.outputs = [
            {"output_type": "stream", "name": "stdout", "text": "✓ Exercise 07.3: solved\n"},
            {"output_type": "display_data", "metadata": {}, "data": {"application/x-python-pickle": "Y29z"}},
        ]
        cell.metadata["nbgrader"] |= {"checksum": "0", "points": 99, "schema_version": 99}


def _one_id(cell):
    cell["id"] = "same"


def _further(*sources):
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    return lambda cells: [*cells, *({**cell, "id": f"more-{i}", "source": s} for i, s in enumerate(sources))]


NOTEBOOKS = {
    "deleted cell": (RIGHT, _without("exercise"), ("missing", "passed")),
    "deleted check": (RIGHT, _without("check"), ("passed", "passed")),
    "duplicated cells": (RIGHT, lambda cells: [*cells, *copy.deepcopy(cells)], ("passed", "passed")),
    "reordered cells": (RIGHT, lambda cells: cells[::-1], ("passed", "passed")),
    "changed grade ids": (RIGHT, _each(_rename), ("passed", "passed")),
    "no grade ids": (RIGHT, _each(lambda cell: cell.metadata.pop("nbgrader")), ("passed", "passed")),
    "changed test cells and points": (WRONG, _each(_always_passes), ("failed", "passed")),
    "outputs and metadata that say it is solved": (WRONG, _each(_says_it_is_solved), ("failed", "passed")),
    "one id for all cells": (RIGHT, _each(_one_id), ("passed", "passed")),
    "a thousand cells": (RIGHT, _further(*["x = 1"] * 1000), ("passed", "passed")),
    "a cell too deep for Python": (RIGHT, _further("x = " + "-" * 20_000 + "1"), ("passed", "passed")),
    "a solution turned into text": (RIGHT, _each(_to_text), ("missing", "passed")),
}


def _link_in_zip(content, target):
    entry = zipfile.ZipInfo(f"{NAME}.ipynb")
    entry.external_attr = 0o120777 << 16
    return zipped((entry, target.encode()))


def _version_three(notebook):
    cells = [
        {
            "cell_type": c.cell_type,
            "metadata": c.metadata,
            "outputs": [],
            "input": c.source,
            "language": "python",
        }
        for c in notebook.cells
    ]
    return json.dumps(
        {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
    ).encode()


def _huge(path):
    path.mkdir()
    with (path / f"{NAME}.ipynb").open("wb") as file:
        # A sparse file: it needs no space on the disk.
        file.truncate(300 * 10**6)


def _pipe(path):
    path.mkdir()
    os.mkfifo(path / f"{NAME}.ipynb")


def _links(path, target):
    path.mkdir()
    (path / f"{NAME}.ipynb").symlink_to(target)
    (path / "all").symlink_to(target.parent)


def files(group):
    """Return name → (function that submits the files at a path, status of both exercises)."""
    good = group.content(RIGHT)
    umlaut = group.content(RIGHT.replace("return", "# für Übung\n    return", 1))
    text = json.dumps(json.loads(umlaut), ensure_ascii=False)
    deep = b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    def plain(content, name=f"{NAME}.ipynb"):
        return lambda path, solutions: write(path, content, name)

    def archive(content):
        return lambda path, solutions: path.with_name(path.name + ".zip").write_bytes(content)

    def both(path, solutions):
        write(path / "a", good)
        write(path / "b", group.content(WRONG))

    def twice(path, solutions):
        write(path, good)
        archive(zipped((f"{NAME}.ipynb", good)))(path, solutions)

    def copies(path, solutions):
        write(path / "labs", good)
        write(path / "labs", good, f"{NAME} (1).ipynb")
        write(path / "labs", group.untouched(), f"{NAME}.new.ipynb")
        write(path / "labs" / ".ipynb_checkpoints", group.content(WRONG), f"{NAME}-checkpoint.ipynb")

    def locked(path, solutions):
        content = bytearray(zipped((f"{NAME}.ipynb", good)))
        for signature, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
            content[content.index(signature) + place] |= 1  # "encrypted"
        archive(bytes(content))(path, solutions)

    return {
        "deep in folders": (plain(good, f"{NAME}.ipynb"), "passed"),
        "renamed file": (plain(good, "my homework.ipynb"), "passed"),
        "zip in a zip": (archive(zipped(("a/b.zip", zipped((f"x/{NAME}.ipynb", good))))), "passed"),
        "equal copies": (copies, "passed"),
        "different copies": (both, "review"),
        "a student twice": (twice, "review"),
        "not JSON": (plain(b"%PDF-1.7"), "review"),
        "a format of the future": (
            plain(json.dumps(json.loads(good) | {"nbformat": 99, "metadata": [1]}).encode()),
            "passed",
        ),
        "not a notebook": (plain(b"[1, 2]"), "review"),
        "cells that are not cells": (
            plain(b'{"cells": [1, null, {"cell_type": "code", "source": 3}]}'),
            "missing",
        ),
        "null bytes": (plain(b"\0" * 5000), "review"),
        "300 MB": (lambda path, solutions: _huge(path), "review"),
        "nested too deep": (plain(deep), "review"),
        "nbformat 3": (plain(_version_three(group.notebook(RIGHT))), "passed"),
        "Windows-1252": (plain(text.encode("cp1252", errors="xmlcharrefreplace")), "passed"),
        "UTF-16": (plain(text.encode("utf-16")), "passed"),
        "UTF-8 with a byte order mark": (plain(text.encode("utf-8-sig")), "passed"),
        "an absolute path in a zip": (archive(zipped((f"/tmp/{NAME}.ipynb", good))), "review"),
        "a path upwards in a zip": (archive(zipped((f"../../{NAME}.ipynb", good))), "review"),
        "a path upwards, Windows": (archive(zipped((f"..\\..\\{NAME}.ipynb", good))), "review"),
        "a link in a zip": (lambda p, s: archive(_link_in_zip(good, str(s)))(p, s), "review"),
        "links to the solutions": (lambda path, solutions: _links(path, solutions), "review"),
        "a named pipe": (lambda path, solutions: _pipe(path), "review"),
        "a zip bomb": (archive(zipped((f"{NAME}.ipynb", bytes(100 * 10**6)))), "review"),
        "a damaged zip": (archive(zipped((f"{NAME}.ipynb", good))[:-40]), "review"),
        "an encrypted zip": (locked, "review"),
        "zips in zips in zips": (archive(_nested(5, good)), "review"),
        "an empty folder": (lambda path, solutions: path.mkdir(), "missing"),
    }


def _nested(depth, content):
    for _ in range(depth):
        content = zipped(("inner.zip", content))
    return content
