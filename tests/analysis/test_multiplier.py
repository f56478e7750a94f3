import numpy as np
import pytest

from analysis.stats.bootstrap import percentile_interval
from analysis.stats.multiplier import break_even, match_samples, snell_multiplier


def test_the_published_multipliers_come_out():
    """M = 14 at R = .16, .79, 22: the budgets 256, 64 and 16 of Snell et al.'s figure 9 (arXiv 2408.03314)."""
    np.testing.assert_allclose(snell_multiplier(14, [0.16, 0.79, 22]), [257.75, 63.37, 15.77], atol=0.005)


def test_a_verifier_counts_on_the_small_model_or_on_both():
    plain = snell_multiplier(14, 0.79)
    assert snell_multiplier(14, 0.79, verifier="small_only", verifier_cost=1.0) == pytest.approx(plain / 2)
    assert snell_multiplier(14, 0.79, verifier="both", verifier_cost=1.0) == pytest.approx(14 + (plain - 14) / 2)
    for verifier in ("small_only", "both"):
        assert snell_multiplier(14, 0.79, verifier=verifier, verifier_cost=0.0) == plain


@pytest.mark.parametrize(
    ("verifier", "on_small", "on_large"), [("none", 0, 0), ("small_only", 1, 0), ("both", 1, 1)]
)
def test_totals_are_equal_at_the_multiplier(verifier: str, on_small: int, on_large: int):
    """Counted out: training 6 N D, serving 2 N a token, verifying v times what the generation costs."""
    N_s, N_l, D, served, v = 3e9, 21e9, 1e12, 4e11, 0.6 if verifier != "none" else 0.0
    m = snell_multiplier(N_l / N_s, served / D, verifier=verifier, verifier_cost=v)
    small = 6 * N_s * D + 2 * N_s * served * m * (1 + v * on_small)
    large = 6 * N_l * D + 2 * N_l * served * (1 + v * on_large)
    assert small == pytest.approx(large)


def test_the_multiplier_falls_with_the_workload_to_the_ratio_of_sizes():
    m = snell_multiplier(7, np.geomspace(0.01, 1e9, 40))
    assert np.all(np.diff(m) < 0)
    assert m[-1] == pytest.approx(7)


def test_the_multiplier_at_the_break_even_workload_is_what_the_small_model_needs():
    k_star = np.array([8.0, 20.0, 300.0])
    np.testing.assert_allclose(snell_multiplier(7, break_even(7, k_star)), k_star)


def test_break_even_has_its_ends_and_they_carry_through_an_interval():
    np.testing.assert_array_equal(break_even(7, [7.0, 2.0, np.inf, np.nan]), [np.inf, np.inf, 0, np.nan])
    replicates = np.concatenate([[10.0], np.full(1000, 6.0), np.full(900, 12.0), np.full(100, np.inf)])
    found = percentile_interval(break_even(7, replicates))
    assert found == pytest.approx((6.0, 0.0, np.inf))


def test_the_general_form_is_snells_with_equal_training_and_no_prompt():
    k = match_samples(
        small_params=1e9,
        large_params=14e9,
        small_pretraining_tokens=2e12,
        large_pretraining_tokens=2e12,
        prompt_tokens=0,
        small_tokens=500,
        large_tokens=500,
        queries=0.79 * 2e12 / 500,
    )
    assert k == pytest.approx(snell_multiplier(14, 0.79))


def test_totals_are_equal_at_the_general_match():
    N_s, N_l, D_s, D_l, P, T_s, T_l, q = 6e8, 8e9, 3.6e13, 1.5e13, 120, 900, 400, 1e9
    k = match_samples(
        small_params=N_s,
        large_params=N_l,
        small_pretraining_tokens=D_s,
        large_pretraining_tokens=D_l,
        prompt_tokens=P,
        small_tokens=T_s,
        large_tokens=T_l,
        queries=q,
    )
    assert 6 * N_s * D_s + 2 * N_s * q * (P + k * T_s) == pytest.approx(6 * N_l * D_l + 2 * N_l * q * (P + T_l))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="Unknown verifier 'some'"):
        snell_multiplier(14, 1, verifier="some")
    with pytest.raises(ValueError, match="must be 0 without a verifier"):
        snell_multiplier(14, 1, verifier_cost=1.0)
    with pytest.raises(ValueError, match="workload must be positive"):
        snell_multiplier(14, 0)
    with pytest.raises(ValueError, match="must be above 1"):
        break_even(1, 3)
