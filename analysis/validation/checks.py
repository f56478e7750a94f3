"""What a simulation has to show, as one row of the table of record."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binom

# Two-sided 95% intervals are held to cover this often, and placebos may win no oftener than PLACEBO.
COVERS = (0.93, 0.97)
PLACEBO = 0.05
FULL_DATASETS = 2000


class Check(NamedTuple):
    """An observed figure and the bounds it has to keep, both NaN where it is reported and holds to none."""

    claim: str
    case: str
    observed: float
    low: float
    high: float
    num_datasets: int

    @property
    def holds(self) -> bool:
        """Whether it keeps its bounds, or has none."""
        return not (self.observed < self.low or self.observed > self.high)


def share(
    claim: str,
    case: str,
    hits: list[bool],
    *,
    low: float = np.nan,
    high: float = np.nan,
    num_datasets: int | None = None,
) -> Check:
    """A share of simulated data sets, or of all cells of `num_datasets` of them.

    Below FULL_DATASETS the bounds are three standard errors of such a share wider.
    """
    number = len(hits) if num_datasets is None else num_datasets
    slack = 0.0 if number >= FULL_DATASETS else 3 * np.sqrt(0.05 * 0.95 / number)
    return Check(claim, case, float(np.mean(hits)), float(low - slack), float(high + slack), number)


def placebo(claim: str, case: str, wins: list[bool]) -> Check:
    """How often a placebo wins: it holds unless a one-sided binomial test finds more than PLACEBO at p <= .01."""
    allowed = binom.isf(0.01, len(wins), PLACEBO) / len(wins)
    return Check(claim, case, float(np.mean(wins)), 0.0, float(allowed), len(wins))
