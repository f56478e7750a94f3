"""Thinking budgets, of which the last may be none: where a path of them crosses."""

import numpy as np

from analysis.arrays import Ints
from analysis.runs import samples
from analysis.stats.bootstrap import Interval

UNLIMITED = samples.UNLIMITED


def known_budgets(steps: Interval, budgets: Ints) -> Interval:
    """Thinking budgets at which a path of budgets crosses: NaN where that is between the last limit and no limit.

    steps: fields () under budgets (B,), of which the last may be UNLIMITED, a stand-in for none that no number of
    tokens interpolates. What they cost is known all the same.
    """
    limited = budgets[budgets < UNLIMITED]
    last = limited[-1] if len(limited) else -np.inf
    estimate, low, high = (np.where((end > last) & np.isfinite(end), np.nan, end) for end in steps)
    return Interval(estimate, low, high)
