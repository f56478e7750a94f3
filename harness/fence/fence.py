"""The walls in their order. Each is put up where the kernel has it; gaps.py finds what then gets through."""

import contextlib
import os
import site
import sys
from pathlib import Path

from harness.children import die_with_parent
from harness.fence import heritage
from harness.fence.landlock import landlock_version, restrict
from harness.fence.libc import SET_DUMPABLE, drop_capabilities, prctl
from harness.fence.seccomp import can_filter, compile_enclosed, compile_sealed, install_filter

SYSTEM = ("/usr", "/lib", "/lib64", "/etc/localtime", "/etc/ld.so.cache", "/dev/urandom", "/dev/zero")


def enclose(*, kept_files: tuple[int, ...], memory_bytes: int) -> list[str]:
    """Take from this forked process, and from all that it forks,
    whatever grading does not need; return what holds it.

    Its children may still start processes until they `seal` themselves. memory_bytes: what it and each child may
    take beside what they were born with. What the kernel lacks is left out.
    """
    heritage.settle_signals()
    heritage.limit_memory(memory_bytes)
    heritage.close_files(kept_files)
    heritage.clear_environment()
    heritage.compute_alone()
    walls = _enclose() if sys.platform == "linux" else []
    # A change of user takes the parent's death off the list of what ends this process.
    die_with_parent()
    return walls


def _enclose() -> list[str]:
    walls: list[str] = []
    heritage.forget_shared_memory()
    folders = readable_folders()
    was_root, is_alone = os.geteuid() == 0, heritage.leave_namespaces(as_user=False)
    heritage.drop_rights(folders)
    # Last, since in a namespace of users of its own a process can be nobody but itself.
    if is_alone or heritage.leave_namespaces(as_user=True):
        walls.append("namespaces")
    drop_capabilities()
    if was_root:
        walls.append("root without capabilities" if os.geteuid() == 0 else "an unprivileged user")
    with contextlib.suppress(OSError):
        restrict(folders, read_write=[os.devnull])
        walls.append(f"Landlock {landlock_version()}")
    prctl(SET_DUMPABLE, 0)
    if can_filter():
        with contextlib.suppress(OSError):
            install_filter(compile_enclosed())
            walls.append("seccomp")
    return walls


def seal(parent: int, *, cpu_seconds: int) -> None:
    """In a child that the enclosed process `parent` forked: nothing but computing from here on."""
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)
    heritage.limit(cpu_seconds)
    if can_filter():
        with contextlib.suppress(OSError):
            install_filter(compile_sealed(os.getpid()))


def readable_folders() -> list[str]:
    """The interpreter's and the system's folders, and of packages that lie elsewhere those that are loaded."""
    prefixes = tuple({os.path.join(prefix, "") for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix)})
    folders = {*SYSTEM, os.path.dirname(os.__file__), *(path for path in sys.path if path.startswith(prefixes))}
    with contextlib.suppress(AttributeError):  # some builds of Python have no such folders
        folders |= {*site.getsitepackages(), site.getusersitepackages()}
    for name, module in list(sys.modules.items()):
        if "." not in name and (path := getattr(module, "__file__", None)):
            folders.add(os.path.dirname(path) if os.path.basename(path).startswith("__init__.") else path)
    real = set(map(os.path.realpath, folders))
    return sorted(path for path in real if not any(map(real.__contains__, map(str, Path(path).parents))))
