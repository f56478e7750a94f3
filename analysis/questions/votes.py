"""What several answers to one prompt are worth together: every table of it. Knows readings, no files."""

from typing import NamedTuple

import pandas as pd

from analysis.questions import rank_stability, vote_bounds, vote_cells
from analysis.reading.reading import Reading


class Votes(NamedTuple):
    """The table of each of these questions; that of ranks is empty of one model."""

    cells: pd.DataFrame
    bounds: pd.DataFrame
    ranks: pd.DataFrame


def measure(reading: Reading) -> Votes:
    """Every table. Raises UntoldError where no model has two samples of each prompt."""
    return Votes(vote_cells.frame(reading), vote_bounds.frame(reading), rank_stability.frame(reading))
