"""What to serve: the model and setting that reach a target at the least cost a query, and the next best."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.costs import lifetime
from analysis.costs.lifetime import Serving
from analysis.questions.interval_rows import columns
from analysis.reading import curves
from analysis.reading.curves import Rule
from analysis.reading.reading import Reading
from analysis.stats import bootstrap
from analysis.stats.bootstrap import Interval


class Setting(NamedTuple):
    """A cell of a model's grid, and the tokens that a query takes there one after the other, on average."""

    budget: int
    width: int
    serial_tokens: float


class Offer(NamedTuple):
    """One model's cheapest way to the target.

    serving: what a query costs, in the unit of the cost model; settings: the cells that were chosen, one for each
    half of the prompts where they differ, none where no cell may be used; times: its cost over the cheapest
    model's.
    """

    name: str
    num_params: float
    serving: Serving
    settings: tuple[Setting, ...]
    times: Interval
    share_cheapest: float

    @property
    def cost(self) -> Interval:
        return bootstrap.percentile_interval(self.serving.by_query)


@dataclass(frozen=True, eq=False)
class Offers:
    """Every model's, the cheapest first; most_serial: the tokens in series that a setting may take, None: any."""

    target: float
    rule: Rule
    cluster: str | None
    unit: str
    cost_label: str
    most_serial: float | None
    offers: tuple[Offer, ...]


def find(reading: Reading, *, target: float, most_serial: float | None = None) -> Offers:
    """Each model's cheapest setting at the target, by the reading's cost model, with intervals over prompts.

    target is an accuracy in 0..1; most_serial leaves out settings that take more tokens one after the other, on
    average over prompts. Raises ValueError for an impossible target. Source: `lifetime.serve`.
    """
    refuse_target(target)
    served = [_serve(reading, at, target, most_serial) for at in range(len(reading.arms))]
    costs = np.stack([serving.by_query for serving, _ in served])
    order = np.argsort(costs[:, 0], kind="stable")
    is_cheapest = (costs == costs.min(axis=0)) & np.isfinite(costs)
    offers = []
    for at in order.tolist():
        serving, settings = served[at]
        rung = reading.arms[at].rung
        share = bootstrap.share_of_replicates(is_cheapest[at], np.zeros(costs.shape[1]))
        times = bootstrap.percentile_interval(_over(costs[at], costs[order[0]]))
        offers.append(Offer(rung.name, rung.num_params, serving, settings, times, float(share)))
    setting = reading.setting
    return Offers(
        target, reading.rule, setting.cluster, setting.cost_unit, setting.cost_label, most_serial, tuple(offers)
    )


def frame(found: Offers) -> pd.DataFrame:
    """A row a model, the cheapest first; intervals as NAME, NAME_low, NAME_high.

    cost: of a query, inf where the target is never reached; times: over the cheapest model's; share_cheapest: of
    the replicates; budget, width and serial_tokens: of the first setting that was chosen, NaN of none.
    """
    return pd.DataFrame(
        {"model": each.name, "num_params": each.num_params}
        | columns("cost", each.cost)
        | columns("times", each.times)
        | {"share_cheapest": each.share_cheapest}
        | (each.settings[0] if each.settings else Setting(-1, -1, np.nan))._asdict()
        for each in found.offers
    ).assign(target=found.target, rule=found.rule, cost_unit=found.unit)


def refuse_target(target: float) -> None:
    """Raise ValueError for an accuracy that is none."""
    if not 0 < target <= 1:
        raise ValueError(f"--target must be an accuracy above 0 and at most 1; got {target:g}. Write 60% as 0.6.")


def _serve(
    reading: Reading, at: int, target: float, most_serial: float | None
) -> tuple[Serving, tuple[Setting, ...]]:
    """One model's cost of a query, and the settings behind it."""
    arm, widths = reading.arms[at], reading.path(at, "width").widths
    series = curves.serial_tokens(arm, widths).mean(axis=1)
    settings = [
        Setting(int(budget), width, float(series[row, column]))
        for row, budget in enumerate(reading.outcomes.budgets)
        for column, width in enumerate(widths)
    ]
    may = [
        place for place, each in enumerate(settings) if most_serial is None or each.serial_tokens <= most_serial
    ]
    if not may:
        return Serving(np.full(len(reading.weights), np.inf), np.zeros(0, dtype=int), at_or_below=False), ()
    tables = (
        reading.accuracy(at, widths).mean,
        curves.cell_cost(arm, reading.cost, widths, rule=reading.rule),
    )
    accuracy, cost = (_flat(table)[:, may] for table in tables)
    serving = lifetime.serve(accuracy, cost, target, weights=reading.weights, folds=reading.folds)
    return serving, _chosen([settings[place] for place in may], serving)


def _flat(table: Floats) -> Floats:
    """(B, P, K) -> (P, B K)."""
    flat: Floats = np.moveaxis(table, 1, 0).reshape(table.shape[1], -1)
    return flat


def _chosen(settings: Sequence[Setting], serving: Serving) -> tuple[Setting, ...]:
    return tuple(dict.fromkeys(settings[cell] for cell in serving.cells if cell >= 0))


def _over(cost: Floats, least: Floats) -> Floats:
    """A cost over the least one; inf where the model never gets there, NaN where neither does."""
    never = np.where(np.isinf(least), np.nan, np.inf)
    return np.asarray(np.divide(cost, least, out=never, where=np.isfinite(cost) & np.isfinite(least)))
