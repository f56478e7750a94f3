"""Claim: inference compute substitutes for parameters (Snell et al. 2024, arXiv 2408.03314)."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Floats, Ints
from analysis.claims.claim import Claim, Grid, Measure, Regions, Weighed, differences
from analysis.claims.held import Held
from analysis.questions import exchange_rates
from analysis.reading.untold import UntoldError
from analysis.stats import affordable
from analysis.stats.bootstrap import weighted_means


class Gains(NamedTuple):
    """Smaller models at the compute of one answer of the largest: accuracy over that answer, and over the best
    that the largest makes of as much; (1 + R,) each, and the same of each prompt (P,).
    """

    over_answer: Floats
    over_own: Floats
    of_prompts: tuple[Floats, Floats]


def gains(small: Grid, large: Grid, answer: int, *, weights: Floats, folds: Ints) -> Gains:
    """What smaller models gain at the mean cost of one answer of the largest, which is its cell `answer`.

    Grids are (P, J), cells in any order. Which cell is best at that cost is chosen on one half of the prompts and
    read on the other, on both sides alike and in every replicate, so that neither gains by being chosen. Source:
    `affordable.best`; the two comparisons are Snell's, with and without his fixed larger model.
    """
    level = float(weighted_means(weights[:1], large.cost[:, [answer]])[0, 0])
    one = weighted_means(weights, large.accuracy[:, [answer]])[:, 0]
    best, own = (
        affordable.best(side.accuracy, side.cost, level, weights=weights, folds=folds) for side in (small, large)
    )
    return Gains(
        best.accuracy - one,
        best.accuracy - own.accuracy,
        (best.of_prompts - large.accuracy[:, answer], best.of_prompts - own.of_prompts),
    )


def weigh(held: Held, regions: Regions) -> Weighed:
    """Every smaller model's cells against the largest model's answer at width 1 and its largest budget."""
    held.require_models()
    held.require_prompts()
    cells = held.cells
    *smaller, large = (Grid(*(np.reshape(array, (len(array), -1)) for array in table)) for table in cells.tables)
    small = Grid(*(np.concatenate(arrays, axis=1) for arrays in zip(*smaller, strict=True)))
    answer = held.reading.reference * len(cells.widths)
    if small.cost.mean(axis=0).min() > large.cost[:, answer].mean():
        raise UntoldError(f"No cell of a smaller model is as cheap as one answer of {held.names[-1]}.")
    found = gains(small, large, answer, weights=held.reading.weights, folds=held.reading.folds)
    of_answer, of_own = found.of_prompts
    whose = f"Best settings of smaller models at the compute of one answer of {held.names[-1]}, against"
    measures = (
        Measure(
            differences("over one answer", found.over_answer, of_answer, regions["over_answer"]),
            "points",
            f"{whose} that answer",
        ),
        Measure(
            differences("over its own best", found.over_own, of_own, regions["over_own"]),
            "points",
            f"Against {held.names[-1]} itself at its best with that compute",
        ),
    )
    return Weighed(measures, held.num_drawn, _rates(held))


def _rates(held: Held) -> pd.DataFrame:
    """The exchange rates against the largest model, as `isoquant summary` prints them."""
    found = exchange_rates.measure(held.reading).exchange_rates
    is_shown = (found["rule"] == held.reading.rule) & (found["large"] == held.names[-1])
    return found[is_shown].reset_index(drop=True)


CLAIM = Claim(
    name="substitution",
    says="inference compute substitutes for parameters",
    source="Snell et al. 2024, arXiv 2408.03314",
    needs="two models, several samples or budgets",
    control="the largest model with the same compute; settings chosen on other prompts than they are read on",
    sweep="isoquant sweep experiment=embedded run=substitution",
    parts=("over_answer", "over_own"),
    weigh=weigh,
)
