"""What a machine without a GPU has for an engine: bfloat16 units, cores, memory. Reads /proc and cgroups alone.

Where a file is missing, as outside Linux, the answer is the careful one.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
# OpenMP's own name of the most threads that a process may have.
THREAD_LIMIT = "OMP_THREAD_LIMIT"
# By Linux's names, of x86 and of ARM: without one of these, products in bfloat16 are widened first, and slower.
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


def has_bfloat16(root: Path = ROOT) -> bool:
    """Whether every processor multiplies bfloat16 in hardware."""
    lines = (line.partition(":") for line in _read(root / "proc/cpuinfo").splitlines())
    flags = [set(value.split()) for name, _, value in lines if name.strip() in ("flags", "Features")]
    return bool(flags) and all(BFLOAT16_FLAGS & known for known in flags)


def count_cores(root: Path = ROOT) -> int:
    """Cores that this process may use at once: those it is bound to, or fewer.

    Fewer where its container is held to less, or where OMP_THREAD_LIMIT is, as by a launcher of several jobs at
    once.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    told = os.environ.get(THREAD_LIMIT, "")
    limits = [math.ceil(quota) for quota in _quotas(root)] + ([int(told)] if told.isdigit() else [])
    return max(1, min([cores, *limits]))


def available_bytes(root: Path = ROOT) -> int:
    """Memory that can still be taken: what the system says is available,
    or less where a cgroup's limit is nearer.
    """
    lines = (line.split() for line in _read(root / "proc/meminfo").splitlines())
    free = [int(words[1]) * 1024 for words in lines if words[:1] == ["MemAvailable:"]]
    found = free or [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    return max(0, min([*found, *_left_in_cgroups(root)]))


def _left_in_cgroups(root: Path) -> Iterator[int]:
    """What each memory limit above this process leaves. Pages of files count as free:
    they are given up for others.
    """
    for folder in _cgroups(root, "memory"):
        for limit, used, cached in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, taken = _read(folder / limit).strip(), _read(folder / used).strip()
            if most.isdigit() and taken.isdigit():
                stat = dict(line.split() for line in _read(folder / "memory.stat").splitlines())
                yield int(most) - int(taken) + int(stat.get(cached, 0))


def _quotas(root: Path) -> Iterator[float]:
    """The cores' worth of time that each limit above this process allows."""
    for folder in _cgroups(root, "cpu"):
        together = _read(folder / "cpu.max").split()
        apart = [_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
        for words in (together, apart):
            if len(words) == 2 and all(word.isdigit() for word in words):
                yield int(words[0]) / int(words[1])


def _cgroups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's cgroup and of those above it. A container may see its own as the top."""
    mounted = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = mounted / controller if controllers else mounted
        folder = top / path.strip("/")
        yield from (above for above in (folder, *folder.parents) if above.is_relative_to(top))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
