import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import expit

from analysis.stats import surface
from analysis.stats.surface import fit_surface

SIZES = np.array([1e8, 3e8, 1e9, 3e9, 1e10])
CELLS = np.array([(N, k, T) for N in SIZES for k in (1, 4, 16) for T in (50, 200, 800)], dtype=float).T
TRIALS = np.full(CELLS.shape[1], 500.0)


def planted(*, alpha=0.5, beta=0.3, gamma=0.2, alpha_beta=0.0, ceiling=1.0) -> np.ndarray:
    n, k, t = np.log(CELLS) - np.log(CELLS).mean(axis=1, keepdims=True)
    return ceiling * expit(-0.4 + alpha * n + beta * k + gamma * t + alpha_beta * n * k)


def test_a_planted_surface_and_its_rates_of_substitution_are_found():
    fit = fit_surface(*CELLS, TRIALS * planted(), TRIALS)
    assert fit.optimum.converged
    np.testing.assert_allclose(fit.coefficients, (-0.4, 0.5, 0.3, 0.2, 0, 0, 0, 1), atol=1e-3)
    rates = fit.exchange(1e9, 4, 200)
    assert (rates.width, rates.tokens) == pytest.approx((0.5 / 0.3, 0.5 / 0.2), rel=1e-3)
    np.testing.assert_allclose(fit.size_errors, 0, atol=1e-4)


def test_along_the_rate_of_substitution_accuracy_stays():
    fit = fit_surface(*CELLS, TRIALS * planted(), TRIALS)
    rate = float(fit.exchange(1e9, 4, 200).width)
    there = fit.predict([1e9, 0.5e9], [4, 4 * 2**rate], 200).accuracy
    assert there[0] == pytest.approx(there[1])


def test_rates_of_substitution_are_slopes_of_the_surface():
    fit = fit_surface(
        *CELLS, TRIALS * planted(alpha_beta=0.08, ceiling=0.8), TRIALS, interactions=True, saturates=True
    )
    at, small = np.log([2e9, 8, 300]), 1e-5

    def slope(axis: int) -> float:
        up, down = np.exp(at + small * np.eye(3)[axis]), np.exp(at - small * np.eye(3)[axis])
        return float(fit.predict(*up).accuracy - fit.predict(*down).accuracy) / (2 * small)

    rates = fit.exchange(*np.exp(at))
    assert rates.width == pytest.approx(slope(0) / slope(1), rel=1e-5)
    assert rates.tokens == pytest.approx(slope(0) / slope(2), rel=1e-5)


def test_a_planted_interaction_and_ceiling_are_found():
    accuracy = planted(alpha=1.0, beta=0.6, alpha_beta=0.08, ceiling=0.8)
    fit = fit_surface(*CELLS, TRIALS * accuracy, TRIALS, interactions=True, saturates=True)
    assert fit.optimum.converged
    assert fit.coefficients.alpha_beta == pytest.approx(0.08, abs=2e-3)
    assert fit.coefficients.ceiling == pytest.approx(0.8, abs=2e-3)


@pytest.mark.parametrize("saturates", [False, True])
def test_the_gradient_agrees_with_finite_differences(saturates: bool):
    rng = np.random.default_rng(0)
    terms, trials = rng.normal(size=(4, 10)), np.full(10, 20.0)
    objective = surface._objective(terms, rng.uniform(0, 20, 10), trials, saturates)
    theta = rng.normal(size=4 + saturates)
    assert check_grad(lambda t: objective(t)[0], lambda t: objective(t)[1], theta) < 1e-4


def test_a_size_off_the_surface_shows_as_its_error():
    accuracy = planted()
    accuracy[CELLS[0] == 1e9] -= 0.15
    errors = fit_surface(*CELLS, TRIALS * accuracy, TRIALS).size_errors
    assert errors[2] == pytest.approx(0.15, abs=0.03)
    assert np.abs(errors).argmax() == 2


def test_size_may_lower_accuracy():
    fit = fit_surface(*CELLS, TRIALS * planted(alpha=-0.5), TRIALS)
    assert fit.coefficients.alpha == pytest.approx(-0.5, abs=1e-3)


def test_what_lies_beyond_the_grid_is_marked_and_beyond_a_rung_refused():
    fit = fit_surface(*CELLS, TRIALS * planted(), TRIALS)
    found = fit.predict([1e9, 3.3e10, 1e9, 1e9], [4, 4, 32, 4], [200, 200, 200, 40])
    assert found.extrapolated.tolist() == [False, True, True, True]
    for refuse in (fit.predict, fit.exchange):
        with pytest.raises(ValueError, match=r"Sizes from 3.33e\+07 to 3.33e\+10 are within a rung"):
            refuse(3.5e10, 4, 200)


def test_an_axis_that_does_not_vary_has_no_coefficient():
    at = CELLS[2] == 200
    fit = fit_surface(*CELLS[:, at], (TRIALS * planted())[at], TRIALS[at], interactions=True)
    assert (fit.coefficients.gamma, fit.coefficients.alpha_gamma, fit.coefficients.beta_gamma) == (0, 0, 0)
    assert np.isinf(fit.exchange(1e9, 4, 200).tokens)


def test_two_sizes_are_no_surface():
    at = CELLS[0] < 5e8
    with pytest.raises(ValueError, match="at least 3 models, not 2"):
        fit_surface(*CELLS[:, at], planted()[at], TRIALS[at])
