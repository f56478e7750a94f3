"""Train or serve: models, plans and where the cheapest changes, as tables."""

import numpy as np

from analysis import numerals
from analysis.questions.serve import Workloads
from analysis.stats import bootstrap
from analysis.text import wording
from analysis.text.tables import aligned, filled

LEGEND = (
    "Brackets: 95% intervals over prompts (paired bootstrap). The setting is chosen on one half of the prompts "
    "and scored on the other. Never: not within the measured grid. ≤: its cheapest cell already reaches the "
    "target. Cheapest in: share of replicates."
)


def render(found: Workloads) -> str:
    """The models, the plan at each workload that was asked for,
    and where the cheapest model changes, in plain text.
    """
    head = (
        f"Fewest FLOPs to train a model and serve q queries at {100 * found.target:g}% accuracy by "
        f"{wording.RULES[found.rule]}: 6ND + 2Nq(P + kT)."
    )
    legend = "\n".join([LEGEND, *wording.together(found.cluster)])
    parts = [head, aligned(_candidate_rows(found), num_text=1), aligned(_plan_rows(found), num_text=2), legend]
    if any(each.offline_flops for each in found.candidates):
        parts.append("Training FLOPs hold what is spent once offline as well.")
    parts[3:3] = ["\n".join(_switch_lines(found))] if found.switches else []
    if found.left_out:
        parts.append(
            f"Left out, because size, tokens or pretraining tokens are not known: {', '.join(found.left_out)}. "
            "Give pretraining tokens as --pretraining-tokens NAME=2e12."
        )
    return filled("\n\n".join(parts))


def _candidate_rows(found: Workloads) -> list[list[str]]:
    rows = [["model", "N", "D", "training FLOPs", "tokens a query, P + kT", "never", "samples and thinking"]]
    for each in found.candidates:
        need = bootstrap.percentile_interval(each.serving.by_query)
        never = bootstrap.share_of_replicates(np.isinf(each.serving.by_query), each.serving.by_query)
        rows.append(
            [
                each.name,
                f"{each.num_params:.3g}",
                f"{each.pretraining_tokens:.3g}",
                f"{each.training_flops:.3g}",
                ("≤" if each.serving.at_or_below else "") + _with_ends(need, "{:.0f}"),
                numerals.percent(float(never)),
                each.settings,
            ]
        )
    return rows


def _plan_rows(found: Workloads) -> list[list[str]]:
    rows = [["queries", "cheapest", "cheapest in", "total FLOPs", "for training"]]
    for at, queries in enumerate(found.asked.queries):
        model = int(found.asked.model[at])
        part = bootstrap.Interval(*(end[at] for end in found.asked.training_share))
        total = bootstrap.Interval(*(end[at] for end in found.asked.total_flops))
        rows.append(
            [
                f"{queries:.3g}",
                found.candidates[model].name if model >= 0 else "none",
                numerals.percent(float(found.asked.share_chosen[at, model])) if model >= 0 else "-",
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
