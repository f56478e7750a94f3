"""What to serve at a target: the cheapest model and setting, in any unit, within so many tokens in series."""

from pathlib import Path

import numpy as np
import pytest

from analysis.costs import lifetime
from analysis.costs.shapes import PerToken
from analysis.questions import offers, serve
from analysis.reading import curves
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.runs import outcomes
from analysis.text import offers as words
from isoquant.__main__ import main

TARGET = 0.6


@pytest.fixture(scope="module")
def reading(ladder_run: Path) -> Reading:
    return read(outcomes.load(ladder_run), Choices(), rule="maj_at_k")


@pytest.fixture(scope="module")
def found(reading: Reading) -> offers.Offers:
    return offers.find(reading, target=TARGET)


def test_offers_are_in_order_of_cost_and_the_first_is_once_its_own(found: offers.Offers):
    costs = [float(each.cost.estimate) for each in found.offers]
    assert costs == sorted(costs) and np.isfinite(costs[0])
    for each, cost in zip(found.offers, costs, strict=True):
        assert float(each.times.estimate) == pytest.approx(cost / costs[0])
        assert each.times.low <= each.times.estimate <= each.times.high
    assert sum(each.share_cheapest for each in found.offers) == pytest.approx(1, abs=1e-9)


def test_a_setting_that_is_offered_reaches_the_target_at_about_its_cost(reading: Reading, found: offers.Offers):
    names = [arm.rung.name for arm in reading.arms]
    for each in found.offers:
        at, [first, *_] = names.index(each.name), each.settings
        budget = reading.outcomes.budgets.tolist().index(first.budget)
        accuracy = reading.accuracy(at, [first.width], budgets=[budget]).mean.mean()
        assert accuracy > TARGET - 0.08
        cost = curves.cell_cost(reading.arms[at], reading.cost, [first.width], rule=reading.rule)[budget].mean()
        assert cost == pytest.approx(float(each.cost.estimate), rel=0.6)


def test_a_limit_of_tokens_in_series_leaves_out_what_takes_more(reading: Reading, found: offers.Offers):
    least = min(setting.serial_tokens for each in found.offers for setting in each.settings)
    for limit in (2 * least, least, 0.9 * least):
        limited = offers.find(reading, target=TARGET, most_serial=limit)
        settings = [setting for each in limited.offers for setting in each.settings]
        assert all(setting.serial_tokens <= limit for setting in settings)
        assert limited.offers[0].cost.estimate >= found.offers[0].cost.estimate * (1 - 1e-9)
    nothing = offers.find(reading, target=TARGET, most_serial=0.5)
    assert all(not each.settings and np.isinf(each.cost.estimate) for each in nothing.offers)
    assert words.first_line(nothing) == (
        "No model reaches 60% by majority vote with at most 0.5 tokens in series within the measured grid."
    )
    assert "nan" not in words.render(nothing)


def test_prices_may_turn_the_order_round(ladder_run: Path, found: offers.Offers):
    dear, cheap = found.offers[0].name, found.offers[-1].name
    alike = {each.name: PerToken(1.0, 1.0) for each in found.offers}
    price = alike | {dear: PerToken(9e3, 9e3), cheap: PerToken(1e-3, 1e-3)}
    priced = offers.find(
        read(outcomes.load(ladder_run), Choices(cost="c5", price=price), rule="maj_at_k"), target=TARGET
    )
    assert priced.unit == "dollars" and priced.offers[0].name == cheap and priced.offers[-1].name == dear


def test_the_first_line_says_what_to_serve_and_what_else(found: offers.Offers):
    first, second = found.offers[:2]
    line = words.first_line(found)
    assert line.startswith(f"For 60% by majority vote, serve {first.name} with k = {first.settings[0].width} at ")
    assert f"Next best: {second.name} with k = " in line and "FLOPs a query" in line


def test_what_is_spent_once_counts_as_training(reading: Reading):
    given = {"target": TARGET, "queries": [1e6], "pretraining_tokens": {"33k": 1e7, "1.1m": 1e7}}
    plain, offline = (
        serve.serve(reading, **given, offline_flops=flops) for flops in ({}, {"33k": 5e12, "1.1m": 0.0})
    )
    for before, after in zip(plain.candidates, offline.candidates, strict=True):
        assert after.training_flops - before.training_flops == (5e12 if after.name == "33k" else 0)
    N, S = 4.0, np.ones((1, 3))
    alone = lifetime.plan([N], [2.0], S, [10.0], offline_flops=[5.0])
    assert alone.total_flops.estimate[0] == pytest.approx(6 * N * 2 + 5 + 2 * N * 10)
    assert alone.training_share.estimate[0] == pytest.approx((6 * N * 2 + 5) / (6 * N * 2 + 5 + 2 * N * 10))
    with pytest.raises(ValueError, match="must not be negative"):
        lifetime.plan([N], [2.0], S, [10.0], offline_flops=-1.0)
    [switch] = lifetime.switches([1.0, 10.0], [1.0, 1.0], np.array([[30.0] * 3, [1.0] * 3]), offline_flops=[0, 40])
    assert switch.queries.estimate == pytest.approx((60 + 40 - 6) / (2 * 30 - 2 * 10))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--serving-only", "--queries", "3"], "--queries is for training and serving together."),
        (["--cost", "c1", "--queries", "3"], "Training and serving are counted in FLOPs. Add --serving-only"),
        (["--max-serial-tokens", "9", "--queries", "3"], "Add --serving-only, or leave --max-serial-tokens out."),
        ([], "Give --queries, how many will be served, or --serving-only"),
        (["--serving-only", "--price", "33k=1:2"], "Only cost model c5 uses --price."),
        (["--queries", "3", "--offline-flops", "8b=1e9"], "No model 8b in this run; its models are 33k, 125k."),
    ],
)
def test_options_of_the_other_way_to_ask_are_refused(plant, ladder, capsys, options: list[str], said: str):
    root = plant(ladder[:2], num_prompts=6, num_samples=2)
    assert main(["serve", str(root), "--target", "0.4", *options]) == 2
    assert said in capsys.readouterr().err


def test_the_command_serves_without_training_and_draws_nothing(plant, ladder, capsys):
    root = plant(ladder[:2], num_prompts=20, num_samples=4)
    assert main(["serve", str(root), "--target", "0.4", "--serving-only", "--json"]) == 0
    assert '"first": "For 40%' in capsys.readouterr().out
    assert not (root / "figures").exists()
