"""The joint law of a table of losses: size, training tokens and samples, and its forecasts. Knows no files."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.arrays import Bools, Floats
from analysis.reading.untold import UntoldError
from analysis.stats import joint_loss
from analysis.stats.bootstrap import MIN_REPLICATES
from analysis.stats.joint_loss import AXES, JointLossFit, JointLossIntervals

NEEDED = ("num_params", "training_tokens", "loss")
# A table without it has one sample a query.
SAMPLES = "samples"
# Values of an axis are left out one by one up to so many, and beyond as so many groups of neighbours.
MOST_GROUPS = 10
# Of the largest number of samples, up to which the law is fitted to forecast the others.
FITTED_SHARE = 10


class LossForecast(NamedTuple):
    """What the law says of points it was not fitted to: mean distance from their loss as a share of it, and that
    of a plain power law; is_beyond: they lie outside of what was fitted.
    """

    left_out: str
    value: str
    is_beyond: bool
    num_points: int
    relative: float
    power_relative: float


class JointLosses(NamedTuple):
    """The law of so many points, with intervals from points drawn again, and its forecasts."""

    fit: JointLossFit
    intervals: JointLossIntervals
    forecasts: tuple[LossForecast, ...]
    num_points: int


def fit(table: pd.DataFrame, *, seed: int) -> JointLosses:
    """The joint law of a table with columns NEEDED and, where it varies, SAMPLES: a row a point.

    Raises ValueError where a column is missing or holds what is no positive number, UntoldError where no law is
    told.
    """
    points = _points(table)
    try:
        found = joint_loss.fit(*points)
    except ValueError as error:
        raise UntoldError(f"No joint law can be told of this table. {error}") from None
    ends = joint_loss.intervals(
        found, *points, num_replicates=MIN_REPLICATES, rng=np.random.default_rng([seed, len(table)])
    )
    return JointLosses(found, ends, tuple(_forecasts(points, found)), len(table))


def _points(table: pd.DataFrame) -> Floats:
    """Sizes, training tokens, samples and losses; (4, n)."""
    if missing := [name for name in NEEDED if name not in table.columns]:
        raise ValueError(
            f"A table of losses needs the columns {', '.join(NEEDED)} (and {SAMPLES}); it has no "
            f"{numerals.listed(missing)}, but {', '.join(map(str, table.columns))}."
        )
    whole = table.assign(**{SAMPLES: table.get(SAMPLES, 1)})
    columns = [pd.to_numeric(whole[name], errors="coerce") for name in (*NEEDED[:2], SAMPLES, NEEDED[2])]
    points = np.stack([column.to_numpy(dtype=float) for column in columns])
    wrong = ~(np.isfinite(points) & (points > 0)).all(axis=0)
    if wrong.any():
        raise ValueError(
            f"{wrong.sum()} of {len(table)} rows hold no positive number where one belongs, the first of them row "
            f"{int(np.argmax(wrong)) + 1}. Mend them or leave them out."
        )
    return points


def _forecasts(points: Floats, found: JointLossFit) -> Iterator[LossForecast]:
    """Each size and training length from the others, and the largest numbers of samples from a tenth of them."""
    told = [axis for axis in AXES if axis not in found.dropped]
    for axis, word, values in zip(AXES[:2], ("size", "training length"), points[:2], strict=True):
        if axis not in told:
            continue
        for value, left_out in _groups(values):
            is_beyond = bool(left_out[values.argmin()] or left_out[values.argmax()])
            yield from _scored((word, value), is_beyond, points, left_out, found)
    if "samples" in told:
        k = points[2]
        few = k.max() / FITTED_SHARE
        yield from _scored(("samples", f"above {few:.3g}, up to {k.max():.3g}"), True, points, k > few, found)


def _groups(values: Floats) -> Iterator[tuple[str, Bools]]:
    """Each value of an axis in words with its points (n,), or groups of neighbours where there are many."""
    distinct = np.unique(values)
    for part in np.array_split(distinct, min(len(distinct), MOST_GROUPS)):
        ends = [numerals.parameters(float(end)) for end in (part[0], part[-1])]
        yield " to ".join(dict.fromkeys(ends)), (values >= part[0]) & (values <= part[-1])


def _scored(
    named: tuple[str, str], is_beyond: bool, points: Floats, left_out: Bools, found: JointLossFit
) -> Iterator[LossForecast]:
    """The forecast, where the points that are left still tell every axis and are enough."""
    rest, out = points[:, ~left_out], points[:, left_out]
    try:
        again = joint_loss.fit(*rest, starts=found.optimum.parameters)
    except ValueError:
        return
    if set(again.dropped) != set(found.dropped):
        return
    told = [at for at, axis in enumerate(AXES) if axis not in found.dropped]
    plain = np.exp(_terms(out, told) @ np.linalg.lstsq(_terms(rest, told), np.log(rest[3]), rcond=None)[0])
    misses = [float(np.abs(each / out[3] - 1).mean()) for each in (again.law.loss(*out[:3]), plain)]
    yield LossForecast(*named, is_beyond, out.shape[1], *misses)


def _terms(points: Floats, told: list[int]) -> Floats:
    return np.stack([np.ones(points.shape[1]), *np.log(points[told])], axis=1)
