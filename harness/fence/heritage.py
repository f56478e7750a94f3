"""What a forked process inherits and a stranger's answer must not have:
files, variables, shared memory, rights.
"""

import contextlib
import ctypes
import mmap
import os
import re
import resource
import signal
import sys
from collections.abc import Collection, Iterator
from itertools import count, takewhile
from pathlib import Path

from threadpoolctl import threadpool_limits

from harness.fence.libc import (
    CAPBSET_DROP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWUSER,
    LIBC,
    drop_capabilities,
    prctl,
    unshare,
)

# What libraries look up while they read an answer, none of it a secret.
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
# What ends a process whose time is up, or which is told to end, even where its parent ignores them.
ENDS = (signal.SIGPROF, signal.SIGXCPU, signal.SIGTERM)
NOBODY = 65534
MAX_CAPABILITY = 63
NUM_FILES = 128
MAP_FIXED = 0x10
_SPAN = re.compile(r"([0-9a-f]+)-([0-9a-f]+) ")


def close_files(kept: Collection[int]) -> None:
    """Close every file but `kept`; input and output go nowhere."""
    nowhere = open(os.devnull, "r+")  # noqa: SIM115 - it stays open
    sys.stdin = sys.stdout = sys.stderr = nowhere
    for stream in (0, 1, 2):
        os.dup2(nowhere.fileno(), stream)
    last = 2
    for stays in sorted({*kept, nowhere.fileno()}):
        os.closerange(last + 1, stays)
        last = stays
    os.closerange(last + 1, max(last + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0]))


def clear_environment() -> None:
    """Overwrite the values of all variables but a few, which Python and the C library hold apart.

    Copies that others made of a value stay where they are.
    """
    if sys.platform == "linux":
        values = ctypes.POINTER(ctypes.c_void_p).in_dll(LIBC, "environ")
        for address in takewhile(bool, map(values.__getitem__, count())) if values else ():
            text = ctypes.string_at(address)
            if text.partition(b"=")[0].decode(errors="replace") not in KEPT_VARIABLES:
                ctypes.memset(address, ord("="), len(text))
    for name in [name for name in os.environ if name not in KEPT_VARIABLES]:
        del os.environ[name]


def compute_alone() -> None:
    """Have libraries of linear algebra, loaded or to be, start no threads:
    some wait for ever for what is refused.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    threadpool_limits(1)


def forget_shared_memory() -> None:
    """Put empty pages of its own where this process shares memory that it may write, or could come to.

    What was mapped to be read, from a file that was opened to be written, is one call away from that.
    """
    LIBC.mmap.restype = ctypes.c_void_p
    for start, end in list_shared_memory():
        how = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_FIXED
        size, rest = ctypes.c_size_t(end - start), ctypes.c_long(0)
        LIBC.mmap(ctypes.c_void_p(start), size, mmap.PROT_READ | mmap.PROT_WRITE, how, -1, rest)


def list_shared_memory() -> Iterator[tuple[int, int]]:
    """Where the memory starts and ends that other processes see written,
    by the kernel's flags (proc_pid_smaps(5)).
    """
    bounds = (0, 0)
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if span := _SPAN.match(line):
            bounds = int(span.group(1), 16), int(span.group(2), 16)
        elif line.startswith("VmFlags:") and {"sh", "mw"} <= set(line.split()):
            yield bounds


def leave_namespaces(*, as_user: bool) -> bool:
    """Have a network, and shared memory by name, of one's own with nothing in it; whether that was allowed."""
    with contextlib.suppress(OSError):
        unshare(CLONE_NEWNET | CLONE_NEWIPC | (CLONE_NEWUSER if as_user else 0))
        return True
    return False


def drop_rights(readable: Collection[str]) -> None:
    """Be nobody where root may be and nobody can read `readable`; be without capabilities in any case."""
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            for capability in range(MAX_CAPABILITY + 1):
                prctl(CAPBSET_DROP, capability)
        with contextlib.suppress(OSError):
            become_nobody(readable)
    drop_capabilities()


def become_nobody(readable: Collection[str]) -> None:
    """Raises OSError where this process may not, or where nobody cannot read what is needed."""
    present = [path for path in readable if os.path.exists(path)]
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    can_read = all(os.access(path, os.R_OK, effective_ids=True) for path in present)
    os.seteuid(0)
    os.setegid(0)
    if not can_read:
        raise PermissionError("Only root can read the folders of this Python interpreter.")
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def limit_memory(more_bytes: int) -> None:
    """Allow so much beside what this process was born with; of a limit on the whole,
    a large parent leaves nothing.
    """
    if sys.platform == "linux":
        born_with = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        needed, allowed = born_with + more_bytes, resource.getrlimit(resource.RLIMIT_AS)[1]
    # With less, answers that need no more than they may would be told as ones that need too much.
    if resource.RLIM_INFINITY != allowed < needed:
        raise MemoryError
    resource.setrlimit(resource.RLIMIT_AS, (needed, needed))


def limit(cpu_seconds: int) -> None:
    """No file grows, no process starts, and time ends, whatever becomes of a timer."""
    for kind, most in (
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, NUM_FILES),
    ):
        resource.setrlimit(kind, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))


def settle_signals() -> None:
    """What a terminal's keys send is the parent's to hear;
    all that a command listens to does what the kernel does.
    """
    for own in signal.valid_signals():
        if callable(signal.getsignal(own)) or own in ENDS:
            signal.signal(own, signal.SIG_DFL)
    for keys in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(keys, signal.SIG_IGN)
