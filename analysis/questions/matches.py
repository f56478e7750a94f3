"""What a smaller model needs to match the largest, against both references:
its one answer, and its own frontier.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.arrays import Bools, Floats, Ints
from analysis.reading import chosen, curves, limits
from analysis.reading.bins import Bin
from analysis.reading.cells import Table, table
from analysis.reading.curves import Curve
from analysis.reading.reading import Reading
from analysis.runs.arms import Arm
from analysis.stats import frontier, multiplier, substitution
from analysis.stats.bootstrap import Interval, percentile_interval, share_of_replicates, weighted_means
from analysis.stats.substitution import Needs

NUM_LEVELS = 40


class Match(NamedTuple):
    """One smaller model against the largest in one bin.

    needs: samples, tokens and cost a prompt to reach the largest one's single answer, along widths at the full
    budget to max_width; workload: the break-even R* of those samples, NaN where a size or tokens are not known;
    frontier_rate: cost of the smaller over the larger where both use their own best cells, at what the larger's
    single answer costs, of which frontier_at_or_below says that the smaller one's cheapest level is already there:
    an upper bound; serial: the needs by one sample along the axis that is read, None where the axis has one value.
    NaN where the larger one is not surely right in the bin, so that there is nothing to match.
    """

    small: str
    large: str
    bin: str
    num_prompts: int
    max_width: int
    needs: Needs
    workload: Interval
    frontier_rate: Interval
    frontier_at_or_below: bool
    frontier_never: float
    serial: Needs | None = None


def match(reading: Reading, every: Reading | None = None) -> list[Match]:
    """Every smaller model against the largest in every bin.

    Under own difficulty the bins are the smaller model's. Frontiers are chosen on one fold of prompts and read on
    the other, among the settings of `every` where that is given; both are read on the prompts that they share.
    Raises ValueError below two models.
    """
    if every is not None and every is not reading:
        reading, every = on_shared_prompts(reading, every)
    arms = reading.arms
    if len(arms) < 2:
        raise ValueError(f"A match needs at least two models, and this run has only {arms[0].rung.name}.")
    paths = [reading.path(at, "width") for at in range(len(arms))]
    longer, reference = reading.with_reference(paths[-1])
    single = [reading.curve(at, path) for at, path in enumerate([*paths[:-1], longer])]
    by_one = _by_one(reading)
    cells = [_cells(every or reading, at, path.widths) for at, path in enumerate(paths)]
    found = []
    for subjects, parts in reading.groups:
        for part in parts:
            matched = curves.resample(single[-1], part.weights)
            large = Curve(*(table[..., [reference]] for table in matched))
            for at in subjects:
                if at == len(arms) - 1:
                    continue
                serial = None if by_one is None else _serial(by_one[at], large, part, reading)
                small, pair = curves.resample(single[at], part.weights), (arms[at], arms[-1])
                reached = _frontier_rate(
                    cells[at], cells[-1], large.cost[:, 0], weights=part.weights, folds=reading.folds
                )
                match = _match(pair, part, (small, large), paths[at].widths, reached)
                found.append(match._replace(serial=serial))
    # Bins in the order they came, whoever made them.
    order = list(dict.fromkeys(match.bin for match in found))
    return sorted(found, key=lambda match: order.index(match.bin))


def on_shared_prompts(reading: Reading, every: Reading) -> tuple[Reading, Reading]:
    """Both readings without the prompts that one of them lacks."""
    shared = set(reading.asked.prompt_ids) & set(every.asked.prompt_ids)
    return _among(reading, shared), _among(every, shared)


def _among(reading: Reading, prompt_ids: set[str]) -> Reading:
    asked = reading.asked
    if len(asked.prompt_ids) == len(prompt_ids):
        return reading
    at = np.flatnonzero([name in prompt_ids for name in asked.prompt_ids])
    return reading.of(asked.take(budgets=np.arange(len(asked.budgets)), prompts=at))


class _Reached(NamedTuple):
    """Replicates (1 + R,) of a rate of costs, and whether the path's first cell is already there."""

    rate: Floats
    at_or_below: Bools


def _match(
    arms: tuple[Arm, Arm], part: Bin, resampled: tuple[Curve, Curve], widths: tuple[int, ...], reached: _Reached
) -> Match:
    """One pair, smaller first, in one bin: its arms, curves under the bin's weights,
    and replicates of its rate.
    """
    return Match(
        small=arms[0].rung.name,
        large=arms[1].rung.name,
        bin=part.name,
        num_prompts=int(part.weights[0].sum()),
        max_width=widths[-1],
        needs=_needs(*resampled, widths),
        workload=percentile_interval(_workload(arms, *resampled, widths, part.weights)),
        frontier_rate=percentile_interval(reached.rate),
        frontier_at_or_below=bool(reached.at_or_below[0]),
        frontier_never=float(share_of_replicates(np.isinf(reached.rate), reached.rate)),
    )


def _cells(reading: Reading, at: int, widths: tuple[int, ...]) -> Table:
    """Accuracy and cost of every budget and width on each prompt; (P, J) each."""
    return Table(*(array.reshape(len(array), -1) for array in table(reading, at, widths)))


def _by_one(reading: Reading) -> list[Curve] | None:
    """Each model's one sample along the axis that is read; None where that is one cell."""
    if len(reading.outcomes.budgets) < 2:
        return None
    return [reading.curve(at, reading.path(at, reading.words.name)) for at in range(len(reading.arms))]


def _serial(by_one: Curve, large: Curve, part: Bin, reading: Reading) -> Needs:
    """What one sample needs along the axis that is read."""
    small, budgets = curves.resample(by_one, part.weights), reading.outcomes.budgets
    needs = substitution.needs(
        small.accuracy,
        budgets,
        substitution.to_match(large.accuracy[:, 0]),
        tokens=small.total_tokens,
        cost=small.cost,
        is_log=False,
    )
    return needs._replace(step=limits.known_budgets(needs.step, budgets))


def _needs(small: Curve, large: Curve, widths: tuple[int, ...]) -> Needs:
    return substitution.needs(
        small.accuracy,
        np.log(widths),
        substitution.to_match(large.accuracy[:, 0]),
        tokens=small.total_tokens,
        cost=small.cost,
        is_log=True,
    )


def _workload(
    arms: tuple[Arm, Arm], small: Curve, large: Curve, widths: tuple[int, ...], weights: ArrayLike
) -> Floats:
    """Replicates of R* (1 + R,): decoded tokens the small model needs over those
    of the large one's single answer. Where a verifier chooses among them, what it reads counts at its size.
    """
    ratio = float(arms[1].rung.shape.num_matmul_params) / float(arms[0].rung.shape.num_matmul_params)
    if not ratio > 1 or not all(arm.rung.has_tokens for arm in arms):
        return np.full(len(small.total_tokens), np.nan)
    prompts = [weighted_means(weights, arm.prompt_tokens[:, None]) for arm in arms]
    decoded = small.total_tokens - prompts[0]
    if arms[0].verifier is not None:
        read = weighted_means(weights, chosen.equivalent_tokens(arms[0])[-1][:, None])
        decoded = decoded + read * np.where(np.asarray(widths) > 1, widths, 0)
    target = substitution.to_match(large.accuracy[:, 0])
    spent = substitution.invert(small.accuracy, decoded, np.log(widths), target).cost
    return multiplier.break_even(ratio, spent / (large.total_tokens - prompts[1])[:, 0])


def _frontier_rate(small: Table, large: Table, level: Floats, *, weights: ArrayLike, folds: Ints) -> _Reached:
    """Replicates (1 + R,) of the cost at which the small one's frontier reaches the large one's at `level`."""
    means = np.concatenate([small.cost.mean(axis=0), large.cost.mean(axis=0)])
    levels = np.geomspace(means.min(), means.max(), NUM_LEVELS)
    of_large = frontier.cross_fit(large.accuracy, large.cost, [level[0]], weights=weights, folds=folds)
    of_small = frontier.cross_fit(small.accuracy, small.cost, levels, weights=weights, folds=folds)
    target = substitution.to_match(of_large.accuracy[:, 0])
    reached = substitution.invert(of_small.accuracy, of_small.cost, np.log(levels), target)
    return _Reached(reached.cost / of_large.cost[:, 0], reached.at_or_below)


def frame(found: list[Match]) -> pd.DataFrame:
    """A row a match, each interval as three columns: NAME, NAME_low and NAME_high."""
    rows = []
    for match in found:
        intervals = {name: getattr(match.needs, name) for name in ("step", "tokens", "cost", "slope")}
        intervals |= {"workload": match.workload, "frontier_rate": match.frontier_rate}
        row = {"small": match.small, "large": match.large, "bin": match.bin, "num_prompts": match.num_prompts}
        for name, (estimate, low, high) in intervals.items():
            row |= {name: float(estimate), f"{name}_low": float(low), f"{name}_high": float(high)}
        row |= {"at_or_below": bool(match.needs.at_or_below), "frontier_at_or_below": match.frontier_at_or_below}
        row |= {"share_never": float(match.needs.share_never), "frontier_never": match.frontier_never}
        row |= {} if match.serial is None else _serial_columns(match.serial)
        rows.append(row)
    return pd.DataFrame(rows)


def _serial_columns(needs: Needs) -> dict[str, float | bool]:
    named = {name: getattr(needs, name) for name in ("step", "tokens", "cost")}
    row: dict[str, float | bool] = {}
    for name, (estimate, low, high) in named.items():
        row |= {
            f"serial_{name}": float(estimate),
            f"serial_{name}_low": float(low),
            f"serial_{name}_high": float(high),
        }
    return row | {"serial_at_or_below": bool(needs.at_or_below), "serial_never": float(needs.share_never)}
