"""How alike the answers to one prompt are, and how many independent ones they are worth. Arrays in, arrays out."""

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.stats import parts
from analysis.stats.bootstrap import weighted_sums


def correlation(num_correct: ArrayLike, num_samples: ArrayLike, weights: ArrayLike) -> Floats:
    """Intraclass correlation rho of right and wrong answers, prompts being the classes, by analysis of variance.

    num_correct, num_samples (P, J), each prompt's own number, 1 or more; weights (R, P) -> (R, J), 1 at most. With
    B and W the mean squares between prompts and within them, (B - W) / (B + (m - 1) W), where m is the number of
    samples, or of unequal ones (N - sum n^2 / N) / (P - 1) with N their sum. Of equal numbers it is the unbiased
    variance of p over that of one answer, E[p] (1 - E[p]), but for terms of 1 / P. Chance takes it below 0 where
    prompts do not differ. NaN where all answers are right, or all wrong, where no prompt has two samples, and of
    one prompt. Raises ValueError where a count is impossible. Source: Ridout, Demetrio and Firth 1999 (Biometrics
    55, estimator AOV), after Donner 1986.
    """
    c, n = (np.asarray(count, dtype=float) for count in (num_correct, num_samples))
    if c.shape != n.shape or not np.all((n >= 1) & (c >= 0) & (c <= n)):
        raise ValueError("num_correct must lie between 0 and num_samples, and every prompt have a sample.")
    sums = weighted_sums(weights, np.concatenate([n, n**2, c, c**2 / n], axis=1))
    total, squares, right, explained = np.split(sums, 4, axis=1)
    num_prompts = parts.settle(weights).sum(axis=1)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        between = (explained - right**2 / total) / (num_prompts - 1)
        within = (right - explained) / (total - num_prompts)
        each = (total - squares / total) / (num_prompts - 1)
        rho: Floats = (between - within) / (between + (each - 1) * within)
    is_told = (right > 0) & (right < total) & (total > num_prompts) & (num_prompts > 1)
    return np.where(is_told, rho, np.nan)


def effective_votes(rho: ArrayLike, num_votes: ArrayLike) -> Floats:
    """Independent answers that so many correlated ones are worth: n / (1 + (n - 1) rho), from 1 to n.

    rho (...), num_votes (...), 1 or more, broadcast -> (...); a rho below 0, which chance alone makes, counts as
    0. The share of right answers among n of a random prompt has the variance of so many independent ones. NaN
    stays NaN. Source: Kish 1965, the design effect.
    """
    rho, n = np.asarray(rho, dtype=float), np.asarray(num_votes, dtype=float)
    votes: Floats = n / (1 + (n - 1) * np.maximum(rho, 0))
    return votes
