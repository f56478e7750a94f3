"""The studies on the committed ladder, and the command: placebos, references, probes that are paid, frontiers."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest

from analysis.figures import parallel_serial, policies, stopping
from analysis.policies import replays
from analysis.policies.replays import Asked, Replays
from analysis.policies.studies import stopped
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.report.replays import section
from analysis.runs.outcomes import Outcomes
from analysis.runs.texts import whole_prompts
from analysis.text import operating, replayed
from isoquant.__main__ import main
from tests.analysis.words import faults

REFERENCE = Path("results/reference")


@pytest.fixture(scope="module")
def found(loaded: Outcomes) -> Replays:
    texts = whole_prompts(REFERENCE, loaded.task, loaded.prompt_ids)
    return replays.replay(read(loaded, Choices()), Asked(num_folds=3), texts=texts)


def rows(found: Replays, study: str, policy: str, rule: str = "maj_at_k") -> pd.DataFrame:
    table = found.policies
    return table[(table["study"] == study) & (table["policy"] == policy) & (table["rule"] == rule)]


@pytest.mark.parametrize("rule", ["maj_at_k", "pass_at_k"])
def test_no_placebo_wins_and_the_oracle_does(found: Replays, rule: str) -> None:
    placebos = found.policies[(found.policies["kind"] == "placebo") & (found.policies["rule"] == rule)]
    # Many dependent points, each at 95%: none may lie above its line by more than the folds' own noise.
    assert len(placebos) > 15 and (placebos["gain_low"].dropna() < 0.002).all()
    oracle = rows(found, "allocation", "oracle", rule)
    middle = oracle.iloc[len(oracle) // 2]
    assert middle["gain_low"] > 0 and middle["share"] == pytest.approx(1)


def test_the_reference_line_gains_nothing_on_itself(found: Replays) -> None:
    lines = found.policies[found.policies["kind"] == "line"]
    assert set(lines["study"]) == {"allocation", "thinking", "cascades"}
    # A single width may lie below mixtures of its neighbours, never above.
    assert (lines["gain"].dropna() < 1e-9).all() and (lines["gain"] > -0.03).sum() > 20
    assert (lines["times"].dropna() <= 1 + 1e-9).all()


def test_uniform_reads_the_width_curve_of_the_summary(found: Replays, loaded: Outcomes) -> None:
    one = rows(found, "allocation", "uniform").iloc[1]
    single = loaded.arms[-1].samples.correct[-1].mean()
    assert one["accuracy"] == pytest.approx(single)
    assert one["accuracy_low"] < single < one["accuracy_high"]


def test_few_prompts_that_are_all_right_leave_room_for_one_that_is_not(loaded: Outcomes) -> None:
    """Fourteen prompts: what is right on all of them is surely right on 77% of all at the best."""
    few = loaded.take(budgets=np.arange(len(loaded.budgets)), prompts=np.arange(14))
    arms = tuple(
        replace(
            arm,
            stored=replace(
                arm.samples, correct=np.ones_like(arm.samples.correct), votes=np.zeros_like(arm.samples.votes)
            ),
        )
        for arm in few.arms
    )
    found = replays.replay(read(replace(few, arms=arms), Choices()), Asked(num_folds=2), texts=[""] * 14)
    for table in (found.policies, found.frontiers):
        right = table[table["accuracy"] == 1]
        low = 0.025 ** (1 / right.get("num_prompts", pd.Series(14, index=right.index)))
        assert len(right) > 10 and (right["accuracy_high"] == 1).all()
        np.testing.assert_allclose(right["accuracy_low"], low, atol=0.03)


def test_probing_pays_for_its_probe_and_gains_by_it(found: Replays) -> None:
    uniform = rows(found, "allocation", "uniform", "pass_at_k").set_index("setting")
    probed = rows(found, "allocation", "features and 2 probe samples", "pass_at_k")
    assert probed["cost"].min() >= 0.999 * uniform.loc[2, "cost"]
    assert probed["gain_low"].max() > 0


def test_stopping_when_votes_agree_saves_samples(found: Replays) -> None:
    stopped = rows(found, "allocation", "stop when votes agree")
    sure = stopped.iloc[4]
    most = rows(found, "allocation", "uniform").iloc[-1]
    assert sure["most_chosen"].startswith("stop at confidence 0.95")
    assert sure["cost"] < 0.9 * most["cost"] and abs(sure["accuracy"] - most["accuracy"]) < 0.01


def stopping_rule(found: Replays, rule: str) -> pd.DataFrame:
    return found.stopping[found.stopping["rule"] == rule].reset_index(drop=True)


def test_a_certified_mode_takes_more_samples_than_votes_that_agree_and_loses_no_more(found: Replays) -> None:
    fixed, agreed, certified = (stopping_rule(found, rule) for rule in dict.fromkeys(found.stopping["rule"]))
    assert (certified["samples"] > agreed["samples"]).all() and (certified["loss"] <= agreed["loss"] + 1e-9).all()
    at_95 = certified[certified["level"] == 0.95].iloc[0]
    assert 2 < at_95["saved_low"] < at_95["saved"] < at_95["saved_high"] < 5 and abs(at_95["loss"]) < 0.01
    assert 0.3 < at_95["certified_low"] < at_95["certified"] < at_95["certified_high"] < 0.6
    assert at_95["wrong"] < 0.02 and at_95["wrong_high"] > 0
    assert certified["certified"].is_monotonic_decreasing and agreed["certified"].isna().all()
    assert fixed["samples"].tolist() == list(range(1, 16, 2)) and fixed["loss"].iloc[-1] == 0


def test_what_stops_is_compared_with_the_same_number_for_all_on_the_same_orders(found: Replays) -> None:
    table = found.stopping
    assert np.allclose(table["saved"], table["most"] - table["samples"])
    for end in ("", "_low", "_high"):
        assert table[f"saved{end}"].notna().all() and table[f"loss{end}"].notna().all()
    fixed = stopping_rule(found, stopped.FIXED)
    assert np.allclose(fixed["accuracy"], fixed["accuracy"].iloc[-1] - fixed["loss"])
    reached = fixed[fixed["accuracy"].diff().fillna(1) > 0]
    assert np.allclose(reached["as_accurate"], reached["samples"])
    for rule in (stopped.AGREED, stopped.CERTIFIED):
        policy = rows(found, "allocation", rule)
        assert np.allclose(stopping_rule(found, rule)["accuracy"], policy["accuracy"])


def test_a_mode_that_is_wrong_is_certified_and_counted_as_wrong(loaded: Outcomes) -> None:
    """Of 30 prompts whose samples all agree, every third agrees on a wrong answer."""
    few = loaded.take(budgets=np.array([len(loaded.budgets) - 1]), prompts=np.arange(30))
    right = np.arange(30) % 3 > 0
    arms = tuple(
        replace(
            arm,
            stored=replace(
                arm.samples,
                correct=np.broadcast_to(right[:, None], arm.samples.correct.shape).copy(),
                votes=np.zeros_like(arm.samples.votes),
            ),
        )
        for arm in few.arms
    )
    found = replays.replay(read(replace(few, arms=arms), Choices()), Asked(num_folds=2), texts=[""] * 30)
    certified = stopping_rule(found, stopped.CERTIFIED).set_index("level")
    assert certified["samples"].to_dict() == {0.6: 3, 0.75: 4, 0.85: 5, 0.9: 6, 0.95: 7, 0.98: 9, 0.995: 11}
    assert (certified["certified"] == 1).all() and np.allclose(certified["wrong"], 1 / 3)
    assert (certified["loss"] == 0).all() and (certified["as_accurate"] == 1).all()
    said = " ".join(replayed.stopping_words(found).split())
    assert "30.0 of 30 prompts are certified" in said and "33% [" in said


def test_what_thinking_rescues_is_what_the_samples_say(found: Replays, loaded: Outcomes) -> None:
    choice, grid = found.choices.iloc[0], loaded.arms[-1].samples
    assert choice["rescued"] == pytest.approx((grid.correct[-1] & ~grid.correct[0]).mean())
    assert choice["auc_low"] <= choice["auc"] <= choice["auc_high"]


def test_frontiers_hold_settings_of_the_grid_and_series_needs_fewer_tokens(
    found: Replays, loaded: Outcomes
) -> None:
    table = found.frontiers
    assert table["budget"].between(0, 256).all() and table["width"].between(1, 15).all()
    whole = table[table["bin"] == "all prompts"].groupby("axis")["level"].max()
    assert whole["tokens in series"] < whole["tokens in all"]
    assert set(found.surface["budget"]) == set(loaded.budgets)


def test_the_search_ends_on_the_largest_rung(found: Replays) -> None:
    table = found.search
    assert list(table["tried"]) == sorted(table["tried"], reverse=True) and table["tau"].iloc[-1] == 1
    assert table["survives"].is_monotonic_decreasing and 0 < table["cost_share"].iloc[0] < 1


def test_the_rendering_names_every_policy_and_says_what_is_not_resampled(found: Replays) -> None:
    text = replayed.render(found)
    assert "fits are not resampled" in text and "nan" not in text
    for policy in found.policies.loc[found.policies["kind"] != "arms", "policy"].unique():
        assert policy in text
    assert re.search(r"gains most over the best mix of widths: \+\d", replayed.headline(found, "maj_at_k"))


def test_policies_are_compared_at_the_point_that_is_asked_for(found: Replays) -> None:
    best = found.policies[found.policies["kind"] == "line"]
    plain, cost, accuracy = (
        replayed.tables(found, at) for at in (None, replays.At("cost", 0.1), replays.At("accuracy", 0.9))
    )
    assert len(plain) == len(cost) == len(accuracy)
    for (title, rows), (other, shown) in zip(cost, accuracy, strict=True):
        assert "10% of the mix's most" in title and "90% of the mix's best" in other
        study, model, rule = (rows.iloc[0][name] for name in ("study", "model", "rule"))
        line = best[(best["study"] == study) & (best["model"] == model) & (best["rule"] == rule)]
        wanted = 0.9 * line["accuracy"].max()
        assert len(shown) and (shown["accuracy"] >= wanted - 1e-9).all()
        own = found.policies[found.policies["policy"].isin(shown["policy"]) & (found.policies["study"] == study)]
        own = own[(own["model"] == model) & (own["rule"] == rule) & (own["accuracy"] >= wanted - 1e-9)]
        cheapest = own.groupby("policy")["cost"].min()
        assert all(row["cost"] == cheapest[row["policy"]] for _, row in shown.iterrows())
        away = np.abs(np.log(line.loc[line["cost"] > 0, "cost"] / (0.1 * line["cost"].max()))).min()
        near = rows[rows["kind"] == "line"].iloc[0]["cost"]
        assert abs(np.log(near / (0.1 * line["cost"].max()))) == pytest.approx(away)
    with pytest.raises(ValueError, match=r"--at-cost must be above 0 and at most 1; got 10"):
        replays.At("cost", 10)


def test_the_point_that_is_asked_for_has_a_line_a_study_first_with_what_its_best_policy_saves(
    found: Replays,
) -> None:
    asked = replays.At("accuracy", 0.9)
    lines = replayed.first_lines(found, asked)
    assert replayed.render(found, asked).replace("\n", " ").startswith(lines[0])
    assert len(lines) == len(replayed.tables(found, asked))
    for line, (_, shown) in zip(lines, replayed.tables(found, asked), strict=True):
        policies = shown[(shown["kind"] == "policy") & shown["times"].notna() & shown["gain"].notna()]
        if policies.empty:
            assert "no policy can be compared" in line
            continue
        best = policies.sort_values("cost", kind="stable").iloc[0]
        assert f"'{best['policy']}' costs least, {best['cost']:.3g} FLOPs" in line
        if np.isfinite(best["times"]):
            assert f"saves {100 * (1 - 1 / best['times']):.0f}% [" in line
    at_cost = replayed.first_lines(found, replays.At("cost", 0.3))
    _, shown = replayed.tables(found, replays.At("cost", 0.3))[0]
    policies = shown[(shown["kind"] == "policy") & shown["times"].notna() & shown["gain"].notna()]
    assert f"'{policies.sort_values('gain').iloc[-1]['policy']}' gains most" in at_cost[0]


@pytest.mark.parametrize(
    ("times", "said", "cell"),
    [
        ((1.25, 1.0, 2.0), "saves 20% [0, 50] of what the mix pays", "20% [0, 50]"),
        ((0.8, 0.5, np.inf), "saves -25% [-100, all] of what the mix pays", "-25% [-100, never]"),
        ((np.inf, 2.0, np.inf), "none is as accurate, whose interval begins at 50% saved", "never [50, never]"),
    ],
)
def test_what_is_saved_is_what_the_mix_pays_less_the_cost(times: tuple[float, ...], said: str, cell: str) -> None:
    row = pd.Series(dict(zip(("times", "times_low", "times_high"), times, strict=True)))
    assert said in operating.saves(row) and operating.saves_cell(row) == cell


def test_the_report_s_section_holds_every_table_and_escapes_what_a_model_is_called(found: Replays) -> None:
    hostile = replace(found, model="<script>alert(1)</script>")
    body = section(hostile).body
    assert "<script>" not in body and body.count("<table>") == len(replayed.tables(found)) + 2
    assert "stop when votes agree" in body and "tokens in series" in body


def test_no_word_of_a_replay_s_figures_covers_another_or_leaves_the_page(found: Replays) -> None:
    for name in ("replay_allocation", "replay_choices"):
        frame = replays.policies_frame(found, studies=policies.FIGURES[name])
        assert faults(policies.draw(frame)) == []
    assert faults(stopping.draw(replays.stopping_frame(found))) == []
    figure = parallel_serial.draw(replays.frontier_frame(found))
    assert faults(figure) == []
    bins = found.frontiers["bin"].nunique()
    assert len(figure.axes) == 3 * bins and [axes.get_ylabel() for axes in figure.axes[::bins]] == [
        "samples",
        "thinking tokens",
        "accuracy",
    ]


@pytest.mark.usefixtures("pictures")
def test_the_command_draws_a_planted_run_without_bins(plant, capsys: pytest.CaptureFixture) -> None:
    root = plant(num_prompts=30, num_samples=4, bin_samples=0)
    assert main(["replay", str(root), "--folds", "2", "--probe", "1", "--rule", "pass_at_k"]) == 0
    printed = capsys.readouterr().out
    assert "Width against depth" in printed
    for name in ("replay_allocation", "replay_choices", "replay_stopping", "replay_parallel_serial"):
        assert (root / "figures" / f"{name}.png").stat().st_size > 10_000
        assert len(pd.read_csv(root / "figures" / f"{name}.csv")) > 5


def test_a_run_of_one_budget_and_no_votes_is_asked_what_it_can_tell(loaded: Outcomes) -> None:
    arms = [arm.take(budgets=np.array([5]), prompts=np.arange(120), num_samples=4) for arm in loaded.arms[:2]]
    silent = [replace(arm, rung=replace(arm.rung, has_votes=False, has_tokens=False)) for arm in arms]
    poor = replace(loaded, arms=tuple(silent), budgets=np.array([256]), num_samples=4, bins=None, dials={})
    found = replays.replay(read(poor, Choices()), Asked(num_folds=2), texts=[""] * 120)
    assert set(found.policies["study"]) == {"allocation"} and found.setting.cost_unit == "samples"
    assert found.search.empty and found.frontiers.empty and found.choices.empty and found.stopping.empty
    oracle = rows(found, "allocation", "oracle", "pass_at_k")
    assert (oracle["gain"].dropna() >= -1e-9).all() and "Thinking" not in (text := replayed.render(found))
    assert "certified" not in text


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (Asked(model="none"), "choose from"),
        (Asked(num_folds=1), "must be 2 to 120, the number of prompts; got 1"),
        (Asked(num_probe=0), "--probe must be at least 1"),
    ],
)
def test_impossible_plans_are_refused_with_what_there_is(plan: Asked, said: str, loaded: Outcomes) -> None:
    with pytest.raises(ValueError, match=said):
        replays.replay(read(loaded, Choices()), plan, texts=[""] * 120)


def test_the_page_s_policy_runs_as_it_is_there(capsys: pytest.CaptureFixture) -> None:
    section = Path("docs/policies.md").read_text().split("## A policy of your own")[1]
    code = section.split("```python")[1].split("```")[0]
    exec(compile(code, "docs/policies.md", "exec"), {"__name__": "page"})  # noqa: S102
    printed = capsys.readouterr().out
    assert "by length" in printed and len([line for line in code.splitlines() if line.strip()]) <= 36


def test_what_ranks_among_equals_is_a_dash_and_no_nan() -> None:
    ends = {
        f"{name}{end}": 1.0 for name in ("gain_over_mixing", "cost_over_mixing") for end in ("", "_low", "_high")
    }
    auc = dict.fromkeys(("auc", "auc_low", "auc_high"), np.nan)
    choices = pd.DataFrame([{"budget": 64, "rescued": 0.0} | ends | auc])
    said = replayed.choice_words(cast(Replays, SimpleNamespace(choices=choices)))
    assert "nothing that features could rank" in said and "nan" not in said
    tau = {"tau": np.nan, "tau_low": np.nan, "tau_high": np.nan, "cost_share": 1.0, "regret": 0.0}
    row = {"model": "m", "tried": 2, "survives": 1.0, "num_candidates": 2, "winner": "a", "best": "a"} | tau
    ends = {f"{name}{end}": 1.0 for name in ("cost_share", "regret") for end in ("_low", "_high")}
    found = SimpleNamespace(search=pd.DataFrame([row | ends]))
    assert "nan" not in replayed._search(cast(Replays, found))[0]
