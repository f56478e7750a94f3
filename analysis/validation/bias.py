"""Estimates off by a known amount where samples or prompts are used twice,
and unbiased where they are held out.
"""

import numpy as np

from analysis.stats.optimism import bin_optimism, choose_by_folds
from analysis.validation.checks import Check

NUM_PROMPTS = 1000
# Method 2, with chances from Beta(.5, .8) and equal fifths: hardest and easiest, read from the samples that made
# the bins and from fresh ones, by number of samples.
SAME_POOL = {16: ((0.003, 0.896), (0.032, 0.857)), 8: ((0.000, 0.915), (0.054, 0.842))}
# Method 2: what the best of so many equal strategies seems to gain on 100 prompts of chance 1/2.
IN_SAMPLE = {4: 0.050, 16: 0.087}


def bins(num_datasets: int, *, rng: np.random.Generator) -> list[Check]:
    """The ends of same-pool and held-out bins against what the method states,
    and held-out bins against the truth.
    """
    checks = []
    for num_samples, stated in SAME_POOL.items():
        found = np.empty((num_datasets, 3, 2))
        for number in range(num_datasets):
            chance = rng.beta(0.5, 0.8, size=(NUM_PROMPTS, 1))
            pool, fresh = (rng.binomial(num_samples, chance) / num_samples for _ in range(2))
            read = bin_optimism(pool, fresh, np.ones((1, NUM_PROMPTS)), num_bins=5, share_ties=True)
            truth = bin_optimism(pool, chance, np.ones((1, NUM_PROMPTS)), num_bins=5, share_ties=True)
            found[number] = read.same_pool[[4, 0], 0], read.fresh[[4, 0], 0], truth.fresh[[4, 0], 0]
        means = found.mean(axis=0)
        for end, name in enumerate(("hardest", "easiest")):
            case = f"{name} of five bins, {num_samples} samples"
            for row, words in enumerate(("the samples that made the bins", "fresh samples")):
                checks.append(
                    _near(f"Accuracy read from {words}", case, means[row, end], stated[row][end], num_datasets)
                )
            off = means[1, end] - means[2, end]
            checks.append(Check("Fresh samples less the truth", case, off, -0.002, 0.002, num_datasets))
    return checks


def choices(num_datasets: int, *, rng: np.random.Generator) -> list[Check]:
    """What choosing the best of equal strategies gains in sample, and on the fold that did not choose."""
    checks = []
    for num_strategies, stated in IN_SAMPLE.items():
        gains = np.empty((num_datasets, 2))
        for number in range(num_datasets):
            correct = rng.random((num_strategies, 100)) < 0.5
            choice = choose_by_folds(correct, np.zeros(100), num_bins=1, rng=rng)
            gains[number] = choice.in_sample[0] - 0.5, choice.held_out[0] - 0.5
        case = f"best of {num_strategies} equal strategies, 100 prompts"
        checks.append(_near("Gain on the prompts that chose", case, gains[:, 0].mean(), stated, num_datasets))
        checks.append(_near("Gain by two folds", case, gains[:, 1].mean(), 0.0, num_datasets))
    return checks


def _near(claim: str, case: str, observed: float, stated: float, num_datasets: int) -> Check:
    return Check(
        claim, f"{case}; stated {stated:.3f}", float(observed), stated - 0.01, stated + 0.01, num_datasets
    )
