"""Arms that cannot be better, and how often a paired interval says they are."""

import numpy as np

from analysis.arrays import Floats
from analysis.stats import bootstrap, estimators
from analysis.stats.bootstrap import MIN_REPLICATES, weighted_means
from analysis.stats.optimism import held_out_by_folds
from analysis.validation import worlds
from analysis.validation.checks import Check, placebo
from analysis.validation.worlds import Model

SMALL, EVEN, LARGE = Model(-0.5, 200_000_000), Model(0.0, 400_000_000), Model(1.0, 800_000_000)
NUM_SAMPLES = 16


def permuted_bins(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """The best of four strategies a bin, chosen by two folds, against the best of all prompts, in shuffled bins.

    Two strategies suit easy prompts and two hard ones, so that choosing by true bins would pay.
    """
    strategies = [Model(0.3, 1, slope=slope) for slope in (0.4, 0.8, 1.6, 2.0)]
    wins = []
    for _ in range(num_datasets):
        hardness = worlds.draw_hardness(num_prompts, rng)
        accuracy = np.stack([worlds.draw(model, hardness, 4, rng).correct.mean(axis=1) for model in strategies])
        shuffled = rng.permutation(np.arange(num_prompts) % 3)
        fold = rng.permutation(num_prompts) % 2
        chosen = held_out_by_folds(accuracy, shuffled, fold)
        fixed = held_out_by_folds(accuracy, np.zeros(num_prompts, dtype=int), fold)
        wins.append(_wins(chosen - fixed, rng))
    return [placebo("A placebo wins", f"strategies chosen in permuted bins, {num_prompts} prompts", wins)]


def random_routing(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """Each prompt sent to one of two models by a coin, against the mixture of both at the same mean cost."""
    wins = []
    for _ in range(num_datasets):
        hardness = worlds.draw_hardness(num_prompts, rng)
        both = np.stack([worlds.draw(model, hardness, 1, rng).correct[:, 0] for model in (SMALL, LARGE)]).astype(
            float
        )
        to_large = rng.permutation(np.arange(num_prompts) % 2)
        wins.append(_wins(both[to_large, np.arange(num_prompts)] - both.mean(axis=0), rng))
    return [placebo("A placebo wins", f"random routing over two models, {num_prompts} prompts", wins)]


def random_allocation(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """5 samples to a random half of the prompts and 13 to the rest, against 9 to all; coverage and majority vote.

    Of a model as often below one half as above, for whose votes random allocation neither gains nor loses.
    """
    wins: dict[str, list[bool]] = {"coverage": [], "majority vote": []}
    for _ in range(num_datasets):
        hardness = worlds.draw_hardness(num_prompts, rng)
        correct = worlds.draw(EVEN, hardness, NUM_SAMPLES, rng).correct
        widths = np.array([5, 9, 13])
        tables = {
            "coverage": estimators.pass_at_k(NUM_SAMPLES, correct.sum(axis=1)[:, None], widths),
            "majority vote": estimators.maj_at_k(np.where(correct, 0, 1), correct, [5, 9, 13]),
        }
        given = 2 * rng.permutation(np.arange(num_prompts) % 2)
        for rule, table in tables.items():
            wins[rule].append(_wins(table[np.arange(num_prompts), given] - table[:, 1], rng))
    size = f"{num_prompts} prompts"
    return [
        placebo("A placebo wins", f"random allocation of samples read by {rule}, {size}", won)
        for rule, won in wins.items()
    ]


def _wins(gain: Floats, rng: np.random.Generator) -> bool:
    """Whether the paired 95% interval of the mean gain, (P,), lies above 0."""
    weights = bootstrap.prompt_weights(len(gain), num_replicates=MIN_REPLICATES, rng=rng)
    return bool(bootstrap.percentile_interval(weighted_means(weights, gain[:, None])).low[0] > 0)
