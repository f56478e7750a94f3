"""Goals on planted ladders: their proof obligations in a short form, and that these can fail."""

import numpy as np
import pytest

from analysis.goals import means, rates
from analysis.goals.settings import Compare, ExchangeRates
from analysis.stats import bootstrap
from analysis.validation import goals, grids, ladders, report
from analysis.validation.checks import Check
from analysis.validation.ladders import able, ladder, plant, true_rate
from analysis.validation.pursuits import pursue

FEW, SHORT = 40, 400


@pytest.fixture(autouse=True)
def few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "MIN_REPLICATES", 500)


def failed(checks: list[Check]) -> list[Check]:
    assert any(not np.isnan(check.low) for check in checks)
    return [check for check in checks if not check.holds]


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in report.OBLIGATIONS if name.startswith("Goals")])
def test_every_obligation_of_goals_holds_in_its_short_form(name: str) -> None:
    assert failed(report.prove(name, SHORT, 0)) == []


@pytest.mark.parametrize("name", ["Goals: caps", "Goals: accuracies", "Goals: differences"])
def test_obligations_of_goals_hold_on_a_few_runs(name: str) -> None:
    assert failed(report.prove(name, FEW, 0)) == []


def test_rates_of_a_ladder_hold_on_a_few_runs() -> None:
    checks = goals.exchange_rates(FEW // 2, num_rungs=5, smallest=-3, rng=np.random.default_rng(0))
    assert failed(checks) == []


def test_a_side_of_1_is_rarely_false_on_a_few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goals, "CAP", 500_000)
    assert failed(goals.sides(FEW // 2, rng=np.random.default_rng(0))) == []


def test_decisions_at_one_look_alone_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound for one look is passed by chance at one of many."""
    monkeypatch.setattr(means.anytime, "radius", lambda variance, alpha, tuned_at: 1.96 * np.sqrt(variance))
    checks = goals.differences(FEW, rng=np.random.default_rng(0))
    assert not checks[0].holds, checks[0]


def test_never_that_is_sure_at_one_look_alone_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goals, "CAP", 600_000)
    sure = [each.observed for each in goals.near_the_end(FEW // 2, rng=np.random.default_rng(2))]
    monkeypatch.setattr(rates, "SURE_ERRORS", 1.0)
    [loose] = goals.near_the_end(FEW // 2, rng=np.random.default_rng(2))
    assert not loose.holds and loose.observed > sure[0]


def test_a_true_rate_is_what_a_large_sample_shows() -> None:
    rungs = ladder(3, smallest=-2)
    planted = plant(rungs, np.random.default_rng(0), prompts=60_000)
    drawn = {rung.name: ladders.Drawn(60_000, 16) for rung in rungs}
    for rung in rungs[:-1]:
        pair = planted.pair(rung.name, rungs[-1].name, drawn)._replace(
            weights=np.ones((1, 60_000), dtype=np.uint8)
        )
        accuracy, cost = pair.accuracy.mean(axis=0), pair.cost.mean(axis=0)
        at = np.interp(pair.target.mean(), accuracy, np.log(cost))
        assert np.exp(at) / pair.target_cost.mean() == pytest.approx(true_rate(rung, rungs[-1]), rel=0.04)


def test_a_rung_that_is_able_reaches_what_it_is_made_for() -> None:
    for accuracy, samples in ((0.3, 1), (0.6, 4), (0.5, 16)):
        rung = ladders.Rung("", able(accuracy, samples), 1.0, 1.0)
        assert rung.accuracy[samples - 1] == pytest.approx(accuracy, abs=1e-6)


def test_more_samples_of_a_planted_prompt_hold_the_fewer_ones() -> None:
    planted = plant(ladder(3), np.random.default_rng(0), prompts=200)
    for right in planted.num_correct.values():
        new = np.diff(right, axis=0, prepend=0)
        assert ((new >= 0) & (new <= np.diff([0, *ladders.WIDTHS])[:, None])).all()


def test_a_run_spends_what_its_plans_say_up_to_the_prices_of_prompts() -> None:
    run = pursue(plant(ladder(3, smallest=-2), np.random.default_rng(1)), ExchangeRates(half_width=0.2))
    assert run.end == "known" and not any(question.is_open for question in run.questions)
    assert run.tokens == pytest.approx(run.planned, rel=0.35)


def test_a_smaller_half_width_takes_more() -> None:
    tokens = [
        np.mean(
            [
                pursue(
                    plant(ladder(3, smallest=-1), np.random.default_rng(s)), ExchangeRates(half_width=half)
                ).tokens
                for s in range(5)
            ]
        )
        for half in (0.3, 0.1)
    ]
    assert tokens[1] > 1.5 * tokens[0]


def test_a_clear_difference_takes_the_pilot_alone_and_no_more_than_a_doubtful_one() -> None:
    base = ladders.Rung("base", -2.0, 100.0, 1.0)
    spent = []
    for points in (0.5, 0.1):
        new = base._replace(name="new", ability=able(base.accuracy[0] + points, 1))
        spent.append(pursue(plant((base, new), np.random.default_rng(0)), Compare(effect=2.0)).tokens)
    assert spent[0] < 30_000 < spent[1]


def test_only_the_largest_width_of_a_uniform_grid_says_never() -> None:
    assert grids._able_widths(ladder(3)) == [16]
    assert grids._able_widths(ladder(3, smallest=-1)) == [4, 8, 16]


def test_fewer_prompts_than_a_uniform_grid_takes_do_not_reach() -> None:
    rungs, seeds = ladder(3, smallest=-1), list(range(20))
    widths = {rung.name: 8 for rung in rungs}
    prompts = grids.fewest(rungs, widths, 0.2, seeds)
    assert np.isfinite(prompts)
    assert grids._reaches(rungs, widths, 0.2, int(prompts), seeds)
    assert not grids._reaches(rungs, widths, 0.2, int(prompts / 1.6), seeds)


def test_a_plan_of_unequal_numbers_takes_no_more_than_a_uniform_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rung that surely never reaches needs few prompts, which a uniform grid does not spare it."""
    monkeypatch.setattr(grids, "WIDTHS", (4, 16))
    rungs = ladder(3, smallest=-1)
    rungs = (rungs[0]._replace(ability=-9.0), *rungs[1:])
    one, both = ([f(rungs, 0.3, range(5)) for f in (grids.unequal, grids.uniform)] for _ in range(2))
    assert one == both and np.isfinite(one).all() and one[0] < 0.9 * one[1]
