"""What one run says, as tidy frames: curves, exchange rates, cells. Knows outcomes and statistics, no files."""

import re
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import bootstrap, costs, curves, difficulty, substitution
from analysis.arrays import Floats
from analysis.curves import Curve, Path, PathName, Rule
from analysis.grid import OUTCOMES
from analysis.outcomes import Outcomes

Row = dict[str, Any]
ALL_PROMPTS = "all prompts"


@dataclass(frozen=True)
class Choices:
    """What the reader of a run may choose: bins (None: by the number of prompts), cost model, replicates."""

    num_bins: int | None = None
    cost: str = "c2"
    num_replicates: int = bootstrap.MIN_REPLICATES


@dataclass(frozen=True)
class Setting:
    """What a caption needs to say; constant over a run's frames. Anchor fields are None where no bins were drawn."""

    task: str
    anchor: str | None
    bin_samples: int | None
    bin_budget: int | None
    total_prompts: int
    num_dropped: int
    num_samples: int
    max_budget: int
    num_replicates: int
    cost: str
    cost_label: str


@dataclass(frozen=True, eq=False)
class Findings:
    """Frames of one run.

    curves: a row a rung, bin, rule, path and cell. exchange_rates: a row a pair, bin, rule and path, the larger rung at
    width 1 and full budget. cells: a row a rung and budget, its health at width 1.
    """

    setting: Setting
    curves: pd.DataFrame
    exchange_rates: pd.DataFrame
    cells: pd.DataFrame


class _Bin(NamedTuple):
    name: str
    weights: Floats


def find(outcomes: Outcomes, choices: Choices, *, rng: np.random.Generator) -> Findings:
    """Every curve and exchange rate of the run, from one paired bootstrap in which bins are drawn anew each time."""
    cost = costs.choose(choices.cost)
    bins = _bins(outcomes, choices, rng)
    curve_rows: list[Row] = []
    rate_rows: list[Row] = []
    for rule in curves.RULES:
        for path in (
            curves.width_path(len(outcomes.budgets), outcomes.num_samples, rule),
            curves.budget_path(len(outcomes.budgets)),
        ):
            prompts = [curves.prompt_curve(arm, path, rule, cost, rng=rng) for arm in outcomes.arms]
            keys = {"rule": rule, "path": path.axis}
            for part in bins:
                place = keys | _bin_columns(part)
                resampled = [curves.resample(table, part.weights) for table in prompts]
                curve_rows += _curve_rows(outcomes, path, resampled, place)
                rate_rows += _rate_rows(outcomes, path, resampled, place)
    return Findings(
        setting=_setting(outcomes, choices, cost),
        curves=pd.DataFrame(curve_rows),
        exchange_rates=pd.DataFrame(rate_rows),
        cells=pd.DataFrame(_cell_rows(outcomes)),
    )


def _bins(outcomes: Outcomes, choices: Choices, rng: np.random.Generator) -> list[_Bin]:
    """All prompts, then the bins from easiest to hardest, each as prompt weights (1 + R, P)."""
    num_prompts = len(outcomes.prompt_ids)
    weights = bootstrap.prompt_weights(num_prompts, num_replicates=choices.num_replicates, rng=rng)
    whole = [_Bin(ALL_PROMPTS, weights)]
    num_bins = difficulty.default_num_bins(num_prompts) if choices.num_bins is None else choices.num_bins
    if outcomes.bins is None:
        return whole
    scores = outcomes.bins.grid.correct[0].mean(axis=1)
    num_bins = min(num_bins, len(np.unique(scores)))
    if num_bins == 1:
        return whole
    labels = difficulty.quantile_bins(scores, weights, num_bins=num_bins)
    parts = difficulty.bin_weights(weights, labels, num_bins=num_bins)
    return whole + [_Bin(name, part) for name, part in zip(difficulty.bin_names(num_bins), parts, strict=True)]


def _bin_columns(part: _Bin) -> Row:
    return {"bin": part.name, "num_prompts": int(part.weights[0].sum())}


def _curve_rows(outcomes: Outcomes, path: Path, resampled: list[Curve], place: Row) -> list[Row]:
    rows = []
    for arm, curve in zip(outcomes.arms, resampled, strict=True):
        _, low, high = bootstrap.percentile_interval(curve.accuracy)
        for cell, (budget, width) in enumerate(zip(path.budget_index, path.widths, strict=True)):
            rows.append(
                {"model": arm.rung.name, "num_params": arm.rung.num_params}
                | place
                | {"budget": int(outcomes.budgets[budget]), "width": width}
                | {name: float(means[0, cell]) for name, means in curve._asdict().items()}
                | {"low": float(low[cell]), "high": float(high[cell])}
            )
    return rows


def _rate_rows(outcomes: Outcomes, path: Path, resampled: list[Curve], place: Row) -> list[Row]:
    """Rows of every smaller rung against every larger one's reference: width 1 and the full budget."""
    is_width = path.axis == "width"
    steps = np.log(path.widths) if is_width else outcomes.budgets[list(path.budget_index)]
    reference = 0 if is_width else len(path.widths) - 1
    rows = []
    for (small, rung), (large, larger) in combinations(zip(resampled, outcomes.arms, strict=True), 2):
        target, target_flops = large.accuracy[:, reference], large.flops[:, reference]
        crossing = substitution.invert(small.accuracy, small.flops, steps, target)
        rows.append(
            {"small": rung.rung.name, "large": larger.rung.name}
            | place
            | {"target_accuracy": float(target[0]), "target_flops": float(target_flops[0])}
            | _rate_columns(substitution.exchange_rate(crossing, target_flops), is_log=is_width)
            | {"max_step": path.widths[-1] if is_width else int(outcomes.budgets[-1])}
        )
    return rows


def _rate_columns(found: substitution.ExchangeRate, *, is_log: bool) -> Row:
    step = [np.exp(end) if is_log else end for end in found.step]
    return (
        {name: float(end) for name, end in zip(("exchange_rate", "low", "high"), found.rate, strict=True)}
        | {name: float(end) for name, end in zip(("step", "step_low", "step_high"), step, strict=True)}
        | {"crossing_flops": float(found.cost.estimate), "at_or_below": bool(found.at_or_below)}
        | {"share_never": float(found.share_never), "share_at_or_below": float(found.share_at_or_below)}
    )


def _cell_rows(outcomes: Outcomes) -> list[Row]:
    """One row a rung and budget: means over prompts and samples, and the share of every outcome."""
    rows = []
    for arm in outcomes.arms:
        for at, budget in enumerate(outcomes.budgets):
            part = arm.grid
            rows.append(
                {"model": arm.rung.name, "num_params": arm.rung.num_params, "budget": int(budget)}
                | {"accuracy": float(part.correct[at].mean())}
                | {
                    name: float(getattr(part, name)[at].mean())
                    for name in ("thinking_tokens", "closing_tokens", "answer_tokens")
                }
                | {"forced_share": float(part.forced[at].mean()), "capped_share": float(part.capped[at].mean())}
                | {f"{name}_share": float((part.outcome[at] == code).mean()) for code, name in enumerate(OUTCOMES)}
            )
    return rows


def _setting(outcomes: Outcomes, choices: Choices, cost: costs.CostModel) -> Setting:
    held_out = outcomes.bins
    return Setting(
        # A task's id ends in a hash of its parameters, which tells a reader nothing.
        task=re.sub(r"-[0-9a-f]{8}$", "", outcomes.task),
        anchor=None if held_out is None else held_out.rung.name,
        bin_samples=None if held_out is None else held_out.grid.correct.shape[-1],
        bin_budget=None if held_out is None else int(held_out.budgets[0]),
        total_prompts=len(outcomes.prompt_ids),
        num_dropped=len(outcomes.dropped),
        num_samples=outcomes.num_samples,
        max_budget=int(outcomes.budgets[-1]),
        num_replicates=choices.num_replicates,
        cost=choices.cost,
        cost_label=cost.label,
    )


def substitution_frame(findings: Findings, *, rule: Rule, axis: PathName) -> pd.DataFrame:
    """Curves along one path, each row with its bin's target, the rung's exchange rate against the largest, the setting.

    Raises ValueError where there is no larger rung to reach.
    """
    largest = findings.curves.sort_values("num_params")["model"].iloc[-1]
    rates = findings.exchange_rates
    if rates.empty:
        raise ValueError(f"A substitution curve needs two models or more; this run has only {largest}.")
    rates = rates[(rates["large"] == largest) & (rates["rule"] == rule) & (rates["path"] == axis)]
    rates = rates.rename(columns={"small": "model", "large": "target", "low": "rate_low", "high": "rate_high"})
    targets = rates.drop_duplicates("bin")[["bin", "target", "target_accuracy", "target_flops", "max_step"]]
    own = rates.drop(columns=["rule", "path", "num_prompts", *targets.columns.drop("bin")])
    rows = (
        findings.curves[findings.curves["path"] == axis]
        .merge(targets, on="bin")
        .merge(own, on=["model", "bin"], how="left")
    )
    rows = _only_bins(rows).assign(at_or_below=rows["at_or_below"].fillna(False).astype(bool), rate_rule=rule)
    return rows.assign(**{name: value for name, value in asdict(findings.setting).items()})


def exchange_frame(findings: Findings, *, rule: Rule, axis: PathName) -> pd.DataFrame:
    """Exchange rates of all pairs along one path, a row a pair and bin, and the setting."""
    rates = findings.exchange_rates
    if rates.empty:
        raise ValueError("An exchange rate needs two models or more.")
    return rates[(rates["rule"] == rule) & (rates["path"] == axis)].assign(**asdict(findings.setting))


def _only_bins(rows: pd.DataFrame) -> pd.DataFrame:
    """Without the rows of all prompts, where there are bins."""
    return rows[rows["bin"] != ALL_PROMPTS] if rows["bin"].nunique() > 1 else rows
