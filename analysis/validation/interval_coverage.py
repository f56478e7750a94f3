"""How often intervals hold the truth, through the same functions that read a run."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binom

from analysis.arrays import Floats, Ints
from analysis.costs import cost_models
from analysis.stats import bootstrap, difficulty, estimators, intervals, substitution
from analysis.stats.bootstrap import MIN_REPLICATES, Interval, weighted_means
from analysis.validation import worlds
from analysis.validation.checks import COVERS, Check, share
from analysis.validation.worlds import HARDNESS, PROMPT_TOKENS, SHARE, Model, World

COST = cost_models.choose("c2")
NUM_SAMPLES = 16
WIDTHS = np.arange(1, NUM_SAMPLES + 1)
PASS_AT, MAJ_AT = np.array([1, 2, 4, 8, 16]), np.array([1, 5, 15])
ACCURACIES = ("pass@1, 2, 4, 8, 16", "maj@1, 5, 15")
# Nearer to 0 or 1 intervals leave room for prompts that none of those drawn is like, and may cover more often.
INTERIOR = (0.05, 0.95)
SMALL, LARGE = Model(-0.5, 200_000_000), Model(1.0, 800_000_000)
HOPELESS = Model(-3.0, 50_000_000)


class Paths(NamedTuple):
    """pass@k and cost of one model along its widths on each prompt, (P,
    K) each, and its maj@k at MAJ_AT, (P, 3).
    """

    accuracy: Floats
    cost: Floats
    votes: Floats


def bins_and_rates(num_datasets: int, *, num_bins: int, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """Accuracies in bins drawn anew in every replicate,
    and the exchange rate that reaches the larger model's answer.

    The small model's pass@k and maj@k and the rate by pass@k and its width; accuracies outside INTERIOR are told
    apart.
    """
    world = World(LARGE, num_prompts, num_bins)
    truth = _true_statistics(world)
    held: dict[str, list[bool]] = {}
    for _ in range(num_datasets):
        hardness = worlds.draw_hardness(num_prompts, rng)
        weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
        scores = world.draw_scores(hardness, rng)
        parts = np.stack(list(map(np.asarray, difficulty.quantile_parts(scores, weights, num_bins=num_bins))))
        small, large = (_paths(model, hardness, rng) for model in (SMALL, LARGE))
        for name, interval in _statistics(small, large, parts).items():
            inside = (interval.low <= truth[name]) & (truth[name] <= interval.high)
            is_inside = (truth[name] >= INTERIOR[0]) & (truth[name] <= INTERIOR[1]) | (name not in ACCURACIES)
            held.setdefault(name, []).extend(inside[is_inside].tolist())
            held.setdefault(f"{name} near 0 or 1", []).extend(inside[~is_inside].tolist())
    size = f"{num_bins} bins of {num_prompts} prompts, drawn anew in each replicate"
    low, high = COVERS
    checks = []
    for name, hits in held.items():
        if hits:
            ceiling = 1.0 if name.endswith("near 0 or 1") else high
            claim, case = "95% intervals hold the truth", f"{name}; {size}"
            checks.append(share(claim, case, hits, low=low, high=ceiling, num_datasets=num_datasets))
    return checks


def never(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """The upper end where the truth lies beyond the grid, far beyond and one cell beyond; in all prompts."""
    reachable = worlds.true_pass_at_k(SMALL, WIDTHS).T @ SHARE
    # The target lies between the last cell of the grid that is read and the next.
    num_read = 7
    cases = {
        "far beyond the grid": (HOPELESS, NUM_SAMPLES, float(worlds.true_pass_at_k(LARGE, WIDTHS[:1]).T @ SHARE)),
        "less than a cell beyond the grid": (
            SMALL,
            num_read,
            float(reachable[num_read - 1 : num_read + 1].mean()),
        ),
    }
    checks = []
    for case, (model, num_widths, target) in cases.items():
        hits = []
        for _ in range(num_datasets):
            paths = _paths(model, worlds.draw_hardness(num_prompts, rng), rng)
            weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
            accuracy, cost = (weighted_means(weights, table[:, :num_widths]) for table in paths[:2])
            crossing = substitution.invert(
                accuracy, cost, np.log(WIDTHS[:num_widths]), np.full(len(weights), target)
            )
            hits.append(bool(np.isinf(bootstrap.percentile_interval(crossing.cost).high)))
        checks.append(share("Where the truth is never, the upper end is never", case, hits, low=0.95, high=1.0))
    return checks


def duplicate(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """A duplicate drawn independently, both inverted on one path at a target four standard errors below its
    end.
    """
    accuracy = worlds.true_pass_at_k(SMALL, WIDTHS)
    top = accuracy[:, -1]
    spread = np.sqrt((top * (1 - top)) @ SHARE / num_prompts)
    target = float(top @ SHARE - 4 * spread)
    assert accuracy[:, 0] @ SHARE < target, "the target lies inside the path"
    hits = []
    for _ in range(num_datasets):
        hardness = worlds.draw_hardness(num_prompts, rng)
        weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
        crossings = []
        for _ in range(2):
            accuracy, cost = (weighted_means(weights, table) for table in _paths(SMALL, hardness, rng)[:2])
            crossings.append(substitution.invert(accuracy, cost, np.log(WIDTHS), np.full(len(weights), target)))
        # Where neither gets there the rate of that replicate is undefined and does not count.
        with np.errstate(invalid="ignore"):
            rate = substitution.exchange_rate(crossings[0], crossings[1].cost).rate
        hits.append(bool(rate.low <= 1 <= rate.high))
    low, high = COVERS
    case = f"{num_prompts} prompts, {NUM_SAMPLES} samples of each"
    return [share("A model drawn twice has an exchange rate of 1", case, hits, low=low, high=high)]


def levels_of_resampling(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """pass@k under prompts resampled alone, as here, and under prompts and then samples, which counts noise twice.

    Chances are uniform, so pass@k is k / (k + 1) in truth. The second is known to cover .97, .83 and .65, to
    .05.
    """
    widths = np.array([1, 8, 16])
    estimate = estimators.pass_at_k(NUM_SAMPLES, np.arange(NUM_SAMPLES + 1)[:, None], widths)
    alone: list[list[bool]] = []
    twice: list[list[bool]] = []
    for _ in range(num_datasets):
        num_correct = rng.binomial(NUM_SAMPLES, rng.random(num_prompts))
        weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
        alone.append(_holds(weighted_means(weights, estimate[num_correct]), widths / (widths + 1)))
        # A prompt drawn, then its samples drawn again: counts of independent draws from the mixture over prompts.
        chances = np.bincount(num_correct, minlength=NUM_SAMPLES + 1) @ _redrawn() / num_prompts
        counts = rng.multinomial(num_prompts, chances / chances.sum(), size=MIN_REPLICATES)
        means = np.vstack([estimate[num_correct].mean(axis=0), counts @ estimate / num_prompts])
        twice.append(_holds(means, widths / (widths + 1)))
    low, high = COVERS
    checks = []
    for at, (k, stated) in enumerate(zip(widths, (0.97, 0.83, 0.65), strict=True)):
        case = f"pass@{k} of {NUM_SAMPLES} samples, {num_prompts} prompts of uniform chance"
        hits, too_wide = [hit[at] for hit in alone], [hit[at] for hit in twice]
        checks.append(share("Prompts resampled alone", case, hits, low=low, high=high))
        claim = "Prompts, then their samples (the second level is wrong)"
        checks.append(share(claim, case, too_wide, low=stated - 0.05, high=stated + 0.05))
    return checks


def bands(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """A max-t band over all 16 widths at once, an even-sided one,
    and how often the cells' own intervals all hold.
    """
    truth = worlds.true_pass_at_k(SMALL, WIDTHS).T @ SHARE
    whole: list[bool] = []
    even: list[bool] = []
    each: list[bool] = []
    for _ in range(num_datasets):
        accuracy = pass_at_widths(SMALL, worlds.draw_hardness(num_prompts, rng), rng)
        weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
        means = weighted_means(weights, accuracy)
        cells = intervals.accuracy_interval(means, num_prompts)
        band = intervals.accuracy_band(means, cells)
        for hits, found in ((whole, band), (even, bootstrap.simultaneous_band(means)), (each, cells)):
            hits.append(bool(np.all((found.low <= truth) & (truth <= found.high))))
    low, high = COVERS
    case = f"16 widths, {num_prompts} prompts"
    return [
        share("A max-t band holds the whole curve", case, whole, low=low, high=high),
        share("One that is even-sided in accuracy (not used for curves)", case, even),
        share("Intervals of single cells hold the whole curve", case, each),
    ]


def clusters(num_datasets: int, *, rng: np.random.Generator) -> list[Check]:
    """Prompts that come in fives of like difficulty: resampled whole, and, wrongly, one by one."""
    truth = np.array([SMALL.chance(HARDNESS) @ SHARE])
    labels = np.repeat(np.arange(80), 5)
    whole: list[bool] = []
    single: list[bool] = []
    for _ in range(num_datasets):
        hardness = np.sqrt(0.8) * rng.standard_normal(80)[labels] + np.sqrt(0.2) * rng.standard_normal(len(labels))
        values = worlds.draw(SMALL, hardness, NUM_SAMPLES, rng).correct.mean(axis=1)[:, None]
        for hits, cluster in ((whole, labels), (single, None)):
            weights = bootstrap.prompt_weights(
                len(labels), num_replicates=MIN_REPLICATES, rng=rng, clusters=cluster
            )
            hits += _holds(weighted_means(weights, values), truth)
    low, high = COVERS
    case = "pass@1, 80 clusters of 5 prompts"
    return [
        share("Clusters resampled whole", case, whole, low=low, high=high),
        share("Clusters taken for single prompts (wrong)", case, single),
    ]


def pass_at_widths(model: Model, hardness: Floats, rng: np.random.Generator) -> Floats:
    """pass@k of one model on each prompt at WIDTHS, (P, K)."""
    correct = worlds.draw(model, hardness, NUM_SAMPLES, rng).correct.sum(axis=1)
    return estimators.pass_at_k(NUM_SAMPLES, correct[:, None], WIDTHS)


def _holds(means: Floats, truth: Floats) -> list[bool]:
    interval = bootstrap.percentile_interval(means)
    held: list[bool] = ((interval.low <= truth) & (truth <= interval.high)).tolist()
    return held


def _paths(model: Model, hardness: Floats, rng: np.random.Generator) -> Paths:
    drawn = worlds.draw(model, hardness, NUM_SAMPLES, rng)
    accuracy = estimators.pass_at_k(NUM_SAMPLES, drawn.correct.sum(axis=1)[:, None], WIDTHS)
    cost = cost_models.cell_cost(
        COST,
        model.shape,
        prompt_tokens=np.full(len(hardness), PROMPT_TOKENS),
        decoded_tokens=drawn.tokens,
        widths=[int(k) for k in WIDTHS],
    )
    # Wrong samples all agree, so that the truth of a vote is a binomial tail.
    votes = estimators.maj_at_k(np.where(drawn.correct, 0, 1), drawn.correct, [int(k) for k in MAJ_AT])
    return Paths(accuracy, cost, votes)


def _statistics(small: Paths, large: Paths, parts: Floats) -> dict[str, Interval]:
    """Intervals of every statistic by bin, fields (num_bins, ...), from the bins' weights (num_bins, 1 + R, P)."""
    accuracy, cost, votes = (np.moveaxis(weighted_means(parts, table), 0, 1) for table in small)
    target, target_cost = (np.moveaxis(weighted_means(parts, table[:, :1]), 0, 1)[..., 0] for table in large[:2])
    crossing = substitution.invert(accuracy, cost, np.log(WIDTHS), target)
    rate = substitution.exchange_rate(crossing, target_cost)
    num_prompts = parts[:, 0].sum(axis=1)[:, None]
    return {
        ACCURACIES[0]: intervals.accuracy_interval(accuracy[..., PASS_AT - 1], num_prompts),
        ACCURACIES[1]: intervals.accuracy_interval(votes, num_prompts),
        "exchange rate": rate.rate,
        "width at the crossing": rate.step,
    }


def _true_statistics(world: World) -> dict[str, Floats]:
    accuracy = world.true_means(worlds.true_pass_at_k(SMALL, WIDTHS))
    target = world.true_means(worlds.true_pass_at_k(LARGE, WIDTHS[:1]))[:, 0]
    cost, target_cost = (world.true_means(_true_cost(model)) for model in (SMALL, LARGE))
    crossing = substitution.invert(accuracy, cost, np.log(WIDTHS), target)
    assert np.all(np.isfinite(crossing.cost) & ~crossing.at_or_below), (
        "the truth is finite and interior in every bin"
    )
    return {
        ACCURACIES[0]: accuracy[:, PASS_AT - 1],
        ACCURACIES[1]: world.true_means(worlds.true_maj_at_k(SMALL, MAJ_AT)),
        "exchange rate": crossing.cost / target_cost[:, 0],
        "width at the crossing": crossing.step,
    }


def _true_cost(model: Model) -> Floats:
    """Expected cost by difficulty and width, (H, K);
    tokens spread evenly over m/2..3m/2 have variance m^2 / 12.
    """
    mean = model.mean_tokens(HARDNESS)
    prompt = np.asarray(float(PROMPT_TOKENS))
    linear = COST.decode(model.shape, prompt, mean)
    # The cost is quadratic in T, so its mean is that at the mean plus half its second derivative times the
    # variance.
    curved = 4.0 * model.shape.attention_width / 2 * mean**2 / 12
    return np.asarray(COST.prefill(model.shape, prompt) + (linear + curved)[:, None] * WIDTHS)


def _redrawn() -> Floats:
    """Chance that n samples drawn again from n with c correct hold c' correct, (n + 1, n + 1)."""
    counts: Ints = np.arange(NUM_SAMPLES + 1)
    return np.asarray(binom.pmf(counts[None, :], NUM_SAMPLES, counts[:, None] / NUM_SAMPLES))
