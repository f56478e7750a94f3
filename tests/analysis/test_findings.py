from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.costs.shapes import PerToken
from analysis.questions import coverage, curve_rows, exchange_rates
from analysis.questions.exchange_rates import ALL_PROMPTS, Findings
from analysis.reading import bins, cells
from analysis.reading.bins import Binning
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.stats import estimators
from analysis.stats.difficulty import quantile_bins, vote_agreement
from analysis.stats.intervals import binomial_interval
from analysis.text import summary, wording
from isoquant.__main__ import main
from results.schema import UNLIMITED


def find(root: Path, seed: int = 0, **choices: object) -> Findings:
    return exchange_rates.measure(read(outcomes.load(root), Choices(**choices), seed=seed))


def rate_row(found: Findings, small: str, large: str, name: str, *, axis: str = "width") -> pd.Series:
    rates = found.exchange_rates
    chosen = (rates["small"] == small) & (rates["large"] == large) & (rates["bin"] == name)
    return rates[chosen & (rates["rule"] == "maj_at_k") & (rates["path"] == axis)].iloc[0]


def test_accuracy_at_width_one_is_the_mean_of_the_samples(found: Findings, ladder_run: Path):
    for arm in outcomes.load(ladder_run).arms:
        rows = found.curves[(found.curves["model"] == arm.rung.name) & (found.curves["bin"] == ALL_PROMPTS)]
        single = rows[(rows["width"] == 1) & (rows["rule"] == "pass_at_k") & (rows["path"] == "budget")]
        np.testing.assert_allclose(single["accuracy"], arm.samples.correct.mean(axis=(1, 2)))


def test_both_paths_meet_at_one_sample_and_the_full_budget(found: Findings):
    cells = found.curves[(found.curves["width"] == 1) & (found.curves["budget"] == 256)]
    by_path = cells.pivot_table(index=["model", "bin", "rule"], columns="path", values=["accuracy", "cost"])
    np.testing.assert_allclose(by_path["accuracy"]["width"], by_path["accuracy"]["budget"])
    np.testing.assert_allclose(by_path["cost"]["width"], by_path["cost"]["budget"])


def test_intervals_hold_their_estimates_and_bins_hold_all_prompts(found: Findings):
    assert np.all(found.curves["low"] <= found.curves["accuracy"])
    assert np.all(found.curves["accuracy"] <= found.curves["high"])
    sizes = found.curves.drop_duplicates("bin").set_index("bin")["num_prompts"]
    assert sizes["easy"] + sizes["medium"] + sizes["hard"] == sizes[ALL_PROMPTS] == 120


def test_easy_prompts_are_easier_for_every_rung(found: Findings):
    single = found.curves[(found.curves["width"] == 1) & (found.curves["budget"] == 256)]
    accuracy = single.pivot_table(index="model", columns="bin", values="accuracy")
    assert np.all(accuracy["easy"] > accuracy["medium"])
    assert np.all(accuracy["medium"] > accuracy["hard"])


def test_every_smaller_rung_meets_every_larger_one_in_every_bin(found: Findings):
    assert found.exchange_rates.groupby(["bin", "rule", "path"]).size().eq(6).all()
    assert set(found.exchange_rates["bin"]) == {ALL_PROMPTS, "easy", "medium", "hard"}


def test_the_smallest_rung_never_reaches_the_largest_on_hard_prompts(found: Findings):
    row = rate_row(found, "33k", "1.1m", "hard")
    assert np.isinf(row["exchange_rate"])
    assert row["share_never"] > 0.95


def test_a_middle_rung_reaches_the_largest_on_easy_prompts_for_less(found: Findings):
    row = rate_row(found, "125k", "1.1m", "easy")
    assert row["low"] < row["exchange_rate"] < row["high"] < 1


def test_where_thinking_had_no_limit_a_crossing_costs_what_it_did_and_names_no_budget(plant, ladder):
    """A budget of no limit is stored as a very large number, which is no place to interpolate to."""
    root = plant([ladder[0]._replace(ability=2.2), ladder[2]], num_prompts=60)
    loaded = outcomes.load(root).take(budgets=np.array([0, 1, 2, 5]), prompts=np.arange(60))
    endless = replace(loaded, budgets=np.array([0, 16, 32, UNLIMITED]))
    told, known = (
        found.exchange_rates[found.exchange_rates["path"] == "budget"]
        for found in (exchange_rates.measure(read(each, Choices())) for each in (endless, loaded))
    )
    np.testing.assert_array_equal(told["crossing_cost"], known["crossing_cost"])
    for end in ("step", "step_low", "step_high"):
        is_beyond = (known[end] > 32) & np.isfinite(known[end])
        assert told.loc[is_beyond, end].isna().all()
        np.testing.assert_array_equal(told.loc[~is_beyond, end], known.loc[~is_beyond, end])
    assert told["step"].isna().any() and told["exchange_rate"].notna().all()
    assert wording.within("budget", UNLIMITED) == "within any number of tokens"
    assert wording.with_ends((90, 80, np.nan), "{:.0f}") == "90 [80, -]"


def test_of_two_models_of_one_size_the_last_is_the_target(plant, ladder):
    rungs = [ladder[0], *(ladder[3]._replace(name=name) for name in ("off", "on"))]
    loaded = outcomes.load(plant(rungs, num_prompts=20, num_samples=8))
    assert [arm.rung.name for arm in loaded.arms] == ["33k", "off", "on"]
    found = exchange_rates.measure(read(loaded, Choices()))
    frame = curve_rows.frame(found, rule="maj_at_k", axis="width")
    assert set(frame["target"]) == {"on"} and set(frame.loc[frame["rate_low"].notna(), "model"]) == {"33k", "off"}


def test_a_rung_drawn_twice_has_an_exchange_rate_whose_interval_holds_one(plant, ladder):
    twins = [ladder[2], ladder[2]._replace(name="twin")]
    found = find(plant(twins, num_prompts=60, num_samples=8))
    row = rate_row(found, "0.4m", "twin", ALL_PROMPTS)
    assert row["low"] <= 1.02
    assert row["high"] >= 0.98
    assert row["share_at_or_below"] > 0.025 or row["low"] > 1


def test_counting_attention_raises_flops_and_leaves_accuracy(plant, ladder):
    root = plant(ladder[:2], num_prompts=10, num_samples=4)
    plain, counted = find(root, cost="c1"), find(root, cost="c2")
    np.testing.assert_array_equal(plain.curves["accuracy"], counted.curves["accuracy"])
    assert np.all(plain.curves["cost"].dropna() < counted.curves["cost"].dropna())
    assert plain.setting.cost_label == "parameters only"


def test_equal_seeds_give_equal_frames(plant, ladder):
    root = plant(ladder[:2], num_prompts=10, num_samples=4)
    first, again, other = find(root), find(root), find(root, seed=1)
    pd.testing.assert_frame_equal(first.curves, again.curves)
    pd.testing.assert_frame_equal(first.exchange_rates, again.exchange_rates)
    assert not first.curves["low"].equals(other.curves["low"])


def test_the_error_of_random_subsets_is_told_where_pools_are_too_large_to_count(
    plant, ladder, found: Findings, ladder_run: Path, monkeypatch: pytest.MonkeyPatch
):
    assert (found.curves["draw_error"] == 0).all()
    assert "random subsets add" not in summary.render(outcomes.load(ladder_run), found, rule="maj_at_k")
    root = plant(ladder[:2], num_prompts=20, num_samples=8)
    exact = find(root).curves
    monkeypatch.setattr(estimators, "EXACT_MAX_SAMPLES", 4)
    drawn = find(root)
    is_vote = drawn.curves["rule"] == "maj_at_k"
    error, away = drawn.curves["draw_error"], (drawn.curves["accuracy"] - exact["accuracy"]).abs()
    assert (error[~is_vote] == 0).all() and (error[is_vote & (drawn.curves["width"] < 8)] > 0).any()
    # A thousand subsets of a prompt, bins of five prompts or more.
    assert error.max() < (0.25 / 1000 / 5) ** 0.5 and (away <= 5 * error + 1e-12).all()
    assert "random subsets add a standard error of at most 0." in summary.render(
        outcomes.load(root), drawn, rule="maj_at_k"
    )


def test_cells_count_every_answer_under_one_outcome(found: Findings):
    shares = [f"{name}_share" for name in ("correct", "wrong", "unparsed", "unanswered", "truncated", "timeout")]
    np.testing.assert_allclose(found.cells[shares].sum(axis=1), 1)
    np.testing.assert_array_equal(found.cells["correct_share"], found.cells["accuracy"])
    assert np.all(found.cells.loc[found.cells["budget"] == 0, "forced_share"] == 1)


def test_without_held_out_samples_there_is_one_bin(plant, ladder):
    found = find(plant(ladder[:2], num_prompts=10, num_samples=4, bin_samples=0))
    assert set(found.curves["bin"]) == {ALL_PROMPTS}
    assert found.setting.anchor is None


def test_the_number_of_bins_can_be_chosen(plant, ladder):
    root = plant(ladder[:2], num_prompts=20, num_samples=4)
    assert find(root, binning=Binning(num_bins=2)).curves["bin"].unique().tolist() == [
        ALL_PROMPTS,
        "easier",
        "harder",
    ]


def test_an_anchor_that_solves_everything_leaves_one_bin(plant, ladder):
    found = find(
        plant([ladder[0], ladder[1]._replace(ability=40.0)], num_prompts=10, num_samples=4, bin_samples=1)
    )
    assert found.curves["bin"].unique().tolist()[0] == ALL_PROMPTS
    assert not found.exchange_rates.duplicated(["small", "large", "bin", "rule", "path"]).any()


def test_the_summary_is_aligned_text_with_a_row_a_rung_and_bin(found: Findings, ladder_run: Path):
    text = summary.render(outcomes.load(ladder_run), found, rule="maj_at_k")
    blocks = [block.splitlines() for block in text.split("\n\n")[1:5]]
    assert [len(block) for block in blocks] == [1 + 4, 4, 4, 4]
    assert blocks[0][0].index("bin") == blocks[0][1].index(ALL_PROMPTS) == blocks[1][0].index("easy")
    assert max(map(len, text.splitlines())) < 200


def test_a_single_model_is_summed_up_without_a_larger_one(plant, ladder):
    root = plant(ladder[:1], num_prompts=10, num_samples=4)
    text = summary.render(outcomes.load(root), find(root), rule="maj_at_k")
    assert text.startswith("Only one model on planted")


def test_dropped_prompts_and_unfinished_models_are_named_in_the_summary(plant, ladder):
    loaded = outcomes.load(plant(ladder[:2], num_prompts=10, num_samples=4))
    short = outcomes.Outcomes(
        **vars(loaded) | {"dropped": (outcomes.Dropped("planted/0099", ("33k",)),), "unfinished": ("1.1m",)}
    )
    text = summary.render(short, exchange_rates.measure(read(short, Choices())), rule="maj_at_k")
    assert "planted/0099 (33k)" in text
    assert "No graded answers yet: 1.1m." in text


def test_own_difficulty_holds_out_samples_and_gives_every_rung_its_own_bins(plant, ladder):
    root = plant(ladder, num_prompts=120, num_samples=16, bin_samples=0)
    found = find(root, binning=Binning("own"))
    assert (found.setting.num_samples, found.setting.bin_samples) == (8, 8)
    single = found.curves[(found.curves["width"] == 1) & (found.curves["budget"] == 256)]
    accuracy = single.pivot_table(index="model", columns="bin", values="accuracy")
    assert np.all((accuracy["easy"] > accuracy["medium"]) & (accuracy["medium"] > accuracy["hard"]))
    assert found.exchange_rates.groupby(["bin", "rule", "path"]).size().eq(6).all()
    sizes = single[single["rule"] == "maj_at_k"].pivot_table(index="model", columns="bin", values="num_prompts")
    assert len(sizes[["easy", "medium", "hard"]].drop_duplicates()) > 1
    with pytest.raises(ValueError, match="Use `isoquant summary`"):
        curve_rows.frame(found, rule="maj_at_k", axis="width")


def test_own_bins_compare_both_models_on_the_smaller_ones_prompts(plant, ladder):
    root = plant(ladder[::3], num_prompts=60, num_samples=8, bin_samples=0)
    found, loaded = find(root, binning=Binning("own", num_bins=2)), outcomes.load(root)
    scores = loaded.arms[0].samples.correct[-1, :, :4].mean(axis=1)
    labels = quantile_bins(scores, np.ones((1, 60)), num_bins=2)[0]
    for number, name in enumerate(("easier", "harder")):
        row = rate_row(found, "33k", "1.1m", name)
        expected = loaded.arms[1].samples.correct[-1, labels == number, 4:].mean()
        assert row["target_accuracy"] == pytest.approx(expected)


def test_agreement_and_labels_bin_prompts_and_say_how_they_rank_them(found: Findings, ladder_run: Path):
    agreed = find(ladder_run, binning=Binning("agreement", num_bins=2))
    assert set(agreed.curves["bin"]) == {ALL_PROMPTS, "easier", "harder"}
    assert 0 < agreed.setting.rank_agreement < found.setting.rank_agreement < 1
    assert agreed.setting.rank_low < agreed.setting.rank_agreement < agreed.setting.rank_high
    assert agreed.setting.predictor_tokens == found.setting.predictor_tokens > 8 * 14


def test_thresholds_bin_shrunken_accuracies(plant, ladder):
    found = find(plant(ladder[:2], num_prompts=120, num_samples=4), binning=Binning(thresholds=(0.4, 0.8)))
    single = found.curves[
        (found.curves["width"] == 1) & (found.curves["budget"] == 256) & (found.curves["model"] == "125k")
    ]
    accuracy = single.drop_duplicates("bin").set_index("bin")["accuracy"]
    assert list(accuracy.index) == [ALL_PROMPTS, "80% and more", "40% to 80%", "below 40%"]
    assert accuracy["80% and more"] > 0.75 > accuracy["40% to 80%"] > 0.4 > accuracy["below 40%"]


def test_thresholds_bin_how_far_votes_agree(ladder_run: Path):
    found = find(ladder_run, binning=Binning("agreement", thresholds=(0.5, 0.75)))
    sizes = found.curves.drop_duplicates("bin").set_index("bin")["num_prompts"]
    votes = outcomes.load(ladder_run).bins.samples.votes[0]
    agreement = vote_agreement(votes)
    assert sizes.drop(ALL_PROMPTS).to_dict() == {
        "75% and more": (agreement >= 0.75).sum(),
        "50% to 75%": ((agreement >= 0.5) & (agreement < 0.75)).sum(),
        "below 50%": (agreement < 0.5).sum(),
    }
    assert found.setting.bins_are is not None and found.setting.bins_are.startswith(
        "fixed ranges of the agreement"
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--difficulty label --label num_numbers --thresholds 0.5", "Leave out --thresholds, or give --bins"),
        ("--thresholds 40 80", "Write 40% as 0.4"),
    ],
)
def test_thresholds_that_say_nothing_are_refused(options: str, told: str, capsys: pytest.CaptureFixture[str]):
    assert main(["summary", "results/reference", *options.split()]) == 2
    assert told in capsys.readouterr().err


def test_labels_that_are_not_there_are_refused_with_those_that_are(ladder_run: Path):
    for choices in ({"binning": Binning("label", label="level")}, {"cluster": "level"}):
        with pytest.raises(ValueError, match=r"These prompts have no label 'level'; choose one of \[\]"):
            find(ladder_run, **choices)


def test_a_label_of_words_makes_no_more_bins_than_its_limit_and_one_of_numbers_is_cut(ladder_run: Path):
    loaded = outcomes.load(ladder_run)
    weights = np.ones((1, len(loaded.prompt_ids)))
    at = np.arange(len(loaded.prompt_ids))

    def drawn(values: np.ndarray) -> list[str]:
        labelled = replace(loaded, dials={"topic": values})
        return [part.name for part in bins.draw(labelled, None, Binning("label", label="topic"), weights)[1:]]

    words = np.array([f"t{number:02}" for number in at], dtype=object)
    assert drawn(words[at % bins.MAX_LABELS]) == [f"topic t{number:02}" for number in range(bins.MAX_LABELS)]
    assert drawn(at.astype(float)) == ["easy", "medium", "hard"]
    for num_values in (bins.MAX_LABELS + 1, 40, len(at)):
        with pytest.raises(
            ValueError,
            match=rf"'topic' has {num_values} values .* at most {bins.MAX_LABELS} such values make bins",
        ):
            drawn(words[at % num_values])


def test_labels_bin_and_cluster_the_reference_run():
    reference = Path("results/reference")
    found = find(reference, binning=Binning("label", label="num_numbers"), cluster="target")
    assert set(found.curves["bin"]) == {ALL_PROMPTS, "num_numbers 3", "num_numbers 4"}
    assert found.setting.rank_agreement > 0.5
    assert found.setting.anchor is None


def test_the_optimism_of_same_pool_bins_is_measured_at_their_ends(found: Findings):
    frame = found.optimism.set_index("bin")
    assert frame.loc["easy", "same_pool"] > frame.loc["easy", "fresh"]
    assert frame.loc["hard", "same_pool"] < frame.loc["hard", "fresh"]
    assert "points" in summary.optimism(found)


def test_where_all_is_right_clusters_are_the_trials(plant, ladder):
    """Every prompt of 12 clusters is covered by 16 samples: 12 trials, all right, and not 60."""
    loaded = outcomes.load(plant([ladder[0]._replace(ability=40.0)], num_prompts=60))
    clustered = replace(loaded, dials={"paper": np.arange(60) // 5})
    for cluster, num_trials in ((None, 60), ("paper", 12)):
        choices = Choices(cluster=cluster)
        curves = exchange_rates.measure(read(clustered, choices)).curves
        exact = binomial_interval(num_trials, num_trials, method="clopper-pearson")
        row = curves[
            (curves["rule"] == "pass_at_k") & (curves["width"] == 16) & (curves["bin"] == ALL_PROMPTS)
        ].iloc[0]
        assert (row["accuracy"], row["low"], row["high"]) == pytest.approx((1, float(exact.low), 1), abs=1e-3)
        drawn = coverage.frame(cells.measure(read(clustered, choices, rule="pass_at_k"))).iloc[-1]
        assert (drawn["low"], drawn["high"]) == pytest.approx((float(exact.low), 1), abs=1e-3)


def test_dollars_and_seconds_are_refused_without_what_they_are_computed_from(plant, ladder):
    root = plant(ladder[:2], num_prompts=10, num_samples=4)
    prices = {"33k": PerToken(1, 2), "125k": PerToken(3, 6)}
    with pytest.raises(ValueError, match="throughput of every model; 33k has none"):
        find(root, cost="c4", price=prices)
    with pytest.raises(ValueError, match=r"No model \['7b'\]"):
        find(root, cost="c5", price=prices | {"7b": PerToken(1, 1)})
    found = find(root, cost="c5", price=prices)
    assert found.setting.cost_unit == "dollars"
    cells = found.curves[(found.curves["path"] == "budget") & (found.curves["bin"] == ALL_PROMPTS)]
    tokens_out = cells["total_tokens"] - 14
    expected = (
        14 * cells["model"].map({"33k": 1, "125k": 3}) + tokens_out * cells["model"].map({"33k": 2, "125k": 6})
    ) / 1e6
    np.testing.assert_allclose(cells["cost"], expected)


def test_roofline_seconds_change_rates_and_leave_accuracy(plant, ladder):
    root = plant(ladder[:2], num_prompts=10, num_samples=4)
    flops, seconds = find(root), find(root, cost="c3", gpu="L4", batch=8)
    np.testing.assert_array_equal(flops.curves["accuracy"], seconds.curves["accuracy"])
    assert seconds.curves["cost"].max() < 1e-3
    assert seconds.setting.cost_label == "roofline of one L4, 8 sequences at once"


def test_a_curves_band_is_wider_than_its_cells_intervals(found: Findings):
    cells = found.curves[(found.curves["width"] > 1) & found.curves["accuracy"].between(0.2, 0.8)]
    wider = (cells["band_high"] - cells["band_low"]) > (cells["high"] - cells["low"])
    assert wider.mean() > 0.95


def test_p_values_of_an_exchange_rate_of_one_agree_with_its_interval_and_rise_by_correction(found: Findings):
    rates = found.exchange_rates.dropna(subset="p_value")
    outside = (rates["low"] > 1) | (rates["high"] < 1)
    assert ((rates["p_value"] < 0.05) == outside).mean() > 0.97
    assert np.all(rates["p_holm"] >= rates["p_bh"])
    assert np.all(rates["p_bh"] >= rates["p_value"])
