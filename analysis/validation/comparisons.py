"""How often a comparison of many cells raises a false alarm, and how often it finds what it says it would."""

import numpy as np

from analysis.arrays import Floats, Weights
from analysis.stats import bootstrap, differences, difficulty, estimators
from analysis.stats.bootstrap import MIN_REPLICATES, weighted_means
from analysis.stats.differences import Differences
from analysis.stats.parts import Part
from analysis.stats.power import POWER
from analysis.validation import worlds
from analysis.validation.checks import Check, placebo
from analysis.validation.worlds import Model, World

BASE = Model(0.5, 400_000_000)
NUM_SAMPLES = 8
WIDTHS = np.array([1, 2, 4, 8])
# What a cut trace costs, at two budgets.
BUDGETS = (-0.7, 0.0)
# The cell of single full answers among budgets x widths.
SINGLE = len(WIDTHS)
NUM_BINS = 3
# Data sets from which the detectable difference is read.
NUM_TOLD = 20


def same_model(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """One model drawn twice: how often any of 32 cells of bins, budgets and widths is said to differ."""
    alarms: dict[str, list[bool]] = {"any of 32 cells": [], "single full answers alone": []}
    swapped = []
    for _ in range(num_datasets):
        found = _compare(BASE, BASE, num_prompts, rng, is_swapped=True)
        cells, alone = found.interval, found.alone
        alarms["any of 32 cells"].append(bool(((cells.low > 0) | (cells.high < 0)).any()))
        alarms["single full answers alone"].append(bool(alone.low[0, SINGLE] > 0 or alone.high[0, SINGLE] < 0))
        swapped.append(bool(found.p_value[0, SINGLE] <= 1 - bootstrap.LEVEL))
    claim, size = "A model drawn twice differs from itself", f"{num_prompts} prompts, {NUM_SAMPLES} samples"
    checks = [placebo(claim, f"{which}, {size}", alarm) for which, alarm in alarms.items()]
    return [*checks, placebo(claim, f"single full answers by swapped arms, {size}", swapped)]


def planted_difference(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """A model better by what the comparison says it would find: how often it does, alone and as one of 32 cells.

    Abilities are set so that the true difference is the mean of what is told as detectable, over a few data sets.
    """
    better = BASE._replace(ability=BASE.ability + 0.4)
    told = [_compare(BASE, better, num_prompts, rng) for _ in range(NUM_TOLD)]
    # Three standard errors of the share that is found, and three points for the spread of what is told.
    slack = 3 * np.sqrt(POWER * (1 - POWER) / num_datasets) + 0.03
    checks = []
    for name, cells, which in (
        ("detectable_alone", "alone", "alone"),
        ("detectable", "interval", "as one of 32 cells"),
    ):
        effect = float(np.mean([getattr(found, name)[0, SINGLE] for found in told]))
        better = BASE._replace(ability=_ability(effect))
        drawn = [_compare(BASE, better, num_prompts, rng) for _ in range(num_datasets)]
        found = float(np.mean([getattr(each, cells).low[0, SINGLE] > 0 for each in drawn]))
        claim = "A difference as large as the one reported as detectable is found"
        case = f"single full answers {which}, {num_prompts} prompts, {NUM_SAMPLES} samples"
        checks.append(Check(claim, case, found, POWER - slack, POWER + slack, num_datasets))
    return checks


def _ability(effect: float) -> float:
    """Ability whose mean accuracy lies this far above the base's."""
    abilities = np.linspace(BASE.ability, BASE.ability + 2, 401)
    means = [float(BASE._replace(ability=a).chance(worlds.HARDNESS) @ worlds.SHARE) for a in abilities]
    return float(np.interp(means[0] + effect, means, abilities))


def _compare(
    base: Model, new: Model, num_prompts: int, rng: np.random.Generator, *, is_swapped: bool = False
) -> Differences:
    """One data set read as a run is: bins of the base's held-out samples, drawn anew in every replicate.

    p-values only where is_swapped, NaN else.
    """
    hardness = worlds.draw_hardness(num_prompts, rng)
    values = _accuracy(new, hardness, rng) - _accuracy(base, hardness, rng)
    scores = World(base, num_prompts, NUM_BINS).draw_scores(hardness, rng)
    weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
    parts: list[Weights | Part] = [weights, *difficulty.quantile_parts(scores, weights, num_bins=NUM_BINS)]
    membership = np.stack([part[0] > 0 for part in parts])
    statistic = np.stack([weighted_means(part, values) for part in parts], axis=1)
    p_value = np.full(statistic.shape[1:], np.nan)
    if is_swapped:
        p_value = differences.sign_flips(values, membership, rng=rng)
    return differences.together([values[inside] for inside in membership], statistic, p_value)


def _accuracy(model: Model, hardness: Floats, rng: np.random.Generator) -> Floats:
    """pass@k of fresh samples at every budget and width, (P, budgets x widths)."""
    columns = []
    for loss in BUDGETS:
        correct = worlds.draw(model._replace(ability=model.ability + loss), hardness, NUM_SAMPLES, rng).correct
        columns.append(estimators.pass_at_k(NUM_SAMPLES, correct.sum(axis=1)[:, None], WIDTHS))
    return np.concatenate(columns, axis=1)
