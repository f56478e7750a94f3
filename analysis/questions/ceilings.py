"""How far a verifier's own error rates let a filter come, against what it was measured to reach."""

import numpy as np
import pandas as pd

from analysis.questions.interval_rows import Row, by_bin, columns
from analysis.questions.verifier import require_scores
from analysis.reading.bins import Bin
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.stats import filters, intervals
from analysis.stats.bootstrap import percentile_interval

RATES, ACCURACIES = ("true_rate", "false_rate"), ("ceiling", "measured")


def frame(reading: Reading) -> pd.DataFrame:
    """A row a model and bin, at the full budget and all samples; each interval as NAME, NAME_low and NAME_high.

    An answer is accepted where its score reaches a threshold, which one half of all prompts chooses and the other
    is read at. true_rate, false_rate: share of the right and of the wrong answers that are accepted. ceiling: what
    these rates let an endless number of samples reach, at each prompt's own share of right ones; measured: one of
    the accepted of the samples there are. short: ceiling less measured. Under own difficulty the bins are each
    model's. Raises ValueError where the reading's rule reads no scores, UntoldError below two prompts.
    """
    require_scores(reading)
    if len(reading.outcomes.prompt_ids) < 2:
        raise UntoldError("Too few prompts: a threshold is chosen on one half of them and read on the other half.")
    rows = [_row(reading, at, part) for subjects, parts in reading.groups for part in parts for at in subjects]
    return pd.DataFrame(by_bin(rows))


def _row(reading: Reading, at: int, part: Bin) -> Row:
    arm = reading.arms[at]
    found = filters.cross_fit(
        arm.scores.ranked[-1],
        arm.samples.correct[-1],
        choosing=reading.weights,
        weights=part.weights,
        folds=reading.folds,
    )
    row: Row = {"model": arm.rung.name, "bin": part.name, "num_prompts": int((part.weights[0] > 0).sum())}
    for name in RATES:
        row |= columns(name, percentile_interval(getattr(found, name)))
    for name in ACCURACIES:
        row |= columns(name, intervals.accuracy_interval(getattr(found, name), reading.num_drawn(part)))
    return row | columns("short", percentile_interval(np.asarray(found.ceiling - found.measured)))
