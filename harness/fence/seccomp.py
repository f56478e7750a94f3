"""seccomp: the system calls that reading an answer needs and no others, as a classic BPF program for the kernel.

A closed list, so that what later kernels add stays refused. libseccomp would know the numbers, but it is not on
every machine, and its wrappers build the program anew each time, which is once an answer.
"""

import contextlib
import ctypes
import platform
import struct
import sys
from functools import cache

from harness.fence.libc import GET_SECCOMP, NO_NEW_PRIVS, SET_SECCOMP, prctl

MODE_FILTER = 2
# What the kernel does: goes on, says EPERM, says ENOSYS, or kills the process.
ALLOW, REFUSE, UNKNOWN, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
# Offsets in struct seccomp_data; an argument has two halves of four bytes, the low one first.
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
# A C library that finds a later call missing takes an earlier one; for one that is refused it has no other way.
FIRST_UNKNOWN = 480
# In the place of a process that is not known yet; no process has it.
NO_PID = 0x7FFFFFFF
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# By name: the number on x86_64 and on aarch64, where it is there.
ALLOWED: dict[str, tuple[int | None, int | None]] = {
    **{"read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67)},
    **{"preadv": (295, 69), "close": (3, 57), "lseek": (8, 62), "open": (2, None), "openat": (257, 56)},
    **{"stat": (4, None), "fstat": (5, 80), "lstat": (6, None), "newfstatat": (262, 79), "statx": (332, 291)},
    **{"access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439), "readlink": (89, None)},
    **{"readlinkat": (267, 78), "getcwd": (79, 17), "getdents": (78, None), "getdents64": (217, 61)},
    **{"statfs": (137, 43), "fstatfs": (138, 44), "fadvise64": (221, 223), "dup": (32, 23), "dup2": (33, None)},
    **{"dup3": (292, 24), "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72)},
    **{"mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216), "madvise": (28, 233)},
    **{"brk": (12, 214), "mincore": (27, 232), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135)},
    **{"rt_sigreturn": (15, 139), "rt_sigpending": (127, 136), "sigaltstack": (131, 132), "futex": (202, 98)},
    **{"restart_syscall": (219, 128), "sched_yield": (24, 124), "sched_getaffinity": (204, 123)},
    **{"set_robust_list": (273, 99), "get_robust_list": (274, 100), "rseq": (334, 293), "membarrier": (324, 283)},
    **{"arch_prctl": (158, None), "clock_gettime": (228, 113), "clock_getres": (229, 114), "time": (201, None)},
    **{"clock_nanosleep": (230, 115), "nanosleep": (35, 101), "gettimeofday": (96, 169), "times": (100, 153)},
    **{"alarm": (37, None), "getitimer": (36, 102), "setitimer": (38, 103), "getrusage": (98, 165)},
    **{"sysinfo": (99, 179), "uname": (63, 160), "getrandom": (318, 278), "getcpu": (309, 168)},
    **{"getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173), "getpgrp": (111, None)},
    **{"getpgid": (121, 155), "getsid": (124, 156), "getuid": (102, 174), "geteuid": (107, 175)},
    **{"getgid": (104, 176), "getegid": (108, 177), "getgroups": (115, 158), "getresuid": (118, 148)},
    **{"getresgid": (120, 150), "exit": (60, 93), "exit_group": (231, 94)},
}
# What a process needs beside these that forks others and holds them to a filter of their own.
ALLOWED_ENCLOSED: dict[str, tuple[int | None, int | None]] = {
    **{"clone": (56, 220), "clone3": (435, 435), "fork": (57, None), "vfork": (58, None), "wait4": (61, 260)},
    **{"pipe2": (293, 59), "prctl": (157, 167), "close_range": (436, 436)},
}
KILLS = {"kill": (62, 129), "tgkill": (234, 131)}
# Those of which an argument says whether they are harmless.
FCNTL, IOCTL, PRLIMIT = (72, 25), (16, 29), (302, 261)
# To duplicate a descriptor, and to read and set whether it is inherited; to ask whether a file is a terminal.
HARMLESS_FCNTL, HARMLESS_IOCTL = (0, 1, 2, 3, 1030), (0x5401, 0x5413)


@cache
def can_filter() -> bool:
    """Whether the kernel takes filters, and the numbers of this machine's system calls are known here."""
    with contextlib.suppress(OSError):
        prctl(GET_SECCOMP)
        return sys.platform == "linux" and platform.machine() in MACHINES
    return False


@cache
def compile_enclosed() -> bytes:
    """The program for a process that forks others: the closed list, and what forking them takes."""
    which, program = _begin()
    for numbers in (*ALLOWED.values(), *ALLOWED_ENCLOSED.values(), *KILLS.values(), PRLIMIT):
        if (number := numbers[which]) is not None:
            program += [_step(EQUAL, number, 0, 1), _step(RETURN, ALLOW)]
    program += _allow_where(FCNTL[which], 1, HARMLESS_FCNTL)
    program += _allow_where(IOCTL[which], 1, HARMLESS_IOCTL)
    program += [_step(AT_LEAST, FIRST_UNKNOWN, 0, 1), _step(RETURN, UNKNOWN), _step(RETURN, REFUSE)]
    return b"".join(program)


def compile_sealed(pid: int) -> bytes:
    """The program that is put on top of that for the forked process `pid`, which may signal itself alone.

    A short one, since the kernel compiles it for every answer.
    """
    return _compile_sealed().replace(_step(EQUAL, NO_PID, 0, 1), _step(EQUAL, pid, 0, 1))


@cache
def _compile_sealed() -> bytes:
    which, program = _begin()
    for numbers in ALLOWED_ENCLOSED.values():
        if (number := numbers[which]) is not None:
            program += [_step(EQUAL, number, 0, 1), _step(RETURN, REFUSE)]
    for numbers in KILLS.values():
        program += _allow_where(numbers[which], 0, (NO_PID,))
    program += _allow_null(PRLIMIT[which], 2)
    return b"".join([*program, _step(RETURN, ALLOW)])


def _begin() -> tuple[int, list[bytes]]:
    """Which of a call's numbers are this machine's, and the steps that come to the number of a call."""
    machine = platform.machine()
    is_ours = [_step(LOAD, ARCHITECTURE), _step(EQUAL, MACHINES[machine], 1, 0), _step(RETURN, KILL)]
    return list(MACHINES).index(machine), [*is_ours, _step(LOAD, NUMBER)]


def install_filter(program: bytes) -> None:
    """Hold this process to the program for good; raises OSError where the kernel cannot."""
    held = ctypes.create_string_buffer(program, len(program))
    pointer = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(held)))
    prctl(NO_NEW_PRIVS, 1)
    prctl(SET_SECCOMP, MODE_FILTER, ctypes.addressof(pointer))


def _allow_where(number: int, argument: int, values: tuple[int, ...]) -> list[bytes]:
    """Steps that allow the call where the low half of its argument,
    all that the kernel reads of it, is as given.
    """
    steps = [_step(LOAD, ARGUMENTS + 8 * argument)]
    for value in values:
        steps += [_step(EQUAL, value, 0, 1), _step(RETURN, ALLOW)]
    return [_step(EQUAL, number, 0, len(steps) + 1), *steps, _step(RETURN, REFUSE)]


def _allow_null(number: int, argument: int) -> list[bytes]:
    """Steps that allow the call where a pointer is null."""
    low = ARGUMENTS + 8 * argument
    steps = [_step(LOAD, low), _step(EQUAL, 0, 0, 3), _step(LOAD, low + 4), _step(EQUAL, 0, 0, 1)]
    steps += [_step(RETURN, ALLOW), _step(RETURN, REFUSE)]
    return [_step(EQUAL, number, 0, len(steps)), *steps]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """struct sock_filter."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
