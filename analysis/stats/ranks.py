"""Places in order, ties shared. Arrays in, arrays out."""

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats


def average_ranks(values: ArrayLike) -> Floats:
    """Each value's place among those of its row, from 1; equal values share the mean of their places.

    (..., N) without NaN -> (..., N). Source: Spearman 1904.
    """
    values = np.asarray(values, dtype=float)
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-1)
    changes = ordered[..., 1:] != ordered[..., :-1]
    edge, places = np.ones((*values.shape[:-1], 1), dtype=bool), np.arange(values.shape[-1])
    first = np.maximum.accumulate(np.where(np.concatenate([edge, changes], axis=-1), places, 0), axis=-1)
    ends = np.where(np.concatenate([changes, edge], axis=-1), places, values.shape[-1])
    last = np.minimum.accumulate(ends[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=-1)
    return ranks
