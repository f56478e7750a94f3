"""What a machine has, read from files that were written here."""

import os
from pathlib import Path

import pytest

from harness.engines.machine import available_bytes, count_cores, has_bfloat16

GIB = 2**30


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine of 24 GiB without limits."""
    write(tmp_path, "proc/meminfo", f"MemTotal: {24 * 2**20} kB\nMemAvailable: {20 * 2**20} kB\n")
    write(tmp_path, "proc/self/cgroup", "0::/slice/job\n")
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("line", "has"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16", True),
        ("flags\t\t: fpu amx_bf16 amx_tile", True),
        ("flags\t\t: fpu avx2 avx512f", False),
        ("Features\t: fp asimd bf16", True),
        ("Features\t: fp asimd", False),
    ],
)
def test_bfloat16_is_read_from_the_processors_flags(tmp_path: Path, line: str, has: bool) -> None:
    write(tmp_path, "proc/cpuinfo", f"processor\t: 0\n{line}\n\nprocessor\t: 1\n{line}\n")
    assert has_bfloat16(tmp_path) is has


def test_a_machine_that_tells_nothing_has_no_bfloat16(tmp_path: Path) -> None:
    assert not has_bfloat16(tmp_path)
    assert available_bytes(tmp_path) > 0


def test_without_limits_memory_is_what_the_system_has_available(root: Path) -> None:
    assert available_bytes(root) == 20 * GIB
    write(root, "sys/fs/cgroup/slice/memory.max", "max\n")
    assert available_bytes(root) == 20 * GIB


@pytest.mark.parametrize("folder", ["slice/job", "slice", ""])
def test_the_nearest_memory_limit_counts_and_files_in_memory_do_not(root: Path, folder: str) -> None:
    place = f"sys/fs/cgroup/{folder}/"
    write(root, f"{place}memory.max", f"{8 * GIB}\n")
    write(root, f"{place}memory.current", f"{5 * GIB}\n")
    write(root, f"{place}memory.stat", f"anon 1\ninactive_file {2 * GIB}\n")
    assert available_bytes(root) == 5 * GIB


def test_the_memory_limit_of_an_older_linux_counts(root: Path) -> None:
    write(root, "proc/self/cgroup", "4:memory:/job\n0::/\n")
    write(root, "sys/fs/cgroup/memory/job/memory.limit_in_bytes", f"{4 * GIB}\n")
    write(root, "sys/fs/cgroup/memory/job/memory.usage_in_bytes", f"{GIB}\n")
    assert available_bytes(root) == 3 * GIB


def test_a_limit_on_processor_time_bounds_the_cores(root: Path) -> None:
    all_cores = len(os.sched_getaffinity(0))
    assert count_cores(root) == all_cores
    write(root, "sys/fs/cgroup/slice/job/cpu.max", "50000 100000\n")
    assert count_cores(root) == 1
    write(root, "sys/fs/cgroup/slice/job/cpu.max", "max 100000\n")
    assert count_cores(root) == all_cores
