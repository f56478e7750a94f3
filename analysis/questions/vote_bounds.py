"""What two samples of each prompt say of the vote of any number of them, beside the votes that were drawn."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.questions.interval_rows import columns
from analysis.questions.vote_cells import MISSING, alike, place_columns, places
from analysis.reading import curves
from analysis.reading.bins import Bin
from analysis.reading.cells import Row, spaced
from analysis.reading.reading import Reading
from analysis.stats import intervals, vote_bounds
from analysis.stats.bootstrap import Interval, percentile_interval, weighted_means

# Beyond the samples that are drawn.
FAR = (31, 63, 127)


def frame(reading: Reading) -> pd.DataFrame:
    """A row a model, bin and width at the full budget, widths as far as the model's samples and then those of FAR.

    lower, upper: between them lies the accuracy of a vote of so many, right against wrong, whatever the
    distribution of solve rates with the two moments that pairs of samples give; least_gain, most_gain: these less
    the accuracy of one answer. measured: that vote over subsets of the samples that were drawn, and voted: the
    vote over answers, of which the bounds say nothing; NaN beyond those samples, and voted of counts. Each with
    its 95% interval; rho and effective as in `vote_cells.frame`. Source: `vote_bounds.certify`. Raises UntoldError
    as there.
    """
    rows = [row for part, at in places(reading) for row in _rows(reading, part, at)]
    return pd.DataFrame(rows).assign(**reading.setting.columns())


def _rows(reading: Reading, part: Bin, at: int) -> Iterator[Row]:
    arm, num_drawn = reading.arms[at], reading.num_drawn(part)
    right, total = arm.tally(-1)
    widths = spaced(curves.width_path(1, arm.num_samples, "maj_at_k").widths)
    pairs = weighted_means(part.weights, np.stack(vote_bounds.moments(right, total), axis=1))
    measured = weighted_means(part.weights, vote_bounds.majority(right, total, np.asarray(widths)))
    tables = {"measured": intervals.accuracy_interval(measured, num_drawn)}
    if arm.rung.has_votes:
        voted = reading.read_by("maj_at_k").accuracy(at, widths, budgets=[len(arm.budgets) - 1]).mean[0]
        tables["voted"] = intervals.accuracy_interval(weighted_means(part.weights, voted), num_drawn)
    worth = alike(arm, part)[-1]
    for width in (*widths, *(far for far in FAR if far > arm.num_samples)):
        row = place_columns(reading, part, at) | {"width": width} | _bounds(pairs, width, num_drawn)
        for name in ("measured", "voted"):
            is_told = name in tables and width in widths
            ends = Interval(*(end[widths.index(width)] for end in tables[name])) if is_told else MISSING
            row |= columns(name, ends)
        yield row | worth


def _bounds(pairs: Floats, width: int, num_drawn: int) -> Row:
    """Bounds at a width, and what they leave of the gain over one answer; pairs: both moments, (1 + R, 2)."""
    first, second = pairs.T
    lower, upper = vote_bounds.certify(first[0], second[0], width).read(first, second)
    ends = {
        name: intervals.accuracy_interval(end, num_drawn) for name, end in (("lower", lower), ("upper", upper))
    }
    gains = {"least_gain": percentile_interval(lower - first), "most_gain": percentile_interval(upper - first)}
    return {key: value for name, each in (ends | gains).items() for key, value in columns(name, each).items()}
