import numpy as np
import pytest

from analysis.stats.coverage import PowerLaw, beta_failure, fit_power_law, score_forecasts
from analysis.stats.estimators import pass_at_k
from analysis.stats.solve_rates import ScaledBeta
from tests.analysis.conftest import Pythia


def test_a_planted_power_law_is_found_with_the_range_it_was_fitted_on():
    k = np.geomspace(2, 500, 12)
    law = fit_power_law(k, PowerLaw(3.0, 0.4, 0, 0).coverage(k))
    assert law == pytest.approx((3.0, 0.4, 2, 500))


def test_two_published_points_give_their_exponent():
    """DeepSeek-Coder-V2-Instruct on SWE-bench Lite: 15.9% at 1 sample,
    56% at 250 (Brown et al., arXiv 2407.21787).
    """
    assert fit_power_law([1, 250], [0.159, 0.56]).exponent == pytest.approx(0.209, abs=5e-4)


@pytest.mark.parametrize("coverage", [[0.0, 0.5], [0.5, 1.0], [0.5, np.nan]])
def test_coverage_off_the_scale_is_refused(coverage: list[float]):
    with pytest.raises(ValueError, match="above 0 and below 1"):
        fit_power_law([1, 10], coverage)


@pytest.mark.parametrize(("a", "b"), [(0.3, 4.0), (2.0, 0.5), (0.05, 30.0)])
def test_the_chance_that_all_fail_is_a_ratio_of_beta_functions(a: float, b: float):
    for k in (1, 7, 40):
        steps = np.arange(k)
        assert beta_failure(a, b, k) == pytest.approx(np.prod((b + steps) / (a + b + steps)))
    np.testing.assert_allclose(1 - beta_failure(a, b, [1, 9]), ScaledBeta(0, 1, a, b).coverage([1, 9]), atol=1e-7)


def test_the_local_exponent_nears_a_only_far_above_b():
    def local(k: float) -> float:
        return float(np.log(beta_failure(0.3, 50, k) / beta_failure(0.3, 50, 2 * k)) / np.log(2))

    assert local(5) < 0.05 < 0.28 < local(5000) < 0.3


def test_forecasts_from_few_samples_are_scored_on_all_of_them():
    rng = np.random.default_rng(0)
    correct = rng.binomial(5000, 0.9 * rng.beta(0.3, 8, size=1500) * (rng.random(1500) > 0.1))
    scored = score_forecasts(5000, correct, [200, 5000], num_drawn=100, rng=rng)
    np.testing.assert_allclose(scored.observed, pass_at_k(5000, correct[:, None], [200, 5000]).mean(axis=0))
    errors = scored.log_errors()
    assert np.abs(errors["scaled_beta"]).max() < 0.03
    # The truth is no power law, and the exponent of the first hundred samples does not hold for thousands.
    assert np.abs(errors["power_law"][1]) > 2 * np.abs(errors["scaled_beta"][1])
    assert np.abs(errors["nonparametric"][0]) < 0.05


def test_forecasts_from_more_samples_than_there_are_get_refused():
    with pytest.raises(ValueError, match="fewer than 10 samples, not 10"):
        score_forecasts(10, [3, 4], [5], num_drawn=10, rng=np.random.default_rng(0))


def test_published_coverage_comes_out_to_four_digits(pythia: Pythia):
    """Pythia on 128 MATH problems, 10,000 samples each; Brown et al. give .27% -> 57% for 160M."""
    published = {
        "70M": (0.0006, 0.0361, 0.2656),
        "160M": (0.0027, 0.1619, 0.5703),
        "410M": (0.0062, 0.2272, 0.6562),
        "1B": (0.0083, 0.2745, 0.7422),
        "2.8B": (0.0203, 0.4220, 0.8125),
        "6.9B": (0.0186, 0.4316, 0.8359),
        "12B": (0.0232, 0.4834, 0.8750),
    }
    for name, expected in published.items():
        coverage = pass_at_k(pythia.num_samples, pythia.num_correct[name][:, None], [1, 100, 10_000]).mean(axis=0)
        assert tuple(coverage.round(4)) == expected, name


def test_published_exponents_rise_with_size(pythia: Pythia):
    """On the 101 widths of the published table, 1 to 10,000."""
    exponents = [
        fit_power_law(pythia.k, pass_at_k(pythia.num_samples, correct[:, None], pythia.k).mean(axis=0)).exponent
        for correct in pythia.num_correct.values()
    ]
    assert np.all(np.diff(exponents) > 0)
    assert (round(exponents[0], 3), round(exponents[-1], 3)) == (0.194, 0.370)


def test_published_coverage_is_forecast_from_a_fiftieth_of_the_samples(pythia: Pythia):
    for name in ("160M", "12B"):
        forecast = score_forecasts(
            pythia.num_samples, pythia.num_correct[name], [10_000], num_drawn=200, rng=np.random.default_rng(0)
        )
        assert np.abs(forecast.log_errors()["scaled_beta"]).max() < 0.1, name
