"""Claim: width beats depth at equal compute (GRAM, arXiv 2605.19376; Think Twice, arXiv 2503.19855)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.arrays import Floats, Ints
from analysis.claims.claim import Claim, Grid, Measure, Regions, Weighed, differences
from analysis.claims.held import Held
from analysis.questions import parallel
from analysis.reading import cells
from analysis.reading.curves import Rule
from analysis.reading.untold import UntoldError
from analysis.runs.arms import is_outside
from analysis.stats import affordable
from analysis.stats.bootstrap import weighted_means
from analysis.stats.verdicts import Region

VOTE: Rule = "maj_at_k"
NAMES: dict[Rule, str] = {VOTE: "the vote", "pass_at_k": "any right one"}


class Wide(NamedTuple):
    """What shorter thinking in more samples gains over the largest budget at equal compute, the mean over models:
    (1 + R,), and of each prompt (P,).
    """

    gain: Floats
    of_prompts: Floats


def gain(tables: Sequence[Grid], width: int, *, weights: Floats, folds: Ints) -> Wide:
    """The best cell of the smaller budgets, at the mean cost of the last budget at this width, against that cell.

    tables (P, B, K) each; width: a position among K. Which budget and width is best is chosen on one half of the
    prompts and read on the other, of each model by itself; both sides are read by one rule, that of the tables.
    Source: `affordable.best`.
    """
    gains, prompts = [], []
    for table in tables:
        deep = table.accuracy[:, -1, width]
        level = float(weighted_means(weights[:1], table.cost[:, -1, [width]])[0, 0])
        accuracy, spent = (each[:, :-1].reshape(len(each), -1) for each in table)
        found = affordable.best(accuracy, spent, level, weights=weights, folds=folds)
        gains.append(found.accuracy - weighted_means(weights, deep[:, None])[:, 0])
        prompts.append(found.of_prompts - deep)
    return Wide(np.mean(gains, axis=0), np.mean(prompts, axis=0))


def weigh(held: Held, regions: Regions) -> Weighed:
    """A quarter of the samples at the largest budget, against as much compute in shorter ones; by the reader's
    rule, and by the vote where that rule is another.
    """
    held.require_prompts()
    held.require_budgets()
    held.require_samples(4)
    reading = held.reading
    if reading.words.name != "budget" or is_outside(reading.asked.grader):
        raise UntoldError("Samples that were cut at several thinking budgets are needed.")
    widths = held.cells.widths
    at = int(np.searchsorted(widths, max(1, reading.outcomes.num_samples // 4), side="right")) - 1
    tables = [Grid(*table) for table in held.cells.tables]
    measures = [_measure(tables, at, held, regions["gain"], NAMES.get(reading.rule, reading.rule))]
    if reading.rule != VOTE:
        if VOTE not in reading.rules:
            raise UntoldError("What samples answer is needed, so that both sides can vote.")
        voted = reading.read_by(VOTE)
        tables = [Grid(*cells.table(voted, number, widths)) for number in range(len(held.names))]
        measures.append(_measure(tables, at, held, regions["by_vote"], NAMES[VOTE]))
    deep = f"{numerals.samples(widths[at])} at {int(reading.outcomes.budgets[-1])} thinking tokens"
    shown = f"Both sides spend the compute of {deep}."
    return Weighed(tuple(measures), held.num_drawn, _levels(held), (shown,))


def _measure(tables: Sequence[Grid], at: int, held: Held, region: Region, read: str) -> Measure:
    found = gain(tables, at, weights=held.reading.weights, folds=held.reading.folds)
    says = f"More and shorter samples against fewer long ones, both read by {read}"
    return Measure(differences(f"gain by {read}", found.gain, found.of_prompts, region), "points", says)


def _levels(held: Held) -> pd.DataFrame:
    """Accuracy of every split at each compute level, as the figure `parallel` draws it."""
    try:
        found = parallel.frame(held.cells)
    except UntoldError:
        return pd.DataFrame()
    return found[["model", "multiple", "budget", "width", "serial_tokens", "accuracy", "low", "high", "is_best"]]


CLAIM = Claim(
    name="width",
    says="width beats depth at equal compute",
    source="GRAM, arXiv 2605.19376; Think Twice, arXiv 2503.19855",
    needs="two thinking budgets, four samples",
    control="one selection rule on both sides",
    sweep="isoquant sweep experiment=embedded run=width grid.budgets=[32,64,128,256] grid.widths=[1,4,16]",
    parts=("gain", "by_vote"),
    weigh=weigh,
)
