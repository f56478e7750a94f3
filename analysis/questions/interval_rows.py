"""What tables of intervals share: an interval as columns, one of several, rows by bin. Knows no question."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from analysis.stats.bootstrap import Interval

Row = dict[str, object]
ENDS = ("", "_low", "_high")
UNKNOWN = Interval(*(np.asarray(np.nan),) * 3)
_Row = TypeVar("_Row", bound=dict[str, Any])


def columns(name: str, interval: Interval) -> Row:
    """An interval as NAME, NAME_low and NAME_high."""
    return {f"{name}{end}": float(np.asarray(value)) for end, value in zip(ENDS, interval, strict=True)}


def interval_at(intervals: Interval, at: Any) -> Interval:
    """That at a place, or those at several, of intervals whose ends are arrays."""
    return Interval(*(np.asarray(end)[at] for end in intervals))


def by_bin(rows: Sequence[_Row]) -> list[_Row]:
    """The rows with bins in the order they come, in each the rows as they come."""
    order = list(dict.fromkeys(row["bin"] for row in rows))
    return sorted(rows, key=lambda row: order.index(row["bin"]))
