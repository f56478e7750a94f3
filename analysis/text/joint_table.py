"""The joint law of a run in plain text: its parameters, what it forecasts, how budgets split. Knows no files."""

from collections.abc import Sequence

import numpy as np

from analysis import numerals
from analysis.costs.allotment import Allotment
from analysis.questions.joint import BEYOND, Forecast, Joint, Split
from analysis.questions.joint_losses import JointLosses
from analysis.stats.bootstrap import Interval
from analysis.text import wording
from analysis.text.tables import aligned, filled

CANNOT_TELL = "cannot tell"
MEANINGS = {
    "a_0": "a in the middle: coverage nears 1 as k^-a once k is far above b",
    "b_0": "b in the middle: a / (a + b) is the accuracy of one sample",
    "a_size": "exponent of size in a",
    "b_size": "exponent of size in b",
    "a_tokens": "exponent of training tokens in a",
    "b_tokens": "exponent of training tokens in b",
}
OF_LOSSES = {
    "E": "what is left with endless size, data and samples",
    "A": "amount of size",
    "alpha": "exponent of size",
    "B": "amount of training tokens",
    "beta": "exponent of training tokens",
    "G": "amount of samples: what is left to them at k = 1",
    "gamma": "exponent of samples",
}


def render_losses(found: JointLosses) -> str:
    """The law of a table of losses, its parameters and its forecasts beside a power law's, in plain text."""
    ends = found.intervals
    rows = [["parameter", "estimate", "meaning"]]
    rows += [
        [name, wording.with_ends(each, "{:.4g}"), OF_LOSSES[name]]
        for name, each in ends.parameters.items()
        if not (np.isnan(each.estimate) or (name in "ABG" and each.estimate == 0))
    ]
    rows += [
        ["", wording.with_ends(each, "{:.3g}"), f"loss that {axis} take off from the least to the most"]
        for axis, each in ends.gains.items()
    ]
    parts = [
        f"Loss of {found.num_points:,} points: E + A N^-alpha + B D^-beta + G k^-gamma, of N parameters, D "
        "training tokens and k samples, by the Huber loss of log residuals. Brackets: 95% intervals, from points "
        "drawn again.",
        aligned(rows, num_text=1),
        *(f"Without a term of {reason}." for reason in found.fit.dropped.values()),
    ]
    if not found.fit.optimum.converged:
        parts.append("The search did NOT end at a minimum: the numbers are not to be believed.")
    if found.forecasts:
        parts += [
            "Forecasts of points the law was not fitted to, beside a plain power law (log loss linear in "
            "logarithms): mean distance as a share of the loss. Beyond: outside of what was fitted.",
            aligned(_loss_rows(found), num_text=2, is_last_text=False),
        ]
    return filled("\n\n".join(parts))


def _loss_rows(found: JointLosses) -> list[list[str]]:
    rows = [["left out", "which", "beyond", "points", "joint law", "power law"]]
    for each in found.forecasts:
        shares = numerals.percents(each.relative, each.power_relative)
        rows.append([each.left_out, each.value, "yes" if each.is_beyond else "no", str(each.num_points), *shares])
    return rows


def render(found: Joint, splits: Sequence[Split]) -> str:
    """The law, its parameters, its forecasts beside a power law's, and the best splits, in plain text."""
    law = found.fit.law
    middle = f"{numerals.parameters(law.N_0)} parameters"
    if "training tokens" not in found.fit.dropped:
        middle += f" and {numerals.parameters(law.D_0)} training tokens"
    parts = [
        "Coverage (any of k samples right) in size, training tokens and samples at once: 1 - B(a, b + k) / B(a, "
        f"b), a and b being powers of size N and training tokens D. The middle: {middle}. Brackets: 95% intervals "
        "over prompts (paired bootstrap).",
        aligned(_parameter_rows(found), num_text=1),
        *(f"Without {axis}: {reason}." for axis, reason in found.fit.dropped.items()),
        *(f"Left out: {name}, {reason}." for name, reason in found.left_out.items()),
    ]
    if not found.fit.optimum.converged:
        parts.append("The search did NOT end at a maximum: the numbers are not to be believed.")
    if found.forecasts:
        parts += [
            "Forecasts of what the law was not fitted to, beside a plain power law (log coverage as a power of "
            "each; of widths each model's own): mean distance from what was observed, in points and as a share of "
            "it. Beyond: outside of what was fitted.",
            aligned(_forecast_rows(found.forecasts), num_text=2, is_last_text=False),
        ]
    return filled("\n\n".join([*parts, *_split_parts(found, splits)]))


def _parameter_rows(found: Joint) -> list[list[str]]:
    rows = [["parameter", "estimate", "meaning"]]
    for name, ends in found.parameters.items():
        is_held = np.isfinite(ends.low)
        told = wording.with_ends(ends, "{:.3g}") if is_held else f"{float(ends.estimate):.3g}"
        rows.append([name, told, MEANINGS[name]])
    return rows


def _forecast_rows(forecasts: Sequence[Forecast]) -> list[list[str]]:
    rows = [["left out", "which", "beyond", "cells", "points", "share", "power law: points", "share"]]
    for each in forecasts:
        misses = (each.points, each.relative, each.power_points, each.power_relative)
        told = [_points(misses[0]), numerals.percent(misses[1]), _points(misses[2]), numerals.percent(misses[3])]
        beyond = "yes" if each.is_beyond else "no"
        rows.append([each.left_out, each.value, beyond, str(each.num_cells), *told])
    return rows


def _split_parts(found: Joint, splits: Sequence[Split]) -> list[str]:
    if not splits:
        return []
    what = "size, training tokens and samples"
    if "training tokens" in found.fit.dropped:
        what = f"size and samples, at {numerals.parameters(found.fit.law.D_0)} training tokens"
    head = (
        f"The best split of a total budget between {what}: 6ND + 2Nq(P + kT) FLOPs, with q queries of P = "
        f"{found.prompt_tokens:.0f} tokens and samples of T = {found.sample_tokens:.0f}. Sizes and training "
        f"tokens stay within those of the run, samples within {BEYOND} times its {found.most_samples:,}. *: at "
        "such an end, so that a better split may lie beyond it."
    )
    return [head, aligned(_split_rows(splits), num_text=2, is_last_text=False)]


def _split_rows(splits: Sequence[Split]) -> list[list[str]]:
    rows = [["queries", "FLOPs", "size", "training tokens", "samples", "coverage", "for training"]]
    for each in splits:
        for at, total in enumerate(each.asked.total_flops):
            rows.append([f"{each.queries:.3g}", f"{total:.3g}", *_best(each.asked, at)])
    return rows


def _best(asked: Allotment, at: int) -> list[str]:
    """The best split of one budget in words, or that none can be paid."""
    shown = []
    for name, ends in asked.best.items():
        one = Interval(*(end[at] for end in ends))
        edge = "*" if name in asked.at_edge and asked.at_edge[name][at] else ""
        shown.append(edge + _amount(name, one))
    if np.isnan(asked.best["size"].estimate[at]):
        return ["none can be paid", *("-" for _ in shown[1:])]
    return shown


def _amount(name: str, ends: Interval) -> str:
    if name in ("accuracy", "share of training"):
        return f"{_percent(ends.estimate)} [{_percent(ends.low)}, {_percent(ends.high)}]"
    shown = [numerals.parameters(float(end)) for end in ends]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]"


def _percent(share: float | np.ndarray) -> str:
    return numerals.percent(float(share))


def _points(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.1f}"
