"""Planted verifiers: error rates that are known, coins, and one that knows the prompts alone."""

from typing import NamedTuple

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.costs import cost_models
from analysis.costs.cost_models import Verdicts
from analysis.costs.shapes import Shape
from analysis.stats import bootstrap, difficulty, estimators, intervals, pairs, substitution
from analysis.stats.bootstrap import MIN_REPLICATES, Interval, weighted_means
from analysis.validation import worlds
from analysis.validation.checks import COVERS, Check, placebo, share
from analysis.validation.interval_coverage import COST, INTERIOR, LARGE, SMALL
from analysis.validation.worlds import HARDNESS, PROMPT_TOKENS, World

NUM_SAMPLES = 16
WIDTHS = np.arange(1, NUM_SAMPLES + 1)
READ_AT = np.array([2, 4, 8, 16])
SHAPE = Shape(100_000_000, num_layers=12, num_heads=8, head_dim=64)
BEST = "best of 2, 4, 8, 16"


class Rates(NamedTuple):
    """A verifier that says yes to a right answer with chance t, and to a wrong one with chance f."""

    true_rate: float
    false_rate: float

    def judge(self, correct: Bools, rng: np.random.Generator) -> Floats:
        """Its scores, 1 for yes and 0 for no; of any shape."""
        return (rng.random(correct.shape) < np.where(correct, self.true_rate, self.false_rate)).astype(float)

    @property
    def area(self) -> float:
        """How often a right answer is scored above a wrong one, ties counted half."""
        return (1 + self.true_rate - self.false_rate) / 2

    def best_of(self, chance: Floats) -> Floats:
        """Accuracy of the best of k samples by score, for each k of WIDTHS; (H,) -> (H, K).

        With a = p t and b = (1 - p) f a sample is a right and a wrong yes. If any of k is a yes, one of those is
        right with chance a / (a + b); if none is, one of all with chance p (1 - t) / (1 - a - b).
        """
        right, wrong = chance * self.true_rate, (1 - chance) * self.false_rate
        none = 1 - right - wrong
        unaccepted = (none[:, None]) ** WIDTHS
        accepted = (right / (right + wrong))[:, None]
        return np.asarray(
            (1 - unaccepted) * accepted + unaccepted * (chance * (1 - self.true_rate) / none)[:, None]
        )


class _Paths(NamedTuple):
    """Accuracy and cost of the small model's best of k on each prompt, (P, K) each, and of its judged samples."""

    accuracy: Floats
    cost: Floats
    area: pairs.Pairs


def error_rates(num_datasets: int, *, num_bins: int, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """Intervals of best-of-k accuracy, of the exchange rate under it with the reading charged, and of the AUC.

    In bins drawn anew in every replicate; the larger model's one answer is matched. Accuracies outside INTERIOR
    are told apart.
    """
    rates, world = Rates(0.9, 0.15), World(LARGE, num_prompts, num_bins)
    truth = _truth(rates, world)
    held: dict[str, list[bool]] = {}
    for _ in range(num_datasets):
        hardness = worlds.draw_hardness(num_prompts, rng)
        weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
        scores = world.draw_scores(hardness, rng)
        parts = np.stack(list(map(np.asarray, difficulty.quantile_parts(scores, weights, num_bins=num_bins))))
        small = _paths(rates, hardness, rng)
        large = worlds.draw(LARGE, hardness, 1, rng)
        for name, interval in _statistics(small, large, parts).items():
            inside = (interval.low <= truth[name]) & (truth[name] <= interval.high)
            is_interior = (truth[name] >= INTERIOR[0]) & (truth[name] <= INTERIOR[1]) | (name != BEST)
            held.setdefault(name, []).extend(inside[is_interior].tolist())
            held.setdefault(f"{name} near 0 or 1", []).extend(inside[~is_interior].tolist())
    said = f"yes to {rates.true_rate:.0%} of right and {rates.false_rate:.0%} of wrong answers"
    size = f"{said}, {num_bins} bins of {num_prompts} prompts"
    low, high = COVERS
    return [
        share(
            "95% intervals hold the truth",
            f"{name}; {size}",
            hits,
            low=low,
            high=1.0 if name.endswith("near 0 or 1") else high,
            num_datasets=num_datasets,
        )
        for name, hits in held.items()
        if hits
    ]


def worthless(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """Scores that tell nothing of an answer: tosses of a coin, and the prompt's own chance alone.

    A coin's best of 16 against one sample; the interval of its AUC; and the AUC of who knows the prompts, which is
    .5 whatever the data, where pooling over prompts would give a figure far above.
    """
    wins: list[bool] = []
    held: list[bool] = []
    areas, pooled = [], []
    for _ in range(num_datasets):
        hardness = worlds.draw_hardness(num_prompts, rng)
        correct = worlds.draw(SMALL, hardness, NUM_SAMPLES, rng).correct
        weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
        coin = rng.random(correct.shape)
        chosen = estimators.best_of_n(coin, correct, [NUM_SAMPLES])[:, 0]
        gain = weighted_means(weights, (chosen - correct.mean(axis=1))[:, None])
        wins.append(bool(bootstrap.percentile_interval(gain).low[0] > 0))
        area = bootstrap.percentile_interval(pairs.area(pairs.within_prompts(coin, correct), weights))
        held.append(bool(area.low <= 0.5 <= area.high))
        known = np.broadcast_to(SMALL.chance(hardness)[:, None], correct.shape)
        areas.append(_area(known, correct))
        pooled.append(_area(known.reshape(1, -1), correct.reshape(1, -1)))
    low, high = COVERS
    size = f"{num_prompts} prompts, {NUM_SAMPLES} samples of each"
    knows = "AUC of who knows the prompts alone"
    return [
        placebo("A verifier of coin tosses gains on one sample", size, wins),
        share(
            "95% intervals hold the truth", f"AUC of coin tosses within prompts; {size}", held, low=low, high=high
        ),
        Check(knows, f"within prompts; {size}", float(np.mean(areas)), 0.5, 0.5, num_datasets),
        Check(knows, f"pooled over prompts (wrong); {size}", float(np.mean(pooled)), np.nan, np.nan, num_datasets),
    ]


def _area(scores: Floats, correct: Bools) -> float:
    return float(pairs.area(pairs.within_prompts(scores, correct), np.ones((1, len(correct))))[0])


def _paths(rates: Rates, hardness: Floats, rng: np.random.Generator) -> _Paths:
    drawn = worlds.draw(SMALL, hardness, NUM_SAMPLES, rng)
    scores = rates.judge(drawn.correct, rng)
    read = PROMPT_TOKENS + drawn.tokens
    cost = cost_models.cell_cost(
        COST,
        SMALL.shape,
        prompt_tokens=np.full(len(hardness), PROMPT_TOKENS),
        decoded_tokens=drawn.tokens,
        widths=[int(k) for k in WIDTHS],
        verdicts=Verdicts(SHAPE, read, np.zeros((*read.shape, 1))),
    )
    accuracy = estimators.best_of_n(scores, drawn.correct, [int(k) for k in WIDTHS])
    return _Paths(accuracy, cost, pairs.within_prompts(scores, drawn.correct))


def _statistics(small: _Paths, large: worlds.Drawn, parts: Floats) -> dict[str, Interval]:
    """Intervals of every statistic by bin, fields (num_bins, ...), from the bins' weights (num_bins, 1 + R, P)."""
    accuracy, cost = (np.moveaxis(weighted_means(parts, table), 0, 1) for table in small[:2])
    answered = large.correct[:, 0].astype(float)
    spent = cost_models.cell_cost(
        COST,
        LARGE.shape,
        prompt_tokens=np.full(len(answered), PROMPT_TOKENS),
        decoded_tokens=large.tokens,
        widths=[1],
    )[:, 0]
    target, target_cost = np.moveaxis(weighted_means(parts, np.stack([answered, spent], axis=1)), 2, 0)
    crossing = substitution.invert(accuracy, cost, np.log(WIDTHS), target.T)
    rate = substitution.exchange_rate(crossing, target_cost.T)
    num_prompts = parts[:, 0].sum(axis=1)[:, None]
    area = np.stack([pairs.area(small.area, part) for part in parts], axis=1)
    return {
        BEST: intervals.accuracy_interval(accuracy[..., READ_AT - 1], num_prompts),
        "exchange rate": rate.rate,
        "width at the crossing": rate.step,
        "AUC": bootstrap.percentile_interval(area),
    }


def _truth(rates: Rates, world: World) -> dict[str, Floats]:
    accuracy = world.true_means(rates.best_of(SMALL.chance(HARDNESS)))
    target = world.true_means(LARGE.chance(HARDNESS)[:, None])[:, 0]
    cost, target_cost = world.true_means(_true_cost()), world.true_means(_one_answer())[:, 0]
    crossing = substitution.invert(accuracy, cost, np.log(WIDTHS), target)
    assert np.all(np.isfinite(crossing.cost) & ~crossing.at_or_below), "the truth is interior in every bin"
    return {
        BEST: accuracy[:, READ_AT - 1],
        "exchange rate": crossing.cost / target_cost,
        "width at the crossing": crossing.step,
        "AUC": np.full(world.num_bins, rates.area),
    }


def _decoding(model: worlds.Model) -> Floats:
    """Expected cost of one sample by difficulty, (H,): tokens spread evenly over
    m/2..3m/2 have variance m^2 / 12.
    """
    mean = model.mean_tokens(HARDNESS)
    curved = 4.0 * model.shape.attention_width / 2 * mean**2 / 12
    return np.asarray(COST.decode(model.shape, np.asarray(float(PROMPT_TOKENS)), mean) + curved)


def _one_answer() -> Floats:
    return np.asarray(COST.prefill(LARGE.shape, np.asarray(float(PROMPT_TOKENS))) + _decoding(LARGE))[:, None]


def _true_cost() -> Floats:
    """Expected cost of the best of k by difficulty, (H, K): each of two samples or more is read whole."""
    mean = SMALL.mean_tokens(HARDNESS)
    # Reading is quadratic in its tokens as well, 2 L d a squared token.
    reading = COST.prefill(SHAPE, PROMPT_TOKENS + mean) + 2.0 * SHAPE.attention_width * mean**2 / 12
    prompt = COST.prefill(SMALL.shape, np.asarray(float(PROMPT_TOKENS)))
    return np.asarray(
        prompt + _decoding(SMALL)[:, None] * WIDTHS + reading[:, None] * np.where(WIDTHS > 1, WIDTHS, 0)
    )
