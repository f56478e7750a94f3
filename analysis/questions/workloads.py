"""Up to what workload sampling a smaller model beats training a larger one, with a verifier on one side or on
both.

Snell et al.'s multiplier from the tokens that were really decoded and read.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.questions.interval_rows import Row, columns
from analysis.questions.verifier import require_scores
from analysis.reading import chosen
from analysis.reading.bins import Bin
from analysis.reading.curves import Rule
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError, one_model
from analysis.runs.arms import Arm
from analysis.stats import intervals, multiplier, substitution
from analysis.stats.bootstrap import percentile_interval, share_of_replicates, weighted_means
from analysis.stats.substitution import Crossing

VOTE, SMALL_ONLY, BOTH = "vote", "small_only", "both"


class Case(NamedTuple):
    """Who chooses among the smaller model's samples, and among how many of the larger one's:
    1 is its one answer.
    """

    name: str
    rule: Rule
    large_width: int


def cases(reading: Reading) -> list[Case]:
    """The vote and the verifier against one answer; the verifier on both sides, of 2, 4, ... of the larger one's
    samples, as many as half of them, so that the smaller one has room to draw more.
    """
    found = [Case(SMALL_ONLY, reading.rule, 1)]
    if all(arm.rung.has_votes for arm in reading.arms):
        found.insert(0, Case(VOTE, "maj_at_k", 1))
    widths = 2 ** np.arange(1, 1 + int(np.log2(max(reading.outcomes.num_samples, 1))))
    return found + [
        Case(BOTH, reading.rule, int(width)) for width in widths if 2 * width <= reading.outcomes.num_samples
    ]


def frame(reading: Reading) -> pd.DataFrame:
    """A row a smaller model, bin and case, against the largest; each interval as NAME, NAME_low and NAME_high.

    target: accuracy of the larger one's one answer, or of what the verifier chooses of its large_width samples.
    samples: how many of the smaller one's reach it, by vote or by the reading's rule. workload: R*, inference
    tokens of the larger one served over pretraining tokens, below which the smaller one costs less to train and to
    serve; inf always, 0 never. over_vote: of the verifier against one answer, its tokens, the reading counted,
    over those of the vote that reaches the same, paired; 0 where the vote never gets there, NaN where neither
    does. small_reads, large_reads: tokens that the verifier reads and writes of a sample, at its own size, over
    those that the model decodes. never: share of replicates in which the target is not reached. NaN where the
    larger one is not surely right. Both models are taken to be trained on equally many tokens, at 2N FLOPs a
    token. Raises ValueError where the rule reads no scores, UntoldError below two models and where sizes or tokens
    are not known.
    """
    require_scores(reading)
    small = _smaller(reading)
    parts = [(at, part) for subjects, every in reading.groups for part in every for at in subjects if at in small]
    order: list[object] = list(dict.fromkeys(part.name for _, part in parts))
    rows = [row for at, part in parts for row in _rows(reading, at, part)]
    return pd.DataFrame(sorted(rows, key=lambda row: order.index(row["bin"])))


def _smaller(reading: Reading) -> list[int]:
    """Positions of the models of fewer parameters than the largest."""
    arms = reading.arms
    if len(arms) < 2:
        raise one_model(arms[0].rung.name)
    for arm in arms:
        if not arm.rung.has_tokens or np.isnan(arm.rung.shape.num_matmul_params):
            raise UntoldError(f"The size or the tokens of {arm.rung.name} are not known.")
        if np.isnan(chosen.equivalent_tokens(arm)).any():
            assert arm.verifier is not None
            raise UntoldError(f"The size of {arm.verifier.name}, or what it read, is not known.")
    found = [at for at in range(len(arms) - 1) if _ratio(arms[at], arms[-1]) > 1]
    if not found:
        raise UntoldError("No model has fewer active parameters than the largest.")
    return found


def _ratio(small: Arm, large: Arm) -> float:
    return float(large.rung.shape.num_matmul_params) / float(small.rung.shape.num_matmul_params)


class _Spent(NamedTuple):
    """Mean tokens of one sample at the full budget under each weighting: decoded, and read by the verifier at its
    size; (1 + R,) each.
    """

    decoded: Floats
    read: Floats


class _Needed(NamedTuple):
    """What a case takes under each weighting, (1 + R,) each: target, where the smaller one reaches it, cost in its
    tokens, what the larger one decodes, and what is read of it over that; small_reads alike of the smaller one.
    """

    target: Floats
    crossing: Crossing
    reference: Floats
    large_reads: Floats
    small_reads: Floats


def _rows(reading: Reading, at: int, part: Bin) -> list[Row]:
    """The rows of one smaller model in one bin, each beside the vote where there is one."""
    found = {case: _needed(reading, at, part, case) for case in cases(reading)}
    vote = next((needed.crossing.cost for case, needed in found.items() if case.name == VOTE), None)
    return [_row(reading, at, part, case, needed, vote) for case, needed in found.items()]


def _needed(reading: Reading, at: int, part: Bin, case: Case) -> _Needed:
    small, large = reading.arms[at], reading.arms[-1]
    widths = reading.read_by(case.rule).path(at, "width").widths
    accuracy = _means(reading, at, part, case.rule, widths)
    target = _means(reading, len(reading.arms) - 1, part, case.rule, (case.large_width,))[:, 0]
    own, other = (_spent(arm, part.weights) for arm in (small, large))
    counts = np.asarray(widths, dtype=float)
    # A single sample leaves nothing to choose.
    read = np.where(counts > 1, counts, 0) * (case.name != VOTE)
    spent = counts * own.decoded[:, None] + read * own.read[:, None]
    return _Needed(
        target=target,
        crossing=substitution.invert(accuracy, spent, np.log(counts), substitution.to_match(target)),
        reference=case.large_width * other.decoded,
        large_reads=other.read / other.decoded * (case.name == BOTH),
        small_reads=own.read / own.decoded * (case.name != VOTE),
    )


def _row(reading: Reading, at: int, part: Bin, case: Case, needed: _Needed, vote: Floats | None) -> Row:
    small, large, found = reading.arms[at], reading.arms[-1], needed.crossing
    workload = multiplier.break_even(
        _ratio(small, large), found.cost / needed.reference, large_spends=1 + needed.large_reads
    )
    over_vote = np.full(len(found.cost), np.nan)
    if case.name == SMALL_ONLY and vote is not None:
        # Where neither gets there nothing is compared.
        with np.errstate(invalid="ignore"):
            over_vote = found.cost / vote
    row: Row = {"small": small.rung.name, "large": large.rung.name, "bin": part.name}
    row |= {"num_prompts": int(part.weights[0].sum()), "case": case.name, "large_width": case.large_width}
    row |= columns("target", intervals.accuracy_interval(needed.target, reading.num_drawn(part)))
    row |= columns("samples", percentile_interval(np.exp(found.step)))
    row |= columns("workload", percentile_interval(workload))
    row |= columns("over_vote", percentile_interval(over_vote))
    row |= {"small_reads": float(needed.small_reads[0]), "large_reads": float(needed.large_reads[0])}
    never = float(share_of_replicates(np.isinf(found.step), found.step))
    return row | {"at_or_below": bool(found.at_or_below[0]), "never": never}


def _means(reading: Reading, at: int, part: Bin, rule: Rule, widths: tuple[int, ...]) -> Floats:
    """Accuracy of a model at widths and its full budget under each weighting; (1 + R, K)."""
    last = len(reading.outcomes.budgets) - 1
    return weighted_means(part.weights, reading.read_by(rule).accuracy(at, widths, budgets=[last]).mean[0])


def _spent(arm: Arm, weights: ArrayLike) -> _Spent:
    tables = np.stack([arm.decoded_tokens[-1].mean(axis=1), chosen.equivalent_tokens(arm)[-1]], axis=1)
    return _Spent(*weighted_means(weights, tables).T)
