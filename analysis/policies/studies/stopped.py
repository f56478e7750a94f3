"""When one prompt's samples are enough: a fixed number, votes that agree, a certified mode;
what each saves and loses.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats
from analysis.policies import gains, orders, stopping
from analysis.policies.certificate import by_certificate
from analysis.policies.studies import allocation
from analysis.policies.studies.allocation import THRESHOLDS
from analysis.policies.studies.stage import Row, Stage, ends
from analysis.reading import curves
from analysis.stats import bootstrap, intervals
from analysis.stats.bootstrap import Interval
from analysis.stats.substitution import to_match

FIXED, AGREED, CERTIFIED = "the same number for all", allocation.STOPPING["maj_at_k"], allocation.CERTIFIED


class _Rule(NamedTuple):
    """A rule at J settings on each prompt, (P, J) each; NaN where it certifies nothing."""

    name: str
    levels: Sequence[float]
    accuracy: Floats
    num_drawn: Floats
    certified: Floats
    right: Floats


def stop(stage: Stage, at: int) -> list[Row]:
    """A row for each number of samples, and for both rules at each of THRESHOLDS, of the model at this place.

    All are read by vote over the same orders of the same samples, and nothing is fitted. saved, loss: samples and
    accuracy less than those of the most samples that a rule may draw; as_accurate: the number of samples, the same
    for all prompts and linear between two, that is as accurate, inf where none is, NaN where the rule is not
    surely right; certified: share of prompts that end with a certificate; wrong: share of these whose answer is
    wrong, as the mode itself is wrong there, or as the certificate is.
    """
    samples, drawn, most = allocation.in_turn(stage, at)
    path = curves.width_path(len(stage.arms[at].budgets), samples.correct.shape[1], "maj_at_k").widths
    widths = sorted({*(width for width in path if width < most), most})
    fixed = np.stack([orders.first(samples, drawn, width).worth.mean(axis=1) for width in widths], axis=1)
    agreed = stopping.by_agreement(samples, drawn, most=most, thresholds=THRESHOLDS)
    found = by_certificate(samples, drawn, most=most, sure=THRESHOLDS)
    each = np.broadcast_to(np.asarray(widths, dtype=float), fixed.shape)
    untold, silent = np.full(fixed.shape, np.nan), np.full(agreed.accuracy.shape, np.nan)
    rules = [
        _Rule(FIXED, [np.nan] * len(widths), fixed, each, untold, untold),
        _Rule(AGREED, THRESHOLDS, agreed.accuracy, agreed.num_drawn, silent, silent),
        _Rule(
            CERTIFIED, THRESHOLDS, found.stopped.accuracy, found.stopped.num_drawn, found.certified, found.right
        ),
    ]
    place = {"model": stage.arms[at].rung.name, "most": most}
    read = [_read(rule, rules[0], stage) for rule in rules]
    return [
        place | {"rule": rule.name, "level": float(level)} | _row(table, number)
        for rule, table in zip(rules, read, strict=True)
        for number, level in enumerate(rule.levels)
    ]


def _read(rule: _Rule, fixed: _Rule, stage: Stage) -> dict[str, Interval]:
    """Intervals of what a rule yields beside the same number for all, each compared in every weighting."""
    accuracy, num_drawn, certified, right, line, widths = (
        bootstrap.weighted_means(stage.weights, table) for table in (*rule[2:], fixed.accuracy, fixed.num_drawn)
    )
    wrong = np.divide(certified - right, certified, out=np.full_like(certified, np.nan), where=certified > 0)
    shares = {
        "accuracy": intervals.accuracy_interval(accuracy, stage.num_drawn),
        "certified": intervals.accuracy_interval(certified, stage.num_drawn),
        "wrong": intervals.accuracy_interval(wrong, stage.num_drawn * certified[0]),
    }
    tables = {
        "samples": num_drawn,
        "saved": widths[:, -1:] - num_drawn,
        "loss": line[:, -1:] - accuracy,
        "as_accurate": gains.cost_at(widths, line, to_match(accuracy)),
    }
    return shares | {name: bootstrap.percentile_interval(table) for name, table in tables.items()}


def _row(table: dict[str, Interval], at: int) -> Row:
    return {
        name: value for column, interval in table.items() for name, value in ends(column, interval, at).items()
    }
