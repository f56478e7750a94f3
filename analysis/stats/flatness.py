"""Whether accuracies along cells tell a curve at all: not at the floor,
nor the ceiling, nor where nothing moves.
"""

import numpy as np
from numpy.typing import ArrayLike

from analysis.stats.bootstrap import percentile_interval
from analysis.stats.substitution import to_match

FLOOR = "at the floor: no cell is certainly right on any prompt"
CEILING = "at the ceiling: no cell is certainly wrong on any prompt"
FLAT = "flat: no two cells certainly differ"


def why_untold(accuracy: ArrayLike) -> str:
    """FLOOR, CEILING or FLAT, where a search would end at a minimum of nothing; "" where there is a curve to fit.

    accuracy (1 + R, J) under `bootstrap.prompt_weights`, the estimate first. Flat is judged by the cells that are
    farthest apart in the estimate. Source: ours.
    """
    accuracy = np.asarray(accuracy, dtype=float)
    if np.isnan(to_match(accuracy)[0]).all():
        return FLOOR
    if np.isnan(to_match(1 - accuracy)[0]).all():
        return CEILING
    least, most = int(np.argmin(accuracy[0])), int(np.argmax(accuracy[0]))
    rise = percentile_interval(accuracy[:, most] - accuracy[:, least])
    return "" if rise.low > 0 else FLAT
