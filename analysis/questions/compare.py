"""A new model against a ladder on the same prompts, as tidy frames.
Knows paired outcomes and statistics, no files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.arrays import Array, Floats
from analysis.costs.cost_models import CostModel
from analysis.reading import bins, curves, limits, unread
from analysis.reading import choices as choose
from analysis.reading.bins import Bin
from analysis.reading.curves import Curve, Path, Rule
from analysis.reading.reading import Reading
from analysis.runs.arms import Arm
from analysis.runs.pairing import Pairing
from analysis.runs.serial import Axis
from analysis.stats import bootstrap, differences, losses, substitution
from analysis.stats.bootstrap import Interval, weighted_means
from analysis.stats.differences import Differences
from analysis.stats.effective_size import EffectiveSize, effective_size
from analysis.stats.intervals import benjamini_hochberg, holm

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Comparison:
    """What sets a new model apart from the rungs of a ladder.

    differences: a row a rung, bin, budget and width, new less base, with the interval that holds in all rows
    together (low, high), the row's own (alone_low, alone_high), p-values plain and corrected over all rows, and
    the least difference that either interval could have found. sizes: a row a bin, budget and width, the size on
    the ladder as accurate as the new model; empty, with the reason in notes, where there is none. needs: a row a
    rung, bin and path, what the rung takes to reach one answer of the new model, NaN where that is not surely
    right. prompts: a row a rung and prompt, single answers at the full budget. nearest: the rung that is nearest
    in size, the last where sizes are not known. mostly_unread: of it and the new model those most of whose full
    answers are neither right nor wrong. words: those of the serial axis that is read.
    """

    new: str
    new_params: float
    rungs: tuple[str, ...]
    nearest: str
    task: str
    rule: Rule
    bins_are: str | None
    cluster: str | None
    num_prompts: int
    num_samples: tuple[int, int]
    num_replicates: int
    mostly_unread: tuple[str, ...]
    cost: CostModel
    differences: pd.DataFrame
    sizes: pd.DataFrame
    needs: pd.DataFrame
    prompts: pd.DataFrame
    notes: tuple[str, ...]
    words: Axis

    def single_full(self) -> pd.DataFrame:
        """Rows of differences of single answers at the full budget from the nearest rung, all prompts first."""
        cells = self.differences
        chosen = (
            (cells["budget"] == cells["budget"].max()) & (cells["width"] == 1) & (cells["base"] == self.nearest)
        )
        return cells[chosen]


class _Cells(NamedTuple):
    """Budgets and widths that are compared, and each arm's accuracy there on each prompt (P, budgets x widths)."""

    budgets: list[int]
    widths: list[int]
    rungs: list[Floats]
    new: Floats


def compare(pairing: Pairing, reading: Reading) -> Comparison:
    """Everything that is compared of a model and a ladder, whose reading has the new model as its last arm.

    Raises ValueError for bins of each model's own.
    """
    if reading.has_own_bins:
        raise ValueError(
            "With --difficulty own each model has bins of its own, so two models cannot be compared. "
            "Use anchor, agreement or label."
        )
    base, (*rungs, new) = pairing.base, reading.arms
    cells = _cells(pairing, reading)
    sizes, notes = _sizes(rungs, cells, reading.bins)
    return Comparison(
        new=new.rung.name,
        new_params=new.rung.num_params,
        rungs=tuple(arm.rung.name for arm in rungs),
        nearest=_nearest(rungs, new),
        task=choose.task_name(base.task),
        rule=reading.rule,
        bins_are=bins.words(base.bins, reading.choices.binning),
        cluster=reading.choices.cluster,
        num_prompts=len(base.prompt_ids),
        num_samples=(base.num_samples, new.num_samples),
        num_replicates=reading.choices.num_replicates,
        mostly_unread=_mostly_unread(rungs, new),
        cost=reading.cost,
        differences=_differences(rungs, cells, reading),
        sizes=sizes,
        needs=_needs(reading),
        prompts=_prompts(base.prompt_ids, rungs, new),
        notes=(*pairing.notes, *notes, *_unread(rungs, new)),
        words=reading.words,
    )


def shown_widths(num_samples: int, rule: Rule) -> list[int]:
    """1, 2, 4, 8 ... samples, or 1, 3, 7, 15 ... where they vote, and the most there are."""
    path = curves.width_path(1, num_samples, rule).widths
    doubled = {2**power - (1 if rule == "maj_at_k" else 0) for power in range(1, 32)}
    return [width for width in path if width == 1 or width in doubled or width == path[-1]]


def _nearest(rungs: Sequence[Arm], new: Arm) -> str:
    away = [abs(np.log(arm.rung.num_params / new.rung.num_params)) for arm in rungs]
    return rungs[-1 if np.isnan(away).any() else int(np.argmin(away))].rung.name


def _cells(pairing: Pairing, reading: Reading) -> _Cells:
    widths = shown_widths(pairing.num_samples, reading.rule)
    tables = []
    for at in range(len(reading.arms)):
        accuracy = reading.accuracy(at, widths).mean
        tables.append(np.moveaxis(accuracy, 1, 0).reshape(accuracy.shape[1], -1))
    return _Cells(pairing.base.budgets.tolist(), widths, tables[:-1], tables[-1])


def _differences(rungs: Sequence[Arm], cells: _Cells, reading: Reading) -> pd.DataFrame:
    """One family: every rung, bin, budget and width."""
    values = np.concatenate([cells.new - accuracy for accuracy in cells.rungs], axis=1)
    parts = reading.bins
    membership = np.stack([part.weights[0] > 0 for part in parts])
    statistic = np.stack([weighted_means(part.weights, values) for part in parts], axis=1)
    p_value = differences.sign_flips(values, membership, rng=reading.rng("sign flips"), clusters=reading.clusters)
    found = differences.together([values[inside] for inside in membership], statistic, p_value)
    columns = _columns(found)
    rows = []
    places = [(arm, budget, width) for arm in rungs for budget in cells.budgets for width in cells.widths]
    for bin_at, (part, inside) in enumerate(zip(parts, membership, strict=True)):
        accuracy = [table[inside].mean(axis=0) for table in (np.concatenate(cells.rungs, axis=1), cells.new)]
        for at, (arm, budget, width) in enumerate(places):
            rows.append(
                {"base": arm.rung.name, "bin": part.name, "num_prompts": int(inside.sum())}
                | {"budget": budget, "width": width, "base_accuracy": float(accuracy[0][at])}
                | {"new_accuracy": float(accuracy[1][at % len(accuracy[1])])}
                | {name: column[bin_at, at].item() for name, column in columns.items()}
            )
    frame = pd.DataFrame(rows)
    return frame.assign(p_holm=holm(frame["p_value"]), p_bh=benjamini_hochberg(frame["p_value"]))


def _columns(found: Differences) -> dict[str, Array]:
    return {
        "difference": found.interval.estimate,
        "low": found.interval.low,
        "high": found.interval.high,
        "alone_low": found.alone.low,
        "alone_high": found.alone.high,
        "detectable": found.detectable,
        "detectable_alone": found.detectable_alone,
        "is_few": found.is_few,
        "p_value": found.p_value,
    }


def _sizes(rungs: Sequence[Arm], cells: _Cells, parts: list[Bin]) -> tuple[pd.DataFrame, list[str]]:
    """Effective sizes, or no rows and the reason."""
    sizes = [arm.rung.num_params for arm in rungs]
    if len(sizes) < 2:
        return pd.DataFrame(), []
    if np.isnan(sizes).any() or len(set(sizes)) < len(sizes):
        listed = ", ".join(f"{arm.rung.name} {arm.rung.num_params:.3g}" for arm in rungs)
        return pd.DataFrame(), [
            f"no place on the ladder is given, because sizes must be known and different: {listed}"
        ]
    rows: list[Row] = []
    for part in parts:
        ladder = np.stack([weighted_means(part.weights, accuracy) for accuracy in cells.rungs], axis=-1)
        found = effective_size(ladder, sizes, weighted_means(part.weights, cells.new))
        places = [(budget, width) for budget in cells.budgets for width in cells.widths]
        for at, (budget, width) in enumerate(places):
            ends = {"smallest": sizes[0], "largest": sizes[-1]}
            place = {"bin": part.name, "num_prompts": int(part.weights[0].sum()), "budget": budget, "width": width}
            rows.append(place | _size_columns(found, at) | ends)
    return pd.DataFrame(rows), []


def _size_columns(found: EffectiveSize, at: int) -> Row:
    columns = _interval("size", found.size, at) | {"is_below": bool(found.is_below[at])}
    shares = ("share_below", "share_beyond", "stays", "share_dips")
    return columns | {name: float(getattr(found, name)[at]) for name in shares}


def _unread(rungs: Sequence[Arm], new: Arm) -> list[str]:
    """What stands in no difference: samples at the full budget
    that gave no answer to read, and equal identities.
    """
    shares = {arm.rung.name: unread.share(_full(arm)) for arm in (*rungs, new)}
    told = [f"{name} {numerals.percent(share)}" for name, share in shares.items() if share > 0]
    notes = [f"samples whose answer could not be read count as wrong: {', '.join(told)}"] if told else []
    same = [arm.rung.name for arm in rungs if arm.rung.identity == new.rung.identity]
    return notes + [f"{name} and {new.rung.name} are the same model, with the same identity" for name in same]


def _full(arm: Arm) -> Mapping[str, float]:
    """The shares of a model's full answers that were graded neither right nor wrong."""
    return unread.shares(arm, -1, np.ones(len(arm.prompt_tokens)))


def _mostly_unread(rungs: Sequence[Arm], new: Arm) -> tuple[str, ...]:
    nearest = next(arm for arm in rungs if arm.rung.name == _nearest(rungs, new))
    shares = {arm.rung.name: _full(arm) for arm in (nearest, new)}
    return tuple(f"{name} ({unread.told(parts)})" for name, parts in shares.items() if unread.is_mostly(parts))


def _interval(name: str, interval: Interval, at: int | tuple[()] = ()) -> Row:
    ends = zip(("", "_low", "_high"), interval, strict=True)
    return {f"{name}{suffix}": float(np.asarray(end)[at]) for suffix, end in ends}


def _needs(reading: Reading) -> pd.DataFrame:
    """What each rung takes to reach one answer of the new model:
    samples at the full budget, thinking at one sample.
    """
    num_budgets, last = len(reading.outcomes.budgets), len(reading.arms) - 1
    target = reading.curve(last, Path("width", (num_budgets - 1,), (1,)))
    rows = []
    for at, arm in enumerate(reading.arms[:last]):
        for path in (reading.path(at, axis) for axis in reading.paths[: 1 + (num_budgets > 1)]):
            prompts = reading.curve(at, path)
            for part in reading.bins:
                aims = curves.resample(target, part.weights)
                row = {"base": arm.rung.name, "bin": part.name, "num_prompts": int(part.weights[0].sum())}
                row |= {"path": path.axis}
                rows.append(row | _need_columns(curves.resample(prompts, part.weights), aims, path, arm))
    return pd.DataFrame(rows)


def _need_columns(curve: Curve, target: Curve, path: Path, arm: Arm) -> Row:
    is_log = path.axis == "width"
    steps = np.log(path.widths) if is_log else arm.budgets
    aim = substitution.to_match(target.accuracy[:, 0])
    found = substitution.needs(
        curve.accuracy, steps, aim, tokens=curve.total_tokens, cost=curve.cost, is_log=is_log
    )
    crossing = substitution.invert(curve.accuracy, curve.cost, steps, aim)
    rate = bootstrap.percentile_interval(crossing.cost / target.cost[:, 0])
    intervals: Mapping[str, Interval] = {
        "step": found.step if is_log else limits.known_budgets(found.step, arm.budgets),
        "tokens": found.tokens,
        "cost": found.cost,
        "exchange_rate": rate,
    }
    row = {"max_step": float(path.widths[-1] if is_log else arm.budgets[-1])}
    for name, interval in intervals.items():
        row |= _interval(name, interval)
    return row | {"at_or_below": bool(found.at_or_below), "share_never": float(found.share_never)}


def _prompts(prompt_ids: Array, rungs: Sequence[Arm], new: Arm) -> pd.DataFrame:
    frames = []
    for arm in rungs:
        found = losses.by_prompt(arm.tally(-1), new.tally(-1))
        frames.append(pd.DataFrame({"base": arm.rung.name, "prompt_id": prompt_ids} | found._asdict()))
    return pd.concat(frames, ignore_index=True)
