import numpy as np
import pytest

from analysis.stats.coverage import fit_power_law, power_law_exponents
from analysis.stats.families import FAMILIES, FamilyName
from analysis.stats.fits import fit_curve, refit_curve
from analysis.stats.surface import fit_surface, resample_rates

COMPUTE = np.geomspace(1, 64, 9)
ACCURACY = 0.2 + 0.6 / (1 + np.exp(-1.4 * (np.log(COMPUTE) - 1.5)))
PROMPTS = 150.0


def replicates(num: int) -> np.ndarray:
    return np.random.default_rng(1).binomial(int(PROMPTS), ACCURACY, (num, ACCURACY.size)).astype(float)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_refit_is_the_fit_of_the_same_cells(family: FamilyName):
    fit = fit_curve(COMPUTE, ACCURACY * PROMPTS, np.full(9, PROMPTS), family=family)
    drawn = replicates(6)
    again = refit_curve(fit, np.tile(COMPUTE, (6, 1)), drawn, np.full(9, PROMPTS))
    assert again.converged.all()
    for curve, successes in zip(again.curves, drawn, strict=True):
        alone = fit_curve(COMPUTE, successes, np.full(9, PROMPTS), family=family)
        assert curve.accuracy(COMPUTE) == pytest.approx(alone.curve.accuracy(COMPUTE), abs=1e-3)


def test_a_refit_reads_the_compute_of_its_own_replicate():
    fit = fit_curve(COMPUTE, ACCURACY * PROMPTS, np.full(9, PROMPTS), family="logistic")
    again = refit_curve(
        fit, np.stack([COMPUTE, 2 * COMPUTE]), np.tile(ACCURACY * PROMPTS, (2, 1)), np.full(9, PROMPTS)
    )
    same, dearer = again.curves
    assert dearer.accuracy(2 * COMPUTE) == pytest.approx(same.accuracy(COMPUTE), abs=1e-5)


def test_rates_of_a_surface_made_again_are_those_of_a_fit_to_the_replicates_own_tokens():
    rng = np.random.default_rng(2)
    cells = np.stack([axis.ravel() for axis in np.meshgrid([1e6, 4e6, 2e7], [1.0, 4.0, 16.0], [32.0, 128.0])])
    n, k, t = np.log(cells) - np.log(cells).mean(axis=1, keepdims=True)
    accuracy = 0.8 / (1 + np.exp(-(0.2 + 0.7 * n + 0.5 * k + 0.3 * t)))
    trials = np.full(accuracy.size, 400.0)
    fit = fit_surface(*cells, accuracy * trials, trials, interactions=True, saturates=True)
    drawn = rng.binomial(400, accuracy, (3, accuracy.size)).astype(float)
    tokens = cells[2] * np.array([[1.0], [1.0], [1.3]]) * rng.uniform(0.9, 1.1, drawn.shape)
    every = np.full(3, 400.0)
    rates = resample_rates(fit, cells[0], cells[1], tokens, drawn, every, interactions=True, saturates=True)
    for at, successes in enumerate(drawn):
        alone = fit_surface(cells[0], cells[1], tokens[at], successes, trials, interactions=True, saturates=True)
        assert (rates.width[at], rates.tokens[at]) == pytest.approx(alone.exchange(*np.exp(fit.centre)), rel=2e-3)


def test_exponents_of_many_curves_are_those_of_each():
    widths = np.array([1, 3, 10, 30])
    curves = np.exp(-np.array([[2.0], [3.0]]) * widths ** -np.array([[0.3], [0.5]]))
    assert power_law_exponents(widths, curves) == pytest.approx(
        [fit_power_law(widths, c).exponent for c in curves]
    )
    off_the_scale = np.array(
        [[0.1, 0.2, 0.5, 1.0], [0.0, 0.2, 0.5, 0.9], [0.3, 1, 1, 1], [1, 1, 1, 1], [np.nan] * 4]
    )
    found = power_law_exponents(widths, off_the_scale)
    np.testing.assert_array_equal(found, [np.inf, np.inf, np.inf, np.nan, np.nan])
