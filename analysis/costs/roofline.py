"""GPUs as two numbers, and time as the larger of computing and reading. Knows no model."""

from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats


class Gpu(NamedTuple):
    """Published peaks: FLOPs a second in dense bfloat16, bytes a second from its memory, and the datasheet."""

    peak_flops: float
    bytes_per_second: float
    source: str


# Peaks without the doubling that vendors quote for structured sparsity.
GPUS = {
    "A10": Gpu(125e12, 600e9, "NVIDIA A10 datasheet"),
    "A100-80GB": Gpu(312e12, 2.039e12, "NVIDIA A100 datasheet, SXM"),
    "H100": Gpu(989.4e12, 3.35e12, "NVIDIA H100 datasheet, SXM"),
    "H200": Gpu(989.4e12, 4.8e12, "NVIDIA H200 datasheet, SXM"),
    "L4": Gpu(121e12, 300e9, "NVIDIA L4 datasheet"),
    "L40S": Gpu(362e12, 864e9, "NVIDIA L40S datasheet"),
}


class Line(NamedTuple):
    """level + slope x."""

    level: float
    slope: float

    def over(self, rate: float) -> "Line":
        """The line in seconds (scalars), of one in what is done at this rate a second. Source: by definition."""
        return Line(self.level / rate, self.slope / rate)


def sum_of_larger(one: Line, other: Line, *, start: Floats, length: Floats) -> Floats:
    """Sum over t = 1..length of the larger of two lines at x = start + t, in the lines' unit.

    start and length, in tokens, broadcast to the result's shape. The line that rises faster is the larger from
    where they cross, so the sum has two closed parts. A fractional length counts its last part at the rate of the
    line that is larger there. Source: ours.
    """
    flat, steep = sorted((one, other), key=lambda line: line.slope)
    if flat.slope == steep.slope:
        return _sum(max(one, other), start, length)
    crossing = (flat.level - steep.level) / (steep.slope - flat.slope)
    before = np.clip(np.floor(crossing - start), 0, length)
    return _sum(flat, start, before) + _sum(steep, start, length) - _sum(steep, start, before)


def _sum(line: Line, start: Floats, length: Floats) -> Floats:
    return line.level * length + line.slope * (start * length + length * (length + 1) / 2)
