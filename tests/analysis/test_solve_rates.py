import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import check_grad
from scipy.special import betaln
from scipy.stats import betabinom, binom

from analysis.stats import solve_rates
from analysis.stats.solve_rates import ScaledBeta, fit_free, fit_scaled_beta

SHAPES = [(0.3, 4.0, 0.8), (0.05, 0.6, 0.3), (3.0, 10.0, 0.95), (0.7, 0.4, 0.999)]
# Keeps small integrands within quad's reach.
SHIFT = 60.0
COUNTS = [(0, 100), (3, 97), (50, 50), (100, 0), (1, 9999), (2000, 8000)]


@pytest.mark.parametrize(("a", "b", "scale"), SHAPES)
def test_moments_equal_numerical_integrals(a: float, b: float, scale: float):
    """Over u = logit z piece by piece, which quad can follow whatever the ends do."""
    for correct, failures in COUNTS[:4]:

        def integrand(u: float, c: int = correct, m: int = failures) -> float:
            log_z, log_rest = -np.logaddexp(0, -u), -np.logaddexp(0, u)
            log_q = np.log1p(-scale * np.exp(log_z))
            return float(np.exp((a + c) * log_z + b * log_rest + c * np.log(scale) + m * log_q + SHIFT))

        edges = np.concatenate([np.linspace(-600, -20, 8), np.linspace(-16, 16, 65), np.linspace(20, 90, 3)])
        total = sum(quad(integrand, *piece, epsabs=0)[0] for piece in zip(edges[:-1], edges[1:], strict=True))
        moments = solve_rates._moments(np.array([float(correct)]), np.array([float(failures)]), a, b, scale)
        expected = np.log(total) - SHIFT - betaln(a, b)
        assert moments.log_mean[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("a", "b"), [(0.3, 4.0), (2.0, 0.5)])
def test_without_scale_and_point_mass_it_is_the_beta_binomial(a: float, b: float):
    for correct, failures in COUNTS:
        moments = solve_rates._moments(np.array([float(correct)]), np.array([float(failures)]), a, b, 1.0)
        assert moments.log_mean[0] == pytest.approx(betaln(a + correct, b + failures) - betaln(a, b), abs=1e-7)


@pytest.mark.parametrize("theta", [(-1.0, 1.5, 1.2, -2.0), (0.5, 3.0, 4.0, 0.3), (-3.0, 0.2, -1.0, -6.0)])
def test_the_gradient_agrees_with_finite_differences(theta: tuple[float, ...]):
    correct, failures, counts = np.array([0.0, 2.0, 30.0]), np.array([50.0, 48.0, 20.0]), np.array([5.0, 2.0, 1.0])

    def value(at: np.ndarray) -> float:
        return solve_rates._log_likelihood(at, correct, failures, counts)[0]

    def gradient(at: np.ndarray) -> np.ndarray:
        return solve_rates._log_likelihood(at, correct, failures, counts)[1]

    assert check_grad(value, gradient, np.array(theta)) < 1e-5 * np.abs(gradient(np.array(theta))).max()


def test_planted_solve_rates_are_found():
    rng = np.random.default_rng(1)
    truth = ScaledBeta(never=0.2, scale=0.7, a=0.8, b=1.5)
    rates = truth.scale * rng.beta(truth.a, truth.b, size=2000) * (rng.random(2000) > truth.never)
    fit = fit_scaled_beta(200, rng.binomial(200, rates))
    assert fit.optimum.converged
    np.testing.assert_allclose(fit.rates, truth, rtol=0.15)
    np.testing.assert_allclose(fit.rates.coverage([1, 10, 10_000]), truth.coverage([1, 10, 10_000]), atol=0.02)


def test_what_is_given_is_not_fitted_and_the_likelihood_is_scipys():
    correct = np.array([0, 0, 1, 4, 9, 3, 0, 2])
    fit = fit_scaled_beta(10, correct, scale=1, never=0)
    assert (fit.rates.scale, fit.rates.never) == (1, 0)
    expected = betabinom.logpmf(correct, 10, fit.rates.a, fit.rates.b).sum()
    assert fit.log_likelihood == pytest.approx(expected, abs=1e-3)
    for a, b in ((1.1, 1.0), (0.9, 1.0), (1.0, 1.1), (1.0, 0.9)):
        assert betabinom.logpmf(correct, 10, a * fit.rates.a, b * fit.rates.b).sum() < expected


def test_coverage_at_one_is_the_mean_rate_and_in_the_end_all_but_the_never_solved():
    rates = ScaledBeta(never=0.25, scale=0.6, a=0.9, b=2.0)
    assert rates.coverage(1) == pytest.approx(0.75 * 0.6 * 0.9 / 2.9)
    assert rates.coverage(1e12) == pytest.approx(0.75, abs=1e-6)


def test_a_prompt_counted_twice_equals_two_prompts():
    correct = np.array([0, 3, 7, 1, 0, 10])
    counted = fit_scaled_beta(10, correct, weights=[2, 1, 1, 1, 1, 1], scale=1, never=0).rates
    np.testing.assert_allclose(counted, fit_scaled_beta(10, [0, *correct], scale=1, never=0).rates, rtol=1e-4)
    free = fit_free(10, correct, weights=[2, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(free.coverage([1, 5]), fit_free(10, [0, *correct]).coverage([1, 5]), rtol=1e-4)


def test_free_rates_find_two_planted_groups():
    rng = np.random.default_rng(2)
    correct = rng.binomial(200, np.where(np.arange(3000) < 1000, 0.02, 0.4))
    free = fit_free(200, correct)
    assert free.converged
    assert free.masses.sum() == pytest.approx(1)
    assert free.masses[free.rates < 0.15].sum() == pytest.approx(1 / 3, abs=0.01)
    assert free.coverage(50) == pytest.approx((1 - 0.98**50) / 3 + 2 / 3, abs=0.01)


def test_free_rates_are_more_likely_than_any_of_a_family():
    correct = np.random.default_rng(3).binomial(30, np.random.default_rng(4).beta(0.5, 3, size=200))
    free = fit_free(30, correct)
    likelihood = binom.pmf(correct[:, None], 30, free.rates) @ free.masses
    assert np.log(likelihood).sum() > fit_scaled_beta(30, correct).log_likelihood


@pytest.mark.parametrize("correct", [[-1, 2], [3, 11]])
def test_impossible_counts_are_refused(correct: list[int]):
    with pytest.raises(ValueError, match="between 0 and num_samples"):
        fit_scaled_beta(10, correct)
