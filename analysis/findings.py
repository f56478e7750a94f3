"""What one run says, as tidy frames: curves, exchange rates, cells. Knows outcomes and statistics, no files."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis import bins, bootstrap, curves, difficulty, diversity, intervals, substitution, unread, wording
from analysis import choices as choose
from analysis.arms import Arm, is_outside
from analysis.arrays import Floats, Ints
from analysis.bins import Binning
from analysis.choices import Choices, Setting
from analysis.costs import CostModel
from analysis.counts import Counted
from analysis.curves import Curve, Path, PathName, Rule
from analysis.outcomes import Outcomes
from analysis.untold import UntoldError
from results.schema import OUTCOMES

Row = dict[str, Any]
ALL_PROMPTS = bins.ALL_PROMPTS


@dataclass(frozen=True, eq=False)
class Findings:
    """Frames of one run.

    curves: a row a rung, bin, rule, path and cell, with its own interval and its whole curve's band; draw_error is the
    standard error of votes over random subsets, 0 where all were counted. exchange_rates: a
    row a pair, bin, rule and path, the larger rung at width 1 and full budget; under own difficulty the bin is the
    smaller rung's; p-values are of a rate of 1; all NaN where the larger is not surely right there, so that there is
    nothing to match. cells: a row a rung and budget, its health at width 1. optimism: a row
    a bin, read from the samples that made it and from fresh ones; empty without a pool. diversity: a row a rung and
    width, distinct right answers per sample and per cost. unread: a row a bin and rung, what shares of its answers at
    the full budget were graded neither right nor wrong, as `unread.frame` gives it.
    """

    setting: Setting
    curves: pd.DataFrame
    exchange_rates: pd.DataFrame
    cells: pd.DataFrame
    optimism: pd.DataFrame
    diversity: pd.DataFrame
    unread: pd.DataFrame


def find(outcomes: Outcomes, choices: Choices, *, rng: np.random.Generator) -> Findings:
    """Every curve and exchange rate of the run, from one paired bootstrap in which bins are drawn anew each time.

    Raises ValueError where a choice asks for what the run or the choices lack.
    """
    choices = choose.settle(outcomes.arms, choices)
    cost, arms = choose.price(outcomes.arms, choices)
    outcomes, pools = bins.hold_out(replace(outcomes, arms=arms), choices.binning)
    clusters = bins.clusters(outcomes, choices.cluster)
    weights = bootstrap.prompt_weights(
        len(outcomes.prompt_ids),
        num_replicates=choices.num_replicates,
        rng=rng,
        clusters=clusters,
    )
    tables = _tables(outcomes, cost, rng)
    curve_rows: list[Row] = []
    rate_rows: list[Row] = []
    groups = list(bins.groups(outcomes, pools, choices.binning, weights))
    for subjects, parts in groups:
        for paths, rule, prompts in tables:
            keys = {"rule": rule, "path": paths[0].axis}
            for part in parts:
                place = keys | {"bin": part.name, "num_prompts": int(part.weights[0].sum())}
                resampled = {
                    at: curves.resample(prompts[at], part.weights) for at in range(min(subjects), len(outcomes.arms))
                }
                num_drawn = bins.num_drawn(part, clusters)
                curve_rows += _curve_rows(outcomes, paths, {at: resampled[at] for at in subjects}, place, num_drawn)
                rate_rows += _rate_rows(outcomes, paths, resampled, subjects, place)
    if choices.binning.difficulty == "own":
        curve_rows, rate_rows = _by_bin(curve_rows), _by_bin(rate_rows)
    return Findings(
        setting=choose.describe(outcomes, pools[0], choices, cost, weights),
        curves=pd.DataFrame(curve_rows),
        exchange_rates=_adjusted(pd.DataFrame(rate_rows)),
        cells=pd.DataFrame(_cell_rows(outcomes)),
        optimism=_optimism_frame(outcomes, choices.binning, weights[:1]),
        diversity=diversity.frame(outcomes.arms, cost, weights),
        unread=unread.frame(outcomes.arms, groups, is_own=choices.binning.difficulty == "own"),
    )


def _adjusted(rates: pd.DataFrame) -> pd.DataFrame:
    """p-values of rates that differ from 1, corrected over all pairs and bins that one figure shows."""
    if rates.empty:
        return rates
    shown = rates.groupby(["rule", "path"])["p_value"]
    return rates.assign(p_holm=shown.transform(intervals.holm), p_bh=shown.transform(intervals.benjamini_hochberg))


def _by_bin(rows: list[Row]) -> list[Row]:
    """The rows of every bin together, bins and rows in the order they came."""
    order = {name: place for place, name in enumerate(dict.fromkeys(row["bin"] for row in rows))}
    return sorted(rows, key=lambda row: order[row["bin"]])


# The paths of all arms along one axis, the rule, and what each arm costs and yields on each prompt.
_Table = tuple[list[Path], Rule, list[Curve]]


def _tables(outcomes: Outcomes, cost: CostModel, rng: np.random.Generator) -> list[_Table]:
    """Along every axis under every rule; widths go as far as each arm's own samples."""
    tables: list[_Table] = []
    for rule in curves.rules(outcomes.arms):
        for paths in (
            [curves.own_path(arm, rule) for arm in outcomes.arms],
            [curves.budget_path(len(outcomes.budgets))] * len(outcomes.arms),
        ):
            along = zip(outcomes.arms, paths, strict=True)
            tables.append((paths, rule, [curves.prompt_curve(arm, path, rule, cost, rng=rng) for arm, path in along]))
    return tables


def _curve_rows(
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


def _rate_rows(
    outcomes: Outcomes, paths: list[Path], resampled: Mapping[int, Curve], subjects: list[int], place: Row
) -> list[Row]:
    """Rows of every subject against every larger rung's reference: width 1 and the full budget."""
    is_width = paths[0].axis == "width"
    reference = 0 if is_width else len(outcomes.budgets) - 1
    rows = []
    pairs = [(small, large) for small in subjects for large in range(small + 1, len(outcomes.arms))]
    for small, large in pairs:
        path = paths[small]
        steps = np.log(path.widths) if is_width else outcomes.budgets[list(path.budget_index)]
        target, target_cost = resampled[large].accuracy[:, reference], resampled[large].cost[:, reference]
        aim = substitution.to_match(target)
        crossing = substitution.invert(resampled[small].accuracy, resampled[small].cost, steps, aim)
        rows.append(
            {"small": outcomes.arms[small].rung.name, "large": outcomes.arms[large].rung.name}
            | place
            | {"target_accuracy": float(target[0]), "target_cost": float(target_cost[0])}
            | _rate_columns(substitution.exchange_rate(crossing, target_cost), path, outcomes.budgets)
            | {"p_value": _p_value(crossing, target_cost)}
            | {"max_step": path.widths[-1] if is_width else int(outcomes.budgets[-1])}
        )
    return rows


def _p_value(crossing: substitution.Crossing, target_cost: Floats) -> float:
    """Two-sided p-value that the rate is 1; NaN where it is known only to be at most something above 1."""
    rate = crossing.cost / target_cost
    is_open = bool(crossing.at_or_below[0]) and rate[0] >= 1
    return np.nan if is_open else float(bootstrap.p_value(rate, null=1.0))


def _rate_columns(found: substitution.ExchangeRate, path: Path, budgets: Ints) -> Row:
    is_width = path.axis == "width"
    step = [np.exp(end) for end in found.step] if is_width else wording.told_budgets(found.step, budgets)
    return (
        {name: float(end) for name, end in zip(("exchange_rate", "low", "high"), found.rate, strict=True)}
        | {name: float(end) for name, end in zip(("step", "step_low", "step_high"), step, strict=True)}
        | {"crossing_cost": float(found.cost.estimate), "at_or_below": bool(found.at_or_below)}
        | {"share_never": float(found.share_never), "share_at_or_below": float(found.share_at_or_below)}
    )


def _shares(arm: Arm, at: int, *, is_ours: bool) -> Row:
    """How the answers at one budget ended; NaN where outcomes from elsewhere, or counts, do not say."""
    ends, part = ("cut", "forced", "capped"), arm.stored
    if isinstance(part, Counted):
        return {f"{name}_share": np.nan for name in (*ends, *OUTCOMES)}
    shares = {f"{name}_share": float(getattr(part, name)[at].mean()) for name in ends}
    shares |= {f"{name}_share": float((part.outcome[at] == code).mean()) for code, name in enumerate(OUTCOMES)}
    untold = [] if is_ours else ["cut_share", "forced_share"]
    untold += [] if arm.rung.has_ends else ["capped_share", "truncated_share"]
    return shares | dict.fromkeys(untold if arm.rung.has_votes else shares, np.nan)


def _cell_rows(outcomes: Outcomes) -> list[Row]:
    """One row a rung and budget: means over prompts and samples, and the share of every outcome."""
    rows = []
    for arm in outcomes.arms:
        for at, budget in enumerate(outcomes.budgets):
            rows.append(
                {"model": arm.rung.name, "num_params": arm.rung.num_params, "budget": int(budget)}
                | {"accuracy": float(arm.accuracy[at].mean())}
                | {
                    name: float(getattr(arm.stored, name)[at].mean()) if arm.rung.has_tokens else np.nan
                    for name in ("thinking_tokens", "closing_tokens", "answer_tokens")
                }
                | _shares(arm, at, is_ours=not is_outside(outcomes.grader))
            )
    return rows


def _optimism_frame(outcomes: Outcomes, binning: Binning, weights: Floats) -> pd.DataFrame:
    """Same-pool and fresh accuracy of the anchor's bins, easiest first; no rows where no pool makes them."""
    found = bins.same_pool(outcomes, binning, weights) if binning.difficulty == "anchor" else None
    if found is None:
        return pd.DataFrame(columns=["bin", "same_pool", "fresh"])
    names = difficulty.bin_names(len(found.fresh))
    return pd.DataFrame({"bin": names, "same_pool": found.same_pool[:, 0], "fresh": found.fresh[:, 0]})


def substitution_frame(findings: Findings, *, rule: Rule, axis: PathName) -> pd.DataFrame:
    """Curves along one path, each row with its bin's target, the rung's exchange rate against the largest, the setting.

    Raises UntoldError where there is no larger rung to reach.
    """
    # The last of the arms, which are in order; sizes may be equal, as of one model with thinking and without.
    largest = findings.cells["model"].iloc[-1]
    rates = findings.exchange_rates
    if rates.empty:
        raise UntoldError(f"It needs two models or more; this run has only {largest}.")
    if findings.setting.difficulty == "own":
        raise UntoldError(
            "Under own difficulty each rung's bins hold other prompts, so no panel can show two; use summary."
        )
    rates = rates[(rates["large"] == largest) & (rates["rule"] == rule) & (rates["path"] == axis)]
    rates = rates.rename(columns={"small": "model", "large": "target", "low": "rate_low", "high": "rate_high"})
    targets = rates.drop_duplicates("bin")[["bin", "target", "target_accuracy", "target_cost", "max_step"]]
    own = rates.drop(columns=["rule", "path", "num_prompts", *targets.columns.drop("bin")])
    rows = (
        findings.curves[findings.curves["path"] == axis]
        .merge(targets, on="bin")
        .merge(own, on=["model", "bin"], how="left")
    )
    rows = _only_bins(rows).assign(at_or_below=rows["at_or_below"].fillna(False).astype(bool), rate_rule=rule)
    return rows.assign(**findings.setting.columns())


def exchange_frame(findings: Findings, *, rule: Rule, axis: PathName) -> pd.DataFrame:
    """Exchange rates of all pairs along one path, a row a pair and bin, and the setting."""
    rates = findings.exchange_rates
    if rates.empty:
        raise UntoldError(f"It needs two models or more; this run has only {findings.cells['model'].iloc[-1]}.")
    return rates[(rates["rule"] == rule) & (rates["path"] == axis)].assign(**findings.setting.columns())


def _only_bins(rows: pd.DataFrame) -> pd.DataFrame:
    """Without the rows of all prompts, where there are bins."""
    return rows[rows["bin"] != ALL_PROMPTS] if rows["bin"].nunique() > 1 else rows
