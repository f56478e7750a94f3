"""The proof obligations in a short form: 400 data sets with 500 replicates each,
bounds three standard errors wider.
"""

from functools import partial

import numpy as np
import pytest

from analysis.stats import bootstrap, estimators, filters
from analysis.validation import (
    axes,
    interval_coverage,
    placebos,
    report,
    routers,
    small_bins,
    thinking,
    verifiers,
    votes,
    worlds,
)
from analysis.validation.checks import Check, placebo, share
from isoquant.__main__ import main

SHORT = 400
# Those of comparisons, axes, rungs, goals and claims have a shorter form in test_differences, test_axes,
# test_unrun, test_pursuits and test_claims, and that of verifiers below.
LONG_ONLY = {
    "Intervals hold the truth",
    "Verifiers of known error rates",
    "Comparisons: one model twice",
    "Comparisons: planted differences",
    "Axes: one exponent or two",
    "A rung left out of 4",
    "A rung left out of 6",
    "A rung left out of 8",
}


@pytest.fixture
def few_replicates(monkeypatch: pytest.MonkeyPatch):
    for module in (bootstrap, axes, interval_coverage, placebos, routers, small_bins, thinking, verifiers, votes):
        monkeypatch.setattr(module, "MIN_REPLICATES", 500)


@pytest.mark.usefixtures("few_replicates")
@pytest.mark.parametrize(
    "name",
    [name for name in report.OBLIGATIONS if name not in LONG_ONLY and not name.startswith(("Goals", "Claims"))],
)
def test_every_proof_obligation_holds_in_its_short_form(name: str):
    checks = report.prove(name, SHORT, 0)
    assert any(not np.isnan(check.low) for check in checks)
    assert [check for check in checks if not check.holds] == []


@pytest.mark.long
@pytest.mark.usefixtures("few_replicates")
def test_intervals_that_are_too_narrow_are_found_out(monkeypatch: pytest.MonkeyPatch):
    narrow = partial(bootstrap.percentile_interval, level=0.8)
    monkeypatch.setattr(bootstrap, "percentile_interval", narrow)
    monkeypatch.setattr("analysis.stats.substitution.percentile_interval", narrow)
    for name in ("A duplicate is worth itself", "One level of resampling"):
        assert not all(check.holds for check in report.prove(name, SHORT, 0)), name


@pytest.mark.usefixtures("few_replicates")
def test_a_route_that_is_better_than_chance_is_no_placebo():
    rng = np.random.default_rng(0)
    wins = []
    for _ in range(40):
        hardness = worlds.draw_hardness(200, rng)
        both = [worlds.draw(model, hardness, 1, rng).correct[:, 0] for model in (placebos.SMALL, placebos.LARGE)]
        wins.append(placebos._wins(np.max(both, axis=0) - np.mean(both, axis=0), rng))
    assert not placebo("A router that knows who is right", "200 prompts", wins).holds


def test_bounds_widen_only_below_the_full_number_of_data_sets():
    full, short = (share("c", "", [True] * n, low=0.93, high=0.97) for n in (2000, 400))
    assert (full.low, full.high) == (0.93, 0.97)
    assert full.high < short.high < 1.01
    assert not full.holds
    assert Check("reported", "", 0.2, np.nan, np.nan, 10).holds


def test_the_truth_of_a_world_is_what_a_large_sample_of_it_shows():
    rng = np.random.default_rng(0)
    world = worlds.World(interval_coverage.LARGE, 200_000, 3)
    hardness = worlds.draw_hardness(world.num_prompts, rng)
    scores = world.draw_scores(hardness, rng)
    labels = interval_coverage.difficulty.quantile_bins(scores, np.ones((1, len(scores))), num_bins=3)[0]
    paths = interval_coverage._paths(interval_coverage.SMALL, hardness, rng)
    truth = interval_coverage._true_statistics(world)
    for number in range(3):
        inside = labels == number
        seen = paths.accuracy[inside].mean(axis=0)[interval_coverage.PASS_AT - 1]
        np.testing.assert_allclose(seen, truth["pass@1, 2, 4, 8, 16"][number], atol=6e-3)
        np.testing.assert_allclose(paths.votes[inside].mean(axis=0), truth["maj@1, 5, 15"][number], atol=6e-3)
        cost = world.true_means(interval_coverage._true_cost(interval_coverage.SMALL))[number]
        np.testing.assert_allclose(paths.cost[inside].mean(axis=0), cost, rtol=3e-3)


def test_the_command_keeps_the_table_and_fails_where_a_bound_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path, capsys: pytest.CaptureFixture[str]
):
    good = Check("This holds", "here", 0.95, 0.93, 0.97, 9)
    for check, status in ((good, 0), (good._replace(observed=0.5), 2)):
        monkeypatch.setattr(report, "OBLIGATIONS", {"One": lambda n, rng, check=check: [check]})
        assert main(["validate", "--out", str(tmp_path / "table.md")]) == status
    assert "| This holds | here | 0.500 | 0.930 to 0.970 | FAILS |" in (tmp_path / "table.md").read_text()
    assert "1 checks are out of their bounds: This holds, here." in capsys.readouterr().err


@pytest.mark.parametrize(("true_rate", "false_rate"), [(0.9, 0.15), (0.6, 0.4), (1.0, 0.3), (0.5, 0.0)])
def test_a_planted_verifiers_best_of_k_is_its_closed_form(true_rate: float, false_rate: float):
    rates, rng = verifiers.Rates(true_rate, false_rate), np.random.default_rng(1)
    for chance in (0.05, 0.4, 0.7):
        correct = rng.random((4000, verifiers.NUM_SAMPLES)) < chance
        scores = rates.judge(correct, rng)
        found = estimators.best_of_n(scores, correct, [1, 2, 4, 16])
        expected = rates.best_of(np.array([chance]))[0, [0, 1, 3, 15]]
        error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
        assert (np.abs(found.mean(axis=0) - expected) < 3.5 * error + 1e-12).all()
    # Endlessly many samples reach what a filter of these rates can.
    many = rates.best_of(np.array([0.4]))[0, -1]
    assert many <= filters.ceiling(0.4, true_rate, false_rate) + 1e-9


@pytest.mark.usefixtures("few_replicates")
def test_intervals_under_a_planted_verifier_hold_the_truth():
    checks = verifiers.error_rates(60, num_bins=2, num_prompts=450, rng=np.random.default_rng(0))
    assert {check.case.partition(";")[0] for check in checks} >= {verifiers.BEST, "exchange rate", "AUC"}
    assert [check for check in checks if not check.holds] == []


@pytest.mark.usefixtures("few_replicates")
def test_intervals_of_a_verifier_that_errs_otherwise_do_not_hold(monkeypatch: pytest.MonkeyPatch):
    """One that says yes more often to wrong answers than is taken for its truth."""
    judge = verifiers.Rates.judge
    worse = verifiers.Rates(0.9, 0.25)
    monkeypatch.setattr(verifiers.Rates, "judge", lambda self, correct, rng: judge(worse, correct, rng))
    checks = verifiers.error_rates(40, num_bins=3, num_prompts=700, rng=np.random.default_rng(0))
    assert not any(check.holds for check in checks if "width" not in check.case)
