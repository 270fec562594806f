"""A locked-in process: each attempt to get out from the inside fails with an ordinary error."""

import fcntl
import json
import os
import platform
import signal
import socket
import struct
import tempfile
from pathlib import Path

import pytest

from course_tools.grading import pool, sandbox, seccomp

LACKS = sandbox.missing()
pytestmark = pytest.mark.skipif(bool(LACKS), reason=f"submissions cannot be locked in here: {LACKS}")


LIMITS = sandbox.Limits(seconds=5, megabytes=300, disk=5)


def inside(function, folder, readable=()):
    """Run a function in a locked-in child; return "ok", what it returned, or the name of its error."""
    folder.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        os.chown(folder, sandbox.NOBODY, sandbox.NOBODY)
    inbox, outbox = os.pipe()
    child = os.fork()
    if child == 0:
        # The child ends in any case; a busy machine may be slow.
        signal.alarm(300)
        try:
            os.setsid()
            os.chdir(folder)
            sandbox.lock(folder, [*pool.readable(), *readable], LIMITS)
            said = function() or "ok"
        except BaseException as error:
            said = type(error).__name__
        try:
            os.write(outbox, json.dumps(said).encode())
        finally:
            os._exit(0)
    os.close(outbox)
    with os.fdopen(inbox) as file:
        said = file.read()
    status = os.waitpid(child, 0)[1]
    return (
        json.loads(said)
        if said
        else f"ended by {os.WTERMSIG(status) if os.WIFSIGNALED(status) else 'itself'}"
    )


@pytest.fixture
def folder():
    """A folder that all users may enter, so that only Landlock prevents access."""
    with tempfile.TemporaryDirectory() as base:
        os.chmod(base, 0o755)
        yield Path(base, "own")


def test_it_can_compute_and_write_into_its_own_folder(folder):
    def work():
        import fractions

        Path("note.txt").write_text("mine")
        os.mkdir("sub")
        os.remove("note.txt")
        return str(fractions.Fraction(1, 3))

    assert inside(work, folder) == "1/3"


def test_it_runs_as_another_user_if_the_grader_is_root(folder):
    def who():
        return [*os.getresuid(), *os.getresgid(), len(os.getgroups())]

    found = inside(who, folder)
    assert found == (
        [sandbox.NOBODY] * 6 + [0] if os.geteuid() == 0 else [*os.getresuid(), *os.getresgid(), found[-1]]
    )


def secret(folder):
    path = folder.parent / "secret.txt"
    path.write_text("the solution")
    path.chmod(0o666)
    return path


@pytest.mark.parametrize(
    "attack",
    [
        lambda path: path.read_text(),
        lambda path: path.write_text("0"),
        lambda path: path.unlink(),
        lambda path: os.listdir(path.parent),
        lambda path: os.truncate(path, 0),
        lambda path: os.rename(path, "mine"),
        lambda path: os.link(path, "mine"),
        lambda path: [os.symlink(path, "mine"), Path("mine").read_text()],
        lambda path: (path.parent / "new").write_text("0"),
        lambda path: os.mkfifo("pipe"),
        lambda path: Path("/proc/1/environ").read_text(),
        lambda path: Path(f"/proc/{os.getppid()}/mem").open("rb"),
        lambda path: Path("/etc/passwd").read_text(),
        lambda path: Path("/dev/shm/x").write_text("0"),
        lambda path: Path("/tmp/x").write_text("0"),
    ],
)
def test_no_other_file_can_be_accessed(folder, attack):
    path = secret(folder)
    assert inside(lambda: attack(path), folder) in ("PermissionError", "OSError")
    assert path.read_text() == "the solution"
    assert not (path.parent / "new").exists()


def test_readable_files_cannot_be_written(folder):
    path = secret(folder)
    assert inside(path.read_text, folder, readable=[path]) == "the solution"
    assert inside(lambda: str(path.write_text("0")), folder, readable=[path]) == "PermissionError"


@pytest.mark.parametrize(
    "attack",
    [
        lambda: socket.socket(socket.AF_INET),
        lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
        lambda: socket.socket(socket.AF_UNIX),
        lambda: socket.socketpair(),
        os.fork,
        lambda: os.posix_spawn("/bin/true", ["true"], {}),
        lambda: os.execv("/bin/true", ["true"]),
        lambda: os.kill(os.getppid(), signal.SIGKILL),
        lambda: os.kill(-1, signal.SIGKILL),
        lambda: os.killpg(0, signal.SIGKILL),
        lambda: os.memfd_create("x"),
        lambda: os.pidfd_open(os.getppid()),
        lambda: os.setuid(0),
        lambda: os.setgid(0),
        lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 19),
        lambda: __import__("resource").prlimit(os.getppid(), 7, (5, 5)),
        lambda: __import__("resource").setrlimit(7, (5000, 5000)),
        lambda: os.chroot("."),
        lambda: os.chown(".", 0, 0),
        lambda: os.sched_setaffinity(os.getppid(), {0}),
        lambda: fcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, os.getppid()),
        lambda: fcntl.fcntl(os.pipe()[0], 10, signal.SIGKILL),  # F_SETSIG
    ],
)
def test_there_is_no_network_no_other_process_and_no_privilege(folder, attack):
    said = inside(attack, folder)
    assert said in ("PermissionError", "OSError", "ValueError"), said


@pytest.mark.parametrize(
    "attack",
    [
        lambda path: os.chmod(path, 0),
        lambda path: os.fchmod(os.open(path, os.O_RDONLY), 0),
        lambda path: os.chown(path, os.getuid(), os.getgid()),
        lambda path: os.utime(path),
        lambda path: os.setxattr(path, "user.x", b"1"),
        lambda path: os.truncate(path, 0),
    ],
)
def test_files_of_its_own_user_keep_their_rights_and_times(folder, attack):
    path = secret(folder)
    if os.geteuid() == 0:
        os.chown(path, sandbox.NOBODY, sandbox.NOBODY)
    before = path.stat()
    assert inside(lambda: attack(path), folder, readable=[path]) == "PermissionError"
    assert path.stat() == before


def test_python_cannot_trace_or_read_its_parent(folder):
    import ctypes

    def trace():
        libc = ctypes.CDLL(None, use_errno=True)
        attached = libc.ptrace(16, os.getppid(), 0, 0)  # PTRACE_ATTACH
        return [attached, ctypes.get_errno() in (1, 13)]

    assert inside(trace, folder) == [-1, True]


def test_threads_are_allowed(folder):
    import threading

    def work():
        done = []
        thread = threading.Thread(target=done.append, args=("from a thread",))
        thread.start()
        thread.join()
        return done[0]

    assert inside(work, folder) == "from a thread"


def test_memory_is_limited(folder):
    def take():
        kept = []
        # At most 2 GB; the limit is 300 MB.
        for _ in range(20):
            kept.append(bytearray(10**8))

    assert inside(take, folder) == "MemoryError"


def test_a_file_is_limited(folder):
    def fill():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        Path("large").write_bytes(bytes(6 * 10**6))

    assert inside(fill, folder) == "OSError"
    assert (folder / "large").stat().st_size <= 5 * 10**6


def test_processor_time_is_limited(folder):
    def spin():
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_CPU)
        # A lower limit is always possible.
        resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
        while True:
            pass

    assert inside(spin, folder) == f"ended by {int(signal.SIGKILL)}"


def test_open_files_are_limited(folder):
    def open_many():
        kept = [open("/dev/null") for _ in range(400)]
        return len(kept)

    assert inside(open_many, folder) == "OSError"


def interpret(program, number, machine, argument=0, second=0):
    """Return the kernel's answer to one system call under a filter."""
    code = [struct.unpack("=HBBI", program[i : i + 8]) for i in range(0, len(program), 8)]
    data = {0: number, 4: machine, 16: argument, 24: second}
    value, at = 0, 0
    while True:
        operation, jump_true, jump_false, constant = code[at]
        if operation == seccomp.RETURN:
            return constant
        if operation == seccomp.LOAD:
            value = data[constant]
        else:
            test = {
                seccomp.EQUAL: value == constant,
                seccomp.AT_LEAST: value >= constant,
                seccomp.ANY_BIT: bool(value & constant),
            }[operation]
            at += jump_true if test else jump_false
        at += 1


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURE)
def test_the_filter_refuses_what_it_lists_and_nothing_else(machine):
    program, here = seccomp.program(machine), seccomp.ARCHITECTURE[machine]
    refused = {*seccomp.REFUSED[machine].values(), *seccomp.NEWER.values()}
    special = {seccomp.CLONE[machine], seccomp.PRLIMIT[machine], seccomp.CLONE3}
    for number in range(500):
        if number not in special:
            answer = interpret(program, number, here)
            assert (answer != seccomp.ALLOW) == (number in refused), number
    for command in range(20):
        answer = interpret(program, seccomp.FCNTL[machine], here, second=command)
        assert (answer != seccomp.ALLOW) == (command in seccomp.OWNERS.values()), command
    clone, prlimit = seccomp.CLONE[machine], seccomp.PRLIMIT[machine]
    assert interpret(program, clone, here, 0x10000 | 17) == seccomp.ALLOW
    assert interpret(program, clone, here, 17) != seccomp.ALLOW
    assert interpret(program, prlimit, here, 0) == seccomp.ALLOW
    assert interpret(program, prlimit, here, 4711) != seccomp.ALLOW
    assert interpret(program, 0x4000_0000 + 41, here) != seccomp.ALLOW
    assert interpret(program, 0, 0x4000_0003) == seccomp.KILL  # 32-bit x86


@pytest.mark.skipif(not Path("/usr/include/asm-generic/unistd.h").exists(), reason="no kernel headers here")
@pytest.mark.parametrize(
    ("machine", "header"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("aarch64", "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_the_numbers_are_those_in_the_kernels_headers(machine, header):
    if not Path(header).exists():
        pytest.skip(f"no {header} here")
    import re

    kernel = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text()))
    named = (
        seccomp.REFUSED[machine] | seccomp.NEWER | {"clone": seccomp.CLONE[machine], "clone3": seccomp.CLONE3}
    )
    known = {name: number for name, number in named.items() if name in kernel}
    assert len(known) > 30
    assert known == {name: int(kernel[name]) for name in known}


def test_there_is_a_filter_for_this_machine():
    assert platform.machine() in seccomp.ARCHITECTURE
