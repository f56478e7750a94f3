from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import check_grad

from analysis.stats import scaling
from analysis.stats.scaling import LossFit, LossLaw, fit_loss

PLANTED = LossLaw(A=400.0, B=2000.0, E=1.7, alpha=0.34, beta=0.37)


class Points(NamedTuple):
    num_params: np.ndarray
    num_tokens: np.ndarray
    loss: np.ndarray


@pytest.fixture(scope="module")
def chinchilla(outside_data: Callable[[str], Path]) -> Points:
    """Besiroglu et al.'s reading of Hoffmann's figure 4, without the five largest losses, as they fitted it."""
    points = pd.read_csv(outside_data("chinchilla/svg_extracted_data.csv")).sort_values("loss")[:-5]
    num_params = points["Model Size"].to_numpy()
    return Points(num_params, points["Training FLOP"].to_numpy() / (6 * num_params), points["loss"].to_numpy())


@pytest.fixture(scope="module")
def published(chinchilla: Points) -> LossFit:
    return fit_loss(*chinchilla)


def planted(num_points: int = 60, *, noise: float = 0.0) -> Points:
    rng = np.random.default_rng(0)
    num_params, num_tokens = np.exp(rng.uniform(17, 23, num_points)), np.exp(rng.uniform(21, 26, num_points))
    return Points(
        num_params, num_tokens, PLANTED.loss(num_params, num_tokens) * np.exp(rng.normal(0, noise, num_points))
    )


def test_a_planted_law_is_found_exactly_without_noise():
    fit = fit_loss(*planted())
    assert fit.optimum.converged
    np.testing.assert_allclose(fit.law, PLANTED, rtol=1e-4)


def test_a_gross_outlier_moves_a_planted_law_little():
    points = planted(200, noise=0.003)
    spoilt = points._replace(loss=np.where(np.arange(200) == 7, 3 * points.loss, points.loss))
    fit = fit_loss(*spoilt)
    np.testing.assert_allclose((fit.law.E, fit.law.alpha, fit.law.beta), (1.7, 0.34, 0.37), rtol=0.05)


@pytest.mark.parametrize("build", [scaling.huber_objective, scaling._likelihood_objective])
def test_gradients_agree_with_finite_differences(build: Callable[..., scaling.Objective]):
    log_N, log_D, log_L = (np.log(array) for array in planted(20, noise=0.01))
    objective = build(np.stack([log_N, log_D]), log_L, np.arange(20.0))
    at = np.array([5.5, 7.0, 0.4, 0.3, 0.35, -3.0])[: 6 if build is scaling._likelihood_objective else 5]
    scale = float(np.abs(objective(at)[1]).max())
    assert check_grad(lambda x: objective(x)[0], lambda x: objective(x)[1], at) < 1e-4 * scale


def test_a_point_counted_twice_equals_two_points():
    points = planted(30, noise=0.02)
    weights = np.where(np.arange(30) < 10, 2.0, 1.0)
    twice = [np.concatenate([array, array[:10]]) for array in points]
    start = [*np.log(PLANTED[:3]), *PLANTED[3:]]
    counted, repeated = fit_loss(*points, weights=weights, starts=start), fit_loss(*twice, starts=start)
    np.testing.assert_allclose(counted.law, repeated.law, rtol=1e-4)


def test_impossible_points_are_refused():
    points = planted(30)
    with pytest.raises(ValueError, match="at least 7 points, not 6"):
        fit_loss(*(array[:6] for array in points))
    with pytest.raises(ValueError, match="must be positive"):
        fit_loss(points.num_params, points.num_tokens, -points.loss)


def test_the_published_law_comes_out(published: LossFit):
    """Besiroglu et al. 2024 (arXiv 2404.10102), the Huber loss summed over 240 points."""
    law = published.law
    assert published.optimum.converged and published.optimum.num_agreeing >= 3
    np.testing.assert_allclose((law.E, law.alpha, law.beta), (1.81722, 0.34731, 0.36717), rtol=1e-3)
    np.testing.assert_allclose((law.A, law.B), (477.8, 2143.4), rtol=0.02)


def test_the_mean_under_default_tolerances_is_reported_as_not_converged(chinchilla: Points, published: LossFit):
    early = fit_loss(*chinchilla, reduction="mean", options={})
    assert not early.optimum.converged
    assert early.optimum.objective > 2 * published.optimum.objective / 240
    assert fit_loss(*chinchilla, reduction="mean").optimum.converged


def test_the_published_likelihood_and_its_bootstrap_come_out(chinchilla: Points):
    """Their headline A 482.01, B 2085.43, E 1.8169, alpha .3478, beta .3659,
    and 95% intervals over 4,000 resamples.
    """
    fit = fit_loss(*chinchilla, fit_spread=True)
    assert fit.optimum.converged
    np.testing.assert_allclose(fit.law, (482.01, 2085.43, 1.8169, 0.3478, 0.3659), rtol=2e-4)
    rng = np.random.default_rng(0)
    resampled = np.array(
        [
            fit_loss(*chinchilla, weights=weights, starts=fit.optimum.parameters[:5], fit_spread=True).law
            for weights in rng.multinomial(240, np.full(240, 1 / 240), size=400)
        ]
    )
    ends = np.percentile(resampled[:, 2:], [2.5, 97.5], axis=0).T
    # An end read from 400 replicates is itself known to a seventh of a standard deviation; this is three of those.
    published = np.array([(1.769, 1.871), (0.317, 0.373), (0.331, 0.415)])
    off = np.abs(ends - published).max(axis=1) / resampled[:, 2:].std(axis=0)
    assert (off < 0.43).all(), (ends, off)
