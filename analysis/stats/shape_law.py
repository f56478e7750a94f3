"""What a model's shape does to its speed or accuracy: c0 + c1 log x + c2 / x in x = width / sqrt(size), and the
same in the ratio of MLP to attention. Arrays in, named tuples out.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.stats import linear, turning_points
from analysis.stats.bootstrap import Interval
from analysis.stats.linear import Linear
from analysis.stats.turning_points import Best, TurningPoint

TermName = Literal["log x", "1/x", "log r", "log g", "1/r"]
# In the order in which they are taken, whatever the outcome is: a choice by the outcome would spoil the intervals.
TERMS: tuple[TermName, ...] = ("log x", "1/x", "log r", "log g", "1/r")
# Terms of the shape below so many models; models a parameter; share of a term's variance that those before it
# leave.
MOST_TERMS, MANY = 3, 15
MODELS_A_PARAMETER = 2
LEAST_APART = 0.01
# Sizes, or training lengths, count as equal up to this standard deviation of their logarithm.
ALIKE = 0.02


class Shapes(NamedTuple):
    """Of n models (n,) each: x = hidden size / sqrt(weights beside lookup and output head), r = weights of the
    MLPs over those of attention, g = query heads a key; NaN throughout where r or g is not known. family: labels
    of models that differ in nothing but shape and controls. controls (n, c): logarithms of size and training
    tokens.
    """

    x: Floats
    r: Floats
    g: Floats
    family: Floats
    controls: Floats
    control_names: tuple[str, ...]

    def term(self, name: TermName) -> Floats:
        """The values of a term (n,). Source: Bian et al. 2025 (arXiv 2510.18245)."""
        values: Floats = getattr(self, name[-1])
        return np.log(values) if name.startswith("log") else 1 / values


class HeldOut(NamedTuple):
    """Root mean square error of models that were left out, with the shape's terms and without, in the outcome's
    unit; NaN where it cannot be told.
    """

    with_shape: float
    without: float


class ShapeLaw(NamedTuple):
    """names: levels of families, controls, then `terms` of the shape; coefficients, fields (p,), in that order.
    left_out: by term or control, why it has none. effects: by "x", "r" and "g", the outcome at the most that was
    measured less that at the least, which models tell also where its two terms make up for each other. optima: by
    "x" and "r", where the outcome is best. fitted (n,).
    """

    names: tuple[str, ...]
    terms: tuple[TermName, ...]
    left_out: dict[str, str]
    coefficients: Interval
    fitted: Floats
    one_out: HeldOut
    family_out: HeldOut
    effects: dict[str, Interval]
    optima: dict[str, TurningPoint]

    def slope(self, name: TermName) -> Interval:
        """The coefficient of a term (a number), with its interval. Source: `fit`."""
        at = self.names.index(name)
        return Interval(*(np.asarray(end[at]) for end in self.coefficients))


def fit(shapes: Shapes, outcome: ArrayLike, *, best: Best = "highest") -> ShapeLaw:
    """The law of an outcome (n,): a level a family, controls that vary, and as many terms of the shape as n models
    bear: two models a parameter, at most three terms below 15 models, each apart from those before it.

    Intervals are Student's, exact for errors that are normal, of one spread and independent given the families'
    levels. Raises ValueError where not one term is left. Source: Bian et al. 2025 (arXiv 2510.18245); the rule of
    terms is ours.
    """
    y = np.asarray(outcome, dtype=float)
    labels = np.unique(shapes.family)
    levels = (shapes.family[:, None] == labels).astype(float)
    left_out: dict[str, str] = {}
    controls = _controls(shapes, levels, left_out)
    base = np.concatenate([levels, *(shapes.controls[:, [at]] for at in controls)], axis=1)
    terms = _terms(shapes, base, left_out)
    if not terms:
        raise ValueError(
            f"No term of the shape can be fitted. {'; '.join(f'{k}: {v}' for k, v in left_out.items())}."
        )
    design = np.concatenate([base, *(shapes.term(name)[:, None] for name in terms)], axis=1)
    found = linear.fit(design, y)
    names = (*(f"level {at}" for at in range(len(labels))), *(shapes.control_names[at] for at in controls), *terms)
    optima = {
        letter: turning_points.of_logarithm(
            found, log=names.index(log), inverse=names.index(inverse), measured=getattr(shapes, letter), best=best
        )
        for letter, log, inverse in (("x", "log x", "1/x"), ("r", "log r", "1/r"))
        if {log, inverse} <= set(names)
    }
    return ShapeLaw(
        names,
        terms,
        left_out,
        linear.intervals(found),
        design @ found.coefficients,
        _held_out([linear.leave_one_out(part, y) for part in (design, base)]),
        _family_out(shapes, design, base, y, len(labels)),
        _effects(shapes, names, terms, found),
        optima,
    )


def _effects(
    shapes: Shapes, names: tuple[str, ...], terms: tuple[TermName, ...], found: Linear
) -> dict[str, Interval]:
    """By letter what its terms add from the least to the most that was measured."""
    effects = {}
    for letter in dict.fromkeys(name[-1] for name in terms):
        values: Floats = getattr(shapes, letter)
        weights = np.zeros(len(names))
        for name in (name for name in terms if name[-1] == letter):
            at = shapes.term(name)
            weights[names.index(name)] = at[values.argmax()] - at[values.argmin()]
        effects[letter] = linear.combination(found, weights)
    return effects


def _controls(shapes: Shapes, levels: Floats, left_out: dict[str, str]) -> list[int]:
    """Which controls vary within families, each apart from those before it."""
    kept: list[int] = []
    for at, name in enumerate(shapes.control_names):
        known = np.concatenate([levels, shapes.controls[:, kept]], axis=1)
        rest = _rest(shapes.controls[:, at], known)
        if rest.std() <= ALIKE:
            left_out[name] = "all models of a family have about the same"
        elif len(rest) < MODELS_A_PARAMETER * (known.shape[1] + 1):
            left_out[name] = _needs(known.shape[1] + 1)
        else:
            kept.append(at)
    return kept


def _terms(shapes: Shapes, base: Floats, left_out: dict[str, str]) -> tuple[TermName, ...]:
    num, terms = len(base), list[TermName]()
    known = base
    for name in TERMS:
        values = shapes.term(name)
        if not np.isfinite(values).all():
            left_out[name] = "not known of every model"
        elif len(terms) == MOST_TERMS and num < MANY:
            left_out[name] = f"below {MANY} models, at most {MOST_TERMS} terms of the shape"
        elif num < MODELS_A_PARAMETER * (known.shape[1] + 1):
            left_out[name] = _needs(known.shape[1] + 1)
        elif np.square(_rest(values, known)).mean() <= max(LEAST_APART * values.var(), 1e-12):
            left_out[name] = "follows from the terms before it"
        else:
            terms.append(name)
            known = np.concatenate([known, values[:, None]], axis=1)
    return tuple(terms)


def _needs(num_parameters: int) -> str:
    return f"{num_parameters} parameters need {MODELS_A_PARAMETER * num_parameters} models"


def _rest(values: Floats, known: Floats) -> Floats:
    """What of the values does not follow from known columns."""
    return np.asarray(values - known @ np.linalg.lstsq(known, values, rcond=None)[0])


def _family_out(shapes: Shapes, design: Floats, base: Floats, y: Floats, num_levels: int) -> HeldOut:
    """Both errors over the models of which both can be told."""
    errors = [
        linear.leave_group_out(part[:, num_levels:], y, shapes.family)
        if part.shape[1] > num_levels
        else linear.centred(y, shapes.family)
        for part in (design, base)
    ]
    return _held_out(errors) if num_levels > 1 else HeldOut(np.nan, np.nan)


def _held_out(errors: list[Floats]) -> HeldOut:
    """Root mean squares over the models of which both errors can be told; NaN where there are none."""
    both = np.stack(errors)
    told = both[:, np.isfinite(both).all(axis=0)]
    return HeldOut(*np.sqrt(np.square(told).mean(axis=1)).tolist()) if told.size else HeldOut(np.nan, np.nan)
