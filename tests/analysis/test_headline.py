"""What a run is said to show: all prompts first, nothing chosen for its result,
and what another look would change.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.costs.shapes import PerToken
from analysis.questions import exchange_rates
from analysis.questions.exchange_rates import Findings
from analysis.reading import cautions
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.text import headline, summary
from tests.analysis.conftest import LADDER, PlantedRung

Change = Callable[[pd.Series], dict[str, object]]
PRICES = {rung.name: PerToken(1.0, 2.0) for rung in LADDER}


def find(loaded: outcomes.Outcomes, **choices: object) -> Findings:
    return exchange_rates.measure(read(loaded, Choices(**choices)))


def say(found: Findings, rule: str = "maj_at_k") -> str:
    return headline.headline(found, rule=rule)


def changed(table: pd.DataFrame, values: dict[str, object], **where: object) -> pd.DataFrame:
    """The table with these values in the rows that hold those."""
    is_row = np.logical_and.reduce([table[name] == value for name, value in where.items()])
    return table.assign(**{name: table[name].mask(is_row, value) for name, value in values.items()})


def test_every_smaller_model_is_named_on_all_prompts_in_order_of_size(found: Findings):
    first = headline.sentences(found, rule="maj_at_k")[0]
    assert first.startswith(
        "One answer of 1.1m on all 120 prompts of planted, by majority vote (95% intervals): 33k never matches it"
    )
    assert first.index("33k ") < first.index("125k matches it") < first.index("0.4m matches it")


@pytest.mark.parametrize("rate", [0.01, 0.3, 5.0])
def test_a_bin_that_is_more_favourable_changes_nothing_but_what_is_said_of_bins(found: Findings, rate: float):
    where = {"small": "125k", "large": "1.1m", "path": "width"}
    untold = changed(
        found.exchange_rates, {"exchange_rate": 0.9, "low": 0.6, "high": 1.2}, **where, bin="all prompts"
    )
    values = {"exchange_rate": rate, "low": rate / 2, "high": rate * 1.1, "p_holm": 0.001}
    told, before = (
        headline.sentences(replace(found, exchange_rates=rates), rule="maj_at_k")
        for rates in (changed(untold, values, **where, bin="medium"), untold)
    )
    assert told[0] == before[0]
    side = "less" if rate < 1 else "more"
    assert any(f"125k certainly {side} on medium prompts" in sentence for sentence in told[1:])


@pytest.mark.parametrize(
    ("p_holm", "words"), [(0.01, "certainly less"), (0.2, "not certain after correction for")]
)
def test_a_verdict_is_sure_where_the_corrected_p_value_says_so(found: Findings, p_holm: float, words: str):
    values = {"exchange_rate": 0.4, "low": 0.2, "high": 0.6, "p_holm": p_holm}
    rates = changed(found.exchange_rates, values, small="125k", large="1.1m", bin="all prompts", path="width")
    told = say(replace(found, exchange_rates=rates))
    assert words in told
    assert ("Certainly: at the 5% level, after Holm's correction over all 24 rates." in told) == (p_holm < 0.05)


def test_where_another_cost_model_says_otherwise_both_ends_are_told(found: Findings):
    where = {"small": "125k", "bin": "all prompts", "path": "width"}
    one = changed(found.by_cost, {"exchange_rate": 0.44, "low": 0.3, "high": 0.6}, **where)
    told = say(replace(found, by_cost=one))
    assert "125k from" not in told.partition("The verdict depends on what is counted")[2]
    other = changed(one, {"exchange_rate": 1.96, "low": 1.5, "high": 2.5}, **where, counted_as="c1")
    told = say(replace(found, by_cost=other))
    assert "125k from 0.44x in FLOPs with attention to 1.96x in FLOPs without attention" in told


def test_costs_that_count_models_alike_contradict_no_verdict_in_flops(found: Findings):
    assert not set(found.by_cost["counted_as"]) & {"tokens", "samples"}


def test_counts_that_count_models_alike_are_told_where_they_were_asked_for(ladder_run: Path):
    found = find(outcomes.load(ladder_run), cost="samples")
    assert found.by_cost["counted_as"].iloc[0] == "samples" and "its samples [" in say(found)


@pytest.fixture(scope="module")
def every(ladder_run: Path) -> list[Findings]:
    """What the ladder's run says under each cost model, of one resampling."""
    return exchange_rates.measure_each(read(outcomes.load(ladder_run), Choices(price=PRICES)))


@pytest.mark.parametrize("cost", ["c1", "c2", "c3", "c5", "tokens", "samples"])
def test_one_resampling_under_every_cost_model_gives_what_each_gives_alone(
    ladder_run: Path, every: list[Findings], cost: str
):
    [one] = [each for each in every if each.setting.cost_model == cost]
    gpu = "H100" if cost == "c3" else None
    alone = find(outcomes.load(ladder_run), cost=cost, gpu=gpu, price=PRICES)
    for name in ("curves", "exchange_rates", "cells", "diversity"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(alone, name), rtol=1e-12, atol=0)
    assert one.setting == alone.setting
    rows = every[0].by_cost[every[0].by_cost["counted_as"] == cost]
    mine = one.exchange_rates[one.exchange_rates["large"] == "1.1m"]
    np.testing.assert_allclose(rows["exchange_rate"], mine["exchange_rate"], rtol=1e-12)


def test_one_sample_and_one_budget_leave_nothing_to_trade(plant: Callable[..., Path]):
    loaded = outcomes.load(plant(LADDER, num_prompts=60, num_samples=1))
    single = loaded.take(budgets=np.array([len(loaded.budgets) - 1]), prompts=np.arange(60))
    found = find(single)
    assert say(found).startswith("Only one sample of each model on planted: there is nothing to trade for size.")
    told = summary.render(single, found, rule="maj_at_k")
    assert "never within" not in told and "one sample: nothing to trade for size" in told


def test_one_sample_and_several_budgets_are_read_along_thinking(plant: Callable[..., Path]):
    found = find(outcomes.load(plant(LADDER, num_prompts=60, num_samples=1)))
    assert (
        "on all 60 prompts of planted, by longer thinking (95% intervals): 33k never matches it within 256 tokens"
        in say(found)
    )


def test_bins_of_few_prompts_are_named_with_their_size(plant: Callable[..., Path]):
    told = say(find(outcomes.load(plant(LADDER, num_prompts=60))))
    assert "Too few prompts to judge alone (under 30): easy (" in told
    assert "Too few prompts" not in say(find(outcomes.load(plant(LADDER, name="large", num_prompts=150))))


def test_of_many_models_those_of_each_verdict_are_counted_and_the_next_smaller_is_named(
    plant: Callable[..., Path],
):
    rungs = [PlantedRung(f"m{at}", 30_000 * 2**at, 3, 1, 0.1 + 0.3 * at) for at in range(7)]
    told = say(find(outcomes.load(plant(rungs, num_prompts=60))))
    assert "of 6 smaller models" in told and "m5 " in told and "m0" not in told


def test_samples_without_their_answers_are_said_to_need_somebody_who_can_tell(ladder_run: Path):
    loaded = outcomes.load(ladder_run)
    silent = replace(
        loaded, arms=tuple(replace(arm, rung=replace(arm.rung, has_votes=False)) for arm in loaded.arms)
    )
    assert [caution.about for caution in cautions.read(silent)] == ["No votes"]
    assert "guessing alone raises it" in cautions.text(silent)
