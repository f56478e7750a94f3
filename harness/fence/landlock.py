"""Landlock: the files, ports and signals that this process may reach, by the kernel (linux/landlock.h).

Three system calls through ctypes: what wraps them on the package index is either a development release or without
a history, and this is a wall.
"""

import contextlib
import os
import stat
import struct
from collections.abc import Iterable

from harness.fence.libc import NO_NEW_PRIVS, prctl, syscall

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
GET_VERSION, PATH_BENEATH = 1, 1
WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
# How many kinds of access to files each version of the interface knows; execution is the first.
NUM_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
FIRST_WITH_PORTS, FIRST_WITH_SCOPES = 4, 6
# To bind and to connect by TCP; to send to abstract sockets and signals to processes outside.
ALL_PORTS, ALL_SCOPES = 0b11, 0b11


def landlock_version() -> int:
    """The version of the kernel's interface; 0 where it has none or is told not to use it."""
    with contextlib.suppress(OSError):
        return syscall(CREATE_RULESET, None, 0, GET_VERSION)
    return 0


def restrict(read: Iterable[str], read_write: Iterable[str]) -> None:
    """Let this process and its children read below `read`, write below `read_write`, and reach nothing else.

    A path that is not there is left out. Raises OSError where the kernel cannot.
    """
    version = landlock_version()
    every = (1 << NUM_FILE_RIGHTS.get(version, 16)) - 1
    attributes = struct.pack(
        "QQQ",
        every,
        ALL_PORTS if version >= FIRST_WITH_PORTS else 0,
        ALL_SCOPES if version >= FIRST_WITH_SCOPES else 0,
    )
    size = 24 if version >= FIRST_WITH_SCOPES else 16 if version >= FIRST_WITH_PORTS else 8
    ruleset = syscall(CREATE_RULESET, attributes, size, 0)
    try:
        for paths, rights in ((read, READ_FILE | READ_DIR), (read_write, READ_FILE | WRITE_FILE)):
            for path in paths:
                with contextlib.suppress(FileNotFoundError, PermissionError, NotADirectoryError):
                    _allow(ruleset, path, rights)
        prctl(NO_NEW_PRIVS, 1)
        syscall(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= ~READ_DIR
        syscall(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", rights, opened), 0)
    finally:
        os.close(opened)
