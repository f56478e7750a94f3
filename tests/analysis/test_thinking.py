"""Whether models think well, on a planted run: what the command prints, and what it must not say."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.commands import thinking as command
from analysis.commands.figures import of_thinking
from analysis.figures import thinking as drawing
from analysis.figures import thinking_lost as lost
from analysis.policies.studies import stops
from analysis.questions import inflation, thinking
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.reading.untold import UntoldError
from analysis.report import thinking as section
from analysis.runs import outcomes
from analysis.text import thinking as words
from isoquant.__main__ import main as isoquant
from tests.analysis.conftest import LADDER
from tests.analysis.words import faults


@pytest.fixture(scope="module")
def reading(ladder_run: Path) -> Reading:
    return read(outcomes.load(ladder_run), Choices())


@pytest.fixture(scope="module")
def steps(reading: Reading) -> pd.DataFrame:
    return thinking.steps(reading)


def test_steps_are_told_of_every_model_bin_and_pair_of_neighbouring_budgets(reading: Reading, steps: pd.DataFrame):
    assert len(steps) == len(reading.arms) * len(reading.bins) * (len(reading.outcomes.budgets) - 1)
    for at, arm in enumerate(reading.arms):
        own = steps[(steps["model"] == arm.rung.name) & (steps["bin"] == "all prompts")]
        accuracy = arm.samples.correct.mean(axis=(1, 2))
        np.testing.assert_allclose(own["gained"] - own["lost"], np.diff(accuracy), atol=1e-12)
        spent = arm.samples.thinking_tokens.mean(axis=(1, 2))
        np.testing.assert_allclose(own["per_500"], 500 * np.diff(accuracy) / np.diff(spent))
        assert at == list(dict.fromkeys(steps["model"])).index(arm.rung.name)


def test_a_direction_is_told_only_where_the_joint_interval_lies_on_one_side_of_0(steps: pd.DataFrame):
    low, high = steps["change_joint_low"], steps["change_joint_high"]
    told = np.select([low > 0, high < 0], ["rises", "falls"], "")
    np.testing.assert_array_equal(steps["direction"], told)
    assert (low <= steps["change_low"]).all() and (high >= steps["change_high"]).all()
    # The first cut of the planted run hurts, what follows helps.
    assert {"rises", "falls", ""} == set(steps["direction"])


def test_where_accuracy_falls_is_said_once_a_step_and_nothing_else_is(steps: pd.DataFrame):
    falls = steps[steps["direction"] == "falls"]
    lines = words.said_of_steps(steps)
    assert len(lines) == len(falls) and all("accuracy falls" in line for line in lines)
    quiet = words.said_of_steps(steps[steps["direction"] != "falls"])
    assert len(quiet) == 1 and "none certainly lowers it" in quiet[0]


def test_the_command_prints_tables_and_writes_what_json_holds(
    ladder_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert isoquant(["thinking", str(ladder_run), "--json", "--out", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    for name in told.keys() - {"run", "task", "cautions"}:
        assert len(pd.read_csv(tmp_path / f"{name}.csv")) == len(told[name])
    assert isoquant(["thinking", str(ladder_run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 120


def test_what_cannot_be_told_is_refused_in_a_line(ladder_run: Path, capsys: pytest.CaptureFixture[str]):
    assert isoquant(["thinking", str(ladder_run), "--along", "calls"]) == 2
    assert "thinking budgets" in capsys.readouterr().err
    one = outcomes.load(ladder_run)
    one = one.take(budgets=np.arange(1), prompts=np.arange(20))
    with pytest.raises(UntoldError, match="Two thinking budgets"):
        thinking.steps(read(one, Choices()))


def test_budgets_suffice_first_for_shares_that_add_up_and_lose_what_the_samples_say(reading: Reading):
    found = thinking.budgets(reading)
    own = found[(found["model"] == "1.1m") & (found["bin"] == "all prompts")]
    correct = reading.arms[-1].samples.correct
    assert own["least"].sum() == pytest.approx(correct.any(axis=0).mean())
    assert own["solved"].iloc[-1] == pytest.approx(correct.any(axis=0).mean())
    assert own["over"].iloc[0] == own["under"].iloc[-1] == 0 and own["under"].iloc[0] > 0.01


def test_a_loss_is_said_only_where_its_interval_is_above_0(reading: Reading):
    found = thinking.budgets(reading)
    last = (found["bin"] == "all prompts") & (found["budget"] == 256)
    sure, unsure = (found.assign(over_low=np.where(last, low, found["over_low"])) for low in (0.01, -0.01))
    assert len(words.said_of_budgets(sure)) == len(reading.arms)
    assert words.said_of_budgets(unsure) == [
        "No model certainly loses accuracy by thinking too long at the largest budget."
    ]


def test_every_prompt_has_the_least_budget_that_half_of_its_samples_need(reading: Reading):
    found = thinking.prompts(reading)
    assert len(found) == len(reading.arms) * 120
    own = found[found["model"] == "33k"].set_index("prompt_id")["least_budget"]
    correct, budgets = reading.arms[0].samples.correct, reading.outcomes.budgets
    for at, name in enumerate(reading.outcomes.prompt_ids[:20]):
        enough = [b for b, row in zip(budgets, correct[:, at], strict=True) if row.mean() >= 0.5]
        assert own[name] == (enough[0] if enough else np.inf)


def test_of_one_sample_losses_are_not_known_and_the_rest_is(ladder_run: Path):
    loaded = outcomes.load(ladder_run)
    single = loaded.first(30, {arm.rung.name: 1 for arm in loaded.arms})
    found = thinking.budgets(read(single, Choices()))
    assert found["over"].isna().all() and found["least"].notna().all()


@pytest.fixture(scope="module")
def stopped(reading: Reading) -> pd.DataFrame:
    return stops.frame(reading, texts=[str(name) for name in reading.outcomes.prompt_ids])


def test_own_stops_yield_the_largest_budget_and_spend_what_was_thought(reading: Reading, stopped: pd.DataFrame):
    whole = stopped[stopped["bin"] == "all prompts"].set_index(["model", "policy"])
    for arm in reading.arms:
        own = whole.loc[(arm.rung.name, stops.OWN)]
        assert own["accuracy"] == pytest.approx(arm.samples.correct[-1].mean())
        assert own["tokens"] == pytest.approx(arm.samples.thinking_tokens[-1].mean())
        assert own["efficiency"] == pytest.approx(own["gain"] / (own["hindsight"] - own["uniform"]))
        # Learned budgets spend the same tokens.
        assert whole.loc[(arm.rung.name, stops.LEARNED), "tokens"] == pytest.approx(own["tokens"])


def test_a_side_of_one_budget_is_said_only_where_the_gain_has_one(stopped: pd.DataFrame):
    own = (stopped["policy"] == stops.OWN) & (stopped["bin"] == "all prompts")
    gains = np.array([[0.1, 0.05, 0.2], [-0.1, -0.2, -0.05], [0.1, -0.1, 0.2], [-0.1, -0.2, 0.1]])
    planted = stopped[own].assign(**dict(zip(["gain", "gain_low", "gain_high"], gains.T, strict=True)))
    first, second = words.said_of_stops(planted)
    assert "are better" in first and "are worse" in second
    assert "not known" in words.said_of_stops(planted.iloc[2:])[0]


def test_of_one_prompt_nothing_is_learned_and_own_stops_are_told(ladder_run: Path):
    single = outcomes.load(ladder_run).take(budgets=np.arange(6), prompts=np.arange(1))
    found = stops.frame(read(single, Choices()), texts=["a"])
    assert set(found["policy"]) == {stops.OWN}


def test_lengths_are_told_of_every_model_and_bin_and_a_side_only_where_the_interval_has_one(reading: Reading):
    found = thinking.trace_lengths(reading)
    assert len(found) == len(reading.arms) * len(reading.bins)
    told = np.select([found["shorter_low"] > 0.5, found["shorter_high"] < 0.5], ["shorter", "longer"], "")
    np.testing.assert_array_equal(found["direction"], np.where(found["num_mixed"] >= 10, told, ""))
    few = thinking.trace_lengths(reading.of(reading.asked.take(budgets=np.arange(6), prompts=np.arange(9))))
    assert set(few["direction"]) == {""}
    quiet = found.assign(direction="")
    assert words.said_of_lengths(quiet) == [
        "Whether right samples think shorter or longer than wrong ones is not known of any model."
    ]


@pytest.fixture(scope="module")
def doubled(reading: Reading) -> Reading:
    """The largest model, and a copy of it that writes three tokens for every two."""
    loaded = reading.asked
    arm = loaded.arms[-1]
    longer = {
        name: 3 * getattr(arm.samples, name) // 2
        for name in ("thinking_tokens", "closing_tokens", "answer_tokens")
    }
    twin = replace(arm, rung=replace(arm.rung, name="fp8"), stored=replace(arm.samples, **longer))
    return reading.of(replace(loaded, arms=(*loaded.arms, twin)))


def test_a_copy_that_writes_half_as_many_again_is_found_out_at_equal_budget_and_accuracy(doubled: Reading):
    found = inflation.frame(doubled, "1.1m")
    assert set(found["model"]) == {"fp8"} and set(found["budget"]) == set(doubled.outcomes.budgets)
    np.testing.assert_allclose(found["at_budget"], 1.5, rtol=0.05)
    last = found[(found["bin"] == "all prompts") & (found["budget"] == 256)].iloc[0]
    assert last["accuracy"] == last["against_accuracy"] and last["at_budget_low"] > 1.4
    assert last["at_accuracy"] == pytest.approx(last["at_budget"])
    assert words.said_of_inflation(found)[0].startswith("Beside 1.1m, fp8 writes tokens 1.")


def test_of_a_twin_that_writes_as_much_no_more_is_said(doubled: Reading):
    loaded = doubled.asked
    twin = replace(loaded.arms[-1], stored=loaded.arms[-2].samples)
    found = inflation.frame(doubled.of(replace(loaded, arms=(*loaded.arms[:-1], twin))), "1.1m")
    assert words.said_of_inflation(found) == ["Whether fp8 writes more or fewer tokens than 1.1m is not known."]


def test_a_model_of_no_other_s_size_or_of_no_name_is_refused(reading: Reading):
    with pytest.raises(UntoldError, match="No other model of this run has the 33k parameters"):
        inflation.frame(reading, "33k")
    with pytest.raises(ValueError, match="--against from"):
        inflation.frame(reading, "nobody")


def test_inflation_is_printed_where_a_model_is_named(
    plant: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    twins = (LADDER[-1]._replace(name="fp8"), LADDER[-1])
    root = plant(twins, num_prompts=40, num_samples=4)
    assert isoquant(["thinking", str(root), "--against", "1.1m"]) == 0
    assert "Tokens over those of 1.1m" in capsys.readouterr().out


def test_figures_show_every_model_and_the_report_every_table(reading: Reading, ladder_run: Path):
    for frame, figure in ((thinking.steps_frame(reading), drawing), (thinking.budgets_frame(reading), lost)):
        panels = figure.draw(frame).axes
        assert [axes.get_title(loc="left") for axes in panels] == [arm.rung.name for arm in reading.arms]
        assert faults(figure.draw(frame)) == []
    tables = command.measure(ladder_run, reading, None)
    body = section.section(tables, reading).body
    shown = list(words.shown(tables))
    assert len(shown) == 6 and all(f"<span>{each.title}</span>" in body for each in shown)


def test_filled_dots_are_the_steps_whose_joint_interval_has_a_side(reading: Reading):
    frame = thinking.steps_frame(reading)
    first = frame[(frame["model"] == "33k") & (frame["bin"] == "all prompts")]
    dots = [line for line in drawing.draw(frame).axes[0].lines if line.get_marker() == "o"]
    filled = sum(len(line.get_xdata()) for line in dots if line.get_markerfacecolor() != "white")
    assert filled == (first["direction"] != "").sum()


def test_figures_of_thinking_are_left_out_where_nothing_can_be_said(reading: Reading):
    assert [wanted.name for wanted in of_thinking(reading)] == ["thinking", "thinking_lost"]
    one = reading.asked.take(budgets=np.arange(1), prompts=np.arange(20))
    assert of_thinking(reading.of(one)) == []
    single = reading.asked.first(30, {arm.rung.name: 1 for arm in reading.arms})
    with pytest.raises(UntoldError, match="two samples"):
        thinking.budgets_frame(reading.of(single))
