"""Snell et al.'s panel: accuracy against samples,
the largest's one answer at equal total FLOPs, and break-even.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.questions import matches
from analysis.reading import chosen
from analysis.reading.bins import Bin, Binning
from analysis.reading.cells import Cells, Row
from analysis.reading.reading import read
from analysis.reading.untold import UntoldError, one_model
from analysis.runs.arms import Arm
from analysis.stats import intervals, multiplier
from analysis.stats.bootstrap import weighted_means

# Inference tokens served over pretraining tokens, as in the paper's figure.
WORKLOADS = (0.16, 0.79, 22.0)


def frame(cells: Cells) -> pd.DataFrame:
    """Rows by `kind`: curve (a width of a smaller rung),
    star (the largest's one answer at a workload), break_even.

    A star's width is the number of samples whose decoded tokens, over those of the largest's one answer, are the
    multiplier m(R); a break-even row holds the workload R* below which the smaller rung is the cheaper way, inf
    where it always is and 0 where it never is, with its 95% interval. Both models are taken to be trained on
    equally many tokens. Raises UntoldError below two rungs or prompts, and where sizes or tokens are not known.
    """
    arms = cells.arms
    if len(arms) < 2:
        raise one_model(arms[0].rung.name)
    if not cells.has_folds:
        raise UntoldError("Too few prompts: a match is chosen on one half of them and scored on the other half.")
    lacking = [
        arm.rung.name for arm in arms if not arm.rung.has_tokens or np.isnan(arm.rung.shape.num_matmul_params)
    ]
    unread = [arm.verifier.name for arm in arms if arm.verifier and np.isnan(chosen.equivalent_tokens(arm)).any()]
    if unread:
        raise UntoldError(f"The size of {unread[0]}, or what it read, is not known.")
    if lacking:
        raise UntoldError(f"The size or the tokens of {', '.join(lacking)} are not known.")
    smaller = [(number, arm) for number, arm in enumerate(arms[:-1]) if _ratio(arm, arms[-1]) > 1]
    if not smaller:
        raise UntoldError("No model has fewer active parameters than the largest.")
    rows: list[Row] = []
    for number, arm in smaller:
        for part in cells.parts:
            place = {"small": arm.rung.name, "large": arms[-1].rung.name, "size_ratio": _ratio(arm, arms[-1])}
            place |= {"bin": part.name, "num_prompts": int(part.weights[0].sum())}
            stars = _star_rows(arm, arms[-1], part, cells.reading.reference)
            rows += [place | row for row in (*_curve_rows(cells, number, part), *stars)]
    return cells.frame(rows + _bar_rows(cells, [arm.rung.name for _, arm in smaller]))


def _ratio(small: Arm, large: Arm) -> float:
    return float(large.rung.shape.num_matmul_params) / float(small.rung.shape.num_matmul_params)


def _curve_rows(cells: Cells, number: int, part: Bin) -> list[Row]:
    widths = cells.reading.path(number, "width").widths
    (per_prompt,) = cells.reading.accuracy(number, widths, budgets=[len(cells.outcomes.budgets) - 1]).mean
    accuracy, low, high = intervals.accuracy_interval(
        weighted_means(part.weights, per_prompt), cells.reading.num_drawn(part)
    )
    return [
        {"kind": "curve", "width": float(width), "accuracy": float(mean), "low": float(least), "high": float(most)}
        for width, mean, least, most in zip(widths, accuracy, low, high, strict=True)
    ]


def _star_rows(small: Arm, large: Arm, part: Bin, reference: int) -> list[Row]:
    weights = part.weights[:1]
    tokens = [_decoded(small, weights, -1), _decoded(large, weights, reference)]
    accuracy = float(weighted_means(weights, large.accuracy[reference][:, None])[0, 0])
    # A verifier reads every sample of the small model, and not the large one's single answer.
    read = float(weighted_means(weights, chosen.equivalent_tokens(small)[-1][:, None])[0, 0])
    spent = multiplier.snell_multiplier(
        _ratio(small, large), WORKLOADS, verifier="small_only", verifier_cost=read / tokens[0]
    )
    return [
        {"kind": "star", "workload": workload, "multiplier": float(m), "accuracy": accuracy}
        | {"width": float(m) * tokens[1] / tokens[0]}
        for workload, m in zip(WORKLOADS, spent, strict=True)
    ]


def _decoded(arm: Arm, weights: Floats, at: int) -> float:
    """Mean decoded tokens of one sample at the budget of this position."""
    return float(weighted_means(weights, arm.decoded_tokens[at].mean(axis=1)[:, None])[0, 0])


def _bar_rows(cells: Cells, smaller: list[str]) -> list[Row]:
    reading = cells.reading
    if reading.has_own_bins:
        # The samples that make such bins are held out already, and only all prompts are shown.
        reading = read(reading.outcomes, replace(reading.choices, binning=Binning(num_bins=1)), rule=cells.rule)
    found = matches.match(reading)
    shown = {part.name for part in cells.parts}
    return [
        {"kind": "break_even", "small": match.small, "large": match.large, "bin": match.bin}
        | {"num_prompts": match.num_prompts, "share_never": float(match.needs.share_never)}
        | {name: float(end) for name, end in zip(("workload", "low", "high"), match.workload, strict=True)}
        for match in found
        if match.bin in shown and match.small in smaller
    ]
