"""Large pages for a process that forks often: a fork copies the table of its pages,
of which there are then fewer.
"""

import ctypes
import sys
from pathlib import Path

from harness.fence.libc import LIBC

MADV_COLLAPSE = 25
LARGE_BYTES = 1 << 21


def collapse_pages() -> None:
    """Put this process's memory on large pages where it is whole and Linux (6.1 or later) will."""
    if sys.platform != "linux":
        return
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, _, _, file_number, *_ = line.split()
        if rights == "rw-p" and file_number == "0":
            start, end = (int(bound, 16) // LARGE_BYTES * LARGE_BYTES for bound in span.split("-"))
            for address in range(start + LARGE_BYTES, end, LARGE_BYTES):
                # A stretch that was never written stays as it is, and costs nothing.
                LIBC.madvise(ctypes.c_void_p(address), ctypes.c_size_t(LARGE_BYTES), MADV_COLLAPSE)
