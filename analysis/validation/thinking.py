"""Samples read at several budgets, of planted flips and stops: how often what is said of thinking is true."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from analysis.arrays import Bools, Floats, Ints, Weights
from analysis.stats import bootstrap, differences, efficiency, flips, intervals, lengths, overthinking, pairs
from analysis.stats.bootstrap import MIN_REPLICATES, Interval, means_of_each, percentile_interval
from analysis.stats.efficiency import Sufficient
from analysis.validation.checks import COVERS, Check, placebo, share

BUDGETS: Floats = np.array([0.0, 32.0, 64.0, 128.0])
NUM_SAMPLES = 8
# The truth is read off so many prompts, whose own error is a thirtieth of that of 200.
NUM_TRUE = 200_000
NUM_KINDS = 3


class Drawn(NamedTuple):
    """Whether each sample is right at each budget (B, P, S), what it thinks under the largest, and whether it is
    cut there; (P, S) each.
    """

    correct: Bools
    tokens: Floats
    is_cut: Bools


class Thinker(NamedTuple):
    """A model on prompts of three kinds: easy ones that it talks itself out of, middling ones that it comes to
    solve, and hard ones.

    chances (3, B): of a right answer where thinking goes on at a budget; stops (3,): tokens until it stops, in the
    middle. Half of an answer's luck is its sample's at every budget; lingers: how much longer the unlucky think.
    """

    chances: tuple[tuple[float, ...], ...]
    stops: tuple[float, ...]
    lingers: float

    def draw(self, kinds: Ints, rng: np.random.Generator) -> Drawn:
        """Samples of prompts of these kinds (P,)."""
        shape = (len(kinds), NUM_SAMPLES)
        luck = rng.standard_normal(shape)
        spread = np.exp(0.6 * rng.standard_normal(shape) - self.lingers * luck)
        until = np.ceil(np.asarray(self.stops)[kinds][:, None] * spread)
        aim = -ndtri(np.asarray(self.chances)[kinds]).T[:, :, None]
        right = (luck + rng.standard_normal((len(BUDGETS), *shape))) / np.sqrt(2) > aim
        # A sample that has stopped gives, from the next budget on, the answer of its stop.
        stopped = np.minimum(np.searchsorted(BUDGETS, until), len(BUDGETS) - 1)
        place = np.minimum(np.arange(len(BUDGETS))[:, None, None], stopped)
        return Drawn(np.take_along_axis(right, place, axis=0), np.minimum(until, BUDGETS[-1]), until > BUDGETS[-1])


PLANTED = Thinker(
    chances=((0.85, 0.75, 0.65, 0.5), (0.3, 0.6, 0.75, 0.85), (0.1, 0.2, 0.2, 0.25)),
    stops=(70.0, 100.0, 140.0),
    lingers=0.3,
)
# Another of its size, that writes more and is a little less often right.
LONGER = Thinker(
    chances=((0.8, 0.7, 0.6, 0.45), (0.3, 0.55, 0.7, 0.8), (0.1, 0.18, 0.18, 0.22)),
    stops=(80.0, 115.0, 160.0),
    lingers=0.3,
)
# Thinking changes nothing, and stops tell nothing.
FLAT = Thinker(chances=((0.7,) * 4, (0.4,) * 4, (0.1,) * 4), stops=(60.0, 80.0, 120.0), lingers=0.0)


def intervals_hold(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """How often the interval of each statistic holds its truth, all steps and budgets together."""
    truth = {
        name: of.estimate for name, of in _measured(*_drawn(NUM_TRUE, rng), np.ones((2, NUM_TRUE)), rng).items()
    }
    held: dict[str, list[bool]] = {name: [] for name in truth}
    for _ in range(num_datasets):
        drawn = _drawn(num_prompts, rng)
        weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
        for name, found in _measured(*drawn, weights, rng).items():
            held[name] += ((found.low <= truth[name]) & (truth[name] <= found.high)).tolist()
    low, high = COVERS
    size = f"{num_prompts} prompts, {NUM_SAMPLES} samples"
    return [
        share(
            "95% intervals hold the truth", f"{name}; {size}", hits, low=low, high=high, num_datasets=num_datasets
        )
        for name, hits in held.items()
    ]


def nothing_is_said(num_datasets: int, *, num_prompts: int, rng: np.random.Generator) -> list[Check]:
    """How often anything is said of a model whose thinking changes nothing, and of its twin."""
    said: dict[str, list[bool]] = {}
    for _ in range(num_datasets):
        kinds = _kinds(num_prompts, rng)
        drawn, twin = FLAT.draw(kinds, rng), FLAT.draw(kinds, rng)
        weights = bootstrap.prompt_weights(num_prompts, num_replicates=MIN_REPLICATES, rng=rng)
        found = _measured(drawn, twin, weights, rng)
        joint = _change(drawn, weights).interval
        told = {
            "any step rises or falls": bool(((joint.low > 0) | (joint.high < 0)).any()),
            "the largest budget is too long": bool(found["lost by too long"].low[-1] > 0),
            "own stops gain or lose": _is_beside(found["gain of own stops"], 0.0),
            "right samples think shorter or longer": _is_beside(found["right is shorter"], 0.5),
            "a twin writes more or less": _is_beside(
                Interval(*(end[-1:] for end in found["tokens at equal budget"])), 1.0
            ),
        }
        for name, is_said in told.items():
            said.setdefault(name, []).append(is_said)
    size = f"{num_prompts} prompts, {NUM_SAMPLES} samples"
    return [placebo("Said where thinking changes nothing", f"{name}, {size}", hits) for name, hits in said.items()]


def _kinds(num_prompts: int, rng: np.random.Generator) -> Ints:
    return rng.integers(NUM_KINDS, size=num_prompts)


def _drawn(num_prompts: int, rng: np.random.Generator) -> tuple[Drawn, Drawn]:
    """Both models on the same prompts."""
    kinds = _kinds(num_prompts, rng)
    return PLANTED.draw(kinds, rng), LONGER.draw(kinds, rng)


def _change(drawn: Drawn, weights: Weights) -> differences.Differences:
    change = flips.between(drawn.correct).change
    (means,) = means_of_each(weights, [change])
    return differences.together([change], means[:, None], np.full((1, means.shape[1]), np.nan))


def _measured(drawn: Drawn, other: Drawn, weights: Weights, rng: np.random.Generator) -> dict[str, Interval]:
    """The interval of every statistic, through the functions that read a run."""
    turned = flips.between(drawn.correct)
    thought = np.minimum(drawn.tokens[None], BUDGETS[:, None, None]).mean(axis=2).T
    longer = np.minimum(other.tokens[None], BUDGETS[:, None, None]).mean(axis=2).T
    lost = overthinking.losses(drawn.correct, overthinking.draw_halves(NUM_SAMPLES, rng=rng))
    needs = efficiency.sufficient(drawn.correct, BUDGETS, drawn.tokens)
    accuracy, other_accuracy = (each.correct.mean(axis=2).T for each in (drawn, other))
    tables = [*turned, thought, longer, lost.over, lost.under, *needs, accuracy, other_accuracy]
    left, gained, spent, more, over, under, shares, charged, right, other_right = means_of_each(weights, tables)
    # An answer takes ten tokens.
    spent, more = spent + 10, more + 10
    own = spent[:, -1] - 10
    uniform = efficiency.one_for_all(right, BUDGETS, own)
    best = efficiency.in_hindsight(Sufficient(shares, charged), BUDGETS, own)
    found = lengths.shorter(drawn.tokens, drawn.is_cut, drawn.correct[-1])
    # Of a budget at which the other one is matched for certain: what is never reached has no end to hold it so
    # often.
    beside = lengths.to_reach(right, spent, BUDGETS, other_right[:, 1:2])
    num_prompts = weights.shape[1]
    return {
        "right to wrong": intervals.accuracy_interval(left, num_prompts),
        "wrong to right": intervals.accuracy_interval(gained, num_prompts),
        "points for 500 tokens": percentile_interval(flips.per_tokens(gained - left, np.diff(spent, axis=1))),
        "lost by too long": percentile_interval(over[:, 1:]),
        "lost by too little": percentile_interval(under[:, :-1]),
        "gain of own stops": percentile_interval((right[:, -1] - uniform)[:, None]),
        "efficiency of own stops": efficiency.efficiency(*(of[:, None] for of in (right[:, -1], uniform, best))),
        "right is shorter": percentile_interval(pairs.area(found, weights)[:, None]),
        "tokens at equal budget": percentile_interval((more / spent)[:, 1:]),
        "tokens at equal accuracy": percentile_interval(beside.cost / more[:, 1:2]),
    }


def _is_beside(interval: Interval, value: float) -> bool:
    """Whether an interval lies on one side of a value."""
    return bool(interval.low[0] > value or interval.high[0] < value)
