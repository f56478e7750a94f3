"""What two labelled samples of each prompt say of the vote of any number of them. Arrays in, named tuples out.

The vote is that of right against wrong: an answer counts where more than half of the samples are right. Legend: p
is a prompt's chance that one sample is right, V(p) that most of k are.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import ConvexHull
from scipy.special import betainc, betaincinv, gammaln

from analysis.arrays import Floats, Ints

# Places of p that distributions are made of: evenly in p, and evenly in V(p), which rises ever more steeply.
NUM_PLACES = 400
# Faces of a hull that stand upright bound nothing.
UPRIGHT = 1e-10


class Bounds(NamedTuple):
    """The least and the largest accuracy of a vote; (...) each."""

    lower: Floats
    upper: Floats


class Certificate(NamedTuple):
    """Parabolas in p below and above V(p) wherever p lies in 0..1: factors of 1, p and p^2; (..., 3) each."""

    below: Floats
    above: Floats

    def read(self, first: ArrayLike, second: ArrayLike) -> Bounds:
        """What the parabolas say at moments that broadcast to (...) or are replicates (R, ...). Source: ours."""
        first, second = np.broadcast_arrays(*_possible(first, second))
        powers = np.stack([np.ones(first.shape), first, second], axis=-1)
        return Bounds(*(np.clip((powers * factors).sum(axis=-1), 0, 1) for factors in self))


def moments(num_correct: ArrayLike, num_samples: ArrayLike) -> tuple[Floats, Floats]:
    """Unbiased p and p squared of each prompt: the share of right samples, and of pairs with both right.

    num_correct, num_samples (...), each prompt's own number, 2 or more -> (...) each. Every pair of the samples
    counts, so that they are the mean over which two were labelled. Raises ValueError where a prompt has one
    sample. Source: Liu 2026 (arXiv 2605.03379).
    """
    c, n = (np.asarray(count, dtype=float) for count in (num_correct, num_samples))
    if not np.all(n >= 2):
        raise ValueError("Two samples of every prompt are needed; leave out the prompts that have one.")
    return c / n, c * (c - 1) / (n * (n - 1))


def certify(first: ArrayLike, second: ArrayLike, k: int) -> Certificate:
    """What bounds the vote of k over all distributions of p, and at these two moments sharply.

    first, second (...): E[p] and E[p^2], of which chance may put the second below the square of the first; it then
    counts as that -> (..., 3) each. Holds for independent samples of each prompt and a vote of right against
    wrong; ties, which even k have, are split, and make k the same as k - 1. A parabola above V bounds the vote
    whatever the moments, as E[V(p)] is at most its mean; so resampled moments are read off the same one. Mixtures
    of prompts reach the hull of the curve (p, p^2, V(p)); it is taken through 2 NUM_PLACES points, so that bounds
    are exact to 3e-5. Of three votes they are closed: at most 3 b - 2 b^2 / a, a and b the moments. Raises
    ValueError below one vote. Source: Liu 2026 (arXiv 2605.03379), the moment problem and its quadratic
    certificates; Karlin and Studden 1966.
    """
    if k < 1:
        raise ValueError(f"A vote needs at least one sample, not {k}.")
    first, second = _possible(first, second)
    above = _lowest(first, second, (k + 1) // 2)
    # V(1 - p) = 1 - V(p), so that what is above for wrong answers is below for right ones.
    constant, linear, square = np.moveaxis(_lowest(1 - first, 1 - 2 * first + second, (k + 1) // 2), -1, 0)
    below = np.stack([1 - constant - linear - square, linear + 2 * square, -square], axis=-1)
    return Certificate(below, above)


def majority(num_correct: ArrayLike, num_samples: ArrayLike, ks: ArrayLike) -> Floats:
    """Chance that most of a random size-k subset of the samples are right, a tie counting half.

    num_correct, num_samples (P,), ks (K,) -> (P, K). Raises ValueError where k is not in 1..n. Source: the
    hypergeometric law.
    """
    c, n, k = np.asarray(num_correct), np.asarray(num_samples), np.asarray(ks)
    if not np.all((k >= 1) & (k <= n.min())):
        raise ValueError(f"Widths must lie between 1 and the number of samples ({n.min()}), not {k.tolist()}.")
    (all_of, right), place = np.unique(np.stack([n, c]), axis=1, return_inverse=True)
    of_counts = np.stack([_most_of(all_of, right, odd) for odd in (k - (k + 1) % 2).tolist()], axis=1)
    return np.asarray(of_counts[place.ravel()])


def _most_of(n: Ints, c: Ints, k: int) -> Floats:
    """Chance that a random subset of k, an odd number, has more than half of its samples among the c of n;
    (U,).
    """
    right = np.arange(k // 2 + 1, k + 1)
    wrong = k - right
    is_possible = (right <= c[:, None]) & (wrong <= (n - c)[:, None])
    ways = _log_choose(c[:, None], right) + _log_choose((n - c)[:, None], wrong) - _log_choose(n, k)[:, None]
    return np.asarray(np.where(is_possible, np.exp(np.where(is_possible, ways, 0.0)), 0.0).sum(axis=1))


def _log_choose(n: Ints, k: Ints | int) -> Floats:
    """NaN or infinite where there are fewer than k."""
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))


def chance_of_majority(p: ArrayLike, k: int) -> Floats:
    """V(p), a tie counting half; (...) -> (...). Source: the binomial law, as an incomplete beta function."""
    half = (k + 1) // 2
    return np.asarray(betainc(half, half, p))


def _possible(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    first = np.clip(np.asarray(first, dtype=float), 0, 1)
    return first, np.clip(np.asarray(second, dtype=float), first**2, first)


def _lowest(first: Floats, second: Floats, half: int) -> Floats:
    """The parabola above V of the lowest mean at each pair of moments; (...) -> (..., 3)."""
    if half == 1:
        return np.broadcast_to(np.array([0.0, 1.0, 0.0]), (*first.shape, 3))
    faces = _faces(half)
    powers = np.stack([np.ones(first.shape), first, second], axis=-1)
    return np.asarray(faces[(powers @ faces.T).argmin(axis=-1)])


@lru_cache(maxsize=64)
def _faces(half: int) -> Floats:
    """The faces above the curve (p, p^2, V(p)) as parabolas; (F, 3)."""
    evenly = np.linspace(0, 1, NUM_PLACES)
    p = np.unique(np.concatenate([evenly, betaincinv(half, half, evenly)]))
    hull = ConvexHull(np.column_stack([p, p**2, betainc(half, half, p)]))
    faces = hull.equations[hull.equations[:, 2] > UPRIGHT]
    return np.asarray(-faces[:, [3, 0, 1]] / faces[:, 2:3])
