"""A filter on system calls: no sockets, no other processes, no signals, no shared memory.

Landlock lets a process change the owner, the rights and the times of any file of its user, and before Linux 6.2 it can
truncate them. The filter refuses all of these, and calls that slow down or signal other processes of that user.

A refused call fails with "Operation not permitted", an ordinary OSError for the student's code. Threads are allowed.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

# Numbers of system calls, from the kernel's asm/unistd_64.h and asm-generic/unistd.h.
REFUSED = {
    "x86_64": {
        "shmget": 29, "socket": 41, "socketpair": 53, "fork": 57, "vfork": 58, "execve": 59, "kill": 62,
        "semget": 64, "msgget": 68, "ptrace": 101, "rt_sigqueueinfo": 129, "setpriority": 141, "pivot_root": 155,
        "shmat": 30, "shmctl": 31, "semop": 65, "semctl": 66, "semtimedop": 220, "msgsnd": 69, "msgrcv": 70,
        "msgctl": 71, "truncate": 76, "chmod": 90, "fchmod": 91, "fchmodat": 268, "chown": 92, "fchown": 93,
        "lchown": 94, "fchownat": 260, "utime": 132, "utimes": 235, "futimesat": 261, "utimensat": 280,
        "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "removexattr": 197, "lremovexattr": 198,
        "fremovexattr": 199, "sched_setparam": 142, "sched_setscheduler": 144, "sched_setaffinity": 203,
        "sched_setattr": 314, "ioprio_set": 251, "migrate_pages": 256, "move_pages": 279, "inotify_init": 253,
        "chroot": 161, "mount": 165, "tkill": 200, "tgkill": 234, "mq_open": 240, "add_key": 248,
        "request_key": 249, "keyctl": 250, "unshare": 272, "inotify_init1": 294, "rt_tgsigqueueinfo": 297,
        "perf_event_open": 298, "fanotify_init": 300, "open_by_handle_at": 304, "setns": 308,
        "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "memfd_create": 319, "bpf": 321,
        "execveat": 322, "userfaultfd": 323,
    },
    "aarch64": {
        "mount": 40, "pivot_root": 41, "chroot": 51, "unshare": 97, "ptrace": 117, "kill": 129, "tkill": 130,
        "tgkill": 131, "rt_sigqueueinfo": 138, "setpriority": 140, "mq_open": 180, "msgget": 186, "semget": 190,
        "shmget": 194, "socket": 198, "socketpair": 199, "add_key": 217, "request_key": 218, "keyctl": 219,
        "execve": 221, "rt_tgsigqueueinfo": 240, "perf_event_open": 241, "fanotify_init": 262,
        "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272,
        "memfd_create": 279, "bpf": 280, "execveat": 281, "userfaultfd": 282, "inotify_init1": 26,
        "shmat": 196, "shmctl": 195, "semop": 193, "semctl": 191, "semtimedop": 192, "msgsnd": 189, "msgrcv": 188,
        "msgctl": 187, "truncate": 45, "fchmod": 52, "fchmodat": 53, "fchownat": 54, "fchown": 55, "utimensat": 88,
        "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16,
        "sched_setparam": 118, "sched_setscheduler": 119, "sched_setaffinity": 122, "sched_setattr": 274,
        "ioprio_set": 30, "migrate_pages": 238, "move_pages": 239,
    },
}  # fmt: skip
# Newer system calls have the same numbers on every architecture.
NEWER = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "open_tree": 428, "move_mount": 429, "fsopen": 430,
    "pidfd_open": 434, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "process_mrelease": 448,
    "fchmodat2": 452, "setxattrat": 463, "removexattrat": 466,
}  # fmt: skip
CLONE, PRLIMIT = {"x86_64": 56, "aarch64": 220}, {"x86_64": 302, "aarch64": 261}
FCNTL = {"x86_64": 72, "aarch64": 25}
# Commands of fcntl that let a file signal any process of the same user.
OWNERS = {"F_SETOWN": 8, "F_SETSIG": 10, "F_SETOWN_EX": 15}
CLONE3 = 435
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Where x86's second set of numbers for the same calls begins.
OTHER_NUMBERS = 0x4000_0000

# Operation, jump if true, jump if false, constant.
Instruction = tuple[int, int, int, int]
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
# Offsets in the kernel's struct seccomp_data.
NUMBER, MACHINE, FIRST_ARGUMENT, SECOND_ARGUMENT = 0, 4, 16, 24
KILL, REFUSE, ALLOW = 0x8000_0000, 0x0005_0000, 0x7FFF_0000
THREAD = 0x10000  # CLONE_THREAD
REFUSED_CALL = REFUSE | errno.EPERM
SET_SECCOMP, FILTER = 22, 2


def available() -> bool:
    """Whether there is a filter for this machine."""
    return sys.platform.startswith("linux") and platform.machine() in REFUSED and sys.maxsize > 2**32


def install() -> None:
    """Apply the filter to this process permanently. It needs "no new privileges". Raises OSError if refused."""
    code = program(platform.machine())
    buffer = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]

    filter = Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(SET_SECCOMP, FILTER, ctypes.byref(filter), 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def program(machine: str) -> bytes:
    """Return the filter as code for the kernel, 8 bytes per instruction."""
    absent = REFUSE | errno.ENOSYS
    code: list[Instruction] = [
        (LOAD, 0, 0, MACHINE),
        (EQUAL, 1, 0, ARCHITECTURE[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, OTHER_NUMBERS),
        (RETURN, 0, 0, REFUSED_CALL),
        # A new thread is allowed, a new process is not. The C library falls back from clone3 to clone.
        (EQUAL, 0, 1, CLONE3),
        (RETURN, 0, 0, absent),
    ]
    code += _allow_if(CLONE[machine], ANY_BIT, THREAD)
    # Only limits of this process can be changed.
    code += _allow_if(PRLIMIT[machine], EQUAL, 0)
    code += [(EQUAL, 0, 2 * len(OWNERS) + 2, FCNTL[machine]), (LOAD, 0, 0, SECOND_ARGUMENT)]
    for command in OWNERS.values():
        code += [(EQUAL, 0, 1, command), (RETURN, 0, 0, REFUSED_CALL)]
    code.append((RETURN, 0, 0, ALLOW))
    for number in {**REFUSED[machine], **NEWER}.values():
        code += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSED_CALL)]
    code.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _allow_if(call: int, operation: int, value: int) -> list[Instruction]:
    """Return code that allows a system call if its first argument passes a test, and refuses it otherwise."""
    return [
        (EQUAL, 0, 4, call),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (operation, 0, 1, value),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSED_CALL),
    ]
