"""The best allocation between two components, such as experts and lookup memory, from a table. Knows no files."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.questions.shape_laws import numbers
from analysis.reading.untold import UntoldError
from analysis.stats import turning_points
from analysis.stats.turning_points import Best, ShareFit


class BestShare(NamedTuple):
    """Of one value of the column that splits the table ("" without one): its points, the fit of these, and the
    outcome at the best of the shares that were measured.
    """

    group: str
    shares: Floats
    outcome: Floats
    fit: ShareFit
    best_measured: float


def fit(table: pd.DataFrame, *, ratio: str, outcome: str, by: str | None, best: Best) -> list[BestShare]:
    """The best share in every group. Raises ValueError for columns that are missing or hold what they cannot,
    UntoldError where a group has too few shares.
    """
    for name in (ratio, outcome, *([by] if by else [])):
        if name not in table:
            raise ValueError(f"The table has no column {name}, but {', '.join(map(str, table.columns))}.")
    parts = table.groupby(by, sort=True, dropna=False) if by else [("", table)]
    return [_fit_one(str(group), part, ratio, outcome, best) for group, part in parts]


def _fit_one(group: str, part: pd.DataFrame, ratio: str, outcome: str, best: Best) -> BestShare:
    shares, values = numbers(part, ratio), numbers(part, outcome, least=-np.inf)
    try:
        found = turning_points.fit_share(shares, values, best=best)
    except ValueError as error:
        where = f" of {group}" if group else ""
        raise UntoldError(f"No best {ratio}{where} can be told. {error}") from None
    measured = values.max() if best == "highest" else values.min()
    return BestShare(group, shares, values, found, float(measured))
