"""A fitted curve under every resampling at once,
each search going on from where the fit ended. Arrays in and out.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlog1py, xlogy

from analysis.arrays import Bools, Floats, Ints

CERTAIN = 1e-12
MAX_ROUNDS = 100
# A search has ended where the next step promises less than this of log-likelihood: a twentieth of a standard
# error.
FLAT = 1e-3
MAX_DAMPING = 1e12
# Replicates times cells that are held at once.
CHUNK = 200_000


class Evaluate(Protocol):
    """Parameters (p, R, 1) -> accuracy (R, J) and its slopes (p, R, J), for the replicates that `at` names."""

    def __call__(self, theta: Floats, at: Ints) -> tuple[Floats, Floats]: ...


class Refits(NamedTuple):
    """parameters (R, p) of each replicate and the penalised negative log-likelihood there (R,), NaN where it has
    no trials; converged (R,): the likelihood is flat there.
    """

    parameters: Floats
    converged: Bools
    objective: Floats


def _within(evaluate: Evaluate, part: Ints, theta: Floats, at: Ints) -> tuple[Floats, Floats]:
    return evaluate(theta, at=part[at])


class _State(NamedTuple):
    objective: Floats
    gradient: Floats
    information: Floats


def refit(
    evaluate: Evaluate, start: ArrayLike, successes: ArrayLike, trials: ArrayLike, *, ridge: float
) -> Refits:
    """The most likely parameters of every replicate, by Fisher scoring with Levenberg's damping.

    start (p,): where the fit itself ended, or (R, p), one for each; successes (R, J), trials (R, J), binomial;
    ridge a trial pulls towards 0, as in the fit. A replicate whose likelihood has another, better hill is read on
    the hill of the fit. Source: Fisher 1925; Levenberg 1944; Marquardt 1963.
    """
    s, n = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(trials, dtype=float))
    start = np.asarray(start, dtype=float)
    start = np.broadcast_to(start, (len(s), start.shape[-1]))
    found, objective = np.full(start.shape, np.nan), np.full(len(s), np.nan)
    converged = np.zeros(len(s), dtype=bool)
    size = max(1, CHUNK // max(s.shape[1], 1))
    for first in range(0, len(s), size):
        part = np.arange(first, min(first + size, len(s)))
        found[part], converged[part], objective[part] = _search(
            partial(_within, evaluate, part), start[part], s[part], n[part], ridge
        )
    empty = n.sum(axis=1) == 0
    found[empty], converged[empty], objective[empty] = np.nan, False, np.nan
    return Refits(found, converged, objective)


def _search(evaluate: Evaluate, start: Floats, s: Floats, n: Floats, ridge: float) -> Refits:
    theta, converged = start.copy(), np.zeros(len(s), dtype=bool)
    damping, left = np.full(len(s), 1e-3), np.arange(len(s))
    pull, scale = ridge * n.sum(axis=1), np.maximum(n.sum(axis=1), 1.0)
    now = _state(partial(evaluate, at=left), theta, s, n, pull)
    objective = now.objective.copy()
    for _ in range(MAX_ROUNDS):
        diagonal = np.einsum("rpp->rp", now.information)
        added = damping[left, None] * diagonal + 1e-12 * scale[left, None]
        step = np.linalg.solve(
            now.information + added[..., None] * np.eye(start.shape[1]), now.gradient[..., None]
        )[..., 0]
        promised = (step * now.gradient).sum(axis=1) / 2
        converged[left] = _decrement(now, scale[left]) <= FLAT
        goes_on = (promised > FLAT**2) & (damping[left] <= MAX_DAMPING)
        if not goes_on.any():
            break
        # Replicates that have arrived are left alone; few need many rounds.
        left, step, promised, now = (
            left[goes_on],
            step[goes_on],
            promised[goes_on],
            _State(*(x[goes_on] for x in now)),
        )
        then = _state(partial(evaluate, at=left), theta[left] - step, s[left], n[left], pull[left])
        better = then.objective < now.objective
        theta[left] = np.where(better[:, None], theta[left] - step, theta[left])
        damping[left] = _follow(damping[left], promised=promised, fallen=now.objective - then.objective)
        now = _State(
            *(np.where(better.reshape(-1, *[1] * (b.ndim - 1)), b, a) for a, b in zip(now, then, strict=True))
        )
        objective[left] = now.objective
    return Refits(theta, converged, objective)


def _decrement(now: _State, scale: Floats) -> Floats:
    """How much log-likelihood an undamped step promises; (R,)."""
    information = now.information + 1e-12 * scale[:, None, None] * np.eye(now.gradient.shape[1])
    newton = np.linalg.solve(information, now.gradient[..., None])[..., 0]
    decrement: Floats = (newton * now.gradient).sum(axis=1) / 2
    return decrement


def _follow(damping: Floats, *, promised: Floats, fallen: Floats) -> Floats:
    """Less damping where the objective fell as the quadratic model promised, more where it did not."""
    share = np.where(np.isfinite(fallen), fallen, -1.0) / np.maximum(promised, 1e-300)
    return np.where(share > 0.75, np.maximum(damping / 5, 1e-9), np.where(share < 0.25, damping * 4, damping))


def _state(
    evaluate: Callable[[Floats], tuple[Floats, Floats]], theta: Floats, s: Floats, n: Floats, pull: Floats
) -> _State:
    """The penalised negative log-likelihood (R,), its gradient (R, p) and Fisher's information (R, p, p)."""
    with np.errstate(over="ignore", invalid="ignore"):
        accuracy, slopes = evaluate(theta.T[..., None])
    p = np.clip(accuracy, CERTAIN, 1 - CERTAIN)
    log_likelihood = (xlogy(s, p) + xlog1py(n - s, -p)).sum(axis=1)
    gradient = 2 * pull[:, None] * theta - np.einsum("prj,rj->rp", slopes, s / p - (n - s) / (1 - p))
    weighted = slopes * (n / (p * (1 - p)))
    information = np.einsum("prj,qrj->rpq", weighted, slopes) + 2 * pull[:, None, None] * np.eye(theta.shape[1])
    return _State(pull * (theta**2).sum(axis=1) - log_likelihood, gradient, information)
