"""The lane beyond the end of a log axis, where lies what is never reached. Knows no figure."""

from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes

SHADE = "#f1f1f1"
# Of an axis' length in log units.
SHARE = 0.16


class Lane(NamedTuple):
    """From where numbers end to where the axis does, in the data's units."""

    start: float
    end: float

    @property
    def middle(self) -> float:
        return self.at(0.5)

    def at(self, share: float) -> float:
        """The place at a share of the lane's width."""
        return float(self.start * (self.end / self.start) ** share)


def beyond(low: float, high: float, share: float = SHARE) -> Lane:
    """The lane that takes this share of an axis whose numbers go from low to high."""
    return Lane(high, float(high * (high / low) ** (share / (1 - share))))


def shade(axes: Axes, which: Literal["x", "y"], lane: Lane) -> None:
    """Tell the lane apart from the numbers."""
    span = axes.axvspan if which == "x" else axes.axhspan
    span(lane.start, lane.end, color=SHADE, linewidth=0, zorder=0.6)


def held(value: float, lane: Lane) -> float:
    """A value, or the lane's middle where it is never reached."""
    return lane.middle if np.isinf(value) else float(value)
