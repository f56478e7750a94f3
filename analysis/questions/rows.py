"""Rows of curves and of exchange rates, from what cells yield and cost under each weighting of the prompts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.reading import limits
from analysis.reading.curves import Curve, Path
from analysis.runs.outcomes import Outcomes
from analysis.stats import bootstrap, intervals, substitution

Row = dict[str, Any]


def of_curves(
    outcomes: Outcomes, paths: list[Path], resampled: Mapping[int, Curve], place: Row, num_drawn: int
) -> list[Row]:
    rows = []
    for at, curve in resampled.items():
        rung = outcomes.arms[at].rung
        cells = intervals.accuracy_interval(curve.accuracy, num_drawn)
        band = intervals.accuracy_band(curve.accuracy, cells)
        for cell, (budget, width) in enumerate(zip(paths[at].budget_index, paths[at].widths, strict=True)):
            rows.append(
                {"model": rung.name, "num_params": rung.num_params}
                | place
                | {"budget": int(outcomes.budgets[budget]), "width": width}
                | {name: float(means[0, cell]) for name, means in curve._asdict().items()}
                | {"low": float(cells.low[cell]), "high": float(cells.high[cell])}
                | {"band_low": float(band.low[cell]), "band_high": float(band.high[cell])}
            )
    return rows


def of_rates(
    outcomes: Outcomes,
    paths: list[Path],
    resampled: Mapping[int, Curve],
    subjects: list[int],
    place: Row,
    references: Sequence[int],
) -> list[Row]:
    """Rows of every subject against every larger rung's reference, the cell of it at this place.

    resampled: of each path, and behind it of the reference where that is none of its cells.
    """
    is_width = paths[0].axis == "width"
    rows = []
    pairs = [(small, large) for small in subjects for large in range(small + 1, len(outcomes.arms))]
    for small, large in pairs:
        path = paths[small]
        steps = np.log(path.widths) if is_width else outcomes.budgets[list(path.budget_index)]
        reference, own = references[large], alone(resampled[small], path)
        target, target_cost = resampled[large].accuracy[:, reference], resampled[large].cost[:, reference]
        aim = substitution.to_match(target)
        crossing = substitution.invert(own.accuracy, own.cost, steps, aim)
        rows.append(
            {"small": outcomes.arms[small].rung.name, "large": outcomes.arms[large].rung.name}
            | place
            | {"target_accuracy": float(target[0]), "target_cost": float(target_cost[0])}
            | rate_columns(substitution.exchange_rate(crossing, target_cost), path, outcomes.budgets)
            | {"p_value": _p_value(crossing, target_cost)}
            | {"max_step": path.widths[-1] if is_width else int(outcomes.budgets[-1])}
        )
    return rows


def alone(curve: Curve, path: Path) -> Curve:
    """The cells of the path, without what stands behind them."""
    return Curve(*(table[..., : len(path.widths)] for table in curve))


def _p_value(crossing: substitution.Crossing, target_cost: Floats) -> float:
    """Two-sided p-value that the rate is 1; NaN where it is known only to be at most something above 1."""
    rate = crossing.cost / target_cost
    is_open = bool(crossing.at_or_below[0]) and rate[0] >= 1
    return np.nan if is_open else float(bootstrap.p_value(rate, null=1.0))


def rate_columns(found: substitution.ExchangeRate, path: Path, budgets: Ints) -> Row:
    """A rate, where its path crosses, and what of it is censored."""
    is_width = path.axis == "width"
    step = [np.exp(end) for end in found.step] if is_width else limits.known_budgets(found.step, budgets)
    return (
        {name: float(end) for name, end in zip(("exchange_rate", "low", "high"), found.rate, strict=True)}
        | {name: float(end) for name, end in zip(("step", "step_low", "step_high"), step, strict=True)}
        | {"crossing_cost": float(found.cost.estimate), "at_or_below": bool(found.at_or_below)}
        | {"share_never": float(found.share_never), "share_at_or_below": float(found.share_at_or_below)}
    )
