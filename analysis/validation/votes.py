"""Planted votes: how alike answers are, where two samples bound a vote, and how often intervals hold that."""

import numpy as np

from analysis.arrays import Floats, Ints, Weights
from analysis.stats import (
    bootstrap,
    estimators,
    intervals,
    intraclass,
    modes,
    posteriors,
    rank_stability,
    vote_bounds,
)
from analysis.stats.bootstrap import MIN_REPLICATES, Interval, weighted_means
from analysis.validation import worlds
from analysis.validation.checks import COVERS, Check, placebo, share
from analysis.validation.interval_coverage import LARGE, SMALL
from analysis.validation.placebos import EVEN
from analysis.validation.worlds import HARDNESS, SHARE, Model

NUM_SAMPLES = 16
# Of models whose order some samples leave open.
ABILITIES, ORDERED_BY = (-0.3, 0.0, 0.2), (1, 2)
# A uniform solve rate, over the population's shares.
UNIFORM = (np.cumsum(SHARE) - SHARE / 2).clip(0, 1)
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


def ends(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """Intervals of the share of right modes, against its expectation at as many samples, and, held to nothing,
    against that of endless ones; and of its move from half the samples, of a model for which votes move nothing.
    """
    full, half = (
        worlds.true_maj_at_k(SMALL, np.array([k]))[:, 0] @ SHARE for k in (NUM_SAMPLES, NUM_SAMPLES // 2)
    )
    endless = float((SMALL.chance(HARDNESS) > 0.5) @ SHARE)
    held: dict[str, list[bool]] = {"at as many samples": [], "at endless ones": [], "moved": []}
    moved = []
    for _ in range(num_datasets):
        hardness = worlds.draw_hardness(num_prompts, rng)
        weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
        worth, move = _modes(SMALL, hardness, weights, rng)
        held["at as many samples"].append(holds(worth, full))
        held["at endless ones"].append(holds(worth, endless))
        held["moved"].append(holds(move, full - half))
        still = _modes(EVEN, hardness, weights, rng)[1]
        moved.append(bool(still.low > 0 or still.high < 0))
    size = f"{num_prompts} prompts, {NUM_SAMPLES} samples of each"
    low, high = COVERS
    return [
        share(
            HOLDS,
            f"right modes, {full:.3f} in expectation; {size}",
            held["at as many samples"],
            low=low,
            high=high,
        ),
        share(HOLDS, f"their move from half the samples; {size}", held["moved"], low=low, high=high),
        share(
            "The same interval holds the limit",
            f"{endless:.3f} of endless samples; {size}",
            held["at endless ones"],
        ),
        placebo("Votes that gain nothing seem to move", size, moved),
    ]


def _modes(
    model: Model, hardness: Floats, weights: Weights, rng: np.random.Generator
) -> tuple[Interval, Interval]:
    """Intervals of the share of right modes and of its move from half, where wrong answers agree."""
    correct = worlds.draw(model, hardness, NUM_SAMPLES, rng).correct
    votes = np.where(correct, 0, 1)
    half = estimators.maj_at_k(votes, correct, [NUM_SAMPLES // 2])
    worth = weighted_means(weights, modes.modal_answers(votes, correct).worth[:, None])[:, 0]
    move = worth - weighted_means(weights, half)[:, 0]
    return intervals.accuracy_interval(worth, len(hardness)), bootstrap.percentile_interval(move)


def bounds(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """Intervals of the bounds of a vote by two samples, the vote between their outer ends,
    and gains that are none.
    """
    ks, first, second = (3, 9, 63), *true_moments(SMALL)
    chances, held = SMALL.chance(HARDNESS), np.zeros((3, len(ks), num_datasets), dtype=bool)
    won = []
    for number in range(num_datasets):
        hardness = worlds.draw_hardness(num_prompts, rng)
        weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
        pairs = _pairs(SMALL.chance(hardness), weights, rng)
        for at, k in enumerate(ks):
            told = vote_bounds.certify(pairs[0, 0], pairs[1, 0], k).read(*pairs)
            lower, upper = (intervals.accuracy_interval(end, num_prompts) for end in told)
            truth = vote_bounds.certify(first, second, k).read(first, second)
            vote = float(vote_bounds.chance_of_majority(chances, k) @ SHARE)
            held[:, at, number] = (
                holds(lower, float(truth.lower)), holds(upper, float(truth.upper)), lower.low <= vote <= upper.high
            )  # fmt: skip
        # Of these chances three votes gain nothing, and that is the least of all with their moments.
        pairs = _pairs(np.where(hardness < 0, 1.0, 0.5), weights, rng)
        told = vote_bounds.certify(pairs[0, 0], pairs[1, 0], 3).read(*pairs)
        least, most = (bootstrap.percentile_interval(end - pairs[0]) for end in told)
        won.append(bool(least.low > 0 or most.high < 0))
    low, high = COVERS
    size = f"{num_prompts} prompts, every pair of {NUM_SAMPLES} samples of each"
    checks = []
    for at, k in enumerate(ks):
        for name, hits in zip(("least", "most"), held[:2, at], strict=True):
            checks.append(
                share(HOLDS, f"the {name} that {k} votes are right; {size}", hits.tolist(), low=low, high=high)
            )
        case = f"{k} votes; {size}"
        checks.append(
            share("The vote lies between the outer ends", case, held[2, at].tolist(), low=0.95, high=1.0)
        )
    return [*checks, placebo("Three votes that gain nothing surely gain or lose by two samples", size, won)]


def small_sets(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """Bayes@N and the bootstrap on few prompts, each against accuracy on these very prompts and on all like them.

    Held to its bounds where the prior of Bayes@N is the truth; told, and held to nothing, where solve rates are
    not uniform.
    """
    checks = []
    for num_samples in (4, NUM_SAMPLES):
        worlds_of: dict[str, Floats] = {"uniform solve rates": UNIFORM, "logistic ones": SMALL.chance(HARDNESS)}
        for name, chances in worlds_of.items():
            held = np.zeros((4, num_datasets), dtype=bool)
            for number in range(num_datasets):
                chance = rng.choice(chances, size=num_prompts, p=SHARE)
                c = rng.binomial(num_samples, chance)
                weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
                means = weighted_means(weights, (c / num_samples)[:, None])[:, 0]
                bayes = posteriors.bayes_at_n(np.stack([num_samples - c, c], axis=1), [0, 1])
                over = intervals.accuracy_interval(means, num_prompts)
                truths = float(chance.mean()), float(chances @ SHARE)
                held[:, number] = [holds(each, truth) for each in (bayes, over) for truth in truths]
            case = f"{name}; {num_prompts} prompts, {num_samples} samples of each"
            of = [
                f"{each}, {prompts}"
                for each in ("Bayes@N", "bootstrap")
                for prompts in ("these prompts", "all like them")
            ]
            for at, each in enumerate(of):
                low, high = COVERS if at == 0 and name.startswith("uniform") else (np.nan, np.nan)
                checks.append(
                    share("95% intervals on a small set", f"{each}; {case}", held[at].tolist(), low=low, high=high)
                )
    return checks


def orders(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """Intervals of tau between the orders of models by some samples and by others of the same prompts.

    Its truth is the mean of what other samples show, on other prompts as many: the prompts that were drawn order
    the models somehow themselves, so that intervals may hold more often than they have to.
    """
    models = [Model(ability, 200_000_000) for ability in ABILITIES]
    found, truth = [], []
    for _ in range(num_datasets):
        c = _counts(models, NUM_SAMPLES, num_prompts, rng)
        weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
        tau = rank_stability.split_tau(c, np.full_like(c, NUM_SAMPLES), weights, ORDERED_BY)
        found.append(bootstrap.percentile_interval(tau))
        truth += [_seen(models, num_prompts, rng) for _ in range(10)]
    mean = np.mean(truth, axis=0)
    checks = []
    for at, k in enumerate(ORDERED_BY):
        hits = [holds(Interval(*(end[at] for end in each)), mean[at]) for each in found]
        case = f"tau of {mean[at]:.2f} by {k} samples and by {NUM_SAMPLES // 2} others; {num_prompts} prompts"
        checks.append(share(HOLDS, case, hits, low=COVERS[0], high=1.0))
    return checks


def _counts(models: list[Model], num_samples: int, num_prompts: int, rng: np.random.Generator) -> Ints:
    """Right samples of each model on prompts of one draw; (P, J)."""
    hardness = worlds.draw_hardness(num_prompts, rng)
    return rng.binomial(num_samples, np.stack([model.chance(hardness) for model in models], axis=1))


def _seen(models: list[Model], num_prompts: int, rng: np.random.Generator) -> Floats:
    """Tau of two independent draws on the same prompts, by each number of samples and by half; (K,)."""
    hardness = worlds.draw_hardness(num_prompts, rng)
    chance = np.stack([model.chance(hardness) for model in models], axis=1)
    half = rng.binomial(NUM_SAMPLES // 2, chance).mean(axis=0)
    one, other = np.triu_indices(len(models), 1)
    few = [rng.binomial(k, chance).mean(axis=0) for k in ORDERED_BY]
    return np.array([np.mean(np.sign((mean[one] - mean[other]) * (half[one] - half[other]))) for mean in few])


def _pairs(chance: Floats, weights: Weights, rng: np.random.Generator) -> Floats:
    """Means of both moments under each weighting, (2, 1 + R), of prompts of these chances (P,)."""
    both = vote_bounds.moments(rng.binomial(NUM_SAMPLES, chance), np.full(len(chance), NUM_SAMPLES))
    return weighted_means(weights, np.stack(both, axis=1)).T


def true_moments(model: Model) -> tuple[float, float]:
    """E[p] and E[p^2] of a model's chances over the population."""
    chance = model.chance(HARDNESS)
    return float(chance @ SHARE), float(chance**2 @ SHARE)


def holds(interval: Interval, truth: float) -> bool:
    """Whether the truth lies between its ends."""
    return bool(interval.low <= truth <= interval.high)
