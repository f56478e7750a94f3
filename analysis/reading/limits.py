"""Thinking budgets, of which the last may be none: in words, and where a path of them crosses."""

import numpy as np

from analysis.arrays import Ints
from analysis.runs import samples
from analysis.stats.bootstrap import Interval

UNLIMITED = samples.UNLIMITED


def thinking(budget: float) -> str:
    """'at 256 thinking tokens', or 'with no limit on thinking' where outcomes from elsewhere had none."""
    return "with no limit on thinking" if budget >= UNLIMITED else f"at {budget:.0f} thinking tokens"


def short(tokens: int) -> str:
    """'256', '16k' of 16,384, or 'all' where thinking had no limit."""
    if tokens >= UNLIMITED:
        return "all"
    return f"{tokens // 1024}k" if tokens >= 1024 and tokens % 1024 == 0 else f"{tokens}"


def known_budgets(steps: Interval, budgets: Ints) -> Interval:
    """Thinking budgets at which a path of budgets crosses: NaN where that is between the last limit and no limit.

    steps: fields () under budgets (B,), of which the last may be UNLIMITED, a stand-in for none that no number of
    tokens interpolates. What they cost is known all the same.
    """
    limited = budgets[budgets < UNLIMITED]
    last = limited[-1] if len(limited) else -np.inf
    estimate, low, high = (np.where((end > last) & np.isfinite(end), np.nan, end) for end in steps)
    return Interval(estimate, low, high)
