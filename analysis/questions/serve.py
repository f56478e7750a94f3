"""A run's answer to "train or serve": the cheapest model and setting for a target accuracy at every workload."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.costs import cost_models, lifetime
from analysis.costs.lifetime import Plan, Serving, Switch
from analysis.reading import bins, curves
from analysis.reading.curves import Rule
from analysis.runs.arms import Arm
from analysis.runs.outcomes import Outcomes
from analysis.runs.rungs import Rung
from analysis.stats import bootstrap, frontier
from analysis.text import wording
from analysis.text.summary import aligned

POINTS_A_DECADE = 8
DECADES_AROUND = 2
LEGEND = (
    "Brackets: 95% intervals over prompts (paired bootstrap). The setting is chosen on one half of the prompts and "
    "read on the other.\nNever: not within the measured grid. ≤: there at its cheapest cell already.\nCheapest "
    "in: share of replicates."
)


class Candidate(NamedTuple):
    """One model that could be trained and served: N, D, what it needs a query, and with which samples and budgets."""

    name: str
    num_params: int
    pretraining_tokens: float
    serving: Serving
    settings: str


@dataclass(frozen=True, eq=False)
class Workloads:
    """What serving q queries at the target costs: the plan at `asked` workloads and along a fine `curve` of them."""

    target: float
    rule: Rule
    cluster: str | None
    candidates: tuple[Candidate, ...]
    left_out: tuple[str, ...]
    asked: Plan
    curve: Plan
    switches: list[Switch]


def find(
    outcomes: Outcomes,
    *,
    target: float,
    queries: Sequence[float],
    rule: Rule,
    pretraining_tokens: Mapping[str, float],
    cluster: str | None = None,
    rng: np.random.Generator,
) -> Workloads:
    """The cheapest model and setting of the run for each number of queries, with intervals over prompts.

    target is an accuracy in 0..1; pretraining_tokens gives, by model, what the run does not hold or overrides it;
    cluster names a label of the prompts that are resampled together. A model without tokens, or of unknown size, is
    left out and named. Raises ValueError where none is left, where a name is not in the run, and for an impossible
    target or workload.
    """
    if not 0 < target <= 1:
        raise ValueError(f"The target is an accuracy above 0 and at most 1, not {target:g}; write 60% as 0.6.")
    given = _pretraining_tokens(outcomes, pretraining_tokens)
    num_prompts = len(outcomes.prompt_ids)
    clusters = bins.clusters(outcomes, cluster)
    weights = bootstrap.prompt_weights(num_prompts, num_replicates=bootstrap.MIN_REPLICATES, rng=rng, clusters=clusters)
    folds = frontier.draw_folds(num_prompts, rng=rng, clusters=clusters)
    candidates = []
    for arm in (arm for arm in outcomes.arms if arm.rung.name in given):
        cells = _cells(outcomes, arm, rule, rng)
        serving = lifetime.serve(cells.accuracy, cells.tokens, target, weights=weights, folds=folds)
        settings = _in_words([cells.names[cell] for cell in serving.cells if cell >= 0])
        size = arm.rung.shape.num_matmul_params
        candidates.append(Candidate(arm.rung.name, size, given[arm.rung.name], serving, settings))
    ladder = (
        np.array([float(each.num_params) for each in candidates]),
        np.array([each.pretraining_tokens for each in candidates]),
        np.stack([each.serving.tokens for each in candidates]),
    )
    return Workloads(
        target=target,
        rule=rule,
        cluster=cluster,
        candidates=tuple(candidates),
        left_out=tuple(arm.rung.name for arm in outcomes.arms if arm.rung.name not in given),
        asked=lifetime.plan(*ladder, queries=sorted(queries)),
        curve=lifetime.plan(*ladder, queries=_around(queries)),
        switches=lifetime.switches(*ladder),
    )


def render(found: Workloads) -> str:
    """The models, the plan at each workload that was asked for, and where the cheapest model changes, in plain text."""
    head = (
        f"Least FLOPs to train a model and serve q queries at {100 * found.target:g}% accuracy by "
        f"{wording.RULES[found.rule]}: 6ND + 2Nq(P + kT)."
    )
    legend = "\n".join([LEGEND, *wording.together(found.cluster)])
    parts = [head, aligned(_candidate_rows(found), num_text=1), aligned(_plan_rows(found), num_text=2), legend]
    parts[3:3] = ["\n".join(_switch_lines(found))] if found.switches else []
    if found.left_out:
        parts.append(
            f"Left out, as their size, tokens or pretraining tokens are not known: {', '.join(found.left_out)}. Give "
            "the last as --pretraining-tokens NAME=2e12."
        )
    return "\n\n".join(parts)


def frame(found: Workloads) -> pd.DataFrame:
    """A row a model and workload along the curve: its total FLOPs and interval, and which model is the cheapest."""
    rows = []
    for number, each in enumerate(found.candidates):
        training = 6.0 * each.num_params * each.pretraining_tokens
        totals = training + 2.0 * each.num_params * found.curve.queries * each.serving.tokens[:, None]
        estimate, low, high = bootstrap.percentile_interval(totals)
        columns = {"queries": found.curve.queries, "total_flops": estimate, "low": low, "high": high}
        rows.append(
            pd.DataFrame(columns).assign(
                model=each.name,
                num_params=each.num_params,
                training_flops=training,
                cheapest=found.curve.model == number,
                share_chosen=found.curve.share_chosen[:, number],
            )
        )
    return pd.concat(rows, ignore_index=True).assign(target=found.target, rule=found.rule)


class _Cells(NamedTuple):
    """Every cell of one model's grid on each prompt (P, J), and what each is called (J,)."""

    accuracy: Floats
    tokens: Floats
    names: list[tuple[int, int]]


def _cells(outcomes: Outcomes, arm: Arm, rule: Rule, rng: np.random.Generator) -> _Cells:
    widths = curves.own_path(arm, rule).widths
    accuracy = curves.rule_accuracy(arm, widths, rule, rng=rng)
    tokens = cost_models.total_tokens(prompt_tokens=arm.prompt_tokens, decoded_tokens=arm.decoded_tokens, widths=widths)
    names = [(int(budget), width) for budget in outcomes.budgets for width in widths]
    flat = [np.moveaxis(table, 1, 0).reshape(len(outcomes.prompt_ids), -1) for table in (accuracy, tokens)]
    return _Cells(flat[0], flat[1], names)


def _pretraining_tokens(outcomes: Outcomes, given: Mapping[str, float]) -> dict[str, float]:
    """By model, for those whose size is known as well."""
    rungs = {arm.rung.name: arm.rung for arm in outcomes.arms}
    unknown = sorted(set(given) - set(rungs))
    if unknown:
        raise ValueError(f"No model {', '.join(unknown)} in this run; its models are {', '.join(rungs)}.")
    tokens = {name: given.get(name, rung.pretraining_tokens) for name, rung in rungs.items()}
    known = {name: float(D) for name, D in tokens.items() if D is not None and _has_size_and_tokens(rungs[name])}
    if not known:
        raise ValueError(
            f"Training costs 6ND, and no model's pretraining tokens D are known; give them as --pretraining-tokens "
            f"{next(iter(rungs))}=2e12, for one or more of {', '.join(rungs)}."
        )
    return known


def _has_size_and_tokens(rung: Rung) -> bool:
    return rung.has_tokens and rung.has_prompt_tokens and not np.isnan(rung.shape.num_matmul_params)


def _around(queries: Sequence[float]) -> Floats:
    """Workloads from some decades below the least that was asked for to some above the largest."""
    low, high = np.log10(min(queries)) - DECADES_AROUND, np.log10(max(queries)) + DECADES_AROUND
    return np.logspace(low, high, 1 + round((high - low) * POINTS_A_DECADE))


def _in_words(cells: Sequence[tuple[int, int]]) -> str:
    """'k 5 at 64 tokens', and the other fold's choice where it differs."""
    return " or ".join(dict.fromkeys(f"k = {width}, {budget} tokens" for budget, width in cells)) or "-"


def _candidate_rows(found: Workloads) -> list[list[str]]:
    rows = [["model", "N", "D", "training FLOPs", "tokens a query, P + kT", "never", "samples and thinking"]]
    for each in found.candidates:
        need = bootstrap.percentile_interval(each.serving.tokens)
        never = bootstrap.share_of_replicates(np.isinf(each.serving.tokens), each.serving.tokens)
        rows.append(
            [
                each.name,
                f"{each.num_params:.3g}",
                f"{each.pretraining_tokens:.3g}",
                f"{6.0 * each.num_params * each.pretraining_tokens:.3g}",
                ("≤" if each.serving.at_or_below else "") + _with_ends(need, "{:.0f}"),
                wording.percent(float(never)),
                each.settings,
            ]
        )
    return rows


def _plan_rows(found: Workloads) -> list[list[str]]:
    rows = [["queries", "cheapest", "cheapest in", "total FLOPs", "of it training"]]
    for at, queries in enumerate(found.asked.queries):
        model = int(found.asked.model[at])
        part = bootstrap.Interval(*(end[at] for end in found.asked.training_share))
        total = bootstrap.Interval(*(end[at] for end in found.asked.total_flops))
        rows.append(
            [
                f"{queries:.3g}",
                found.candidates[model].name if model >= 0 else "none",
                wording.percent(float(found.asked.share_chosen[at, model])) if model >= 0 else "-",
                _with_ends(total, "{:.3g}"),
                _with_ends(bootstrap.Interval(*(100 * end for end in part)), "{:.0f}%") if model >= 0 else "-",
            ]
        )
    return rows


def _switch_lines(found: Workloads) -> list[str]:
    names = [each.name for each in found.candidates]
    return [
        f"Beyond {_with_ends(switch.queries, '{:.2g}')} queries {names[switch.above]} is cheaper than "
        f"{names[switch.below]}."
        for switch in found.switches
    ]


def _with_ends(interval: bootstrap.Interval, form: str) -> str:
    """'120 [90, never]'."""
    estimate, low, high = ("never" if np.isinf(end) else form.format(float(end)) for end in interval)
    return estimate if estimate == low == high else f"{estimate} [{low}, {high}]"
