"""Sweeps that stop when they know: whether they are right then, and what they spend beside a uniform grid."""

from collections.abc import Sequence

import numpy as np

from analysis.goals.settings import Accuracy, Compare, Decide, ExchangeRates
from analysis.validation import grids
from analysis.validation.checks import COVERS, Check, placebo, share
from analysis.validation.ladders import MOST_WIDTH, Rung, able, ladder, plant, true_rate
from analysis.validation.pursuits import Pursuit, pursue

HALF_WIDTH, POINTS, EFFECT = 0.1, 3.0, 2.0
# P(never) stops are right so often, and a sweep spends at most this share of the cheapest uniform grid.
RIGHT, SPENDS = 0.975, 0.5
# A uniform grid is read off one for so many of these runs, and off so many at least and at most.
GRIDS, FEWEST_GRIDS, MOST_GRIDS = 10, 20, 200
# Of so few rungs a plan of unequal numbers is chosen with the truth in hand; a sweep spends at most so many times
# it.
FEW_RUNGS, NEAR = 3, 1.5
# Where the truth lies at a boundary any decision is false, so that a run ends at its cap.
CAP = 2_000_000


def exchange_rates(
    num_datasets: int, *, num_rungs: int, smallest: float, rng: np.random.Generator, spends: float = SPENDS
) -> list[Check]:
    """Coverage at the stop, *never* that is right, and tokens beside the cheapest uniform grid.

    spends: the most that is allowed of these, NaN where they are reported.
    """
    rungs = ladder(num_rungs, smallest=smallest)
    truths = [true_rate(small, rungs[-1]) for small in rungs[:-1]]
    goal = ExchangeRates(half_width=HALF_WIDTH)
    runs = [pursue(plant(rungs, rng), goal) for _ in range(num_datasets)]
    case = f"{num_rungs} rungs from a logit of {smallest:g}, rates to {HALF_WIDTH:g} in log10"
    return [
        *_coverage(case, runs, truths),
        *_never(case, runs, truths),
        *_spending(case, runs, rungs, spends, rng),
    ]


def near_the_end(num_datasets: int, *, rng: np.random.Generator) -> list[Check]:
    """A path that ends exactly at what is to be matched: how often it is said never to reach it."""
    rungs = _two(num_samples=MOST_WIDTH)
    goal = ExchangeRates(half_width=HALF_WIDTH)
    runs = [pursue(plant(rungs, rng), goal, max_tokens=5 * CAP) for _ in range(num_datasets)]
    said = [run.questions[0].state == "never" for run in runs]
    case = f"the truth ends there; rates to {HALF_WIDTH:g} in log10, {5 * CAP:,} tokens"
    return [share("A path that just reaches is said never to", case, said, low=0.0, high=1 - RIGHT)]


def caps(num_datasets: int, *, rng: np.random.Generator) -> list[Check]:
    """The most that rounds were planned to reach, over caps of which most end a run."""
    goal, rungs = ExchangeRates(half_width=HALF_WIDTH), ladder(4)
    found, ended = [], []
    for _ in range(num_datasets):
        cap = float(np.exp(rng.uniform(np.log(200_000), np.log(10_000_000))))
        run = pursue(plant(rungs, rng), goal, max_tokens=cap)
        found.append(run.planned / cap)
        ended.append(run.end == "cap")
    case = "4 rungs, caps of 200,000 to 10,000,000 tokens"
    return [
        Check("Planned tokens over the cap, the most of all runs", case, max(found), 0.0, 1.0, num_datasets),
        share("Runs that a cap ended", case, ended),
    ]


def accuracies(num_datasets: int, *, rng: np.random.Generator) -> list[Check]:
    """Coverage of each rung's accuracy at the stop."""
    rungs = ladder(4)
    runs = [pursue(plant(rungs, rng), Accuracy(points=POINTS)) for _ in range(num_datasets)]
    checks = []
    for at, rung in enumerate(rungs):
        found = [run.questions[at].found for run in runs]
        truth = rung.accuracy[0]
        hits = [each["low"] <= truth <= each["high"] for each in found]
        case = f"accuracy of {truth:.2f} to {POINTS:g} points, at the stop"
        checks.append(share("95% intervals hold the truth", case, hits, low=COVERS[0], high=COVERS[1]))
    return checks


def sides(num_datasets: int, *, rng: np.random.Generator) -> list[Check]:
    """False decisions on the side of 1, in all over pairs and looks,
    with truths at boundaries and away from them.
    """
    large = Rung("rung 4", 0.5, 200.0, 64.0)
    at_one = (*(_worth_one(f"rung {at}", width, large) for at, width in enumerate((4, 2.5, 1.5), start=1)), large)
    cases = {
        f"3 pairs whose rates are 1, {CAP:,} tokens": at_one,
        f"a path that ends at what is to be matched, {CAP:,} tokens": _two(num_samples=MOST_WIDTH),
        f"4 rungs in even steps, {5 * CAP:,} tokens": ladder(4),
    }
    checks = []
    for case, rungs in cases.items():
        truths = [true_rate(small, rungs[-1]) for small in rungs[:-1]]
        cap = 5 * CAP if rungs == ladder(4) else CAP
        runs = [pursue(plant(rungs, rng), Decide(), max_tokens=cap) for _ in range(num_datasets)]
        checks.append(placebo("Any rate is put on a false side of 1", case, [_errs(run, truths) for run in runs]))
        is_open = [all(each.is_open for each in run.questions) for run in runs]
        checks.append(share("Every pair stays open up to the cap", case, is_open))
    return checks


def differences(num_datasets: int, *, rng: np.random.Generator) -> list[Check]:
    """False decisions on a difference, at the effect that is asked about and away from it."""
    base = Rung("base", 0.0, 200.0, 1.0)
    goal = Compare(effect=EFFECT)
    checks = []
    for points, num_tokens in ((EFFECT, CAP), (0.0, 5 * CAP), (EFFECT + 3, 5 * CAP)):
        new = base._replace(name="new", ability=able(base.accuracy[0] + points / 100, 1))
        runs = [pursue(plant((base, new), rng), goal, max_tokens=num_tokens) for _ in range(num_datasets)]
        decided = [not run.questions[0].is_open for run in runs]
        above = [run.questions[0].found["gain"] > EFFECT / 100 for run in runs]
        false = [
            sure and (points == EFFECT or up != (points > EFFECT)) for sure, up in zip(decided, above, strict=True)
        ]
        case = f"{points:g} points, asked about {EFFECT:g}, {num_tokens:,} tokens"
        checks.append(placebo("A difference is put on a false side of the effect", case, false))
        checks.append(share("A difference is decided", case, decided))
    return checks


def _coverage(case: str, runs: Sequence[Pursuit], truths: Sequence[float]) -> list[Check]:
    """Of each rate that is finite; that of one beyond the grid has no upper end."""
    checks = []
    for at, truth in enumerate(truths):
        found = [run.questions[at].found for run in runs]
        hits = [each["low"] <= truth <= each["high"] for each in found]
        claim = "95% intervals hold the truth at the stop"
        name = f"rate of {truth:.2f}, {case}" if np.isfinite(truth) else f"never, {case}"
        high = COVERS[1] if np.isfinite(truth) else 1.0
        checks.append(share(claim, name, hits, low=COVERS[0], high=high))
    return checks


def _never(case: str, runs: Sequence[Pursuit], truths: Sequence[float]) -> list[Check]:
    right = [
        bool(np.isinf(truth))
        for run in runs
        for truth, question in zip(truths, run.questions, strict=True)
        if question.state == "never"
    ]
    if not right:
        return []
    return [share("Never is right where it is said", case, right, low=RIGHT, high=1.0, num_datasets=len(runs))]


def _spending(
    case: str, runs: Sequence[Pursuit], rungs: Sequence[Rung], spends: float, rng: np.random.Generator
) -> list[Check]:
    """Mean tokens over those of the grid, whatever the runs ended at; and how many ended knowing."""
    seeds = rng.integers(2**63, size=min(max(len(runs) // GRIDS, FEWEST_GRIDS), MOST_GRIDS)).tolist()
    grid = grids.uniform(rungs, HALF_WIDTH, seeds)
    ratio = float(np.mean([run.tokens for run in runs])) / grid
    known = [run.end == "known" for run in runs]
    rounds = float(np.mean([len(run.actions) for run in runs]))
    return [
        Check("Tokens over those of the cheapest uniform grid", case, ratio, 0.0 * spends, spends, len(runs)),
        *_least(case, ratio, grid, rungs, seeds),
        share("Runs that end with every question answered", case, known),
        Check("Rounds, the pilot counted", case, rounds, np.nan, np.nan, len(runs)),
    ]


def _least(case: str, ratio: float, grid: float, rungs: Sequence[Rung], seeds: Sequence[int]) -> list[Check]:
    """What a plan of unequal numbers would take with the truth in hand; of few rungs, since it tries all plans."""
    if len(rungs) > FEW_RUNGS:
        return []
    least = grids.unequal(rungs, HALF_WIDTH, seeds) / grid
    return [
        Check("The cheapest plan of unequal numbers over it", case, least, np.nan, np.nan, len(seeds)),
        Check("Tokens over those of that plan", case, ratio / least, 0.0, NEAR, len(seeds)),
    ]


def _errs(run: Pursuit, truths: Sequence[float]) -> bool:
    return any(
        _is_false(question.found["side"], truth) for question, truth in zip(run.questions, truths, strict=True)
    )


def _is_false(side: float, truth: float) -> bool:
    """Of a side that was said, NaN where none was: -1 below 1, 1 above it, inf never within the grid."""
    if np.isnan(side):
        return False
    if np.isinf(side):
        return bool(np.isfinite(truth))
    return not (truth < 1 - 1e-9 if side < 0 else truth > 1 + 1e-9)


def _two(num_samples: float) -> tuple[Rung, Rung]:
    """Two rungs of which the smaller one matches the larger with so many samples."""
    large = Rung("large", 0.5, 200.0, 64.0)
    return Rung("small", able(large.accuracy[0], num_samples), 400.0, 1.0), large


def _worth_one(name: str, num_samples: float, large: Rung) -> Rung:
    """A rung that matches the larger one with so many samples, which cost just as much."""
    found = Rung(name, able(large.accuracy[0], num_samples), 400.0, 1.0)
    return found._replace(cost=large.length * large.cost / found.length / _samples(found, large))


def _samples(small: Rung, large: Rung) -> float:
    """Samples whose cost is that of the crossing, which is read between widths in log scale."""
    return true_rate(small, large) * large.length * large.cost / (small.length * small.cost)
