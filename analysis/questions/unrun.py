"""A rung that was never run: its curves and exchange rates, as the rungs that were run tell. Knows no files."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from analysis import numerals
from analysis.arrays import Bools, Floats
from analysis.questions import rows
from analysis.questions.interval_rows import columns, interval_at
from analysis.reading import curves
from analysis.reading.bins import ALL_PROMPTS, Bin
from analysis.reading.curves import Curve, Path
from analysis.reading.reading import Reading
from analysis.stats import substitution, unrun
from analysis.stats.bootstrap import percentile_interval
from analysis.stats.substitution import to_match
from analysis.stats.unrun import Reach

Row = dict[str, Any]
OF_PURPOSE = "a rung that was never run"


class Unrun(NamedTuple):
    """A rung of this size beside the models of a run.

    curves: a row a bin, path and cell: the rung's accuracy and cost with 95% intervals, NaN where a model of the
    run is not surely right, or not surely wrong, so that it has no place on the trend; why says which. measured:
    the same of the models that were run. rates: a row a bin, path and model, the smaller of both as `small`.
    left_out: a row a model and cell along widths, all prompts: what the others forecast of it, and what it did;
    why: of a model that they cannot forecast.
    """

    name: str
    size: float
    reach: Reach
    curves: pd.DataFrame
    measured: pd.DataFrame
    rates: pd.DataFrame
    left_out: pd.DataFrame


def forecast(reading: Reading, size: float) -> Unrun:
    """The curves of a rung of so many parameters along every path, and its exchange rate with every model.

    Accuracies are read on the scale of logits, costs on that of logarithms. Raises ValueError as `refuse`.
    """
    reach, name = refuse(reading, size), numerals.parameters(size)
    ladder = _Ladder.read(reading)
    found: dict[str, list[Row]] = {"curves": [], "measured": [], "rates": []}
    for number, part in enumerate(reading.bins):
        every = [[curves.resample(prompts, part.weights) for prompts in each] for each in ladder.common]
        rung = _Rung.of(reading, every, size, reading.rng(OF_PURPOSE, number))
        for at, path in enumerate(ladder.paths):
            place: Row = {"bin": part.name, "num_prompts": int(part.weights[0].sum()), "path": path.axis}
            found["curves"] += _curve_rows(reading, path, rung, at, place)
            found["measured"] += _measured_rows(reading, path, [each[at] for each in every], place, part)
            new = _Side(name, path, rung.accuracy[at], rung.cost[at])
            ran = [each.side(at, part) for each in ladder.own]
            found["rates"] += [
                _rate_row(reading, *((side, new) if arm.rung.num_params < size else (new.told(), side)), place)
                for arm, side in zip(reading.arms, ran, strict=True)
            ]
    frames = {kind: pd.DataFrame(each) for kind, each in found.items()}
    return Unrun(name, size, reach, **frames, left_out=leave_out(reading))


def refuse(reading: Reading, size: float) -> Reach:
    """How far the ladder reaches. Raises ValueError beyond one step, for models of unknown size, below three, and
    for bins of each model's own, in which no two models answer the same prompts.
    """
    if reading.has_own_bins:
        raise ValueError(
            "With --difficulty own no two models share a bin. Use --difficulty anchor, agreement or label."
        )
    rungs = [arm.rung for arm in reading.arms]
    if unknown := [rung.name for rung in rungs if not rung.num_params > 0]:
        raise ValueError(f"--rung needs the parameters of every model, and those of {unknown[0]} are not known.")
    reach = unrun.reach([rung.num_params for rung in rungs])
    if not reach.holds(size):
        raise ValueError(f"--rung {numerals.parameters(size)} {_why_beyond(reading, reach, size)}")
    return reach


def leave_out(reading: Reading) -> pd.DataFrame:
    """What the other models forecast of each, along widths and on all prompts, and whether its interval holds."""
    sizes = np.array([arm.rung.num_params for arm in reading.arms])
    path = _paths(reading)[0]
    every = [curves.resample(reading.curve(at, path), reading.weights).accuracy for at in range(len(sizes))]
    values, is_told = _logits(every)
    found: list[Row] = []
    for at, arm in enumerate(reading.arms):
        others = np.arange(len(sizes)) != at
        place: Row = {"model": arm.rung.name, "num_params": arm.rung.num_params}
        if why := _why_alone(sizes[others], sizes[at]):
            found.append(place | {"why": why})
            continue
        rng = reading.rng(OF_PURPOSE, len(sizes), at)
        replicates = expit(unrun.forecast(sizes[others], values[:, others], sizes[at], rng=rng))
        interval = percentile_interval(np.where(is_told, replicates, np.nan))
        for cell, width in enumerate(path.widths):
            ends, measured = interval_at(interval, cell), float(every[at][0, cell])
            holds = bool(ends.low <= measured <= ends.high) if is_told[cell] else None
            told = columns("forecast", ends) | {"measured": measured, "why": "", "holds": holds}
            found.append(place | {"width": width} | told)
    return pd.DataFrame(found)


class _Side(NamedTuple):
    """A model, or the rung, along a path: accuracy and cost under each weighting, (1 + R, J) each."""

    name: str
    path: Path
    accuracy: Floats
    cost: Floats

    def told(self) -> "_Side":
        """The cells whose accuracy is known."""
        at = np.flatnonzero(~np.isnan(self.accuracy[0]))
        path = Path(self.path.axis, *(tuple(np.asarray(each)[at].tolist()) for each in self.path[1:]))
        return _Side(self.name, path, self.accuracy[:, at], self.cost[:, at])


class _Own(NamedTuple):
    """A model at all of its own samples, along each path; curves of each prompt."""

    name: str
    paths: list[Path]
    prompts: list[Curve]

    def side(self, at: int, part: Bin) -> _Side:
        """Along one path, on the prompts of a bin."""
        found = curves.resample(self.prompts[at], part.weights)
        return _Side(self.name, self.paths[at], found.accuracy, found.cost)


class _Ladder(NamedTuple):
    """The paths that all models share, each model's curves along them, and along its own."""

    paths: list[Path]
    common: list[list[Curve]]
    own: list[_Own]

    @classmethod
    def read(cls, reading: Reading) -> "_Ladder":
        paths, common, own = _paths(reading), [], []
        for at, arm in enumerate(reading.arms):
            common.append([reading.curve(at, path) for path in paths])
            longer = [reading.path(at, path.axis) for path in paths]
            read = [
                curve if path == wide else reading.curve(at, wide)
                for path, wide, curve in zip(paths, longer, common[-1], strict=True)
            ]
            own.append(_Own(arm.rung.name, longer, read))
        return cls(paths, common, own)


class _Rung(NamedTuple):
    """Accuracy and cost (1 + R, J) of the rung along each path, and why a cell is not told, (J,), or ""."""

    accuracy: list[Floats]
    cost: list[Floats]
    why: list[list[str]]

    @classmethod
    def of(cls, reading: Reading, every: list[list[Curve]], size: float, rng: np.random.Generator) -> "_Rung":
        """every: of each model its curves, resampled."""
        sizes = [arm.rung.num_params for arm in reading.arms]
        accuracy = [np.concatenate([curve.accuracy for curve in each], axis=1) for each in every]
        cost = np.stack([np.concatenate([curve.cost for curve in each], axis=1) for each in every], axis=1)
        values, is_told = _logits(accuracy)
        found = unrun.forecast(sizes, np.concatenate([values, np.log(cost)], axis=2), size, rng=rng)
        right, spent = np.split(found, 2, axis=1)
        ends = np.cumsum([curve.accuracy.shape[1] for curve in every[0]])[:-1]
        names = [arm.rung.name for arm in reading.arms]
        why = [_why_untold(names, accuracy, cell, bool(told)) for cell, told in enumerate(is_told)]
        tables = (np.where(is_told, expit(right), np.nan), np.exp(spent))
        accuracies, costs = (np.split(table, ends, axis=1) for table in tables)
        return cls(accuracies, costs, [list(part) for part in np.split(np.array(why, dtype=object), ends)])


def _paths(reading: Reading) -> list[Path]:
    """Along the widths that all models have, and along the axis that is read where it has several values."""
    outcomes = reading.outcomes
    wide = curves.width_path(len(outcomes.budgets), outcomes.num_samples, reading.rule)
    others = [axis for axis in reading.paths if axis != "width" and len(outcomes.budgets) > 1]
    return [wide, *(reading.path(0, axis) for axis in others)]


def _logits(accuracy: Sequence[Floats]) -> tuple[Floats, Bools]:
    """Logits (1 + R, M, J) of each model's accuracies (1 + R, J), and the cells (J,) in which each is surely right
    on some prompt and surely wrong on another.
    """
    each = np.stack(accuracy, axis=1)
    is_told = np.isfinite(to_match(each)[0]).all(axis=0) & np.isfinite(to_match(1 - each)[0]).all(axis=0)
    # A few replicates may lie at an end: as far out as the nearest that does not.
    inside = np.where((each > 0) & (each < 1), each, np.nan)
    with np.errstate(all="ignore"):
        least, most = np.fmin.reduce(inside, axis=0), np.fmax.reduce(inside, axis=0)
    return np.asarray(np.where(is_told, logit(np.clip(each, least, most)), 0.0)), np.asarray(is_told)


def _why_untold(names: list[str], accuracy: list[Floats], cell: int, is_told: bool) -> str:
    """The first model that has no place on the trend there; "" where all have."""
    if is_told:
        return ""
    for name, each in zip(names, accuracy, strict=True):
        for way, table in (("right", each), ("wrong", 1 - each)):
            if np.isnan(to_match(table[:, cell])[0]):
                return f"{name} is not certainly {way} on any prompt"
    return ""


def _why_beyond(reading: Reading, reach: Reach, size: float) -> str:
    """Why a size is not forecast, and what is."""
    is_large = size > reach.high
    end = reading.arms[-1 if is_large else 0].rung
    low, high = (numerals.parameters(limit) for limit in reach[:2])
    return (
        f"is beyond one step of this ladder, whose {'largest' if is_large else 'smallest'} model is {end.name} "
        f"({numerals.parameters(end.num_params)}): neighbours lie at most {reach.step:.3g}x apart, so that sizes "
        f"from {low} to {high} can be forecast. Run a model nearer to it first, or ask for one of these."
    )


def _why_alone(sizes: Floats, size: float) -> str:
    """Why models of these sizes do not forecast one of this size; "" where they do."""
    if len(np.unique(sizes)) < unrun.MIN_RUNGS:
        return f"the others are fewer than {unrun.MIN_RUNGS} sizes"
    return "" if unrun.reach(sizes).holds(size) else "beyond one step of the others"


def _curve_rows(reading: Reading, path: Path, rung: _Rung, at: int, place: Row) -> list[Row]:
    accuracy, cost = (percentile_interval(table[at]) for table in (rung.accuracy, rung.cost))
    return [
        place
        | _cell(reading, path, cell)
        | columns("accuracy", interval_at(accuracy, cell))
        | columns("cost", interval_at(cost, cell))
        | {"why": rung.why[at][cell]}
        for cell in range(len(path.widths))
    ]


def _measured_rows(reading: Reading, path: Path, every: list[Curve], place: Row, part: Bin) -> list[Row]:
    """What the models of the run yield and cost at the same cells."""
    names = (
        "model",
        "num_params",
        "bin",
        "num_prompts",
        "path",
        "budget",
        "width",
        "accuracy",
        "low",
        "high",
        "cost",
    )
    of = dict(enumerate(every))
    found = rows.of_curves(reading.outcomes, [path] * len(every), of, place, reading.num_drawn(part))
    return [{name: row[name] for name in names} for row in found]


def _cell(reading: Reading, path: Path, cell: int) -> Row:
    return {"budget": int(reading.outcomes.budgets[path.budget_index[cell]]), "width": path.widths[cell]}


def _rate_row(reading: Reading, small: _Side, large: _Side, place: Row) -> Row:
    """What the smaller of both needs along its path to reach the larger one's single answer at the full budget."""
    budgets, is_width = reading.outcomes.budgets, small.path.axis == "width"
    single = 0 if is_width else len(large.path.widths) - 1
    steps = np.log(small.path.widths) if is_width else budgets[list(small.path.budget_index)]
    reached = substitution.invert(small.accuracy, small.cost, steps, to_match(large.accuracy[:, single]))
    rate = substitution.exchange_rate(reached, large.cost[:, single])
    most = max(small.path.widths, default=0) if is_width else int(budgets[max(small.path.budget_index, default=0)])
    row: Row = {"small": small.name, "large": large.name} | place | {"cost_unit": reading.cost.unit}
    row |= {"target_accuracy": float(large.accuracy[0, single]), "target_cost": float(large.cost[0, single])}
    return row | rows.rate_columns(rate, small.path, budgets) | {"max_step": most}


def frame(found: Unrun, reading: Reading) -> pd.DataFrame:
    """Rows by `kind`: forecast and measured (a cell), rate (a model), left_out (a model and cell);
    with the setting.
    """
    forecasts = found.curves.rename(columns={"accuracy_low": "low", "accuracy_high": "high"})
    rates = found.rates.rename(columns={"low": "rate_low", "high": "rate_high"})
    parts = [
        forecasts.assign(kind="forecast", model=found.name, num_params=found.size),
        found.measured.assign(kind="measured"),
        rates.assign(kind="rate"),
        found.left_out.assign(kind="left_out", bin=ALL_PROMPTS, path="width"),
    ]
    said = reading.setting.columns() | {"rung": found.name, "rule": reading.rule, "num_models": len(reading.arms)}
    whole = pd.concat(parts, ignore_index=True)
    return whole[["kind", *(name for name in whole if name != "kind")]].assign(**said)
