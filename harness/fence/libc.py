"""The C library's calls that Python has no name for. Linux."""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)
if hasattr(LIBC, "syscall"):
    LIBC.syscall.restype = ctypes.c_long
# linux/prctl.h
SET_DUMPABLE, GET_SECCOMP, SET_SECCOMP, CAPBSET_DROP, NO_NEW_PRIVS = 4, 21, 22, 24, 38
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x08000000, 0x10000000, 0x40000000
CAPABILITY_VERSION_3 = 0x20080522


def checked(result: int, call: str) -> int:
    """What a call returned; raises OSError with its name where it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def syscall(number: int, *values: int | bytes | None) -> int:
    """Raises OSError where it fails."""
    given = [ctypes.c_long(value) if isinstance(value, int) else value for value in values]
    return checked(LIBC.syscall(ctypes.c_long(number), *given), f"system call {number}")


def prctl(option: int, *values: int) -> None:
    """Raises OSError where the kernel refuses."""
    given = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    checked(LIBC.prctl(option, *given), f"prctl {option}")


def unshare(flags: int) -> None:
    """Leave namespaces for new and empty ones; raises OSError where this is not allowed."""
    checked(LIBC.unshare(flags), "unshare")


def drop_capabilities() -> None:
    """Give up every right of root's that this process holds or could come to hold."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    checked(LIBC.capset(header, (ctypes.c_uint32 * 6)()), "capset")
