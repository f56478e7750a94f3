"""All proof obligations of the statistics, run and rendered as the table of record. Knows no files."""

import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version

import numpy as np

from analysis.stats.bootstrap import MIN_REPLICATES
from analysis.validation import (
    axes,
    bias,
    claims,
    comparisons,
    goals,
    interval_coverage,
    placebos,
    routers,
    small_bins,
    thinking,
    unrun,
    verifiers,
    votes,
)
from analysis.validation.checks import Check

Obligation = Callable[[int, np.random.Generator], list[Check]]

OBLIGATIONS: dict[str, Obligation] = {
    "Intervals hold the truth": lambda n, rng: interval_coverage.bins_and_rates(
        n, num_bins=3, num_prompts=700, rng=rng
    ),
    "Intervals hold the truth where bins are near a tie": lambda n, rng: interval_coverage.bins_and_rates(
        n, num_bins=2, num_prompts=450, rng=rng
    ),
    "Never is found": lambda n, rng: interval_coverage.never(n, num_prompts=200, rng=rng),
    "A duplicate is worth itself": lambda n, rng: interval_coverage.duplicate(n, num_prompts=200, rng=rng),
    "One level of resampling": lambda n, rng: interval_coverage.levels_of_resampling(n, num_prompts=200, rng=rng),
    "Whole curves": lambda n, rng: interval_coverage.bands(n, num_prompts=200, rng=rng),
    "Clusters": lambda n, rng: interval_coverage.clusters(n, rng=rng),
    "Small bins": lambda n, rng: small_bins.accuracies(n, rng=rng),
    "Placebos: bins": lambda n, rng: placebos.permuted_bins(n, num_prompts=200, rng=rng),
    "Placebos: routing": lambda n, rng: placebos.random_routing(n, num_prompts=200, rng=rng),
    "Placebos: allocation": lambda n, rng: placebos.random_allocation(n, num_prompts=200, rng=rng),
    "Comparisons: one model twice": lambda n, rng: comparisons.same_model(n, num_prompts=120, rng=rng),
    "Comparisons: planted differences": lambda n, rng: comparisons.planted_difference(n, num_prompts=120, rng=rng),
    "Bins of held-out samples": lambda n, rng: bias.bins(n, rng=rng),
    "Choices on held-out prompts": lambda n, rng: bias.choices(n, rng=rng),
    "Placebos: routers": lambda n, rng: routers.over_equal_arms(n, num_prompts=200, rng=rng),
    "Whole curves in small bins": lambda n, rng: small_bins.curves(n, rng=rng),
    "Verifiers of known error rates": lambda n, rng: verifiers.error_rates(
        n, num_bins=3, num_prompts=700, rng=rng
    ),
    "Verifiers that tell nothing": lambda n, rng: verifiers.worthless(n, num_prompts=200, rng=rng),
    "Axes: one exponent or two": lambda n, rng: axes.exponents(n, num_prompts=200, rng=rng),
    "Axes: peaks before the end": lambda n, rng: axes.peaks(n, num_prompts=200, rng=rng),
    # Of three rungs no plan takes half of the uniform grid, the truth in hand: what the best one takes is
    # reported.
    "Goals: rates of 3 rungs": lambda n, rng: goals.exchange_rates(
        n, num_rungs=3, smallest=-3, rng=rng, spends=np.nan
    ),
    "Goals: rates of 5 rungs": lambda n, rng: goals.exchange_rates(n, num_rungs=5, smallest=-3, rng=rng),
    "Goals: rates of 8 rungs": lambda n, rng: goals.exchange_rates(n, num_rungs=8, smallest=-3, rng=rng),
    "Goals: rates that are all within the grid": lambda n, rng: goals.exchange_rates(
        n, num_rungs=3, smallest=-2, rng=rng, spends=np.nan
    ),
    "Goals: a path that just reaches": lambda n, rng: goals.near_the_end(n, rng=rng),
    "Goals: caps": lambda n, rng: goals.caps(n, rng=rng),
    "Goals: accuracies": lambda n, rng: goals.accuracies(n, rng=rng),
    "Goals: sides of 1": lambda n, rng: goals.sides(n, rng=rng),
    "Goals: differences": lambda n, rng: goals.differences(n, rng=rng),
    "Thinking: planted flips, stops and lengths": lambda n, rng: thinking.intervals_hold(
        n, num_prompts=200, rng=rng
    ),
    "Thinking that changes nothing": lambda n, rng: thinking.nothing_is_said(n, num_prompts=200, rng=rng),
    "Votes: how alike answers are": lambda n, rng: votes.alike(n, num_prompts=200, rng=rng),
    "Votes: where they end": lambda n, rng: votes.ends(n, num_prompts=200, rng=rng),
    "Votes: what two samples tell": lambda n, rng: votes.bounds(n, num_prompts=200, rng=rng),
    "Votes: orders of models": lambda n, rng: votes.orders(n, num_prompts=200, rng=rng),
    "Votes: sets of 30 prompts": lambda n, rng: votes.small_sets(n, num_prompts=30, rng=rng),
    "A rung left out of 4": lambda n, rng: unrun.left_out(n, num_rungs=4, num_prompts=200, rng=rng),
    "A rung left out of 6": lambda n, rng: unrun.left_out(n, num_rungs=6, num_prompts=200, rng=rng),
    "A rung left out of 8": lambda n, rng: unrun.left_out(n, num_rungs=8, num_prompts=200, rng=rng),
    "Claims: compute for parameters": lambda n, rng: claims.prove(n, "substitution", rng=rng),
    "Claims: width against depth": lambda n, rng: claims.prove(n, "width", rng=rng),
    "Claims: compute per prompt": lambda n, rng: claims.prove(n, "per_prompt", rng=rng),
    "Claims: routing": lambda n, rng: claims.prove(n, "routing", rng=rng),
    "Claims: distinct answers": lambda n, rng: claims.prove(n, "diversity", rng=rng),
    "Claims: rounds": lambda n, rng: claims.prove(n, "rounds", rng=rng),
}


def run(num_datasets: int, *, seed: int, num_jobs: int = 1) -> Iterator[tuple[str, list[Check]]]:
    """Every obligation's checks as they finish, over that many processes.

    Each has a stream of its own, so one alone, or any number of processes, gives the same figures.
    """
    if num_jobs == 1:
        yield from ((name, prove(name, num_datasets, seed)) for name in OBLIGATIONS)
        return
    with ProcessPoolExecutor(num_jobs) as pool:
        names, count = list(OBLIGATIONS), len(OBLIGATIONS)
        yield from zip(names, pool.map(prove, names, [num_datasets] * count, [seed] * count), strict=True)


def prove(name: str, num_datasets: int, seed: int) -> list[Check]:
    """The checks of one obligation."""
    return OBLIGATIONS[name](num_datasets, np.random.default_rng([seed, list(OBLIGATIONS).index(name)]))


def render(found: dict[str, list[Check]], *, num_datasets: int, seed: int, started: float) -> str:
    """The table of record in markdown: what was observed, what it has to be, and whether it is."""
    failed = [check for checks in found.values() for check in checks if not check.holds]
    verdict = "Every bound holds." if not failed else f"{len(failed)} bounds do not hold."
    lines = [
        "# Do the statistics find what is there?",
        "",
        f"{num_datasets:,} simulated data sets a line, each with its own {MIN_REPLICATES:,} bootstrap "
        f"replicates, seed {seed}. {verdict}",
        "A line without bounds is reported and held to none. `isoquant validate` writes this page.",
        "",
    ]
    for name, checks in found.items():
        lines += [f"## {name}", "", "| what | where | observed | bounds | |", "|---|---|---|---|---|"]
        lines += [_row(check) for check in checks] + [""]
    versions = ", ".join(f"{package} {version(package)}" for package in ("numpy", "scipy", "numba"))
    lines += [
        f"{time.time() - started:,.0f} s on {platform.machine()}, Python {platform.python_version()}, {versions}.",
        "",
    ]
    return "\n".join(lines)


def _row(check: Check) -> str:
    if np.isnan(check.low):
        return f"| {check.claim} | {check.case} | {check.observed:.3f} | reported | |"
    bounds = f"{check.low:.3f} to {check.high:.3f}"
    return f"| {check.claim} | {check.case} | {check.observed:.3f} | {bounds} | {'holds' if check.holds else 'FAILS'} |"
