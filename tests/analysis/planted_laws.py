"""Ladders and tables that follow a planted joint law, and how often intervals hold it."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import beta, norm

from analysis.stats import bootstrap, joint_coverage, joint_loss
from analysis.stats.joint_coverage import BetaLaw, Ladder
from analysis.stats.joint_loss import JointLoss

NUM_REPLICATES = 200
SIZES, LENGTHS = (33e3, 125e3, 447e3, 1.07e6), (5e6, 10e6, 20e6)
# At the middle of these sizes and lengths.
BETA = BetaLaw(
    N_0=float(np.exp(np.mean(np.log(SIZES)))),
    D_0=float(np.exp(np.mean(np.log(LENGTHS)))),
    a_0=0.4,
    b_0=4.0,
    a_size=0.25,
    b_size=-0.2,
    a_tokens=0.3,
    b_tokens=-0.25,
)
LOSS = JointLoss(E=1.2, A=400.0, alpha=0.34, B=2000.0, beta=0.37, G=0.6, gamma=0.5)
# Of the variance of prompts' difficulty, what all models share.
SHARED = 0.7


def draw_ladder(
    law: BetaLaw, rng: np.random.Generator, *, num_prompts: int = 200, num_samples: int = 16
) -> Ladder:
    """Every size at every length on the same prompts, which are hard for all of them alike."""
    N, D = (grid.ravel() for grid in np.meshgrid(SIZES, LENGTHS, indexing="ij"))
    n, d = np.log(N / law.N_0), np.log(D / law.D_0)
    a = law.a_0 * np.exp(law.a_size * n + law.a_tokens * d)
    b = law.b_0 * np.exp(law.b_size * n + law.b_tokens * d)
    common, own = rng.normal(size=num_prompts), rng.normal(size=(N.size, num_prompts))
    rank = norm.cdf(np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * own)
    chance = beta.ppf(rank, a[:, None], b[:, None])
    return Ladder(N, D, rng.binomial(num_samples, chance), np.full(chance.shape, num_samples))


def draw_table(
    law: JointLoss, rng: np.random.Generator, *, noise: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sizes, tokens, samples and losses of 100 points, with noise on the logarithm of the loss."""
    axes = (np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 1e11, 4), np.array([1.0, 4, 16, 64, 256]))
    N, D, k = (grid.ravel() for grid in np.meshgrid(*axes, indexing="ij"))
    return N, D, k, law.loss(N, D, k) * np.exp(rng.normal(0, noise, N.size))


def beta_hits(seed: int, law: BetaLaw = BETA) -> list[bool]:
    """Of each parameter whether its interval from one simulated ladder holds what was planted."""
    rng = np.random.default_rng(seed)
    ladder = draw_ladder(law, rng)
    found = joint_coverage.fit(ladder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "MIN_REPLICATES", NUM_REPLICATES)
        weights = bootstrap.prompt_weights(200, num_replicates=NUM_REPLICATES, rng=rng)
    ends = joint_coverage.intervals(joint_coverage.resample(found, ladder, weights), list(found.dropped))
    return [bool(ends[name].low <= getattr(law, name) <= ends[name].high) for name in joint_coverage.PARAMETERS]


def loss_hits(seed: int, law: JointLoss = LOSS, *, noise: float = 0.01) -> list[bool]:
    """The same of the parameters of a loss law, from one simulated table."""
    rng = np.random.default_rng(seed)
    table = draw_table(law, rng, noise=noise)
    start = [*np.log([LOSS.A, LOSS.B, LOSS.G, LOSS.E]), LOSS.alpha, LOSS.beta, LOSS.gamma]
    found = joint_loss.fit(*table, starts=start)
    ends = joint_loss.intervals(found, *table, num_replicates=NUM_REPLICATES, rng=rng).parameters
    return [bool(ends[name].low <= getattr(law, name) <= ends[name].high) for name in JointLoss._fields]


def shares(hits: Callable[[int], list[bool]], num_runs: int) -> np.ndarray:
    """How often each interval holds the truth over so many runs."""
    return np.mean([hits(seed) for seed in range(num_runs)], axis=0)
