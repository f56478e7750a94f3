"""Planted votes: how alike answers are, where two samples bound a vote, and how often intervals hold that."""

import numpy as np

from analysis.stats import bootstrap, intraclass
from analysis.stats.bootstrap import MIN_REPLICATES, Interval
from analysis.validation import worlds
from analysis.validation.checks import COVERS, Check, share
from analysis.validation.interval_coverage import LARGE, SMALL
from analysis.validation.worlds import HARDNESS, SHARE, Model

NUM_SAMPLES = 16
HOLDS = "95% intervals hold the truth"


def alike(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """Intervals of the intraclass correlation, of equal and of unequal numbers of samples."""
    checks = []
    for name, model, least in (
        (f"{NUM_SAMPLES} samples of each prompt", SMALL, NUM_SAMPLES),
        (f"2 to {NUM_SAMPLES} samples of each prompt", SMALL, 2),
        (f"{NUM_SAMPLES} samples of each prompt, an able model", LARGE, NUM_SAMPLES),
    ):
        first, second = true_moments(model)
        truth = (second - first**2) / (first * (1 - first))
        hits = []
        for _ in range(num_datasets):
            n = rng.integers(least, NUM_SAMPLES, size=num_prompts, endpoint=True)
            c = rng.binomial(n, model.chance(worlds.draw_hardness(num_prompts, rng)))
            weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
            rho = intraclass.correlation(c[:, None], n[:, None], weights)
            hits.append(holds(bootstrap.bias_corrected_interval(rho[:, 0]), truth))
        case = f"intraclass correlation of {truth:.2f}; {num_prompts} prompts, {name}"
        checks.append(share(HOLDS, case, hits, low=COVERS[0], high=COVERS[1]))
    return checks


def true_moments(model: Model) -> tuple[float, float]:
    """E[p] and E[p^2] of a model's chances over the population."""
    chance = model.chance(HARDNESS)
    return float(chance @ SHARE), float(chance**2 @ SHARE)


def holds(interval: Interval, truth: float) -> bool:
    """Whether the truth lies between its ends."""
    return bool(interval.low <= truth <= interval.high)
