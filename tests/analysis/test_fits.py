from typing import get_args

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import betabinom

from analysis.stats import fits
from analysis.stats.families import FAMILIES, FamilyName, Logistic, LogitLinear, Saturating
from analysis.stats.fits import fit_curve, isotonic

COMPUTE = np.geomspace(1e9, 1e12, 9)
PLANTED = {
    "logit_linear": LogitLinear(intercept=-12.0, slope=0.5),
    "logistic": Logistic(floor=0.05, ceiling=0.8, slope=1.4, midpoint=np.log(3e10)),
    "saturating": Saturating(start=0.1, knee=2e10, exponent=0.45),
}


def theta_near(family: FamilyName) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.6, FAMILIES[family].num_parameters)


@pytest.mark.parametrize("family", get_args(FamilyName))
def test_a_planted_curve_is_found_from_its_expected_counts(family: FamilyName):
    truth = PLANTED[family]
    fit = fit_curve(COMPUTE, 1000 * truth.accuracy(COMPUTE), np.full(9, 1000.0), family=family)
    assert fit.optimum.converged
    np.testing.assert_allclose(fit.curve, truth, rtol=1e-3)
    assert abs(fit.held_out.last_error) < 1e-3 < abs(fit.held_out.last_error_isotonic)
    assert fit.held_out.inner_error < 1e-3 < fit.held_out.inner_error_isotonic


@pytest.mark.parametrize("family", get_args(FamilyName))
def test_accuracy_in_natural_units_equals_what_was_searched(family: FamilyName):
    theta, x = theta_near(family), np.log(COMPUTE) - np.log(COMPUTE).mean()
    named = FAMILIES[family].name(theta, float(np.log(COMPUTE).mean()))
    np.testing.assert_allclose(named.accuracy(COMPUTE), FAMILIES[family].evaluate(theta, x)[0], rtol=1e-9)


@pytest.mark.parametrize("family", get_args(FamilyName))
@pytest.mark.parametrize("likelihood", get_args(fits.Likelihood))
def test_gradients_agree_with_finite_differences(family: FamilyName, likelihood: fits.Likelihood):
    rng = np.random.default_rng(2)
    x, trials = np.linspace(-3, 3, 6), np.full((5, 6), 8.0)
    successes = rng.integers(0, 9, size=(5, 6)).astype(float)
    theta = theta_near(family)
    if likelihood == "binomial":
        objective = fits._binomial(FAMILIES[family], x, successes.sum(axis=0), trials.sum(axis=0))
    else:
        objective, theta = fits._beta_binomial(FAMILIES[family], x, successes, trials), np.append(theta, 0.7)
    scale = np.abs(objective(theta)[1]).max()
    assert check_grad(lambda t: objective(t)[0], lambda t: objective(t)[1], theta) < 1e-5 * scale


@pytest.mark.parametrize("family", get_args(FamilyName))
def test_no_fit_leaves_the_bounds_of_accuracy(family: FamilyName):
    rng = np.random.default_rng(3)
    for successes in (np.zeros(6), rng.integers(0, 21, 6)):
        accuracy = fit_curve(COMPUTE[:6], successes, np.full(6, 20.0), family=family).curve.accuracy(
            np.geomspace(1, 1e20)
        )
        assert np.all((accuracy >= 0) & (accuracy <= 1))


def test_a_curve_that_falls_is_fitted_as_one_that_falls_and_isotonic_regression_is_not():
    falling = LogitLinear(intercept=12.0, slope=-0.5)
    fit = fit_curve(COMPUTE, 100 * falling.accuracy(COMPUTE), np.full(9, 100.0), family="logit_linear")
    assert fit.curve.slope == pytest.approx(-0.5, rel=1e-3)
    smooth = isotonic(COMPUTE, falling.accuracy(COMPUTE), np.ones(9), COMPUTE)
    np.testing.assert_allclose(smooth, falling.accuracy(COMPUTE).mean())


def test_a_planted_spread_between_prompts_is_found_and_the_binomial_is_its_limit():
    rng = np.random.default_rng(4)
    truth = PLANTED["logit_linear"].accuracy(COMPUTE)
    for precision in (2.0, 1e7):
        successes = betabinom.rvs(16, truth * precision, (1 - truth) * precision, size=(600, 9), random_state=rng)
        options = {"family": "logit_linear", "likelihood": "beta_binomial"}
        fit = fit_curve(COMPUTE, successes, np.full((600, 9), 16.0), **options)
        assert fit.optimum.converged
        assert fit.curve.slope == pytest.approx(0.5, rel=0.06)
        if precision == 2.0:
            assert fit.precision == pytest.approx(2.0, rel=0.06)
        else:
            plain = fit_curve(COMPUTE, successes, np.full((600, 9), 16.0), family="logit_linear")
            assert fit.precision > 1e3
            np.testing.assert_allclose(fit.curve, plain.curve, rtol=0.01)


def test_the_beta_binomial_likelihood_is_scipys():
    successes, trials, x = np.array([[0.0, 3.0, 8.0]]), np.full((1, 3), 8.0), np.array([-1.0, 0.0, 1.0])
    p, precision = FAMILIES["logit_linear"].evaluate(np.array([0.2, 0.9]), x)[0], 3.0
    objective = fits._beta_binomial(FAMILIES["logit_linear"], x, successes, trials)
    expected = betabinom.logpmf(successes, 8, p * precision, (1 - p) * precision)
    choose = betabinom.logpmf(successes, 8, 1, 1) - fits.gammaln(successes + 1) - fits.gammaln(9 - successes)
    constant = (choose + fits.gammaln(10)).sum()
    assert -objective(np.array([0.2, 0.9, np.log(3.0)]))[0] + constant == pytest.approx(expected.sum())


def test_a_search_cut_short_is_not_called_converged():
    kind, x = FAMILIES["logistic"], np.linspace(-5, 5, 9)
    expected = 1000 * kind.evaluate(np.array([-1.0, 1.0, 1.5, 0.2]), x)[0]
    objective = fits._binomial(kind, x, expected, np.full(9, 1000.0))
    starts = np.array([[0.0, 0.0, 1.0, 0.0], [-2.0, 2.0, 2.0, 0.5]])
    assert not fits.minimise(objective, starts, scale=9000.0, options={"maxiter": 2}).converged
    assert fits.minimise(objective, starts, scale=9000.0).converged


def test_too_few_cells_are_refused_and_just_enough_have_no_held_out_error():
    with pytest.raises(ValueError, match="logistic needs at least 4 cells, not 3"):
        fit_curve(COMPUTE[:3], np.ones(3), np.full(3, 2.0), family="logistic")
    fit = fit_curve(COMPUTE[:4], [1.0, 2.0, 4.0, 5.0], np.full(4, 8.0), family="logistic")
    assert np.isnan(fit.held_out).all()


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="between 0 and trials"):
        fit_curve(COMPUTE, np.full(9, 3.0), np.full(9, 2.0), family="logistic")
    with pytest.raises(ValueError, match="needs a row a prompt"):
        fit_curve(COMPUTE, np.ones(9), np.full(9, 2.0), family="logistic", likelihood="beta_binomial")
    with pytest.raises(ValueError, match="Unknown family 'cubic'"):
        fit_curve(COMPUTE, np.ones(9), np.full(9, 2.0), family="cubic")
