"""How many samples count of a grid whose prompts have unlike many. Knows numbers, no tables."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

# A grid that is still growing counts as grown once this share of its prompts has the larger cells.
GROWN_SHARE = 0.9


def num_grown(num_ready: Sequence[int] | NDArray[np.int64], declared: Collection[int]) -> int:
    """The largest declared number of samples that at least GROWN_SHARE of the begun prompts have reached.

    num_ready (P,): samples that each prompt has at every budget. Begun are those that have the least declared
    number.
    """
    ready = np.asarray(num_ready)
    begun = np.count_nonzero(ready >= min(declared))
    return max(count for count in declared if np.count_nonzero(ready >= count) >= GROWN_SHARE * begun)
