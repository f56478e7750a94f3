"""Whether a rung that is left out of a planted ladder lies where the others forecast it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

from analysis.arrays import Floats
from analysis.stats import substitution, unrun
from analysis.stats.bootstrap import means_of_each, percentile_interval
from analysis.stats.substitution import to_match
from analysis.validation import ladders
from analysis.validation.checks import COVERS, Check, share
from analysis.validation.ladders import MOST_WIDTH, WIDTHS, Planted, Rung

# Logits by which rungs lie off the trend, a standard deviation: 0.2 to 0.45 of the published ladders of one family
# (Qwen2.5, gemma-2 and Llama-3.1 in ZeroEval; tests/analysis/test_unrun_published.py).
OFF_TREND = 0.3
# Neighbours' sizes lie apart by a factor between these, and mean logits of a ladder go from one end to the other.
FACTORS = (1.7, 4.5)
ABILITIES = (-3.0, 0.5)
SHOWN = (1, 4, 16)
STEPS = np.log(WIDTHS)
INSIDE, NEVER, FIRST = "rates within the grid", "rates that are never", "rates that the first cell reaches"
BOUNDS = {f"pass@{k}": COVERS for k in SHOWN} | {INSIDE: COVERS, NEVER: (0.95, 1.0), FIRST: (np.nan, np.nan)}


class _Read(NamedTuple):
    """A planted ladder of M rungs under each weighting of its prompts, at K widths.

    truth (M, K): accuracies; spent (M,): mean cost of a sample; accuracy, cost (1 + R, M, K): logits and logs.
    """

    sizes: Floats
    truth: Floats
    spent: Floats
    accuracy: Floats
    cost: Floats


def left_out(
    num_ladders: int, *, num_rungs: int, num_prompts: int, rng: np.random.Generator, off_trend: float = OFF_TREND
) -> list[Check]:
    """Each rung of each ladder forecast from the others: its true accuracies, and the true exchange rates of its
    neighbours with it, of the smallest rung too; rates that the first cell already reaches are at most so much,
    and reported.
    """
    held: dict[str, list[bool]] = {}
    for _ in range(num_ladders):
        ladder = _read(_plant(num_rungs, num_prompts, off_trend, rng), num_prompts)
        for at in range(num_rungs):
            for name, hit in _forecast(ladder, at, rng):
                held.setdefault(name, []).append(hit)
    case = f"{num_rungs} rungs, {num_prompts} prompts, {off_trend:g} logits off the trend"
    return [
        share(f"A rung left out: {name}", case, held[name], low=low, high=high, num_datasets=num_ladders)
        for name, (low, high) in BOUNDS.items()
        if name in held
    ]


def _plant(num_rungs: int, num_prompts: int, off_trend: float, rng: np.random.Generator) -> Planted:
    """Rungs whose mean logits lie on a line in log size but for a deviation each; a token costs the size."""
    log_size = np.append(0, np.log(rng.uniform(*FACTORS, num_rungs - 1)).cumsum())
    ability = np.interp(log_size, log_size[[0, -1]], ABILITIES) + off_trend * rng.standard_normal(num_rungs)
    length = 400 * np.exp(0.1 * rng.standard_normal(num_rungs))
    rungs = [
        Rung(f"rung {at}", *each) for at, each in enumerate(zip(ability, length, np.exp(log_size), strict=True))
    ]
    return ladders.plant(rungs, rng, prompts=num_prompts)


def _read(planted: Planted, num_prompts: int) -> _Read:
    rungs, at = planted.rungs, np.array(WIDTHS) - 1
    weights, each = ladders.weights(num_prompts), ladders.pass_at_widths(MOST_WIDTH)[:, at]
    right = [each[planted.correct(rung.name, num_prompts, MOST_WIDTH)] for rung in rungs]
    spent = [rung.cost * planted.tokens[rung.name][:, None] * WIDTHS for rung in rungs]
    accuracy, cost = (np.stack(means_of_each(weights, tables), axis=1) for tables in (right, spent))
    least = 0.5 / (num_prompts * MOST_WIDTH)
    return _Read(
        sizes=np.array([rung.cost for rung in rungs]),
        truth=np.stack([rung.accuracy[at] for rung in rungs]),
        spent=np.array([rung.cost * rung.length for rung in rungs]),
        accuracy=np.asarray(logit(np.clip(accuracy, least, 1 - least))),
        cost=np.log(cost),
    )


def _forecast(ladder: _Read, at: int, rng: np.random.Generator) -> Iterator[tuple[str, bool]]:
    """Whether each interval of a rung that was left out holds the truth; nothing beyond one step of the others."""
    others, size = np.arange(len(ladder.sizes)) != at, float(ladder.sizes[at])
    if not unrun.reach(ladder.sizes[others]).holds(size):
        return
    values = np.concatenate([ladder.accuracy, ladder.cost], axis=2)[:, others]
    right, spent = np.split(unrun.forecast(ladder.sizes[others], values, size, rng=rng), 2, axis=1)
    new = (np.asarray(expit(right)), np.exp(spent))
    interval = percentile_interval(new[0])
    for k in SHOWN:
        cell = WIDTHS.index(k)
        yield f"pass@{k}", bool(interval.low[cell] <= ladder.truth[at, cell] <= interval.high[cell])
    pairs = [(at - 1, at), (at, at + 1), *([(0, at)] if at > 1 else [])]
    for small, large in pairs:
        if small >= 0 and large < len(ladder.sizes):
            sides = [new if each == at else _ran(ladder, each) for each in (small, large)]
            yield _rate(ladder, (small, large), *sides)


def _rate(
    ladder: _Read, pair: tuple[int, int], small: tuple[Floats, Floats], large: tuple[Floats, Floats]
) -> tuple[str, bool]:
    """What kind of truth a rate has, and whether its interval holds that."""
    reached = substitution.invert(*small, STEPS, to_match(large[0][:, 0]))
    rate = substitution.exchange_rate(reached, large[1][:, 0]).rate
    truth, is_first = _true_rate(ladder, *pair)
    kind = NEVER if np.isinf(truth) else FIRST if is_first else INSIDE
    return kind, bool(rate.low <= truth <= rate.high)


def _true_rate(ladder: _Read, small: int, large: int) -> tuple[float, bool]:
    """What the smaller spends over the larger one's single answer, inf where it is not within the grid; and
    whether the first cell is there already.
    """
    spent = ladder.spent[small] * np.asarray(WIDTHS)
    crossing = substitution.invert(ladder.truth[small], spent, STEPS, ladder.truth[large, 0])
    return float(crossing.cost / ladder.spent[large]), bool(crossing.at_or_below)


def _ran(ladder: _Read, at: int) -> tuple[Floats, Floats]:
    """Accuracy and cost of a rung that was run, (1 + R, K) each."""
    return np.asarray(expit(ladder.accuracy[:, at])), np.exp(ladder.cost[:, at])
