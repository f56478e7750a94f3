"""What the device of a job can do at most: peaks of GPUs by their datasheets,
and of a processor as it is measured.
"""

import functools
import os
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from sweeps.provenance import list_gpus


class Peak(NamedTuple):
    """FLOPs a second in dense 16-bit arithmetic and bytes a second from memory,
    of one device; what is said of it.
    """

    flops: float
    bytes_per_second: float
    source: str


# By a word of the name that nvidia-smi gives: the longest that fits is meant. Without the doubling that vendors
# quote for structured sparsity.
GPUS = {
    "A10": Peak(125e12, 600e9, "NVIDIA A10 datasheet"),
    "A100": Peak(312e12, 2.039e12, "NVIDIA A100 datasheet, SXM"),
    "H100": Peak(989.4e12, 3.35e12, "NVIDIA H100 datasheet, SXM"),
    "H200": Peak(989.4e12, 4.8e12, "NVIDIA H200 datasheet, SXM"),
    "L4": Peak(121e12, 300e9, "NVIDIA L4 datasheet"),
    "L40S": Peak(362e12, 864e9, "NVIDIA L40S datasheet"),
}
# Small enough to be done before another program has its turn, so that the best of many is the processor's own.
SIDE, COPIED, TIMES = 384, 2**22, 60


def find_peak(*, num_threads: int | None) -> Peak | None:
    """The peak of one device of this machine: of its first GPU,
    None where none is known, else of so many threads.
    """
    if gpus := list_gpus():
        words = gpus[0].replace("-", " ").split()
        return next((peak for name, peak in GPUS.items() if name in words), None)
    num_cores = len(os.sched_getaffinity(0))
    core, num_threads = _measure_core(), min(num_threads or num_cores, num_cores)
    told = f"this processor, just measured at {core.flops / 1e9:,.0f} GFLOPs a second and core in float32"
    return Peak(core.flops * num_threads, core.bytes_per_second, told)


@functools.cache
def _measure_core() -> Peak:
    """One core's product of two float32 matrices, and a copy, the best of many: a fifth of a second."""
    square = np.ones((SIDE, SIDE), np.float32)
    source, target = np.ones(COPIED, np.float32), np.ones(COPIED, np.float32)
    with threadpool_limits(1):
        product = min(_time(lambda: square @ square) for _ in range(TIMES))
    copy = min(_time(lambda: np.copyto(target, source)) for _ in range(TIMES))
    return Peak(2 * SIDE**3 / product, 2 * source.nbytes / copy, "")


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
