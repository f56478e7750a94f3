"""Whether accuracy rises along two axes with one exponent, each on its own scale. Arrays in, named tuples out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from analysis.arrays import Floats
from analysis.stats.bootstrap import Interval, percentile_interval
from analysis.stats.families import FAMILIES
from analysis.stats.refits import FLAT, Refits, refit

# A curve has four parameters, and one cell more shows whether it is one.
MIN_CELLS = 5
LOGISTIC = FAMILIES["logistic"]
# The logarithm of no step at all: so low that a curve of any exponent is at its floor there.
LOG_ZERO = -700.0
# As `fits.RIDGE`.
RIDGE = 1e-7
# Two searches may each end so far from the top: ratios that differ by less are alike.
ALIKE = 4 * FLAT
# Of either axis the floor, the share of what lies above it, the log exponent and the log scale, as they are made
# of the parameters that are searched: of all eight, or of seven with one exponent.
EXPONENTS = [2, 6]
APART = np.eye(8)
TOGETHER = np.delete(APART + np.outer(np.arange(8) == 6, np.arange(8) == 2), 6, axis=1)
# Log exponents from which the search for a common one begins, beside those of either axis.
STARTS = (0.0, 1.0)

Pair = tuple[ArrayLike, ArrayLike]


class Rise(NamedTuple):
    """A = floor + (ceiling - floor) / (1 + (x / scale)^-exponent): half of the rise is made at x = scale."""

    floor: float
    ceiling: float
    scale: float
    exponent: float

    def accuracy(self, steps: ArrayLike) -> Floats:
        """A in floor..ceiling after each number of steps x >= 0; (...) -> (...). Source: Hill 1910."""
        log_steps = _log_steps(np.asarray(steps, dtype=float))
        rise = expit(self.exponent * (log_steps - np.log(self.scale)))
        return np.asarray(self.floor + (self.ceiling - self.floor) * rise)


class Rises(NamedTuple):
    """A curve for each axis, the largest miss of each in its cells, and whether the search ended at a minimum."""

    curves: tuple[Rise, Rise]
    misses: tuple[float, float]
    converged: bool


class ExponentTest(NamedTuple):
    """Curves with an exponent each and with a common one, and whether the outcomes tell them apart.

    exponents: of either axis; ratio: of the first over the second; replicates whose search did not end do not
    count, and share_converged is of the others. likelihood_ratio: twice the log-likelihood that a second exponent
    gains; p_value: how often it gains as much where there is one.
    """

    own: Rises
    common: Rises
    exponents: tuple[Interval, Interval]
    ratio: Interval
    likelihood_ratio: float
    p_value: float
    share_converged: float


def compare_exponents(accuracies: Pair, steps: Pair, *, num_prompts: float) -> ExponentTest:
    """A likelihood-ratio test of one exponent for two axes, whose floors, ceilings and scales are their own.

    accuracies (1 + R, J) along either axis under the same `bootstrap.prompt_weights`, the estimate first, NaN
    where a bin is empty; steps (J,), increasing from 0 or more. A prompt is one trial in each cell. Cells share
    samples and samples share prompts, so that the ratio is not chi-squared. What it is under one exponent is read
    off resampled accuracies that are moved until their middle lies on the curves with one. Raises ValueError below
    MIN_CELLS cells on an axis. Source: Wilks 1938 for the ratio; Hall and Wilson 1991 for resampling under the
    hypothesis.
    """
    cells = _cells(accuracies, steps, num_prompts)
    own, common = _fit(cells)
    ratio = max(2 * float(common.objective[0] - own.objective[0]), 0.0)
    chance = _ratios_of_one_exponent(cells, common)
    again = cells.search(APART, own.parameters, cells.successes[1:])
    found = np.where(again.converged[:, None], again.parameters, np.nan)
    first, second = np.concatenate([own.parameters, found])[:, EXPONENTS].T
    return ExponentTest(
        own=cells.named(APART, own),
        common=cells.named(TOGETHER, common),
        exponents=(percentile_interval(np.exp(first)), percentile_interval(np.exp(second))),
        ratio=percentile_interval(np.exp(first - second)),
        likelihood_ratio=ratio,
        p_value=float((1 + np.count_nonzero(chance >= ratio - ALIKE)) / (1 + len(chance))),
        share_converged=float(again.converged.mean()),
    )


class _Cells(NamedTuple):
    """The cells of both axes, one behind the other.

    x (J,) each: log steps less `centres`; successes (1 + R, J1 + J2) of num_prompts trials, the estimate first.
    """

    x: tuple[Floats, Floats]
    centres: tuple[float, float]
    successes: Floats
    num_prompts: float

    def evaluate(self, shares: Floats, theta: Floats) -> tuple[Floats, Floats]:
        """Accuracy (..., J1 + J2) and its slopes (p, ..., J1 + J2); shares (8, p), theta (p, ..., 1)."""
        every: Floats = np.tensordot(shares, theta, axes=1).astype(float, copy=False)
        (first, of_first), (second, of_second) = (
            _rise(every[at : at + 4], x) for at, x in zip((0, 4), self.x, strict=True)
        )
        slopes = np.zeros((8, *first.shape[:-1], first.shape[-1] + second.shape[-1]))
        slopes[:4, ..., : first.shape[-1]], slopes[4:, ..., first.shape[-1] :] = of_first, of_second
        accuracy: Floats = np.concatenate([first, second], axis=-1)
        return accuracy, np.tensordot(shares.T, slopes, axes=1).astype(float, copy=False)

    def search(self, shares: Floats, start: Floats, successes: Floats) -> Refits:
        """The most likely parameters for each row of successes; start (p,), or a row for each of them."""
        trials = np.full(successes.shape[1], self.num_prompts)
        return refit(lambda theta, at: self.evaluate(shares, theta), start, successes, trials, ridge=RIDGE)

    def expected(self, shares: Floats, found: Refits) -> Floats:
        """Successes (J1 + J2,) by the first of these parameters."""
        accuracy, _ = self.evaluate(shares, found.parameters[0][:, None, None])
        return np.asarray(self.num_prompts * accuracy[0])

    def named(self, shares: Floats, found: Refits) -> Rises:
        """The first of these parameters by their names."""
        every, num_first = shares @ found.parameters[0], len(self.x[0])
        misses = np.abs(self.expected(shares, found) - self.successes[0]) / self.num_prompts
        return Rises(
            curves=(_named(every[:4], self.centres[0]), _named(every[4:], self.centres[1])),
            misses=(float(misses[:num_first].max()), float(misses[num_first:].max())),
            converged=bool(found.converged[0]),
        )


def _cells(accuracies: Pair, steps: Pair, num_prompts: float) -> _Cells:
    log_steps = [_log_steps(np.asarray(each, dtype=float)) for each in steps]
    if (fewest := min(map(len, log_steps))) < MIN_CELLS:
        raise ValueError(f"A curve needs at least {MIN_CELLS} cells on each axis, not {fewest}.")
    first, second = (float(x[x > LOG_ZERO].mean()) for x in log_steps)
    observed = np.concatenate([np.asarray(each, dtype=float) for each in accuracies], axis=1)
    successes = np.clip(observed[~np.isnan(observed).any(axis=1)], 0, 1) * num_prompts
    x = tuple(np.where(x > LOG_ZERO, x - c, LOG_ZERO) for x, c in zip(log_steps, (first, second), strict=True))
    return _Cells((x[0], x[1]), (first, second), successes, num_prompts)


def _fit(cells: _Cells) -> tuple[Refits, Refits]:
    """The curves with an exponent each, and with a common one; of each the best of several searches."""
    num_first = len(cells.x[0])
    parts = (cells.successes[0, :num_first], cells.successes[0, num_first:])
    alone = np.concatenate([_alone(x, part, cells.num_prompts) for x, part in zip(cells.x, parts, strict=True)])
    starts = np.array([np.where(TOGETHER[2] > 0, at, alone @ TOGETHER) for at in (*alone[EXPONENTS], *STARTS)])
    common = _best(cells.search(TOGETHER, starts, np.tile(cells.successes[0], (len(starts), 1))))
    # From the common one as well, which is among those that have an exponent each.
    starts = np.stack([alone, TOGETHER @ common.parameters[0]])
    return _best(cells.search(APART, starts, np.tile(cells.successes[0], (2, 1)))), common


def _alone(x: Floats, successes: Floats, num_prompts: float) -> Floats:
    """The most likely parameters (4,) of one axis by itself."""
    starts = LOGISTIC.starts(x[x > LOG_ZERO], successes / num_prompts)
    starts[:, 2] = np.log(starts[:, 2])
    every, trials = np.tile(successes, (len(starts), 1)), np.full(len(successes), num_prompts)
    found = _best(refit(lambda theta, at: _rise(theta, x), starts, every, trials, ridge=RIDGE))
    return np.asarray(found.parameters[0])


def _ratios_of_one_exponent(cells: _Cells, common: Refits) -> Floats:
    """Likelihood ratios (R,) of replicates in which one exponent is the truth."""
    moved = cells.expected(TOGETHER, common) + cells.successes[1:] - cells.successes[0]
    drawn = np.clip(moved, 0, cells.num_prompts)
    one = cells.search(TOGETHER, common.parameters[0], drawn)
    two = cells.search(APART, TOGETHER @ common.parameters[0], drawn)
    return np.asarray(2 * (one.objective - two.objective))


def _best(found: Refits) -> Refits:
    """The search that ended lowest, alone."""
    at = [int(np.argmin(found.objective))]
    return Refits(found.parameters[at], found.converged[at], found.objective[at])


def _rise(theta: Floats, x: Floats) -> tuple[Floats, Floats]:
    """theta: logit floor, logit of the share of what lies above it, log exponent, centred log scale."""
    exponent = np.exp(theta[2])
    accuracy, slopes = LOGISTIC.evaluate(np.stack([theta[0], theta[1], exponent, theta[3]]), x)
    slopes[2] *= exponent
    return accuracy, slopes


def _log_steps(steps: Floats) -> Floats:
    return np.where(steps > 0, np.log(np.where(steps > 0, steps, 1.0)), LOG_ZERO)


def _named(theta: Floats, centre: float) -> Rise:
    floor, share = float(expit(theta[0])), float(expit(theta[1]))
    return Rise(floor, floor + (1 - floor) * share, float(np.exp(theta[3] + centre)), float(np.exp(theta[2])))
