"""The size on a ladder that is as accurate as another model. Arrays in, named tuples out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats
from analysis.stats import substitution
from analysis.stats.bootstrap import Interval, percentile_interval, share_of_replicates


class EffectiveSize(NamedTuple):
    """Parameters at which the ladder first has the model's accuracy;
    inf beyond its largest rung, never extrapolated.

    is_below: already the smallest rung has it, so that the size is an upper bound; shares are of replicates.
    stays: parameters from which on the ladder keeps it, above `size` where the ladder dips below it again, inf
    where it ends below; share_dips: how often it dips.
    """

    size: Interval
    is_below: Bools
    share_below: Floats
    share_beyond: Floats
    stays: Floats
    share_dips: Floats


def effective_size(ladder: ArrayLike, sizes: ArrayLike, accuracy: ArrayLike) -> EffectiveSize:
    """The size whose accuracy equals the model's, under each weighting of the prompts.

    ladder (1 + R, ..., N), the estimate first, for rungs of increasing sizes (N,); accuracy (1 + R, ...) -> fields
    (...). Between two rungs accuracy is linear in log size. The ladder is not made monotone: the least size that
    reaches the accuracy counts, and `stays` says where a dip leaves another. NaN where the model's accuracy is not
    surely above 0, which any size has. Raises ValueError where sizes do not increase or are not known. Source:
    ours.
    """
    ladder, sizes = (np.asarray(array, dtype=float) for array in (ladder, sizes))
    accuracy = substitution.to_match(accuracy)
    if not np.all(np.diff(sizes) > 0) or np.isnan(sizes).any() or len(sizes) < 2:
        raise ValueError(
            f"An effective size needs two rungs or more of known, increasing sizes, not {sizes.tolist()}."
        )
    first = substitution.invert(ladder, sizes, np.log(sizes), accuracy)
    # The logarithm undone may miss the smallest rung's size by its last bit.
    size = np.where(first.at_or_below, sizes[0], first.cost)
    stays = _stays(ladder, np.log(sizes), accuracy)
    # Rounding apart, both read the same crossing where the ladder rises through the accuracy once.
    dips = stays > size * (1 + 1e-9)
    return EffectiveSize(
        size=percentile_interval(size),
        is_below=first.at_or_below[0],
        share_below=share_of_replicates(first.at_or_below, first.cost),
        share_beyond=share_of_replicates(np.isinf(first.cost), first.cost),
        stays=stays[0],
        share_dips=share_of_replicates(dips, first.cost),
    )


def _stays(ladder: Floats, log_sizes: Floats, accuracy: Floats) -> Floats:
    """Size from which on the ladder is at or above the accuracy, inf where its largest rung is not."""
    short = ladder < accuracy[..., None]
    num_rungs = len(log_sizes)
    before = np.where(short.any(axis=-1), num_rungs - 1 - short[..., ::-1].argmax(axis=-1), -1)
    after = np.minimum(before + 1, num_rungs - 1)
    start = np.maximum(before, 0)
    low, high = (np.take_along_axis(ladder, at[..., None], axis=-1)[..., 0] for at in (start, after))
    fraction = np.divide(accuracy - low, high - low, out=np.zeros_like(low), where=(high > low) & (before >= 0))
    size = np.exp(log_sizes[start] + fraction * (log_sizes[after] - log_sizes[start]))
    missing = np.isnan(ladder).any(axis=-1) | np.isnan(accuracy)
    return np.where(missing, np.nan, np.where(before == num_rungs - 1, np.inf, size))
