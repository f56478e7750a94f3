"""Whether models come out in the same order when their samples are drawn again. Arrays in, arrays out."""

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import owens_t

from analysis.arrays import Floats
from analysis.stats import parts
from analysis.stats.bootstrap import weighted_means


def split_tau(num_correct: ArrayLike, num_samples: ArrayLike, weights: ArrayLike, ks: ArrayLike) -> Floats:
    """Kendall's tau between the order of models by k samples of each prompt and that by half of all, other ones.

    num_correct, num_samples (P, J) of J models, each prompt's own number, 2 or more; weights (R, P), ks (K,) up to
    half of the fewest samples -> (R, K), -1 to 1. The expectation over all ways to split the samples: the two
    parts share prompts and no sample, so that it is that of two independent draws; part and whole share samples,
    and tau of them is 1 at all samples however unsure the order is. The law of each pair's two differences is
    taken as normal, by the central limit over prompts, their moments as of draws without replacement; the chance
    that both have one sign is then Owen's. A pair of which neither varies counts 1, or 0 where it is equal. Raises
    ValueError for one model and where k is not in 1..n/2. Sources: Kendall 1938; Owen 1956; tau against the order
    of all samples is Hariri et al. 2026 (arXiv 2603.10960), its splits are ours.
    """
    c, n = (np.asarray(count, dtype=float) for count in (num_correct, num_samples))
    ks, half = np.asarray(ks, dtype=float), float(np.min(n) // 2)
    if c.shape[1] < 2 or not np.all((ks >= 1) & (ks <= half)):
        raise ValueError(f"An order takes two models, and samples from 1 to half of the fewest ({half:g}).")
    variance = c * (n - c) / (n * (n - 1))
    means, drawn, shared = (weighted_means(weights, table) for table in (c / n, variance, variance / n))
    num_prompts = parts.settle(weights).sum(axis=1)[:, None]
    taus = [
        _agreement(
            (means[:, one] - means[:, other])[:, None],
            (
                (drawn[:, one] + drawn[:, other])[:, None] / num_prompts,
                (shared[:, one] + shared[:, other])[:, None] / num_prompts,
            ),
            ks,
            half,
        )
        for one, other in combinations(range(c.shape[1]), 2)
    ]
    return np.asarray(np.mean(taus, axis=0))


def _agreement(gap: Floats, spread: tuple[Floats, Floats], ks: Floats, half: float) -> Floats:
    """Chance of one sign less that of two, of the differences of a pair by k samples and by half; (R, K).

    spread: the variance of one sample's difference, and what all samples together have of it. Of two normal
    differences with one mean h, both are above 0 or both below with chance 1 - 2 T(h / s, a) - 2 T(h / t, b),
    where s and t are their errors, r their correlation, a = (s / t - r) / sqrt(1 - r^2) and b as a with s and t
    exchanged.
    """
    one, every = spread
    first, second = (np.sqrt(np.maximum(one / size - every, 0)) for size in (ks, half))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = -every / (first * second)
        apart = np.sqrt(np.maximum(1 - r**2, 0))
        slopes = (first / second - r) / apart, (second / first - r) / apart
        told = 1 - 4 * sum(
            owens_t(gap / error, slope) for error, slope in zip((first, second), slopes, strict=True)
        )
    return np.where(one > 0, told, np.sign(gap) ** 2)
