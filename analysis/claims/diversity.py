"""Claim: small models give more distinct samples for their compute (arXiv 2504.12522)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Bools, Floats, Ints
from analysis.claims.claim import Claim, Measure, Regions, Weighed
from analysis.claims.held import Held
from analysis.questions import diversity
from analysis.reading.untold import UntoldError
from analysis.stats import estimators
from analysis.stats.bootstrap import means_of_each
from analysis.stats.verdicts import Part


class Answered(NamedTuple):
    """One model's samples at one budget: vote keys and which samples are right (P, S), what k = 1 .. S samples
    cost (P, S), and its size.
    """

    votes: Ints
    correct: Bools
    cost: Floats
    size: float


class Slopes(NamedTuple):
    """Doublings of distinct answers for each doubling of size, of equal compute, turned round so that more from
    small models is above 0: of answers of any kind, and of right ones; (1 + R,) each.
    """

    any: Floats
    right: Floats


def slopes(models: Sequence[Answered], *, weights: Floats) -> Slopes:
    """Least squares of log2 distinct answers on log2 size over the models, at the compute of the model whose
    samples are spent first.

    Distinct answers are rarefied; between whole samples, and below one, by a coin that spends the level in the
    mean. Source: `estimators.distinct_at_k`; the slope is ours.
    """
    kinds = [kind(model) for kind in (_any, _right) for model in models]
    means = means_of_each(weights, [model.cost for model in models] + kinds)
    spent, *counts = (means[at : at + len(models)] for at in range(0, len(means), len(models)))
    level = min(float(each[0, -1]) for each in spent)
    sizes = np.log2([model.size for model in models])
    away = (sizes - sizes.mean()) / ((sizes - sizes.mean()) ** 2).sum()
    # No answer on P prompts is read as half of one, so that its logarithm is known.
    least, found = 0.5 / weights.shape[1], []
    for of_kind in counts:
        distinct = np.stack([_at(level, *each) for each in zip(spent, of_kind, strict=True)], axis=1)
        found.append(-np.log2(np.maximum(distinct, least)) @ away)
    return Slopes(*found)


def _any(model: Answered) -> Floats:
    return _rarefied(model, model.votes >= 0)


def _right(model: Answered) -> Floats:
    return _rarefied(model, model.correct)


def _rarefied(model: Answered, valid: Bools) -> Floats:
    return estimators.distinct_at_k(model.votes, valid, range(1, valid.shape[1] + 1))


def _at(level: float, spent: Floats, distinct: Floats) -> Floats:
    """Distinct answers at a compute level under each weighting, from none that cost nothing; (1 + R, S) each."""
    costs, counts = (np.pad(table, ((0, 0), (1, 0))) for table in (spent, distinct))
    above = np.clip((costs < level).sum(axis=1), 1, spent.shape[1])[:, None]
    (left, right), (less, more) = (
        [np.take_along_axis(table, above - step, axis=1)[:, 0] for step in (1, 0)] for table in (costs, counts)
    )
    # Where a resampling spends less on all samples than the level, all samples are what there is.
    share = np.clip((level - left) / (right - left), 0, 1)
    return np.asarray(less + share * (more - less))


def parts(found: Slopes, models: Sequence[Answered], regions: Regions) -> tuple[Part, Part]:
    """Both kinds as parts; prompts tell on which a model has an answer of the kind,
    of the model with the fewest.
    """
    told = [min(int((kind(model)[:, -1] > 0).sum()) for model in models) for kind in (_any, _right)]
    return (
        Part("any answer", found.any, regions["any"], told[0]),
        Part("right answers", found.right, regions["right"], told[1]),
    )


def weigh(held: Held, regions: Regions) -> Weighed:
    """Every model that votes, at its largest budget."""
    held.require_models()
    held.require_prompts()
    held.require_samples(4)
    arms = [arm for arm in held.reading.arms if arm.rung.has_votes]
    if len(arms) < 2 or any(not arm.rung.num_params for arm in arms):
        raise UntoldError("What at least two models of known sizes answer is needed.")
    models = [
        Answered(
            arm.samples.votes[-1],
            arm.samples.correct[-1],
            arm.cell_cost(held.reading.cost, list(range(1, arm.num_samples + 1)), -1),
            float(arm.rung.num_params),
        )
        for arm in arms
    ]
    if len({model.size for model in models}) < 2:
        raise UntoldError("Models of different sizes are needed.")
    of_any, of_right = parts(slopes(models, weights=held.reading.weights), models, regions)
    names = f"With each halving of size from {arms[-1].rung.name} to {arms[0].rung.name}, at equal compute"
    measures = (
        Measure(of_any, "doublings", f"{names}: distinct answers, right or wrong"),
        Measure(of_right, "doublings", "Distinct right answers"),
    )
    return Weighed(measures, held.num_drawn, _rows(held))


def _rows(held: Held) -> pd.DataFrame:
    """Distinct right answers per sample and cost, as `isoquant summary` has them."""
    return diversity.frame(held.reading.arms, held.reading.cost, held.reading.weights)


CLAIM = Claim(
    name="diversity",
    says="small models give more distinct samples for their compute",
    source="arXiv 2504.12522",
    needs="two models of known sizes, four samples whose answers are stored",
    control="only right answers count",
    sweep="isoquant sweep experiment=embedded run=diversity",
    parts=("any", "right"),
    weigh=weigh,
)
