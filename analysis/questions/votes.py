"""What several answers to one prompt are worth together: every table of it. Knows readings, no files."""

from typing import NamedTuple

import pandas as pd

from analysis.questions import rank_stability, small_sets, vote_bounds, vote_cells
from analysis.reading.reading import Reading


class Votes(NamedTuple):
    """The table of each of these questions; that of ranks is empty of one model."""

    cells: pd.DataFrame
    bounds: pd.DataFrame
    ranks: pd.DataFrame
    small_sets: pd.DataFrame


def measure(reading: Reading) -> Votes:
    """Every table. Raises UntoldError where no model has two samples of each prompt."""
    questions = (vote_cells, vote_bounds, rank_stability, small_sets)
    return Votes(*(question.frame(reading) for question in questions))
