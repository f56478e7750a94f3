"""Coverage in size, data and samples at once, where prompts' chances follow a beta law. Arrays in,
named tuples out.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, gammaln

from analysis.arrays import Bools, Floats, Ints, Weights
from analysis.stats import bootstrap
from analysis.stats.bootstrap import Interval, percentile_interval
from analysis.stats.optimum import Optimum, minimise

AxisName = Literal["size", "training tokens"]
AXES: tuple[AxisName, ...] = ("size", "training tokens")
# Of each prompt and model, on the searched coordinates: keeps finite what the counts leave open.
RIDGE = 1e-6
# Starts for log a and log b where neither depends on anything.
_STARTS = ((np.log(0.3), np.log(3.0)), (np.log(0.3), np.log(50.0)), (0.0, 0.0))
MAX_ROUNDS = 60
# A replicate's search has ended where the next step promises less than this of log-likelihood.
FLAT = 1e-4
MIN_STEP = 1e-6
# Replicates times distinct counts that are held at once.
CHUNK = 400_000


class BetaLaw(NamedTuple):
    """A prompt's chance is p ~ Beta(a, b), a = a_0 (N / N_0)^a_size (D / D_0)^a_tokens, and b likewise.

    N_0 parameters and D_0 tokens are the geometric means of the fitted models; an axis that was dropped has
    exponents of 0.
    """

    N_0: float
    D_0: float
    a_0: float
    b_0: float
    a_size: float
    b_size: float
    a_tokens: float
    b_tokens: float

    def shapes(self, num_params: ArrayLike, num_tokens: ArrayLike) -> tuple[Floats, Floats]:
        """a and b of models of this size and length; the arguments broadcast. Source: by definition."""
        n, d = (
            np.log(np.asarray(values, dtype=float) / at)
            for values, at in ((num_params, self.N_0), (num_tokens, self.D_0))
        )
        return (
            np.asarray(self.a_0 * np.exp(self.a_size * n + self.a_tokens * d)),
            np.asarray(self.b_0 * np.exp(self.b_size * n + self.b_tokens * d)),
        )

    def coverage(self, num_params: ArrayLike, num_tokens: ArrayLike, k: ArrayLike) -> Floats:
        """Expected pass@k, 1 - B(a, b + k) / B(a, b); the arguments broadcast.

        Source: Roberts et al. 2026 (arXiv 2604.01411).
        """
        a, b = self.shapes(num_params, num_tokens)
        return np.asarray(-np.expm1(betaln(a, b + np.asarray(k, dtype=float)) - betaln(a, b)))


# Those that a fit finds, N_0 and D_0 being chosen.
PARAMETERS = BetaLaw._fields[2:]


class PowerLaws(NamedTuple):
    """log coverage = -exp(scale) N^-size D^-tokens k^-samples, as least squares of log(-log coverage) find it."""

    scale: float
    size: float
    tokens: float
    samples: float

    def coverage(self, num_params: ArrayLike, num_tokens: ArrayLike, k: ArrayLike) -> Floats:
        """Predicted coverage; the arguments broadcast. Source: Brown et al. 2024 (arXiv 2407.21787) for k."""
        n, d, w = (np.log(np.asarray(values, dtype=float)) for values in (num_params, num_tokens, k))
        return np.asarray(np.exp(-np.exp(self.scale - self.size * n - self.tokens * d - self.samples * w)))


class Ladder(NamedTuple):
    """Models on the same prompts: num_params and num_tokens (M,); num_correct of num_samples (M, P)."""

    num_params: Floats
    num_tokens: Floats
    num_correct: Ints
    num_samples: Ints

    def of(self, which: Bools) -> "Ladder":
        """Some of the models. Source: by definition."""
        return Ladder(
            self.num_params[which], self.num_tokens[which], self.num_correct[which], self.num_samples[which]
        )


class BetaFit(NamedTuple):
    """A fitted law, why axes were dropped, and how the search ended (`optimum.converged`)."""

    law: BetaLaw
    dropped: dict[AxisName, str]
    optimum: Optimum


class Replicates(NamedTuple):
    """Parameters of the fit and of every replicate (1 + R, 6) in the order of PARAMETERS, NaN where a search did
    not end, and the share of replicates whose search did.
    """

    parameters: Floats
    share_converged: float


def fit(ladder: Ladder) -> BetaFit:
    """The law that makes all counts most likely, log a and log b being linear in log N and log D.

    Of each prompt and model the count is beta-binomial. Why these functions: a and b must be positive; E[fail@k]
    falls as k^-a, so that the exponent of samples itself follows a power of size and of data; and so does the mean
    chance a / (a + b) while it is small, as -log accuracy does in Schaeffer et al. 2025. The likelihood takes
    prompts that nobody solved, which log coverage cannot. An axis that the models do not tell apart is dropped.
    Raises ValueError where no axis is left. Source: Roberts et al. 2026 (arXiv 2604.01411) for the law.
    """
    dropped = untold_axes(ladder)
    if len(dropped) == len(AXES):
        raise ValueError(f"A joint law needs an axis that varies; {'; '.join(dropped.values())}.")
    design, centre = _design(ladder, dropped)
    counts = _Counts.of(ladder, design)
    even = np.ones((1, counts.correct.size)) * counts.times

    def objective(theta: Floats) -> tuple[float, Floats]:
        value, gradient = counts.log_likelihood(theta[None], even)
        ridge = RIDGE * even.sum()
        return ridge * float(theta @ theta) - float(value[0]), 2 * ridge * theta - gradient[0]

    num_terms = design.shape[1]
    starts = np.zeros((len(_STARTS), 2 * num_terms))
    starts[:, [0, num_terms]] = _STARTS
    optimum = minimise(objective, starts, scale=float(even.sum()))
    return BetaFit(_law(optimum.parameters, dropped, centre), dropped, optimum)


def untold_axes(ladder: Ladder) -> dict[AxisName, str]:
    """The axes that these models cannot tell, each with the reason; data are told where they vary at one size.

    Source: ours.
    """
    dropped: dict[AxisName, str] = {}
    if len(np.unique(ladder.num_params)) < 2:
        dropped["size"] = "all models have one size"
    lengths = {size: set(ladder.num_tokens[ladder.num_params == size]) for size in ladder.num_params}
    if all(len(each) < 2 for each in lengths.values()):
        dropped["training tokens"] = "no size was trained to more than one length"
    return dropped


def resample(found: BetaFit, ladder: Ladder, weights: Weights) -> Replicates:
    """The law under each weighting of the prompts (1 + R, P), from `bootstrap.prompt_weights`: all models
    together.

    Newton's steps from where the fit ended, with each replicate's curvature there, halved until the likelihood
    rises. Source: Efron 1979; Ortega and Rheinboldt 1970 for the chord method.
    """
    design, _ = _design(ladder, found.dropped)
    counts = _Counts.of(ladder, design)
    start, size = found.optimum.parameters, max(1, CHUNK // counts.correct.size)
    rows = [counts.search(start, counts.weigh(weights[at : at + size])) for at in range(1, len(weights), size)]
    theta = np.concatenate([start[None], *rows])
    return Replicates(_parameters(theta, found.dropped), float(np.isfinite(theta[1:, 0]).mean()))


def intervals(replicates: Replicates, dropped: Sequence[AxisName]) -> dict[str, Interval]:
    """By name, each fitted parameter with its 95% interval over prompts. Source: `percentile_interval`."""
    ends = percentile_interval(replicates.parameters)
    named = zip(PARAMETERS, zip(*ends, strict=True), strict=True)
    unused = {f"{letter}_{axis.split()[-1]}" for axis in dropped for letter in "ab"}
    return {name: Interval(*end) for name, end in named if name not in unused}


def fit_power_laws(ladder: Ladder, covered: Floats, k: Floats, dropped: Sequence[AxisName] = ()) -> PowerLaws:
    """The plain power law by least squares of log(-log coverage) on log N, log D and log k.

    covered (M, Q) at k (Q,); cells at 0 or 1 have no place there and are left out. Raises ValueError where fewer
    cells than terms are left. Source: Brown et al. 2024 (arXiv 2407.21787) for k; size and data as in k.
    """
    logs = [np.log(ladder.num_params), np.log(ladder.num_tokens)]
    told = [axis not in dropped and np.ptp(log) > 0 for axis, log in zip(AXES, logs, strict=True)]
    n, d = (np.repeat(log * is_told, k.size) for log, is_told in zip(logs, told, strict=True))
    terms = np.stack([np.ones(n.size), n, d, np.tile(np.log(k), len(covered))], axis=1)
    inside = ((covered > 0) & (covered < 1)).ravel()
    if inside.sum() < 2 + sum(told):
        raise ValueError("A power law needs more cells whose coverage is above 0 and below 1.")
    slopes = np.linalg.lstsq(terms[inside], np.log(-np.log(covered.ravel()[inside])), rcond=None)[0]
    return PowerLaws(*(float(value) for value in (slopes[0], *-slopes[1:])))


class _Counts(NamedTuple):
    """Distinct counts (U,) of right and wrong samples, each of one model (U,), and how often each comes.

    cell (M, P): which of them a model has on a prompt; design (M, q).
    """

    correct: Floats
    wrong: Floats
    model: Ints
    times: Floats
    cell: Ints
    design: Floats

    @classmethod
    def of(cls, ladder: Ladder, design: Floats) -> "_Counts":
        models = np.broadcast_to(np.arange(len(ladder.num_params))[:, None], ladder.num_correct.shape)
        table = np.stack([models, ladder.num_correct, ladder.num_samples - ladder.num_correct]).reshape(3, -1)
        distinct, which = np.unique(table, axis=1, return_inverse=True)
        model, correct, wrong = distinct
        times = np.bincount(which.ravel(), minlength=len(model)).astype(float)
        return cls(correct.astype(float), wrong.astype(float), model, times, which.reshape(models.shape), design)

    def weigh(self, weights: Weights) -> Floats:
        """How often each count comes under each weighting of the prompts; (R, P) -> (R, U)."""
        indicator = np.zeros((self.cell.shape[1], self.correct.size))
        for cells in self.cell:
            indicator[np.arange(len(cells)), cells] = 1
        return bootstrap.weighted_sums(weights, indicator)

    def log_likelihood(self, theta: Floats, times: Floats) -> tuple[Floats, Floats]:
        """Without binomial coefficients (R,), and its gradient (R, 2q); theta (R, 2q), times (R, U)."""
        values, slopes = self._each(theta)
        pulled = np.stack([self._by_model(times * slope) @ self.design for slope in slopes], axis=1)
        return (times * values).sum(axis=1), pulled.reshape(len(theta), -1)

    def _each(self, theta: Floats) -> tuple[Floats, tuple[Floats, Floats]]:
        """The log-likelihood of each count (R, U), and its slopes in log a and log b."""
        log_a, log_b = (half @ self.design.T for half in np.split(theta, 2, axis=1))
        a, b = np.exp(log_a), np.exp(log_b)
        base, of_a, of_b, of_both = (
            part[:, self.model] for part in (betaln(a, b), digamma(a), digamma(b), digamma(a + b))
        )
        a, b = a[:, self.model], b[:, self.model]
        right, wrong = a + self.correct, b + self.wrong
        whole = digamma(right + wrong)
        values = gammaln(right) + gammaln(wrong) - gammaln(right + wrong) - base
        return values, (
            a * (digamma(right) - whole - of_a + of_both),
            b * (digamma(wrong) - whole - of_b + of_both),
        )

    def _by_model(self, each: Floats) -> Floats:
        """Sums over the counts of each model; (R, U) -> (R, M). Counts are in the order of models."""
        starts = np.searchsorted(self.model, np.arange(len(self.design)))
        return np.asarray(np.add.reduceat(each, starts, axis=1))

    def search(self, start: Floats, times: Floats) -> Floats:
        """The most likely parameters (R, 2q) at each weighting, NaN where the search did not end."""
        theta, found = np.tile(start, (len(times), 1)), np.full((len(times), start.size), np.nan)
        ridge = RIDGE * times.sum(axis=1)
        inverse, left, share = np.linalg.inv(self._curvature(start, times, ridge)), np.arange(len(times)), 1.0
        shares = np.full(len(times), share)
        value, gradient = self._penalised(theta, times, ridge)
        for _ in range(MAX_ROUNDS):
            step = np.einsum("rpq,rq->rp", inverse[left], gradient)
            ended = np.abs((step * gradient).sum(axis=1)) <= FLAT
            found[left[ended]] = theta[left[ended]]
            goes_on = ~ended & (shares[left] >= MIN_STEP)
            left, step, value, gradient = (each[goes_on] for each in (left, step, value, gradient))
            if not left.size:
                break
            then = self._penalised(theta[left] - shares[left, None] * step, times[left], ridge[left])
            better = then[0] < value
            theta[left] = np.where(better[:, None], theta[left] - shares[left, None] * step, theta[left])
            shares[left] = np.where(better, np.minimum(2 * shares[left], 1.0), shares[left] / 2)
            value = np.where(better, then[0], value)
            gradient = np.where(better[:, None], then[1], gradient)
        return found

    def _penalised(self, theta: Floats, times: Floats, ridge: Floats) -> tuple[Floats, Floats]:
        """The negative log-likelihood with its pull to 0, and its gradient."""
        value, gradient = self.log_likelihood(theta, times)
        return ridge * (theta**2).sum(axis=1) - value, 2 * ridge[:, None] * theta - gradient

    def _curvature(self, at: Floats, times: Floats, ridge: Floats) -> Floats:
        """Second differences of the penalised likelihood at one point under every weighting; (R, 2q, 2q)."""
        width, rows = 1e-4, []
        for direction in np.eye(at.size):
            ends = [
                self.log_likelihood(np.tile(at + sign * width * direction, (len(times), 1)), times)[1]
                for sign in (1, -1)
            ]
            rows.append((ends[1] - ends[0]) / (2 * width))
        curvature = np.stack(rows, axis=1)
        even = (curvature + curvature.transpose(0, 2, 1)) / 2
        return np.asarray(even + 2 * ridge[:, None, None] * np.eye(at.size))


def _design(
    ladder: Ladder, dropped: Sequence[AxisName] | dict[AxisName, str]
) -> tuple[Floats, tuple[float, float]]:
    """A row a model: 1 and its centred logs on the axes that are told (M, q); and the centres N_0 and D_0."""
    logs = [np.log(ladder.num_params), np.log(ladder.num_tokens)]
    centres = [float(log.mean()) for log in logs]
    told = [log - centre for axis, log, centre in zip(AXES, logs, centres, strict=True) if axis not in dropped]
    return np.stack([np.ones(len(logs[0])), *told], axis=1), (float(np.exp(centres[0])), float(np.exp(centres[1])))


def _parameters(theta: Floats, dropped: Sequence[AxisName] | dict[AxisName, str]) -> Floats:
    """Searched coordinates (R, 2q) in the order of PARAMETERS (R, 6)."""
    of_a, of_b = np.split(theta, 2, axis=1)
    named = np.zeros((len(theta), len(PARAMETERS)))
    named[:, 0], named[:, 1] = np.exp(of_a[:, 0]), np.exp(of_b[:, 0])
    told = [axis for axis in AXES if axis not in dropped]
    for at, axis in enumerate(told, start=1):
        place = 2 + 2 * AXES.index(axis)
        named[:, place], named[:, place + 1] = of_a[:, at], of_b[:, at]
    return named


def _law(theta: Floats, dropped: dict[AxisName, str], centre: tuple[float, float]) -> BetaLaw:
    return BetaLaw(*centre, *_parameters(theta[None], dropped)[0].tolist())
