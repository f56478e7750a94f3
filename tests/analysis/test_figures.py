from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from analysis.commands import figures as command
from analysis.figures import exchange_rates as rates_figure
from analysis.figures import frontier, pythia, substitution
from analysis.questions import curve_rows, exchange_rates, published, rate_rows
from analysis.questions import frontier as frontier_rows
from analysis.reading import cells
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.stats import bootstrap
from tests.analysis.conftest import PlantedRung, write_run
from tests.analysis.words import faults

SIZES = ("70M", "160M", "410M", "0.6B", "1B", "1.7B", "2.8B", "4B", "8B", "14B", "32B", "72B")
OF_FINDINGS = ["substitution", "exchange_rates", "substitution_thinking", "exchange_rates_thinking"]
OF_CELLS = [
    "frontier",
    "targets",
    "isoquants",
    "break_even",
    "grid",
    "parallel",
    "coverage",
    "outcomes",
    "votes",
    "cost_models",
]


class Drawn(NamedTuple):
    frame: pd.DataFrame
    figure: Figure


def words_of(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.findobj(Text)] + [
        text.get_text() for text in figure.texts
    ]


def rung(number: int, size: str) -> PlantedRung:
    num_params = int(float(size[:-1]) * {"M": 1e6, "B": 1e9}[size[-1]])
    return PlantedRung(f"Qwen2.5-{size}-Instruct", num_params, 12 + 2 * number, 8 + number, 0.28 * number - 0.8)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[command.Wanted, pd.DataFrame]]:
    """Every figure of a run of 12 rungs with its frame; few replicates, as no interval is judged here."""
    root = tmp_path_factory.mktemp("figures") / "run"
    write_run(root, [rung(*named) for named in enumerate(SIZES)], num_prompts=30, bin_samples=4)
    loaded, choices = outcomes.load(root), Choices(num_replicates=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "MIN_REPLICATES", 60)
        said = exchange_rates.measure_each(read(loaded, choices))[0]
        measured = cells.measure(read(loaded, choices, rule="maj_at_k"))
        figures = [*command.of_findings(said, measured), *command.of_cells(measured)]
        return [(figure, figure.frame_of()) for figure in figures]


class Figures(dict[tuple[str, int], Drawn]):
    """By name and number of rungs, the largest, each drawn when it is first asked for."""

    def __init__(self, wanted: list[tuple[command.Wanted, pd.DataFrame]]):
        super().__init__()
        self.wanted = {figure.name: (figure, frame) for figure, frame in wanted}

    def __missing__(self, key: tuple[str, int]) -> Drawn:
        figure, frame = self.wanted[key[0]]
        part = of_largest(frame, key[1])
        self[key] = Drawn(part, figure.draw(part))
        return self[key]


@pytest.fixture(scope="module")
def drawn(wanted: list[tuple[command.Wanted, pd.DataFrame]]) -> Figures:
    return Figures(wanted)


def of_largest(frame: pd.DataFrame, num_rungs: int) -> pd.DataFrame:
    """The rows of the largest rungs, whichever column names them, and those of no rung."""
    left_out = [rung(*named).name for named in enumerate(SIZES)][:-num_rungs]
    names = frame.columns.intersection(["model", "small", "large"])
    return frame[~frame[names].isin(left_out).any(axis=1)]


# What has room with few rungs and with many has it in between: those are drawn in the long tests.
@pytest.mark.parametrize("num_rungs", [2, pytest.param(5, marks=pytest.mark.long), 12])
@pytest.mark.parametrize("name", OF_FINDINGS + OF_CELLS)
def test_no_word_covers_another_or_leaves_the_page(drawn: Figures, name: str, num_rungs: int):
    assert faults(drawn[name, num_rungs].figure) == []


def test_words_that_overlap_or_leave_the_page_are_found():
    figure = Figure(figsize=(4, 3))
    axes = figure.add_axes((0.2, 0.2, 0.7, 0.7))
    axes.text(0.5, 0.5, "one")
    assert faults(figure) == []
    axes.text(0.52, 0.5, "two")
    figure.text(0.95, 0.5, "a long word")
    axes.set_xticks([0.5, 0.51], ["here", "there"])
    found = faults(figure)
    assert "'a long word' leaves the page" in found
    assert "'one' overlaps 'two'" in found
    assert "'here' overlaps 'there'" in found


def test_every_rung_is_named_in_every_figure(drawn: Figures):
    for name in ("frontier", "grid", "parallel", "coverage", "outcomes", "votes"):
        words = words_of(drawn[name, 5].figure)
        assert all(size in words for size in SIZES[-5:]), name


def test_a_frontier_lies_within_its_interval_and_names_whose_cell_is_best(drawn):
    frame = drawn["frontier", 12].frame
    assert set(frame["kind"]) == {"cell", "frontier", "best"}
    lines = frame[frame["kind"] != "cell"]
    assert (lines["low"] <= lines["accuracy"]).all() and (lines["accuracy"] <= lines["high"]).all()
    named = frame.loc[frame["kind"] == "best", "chosen"].dropna()
    assert len(named) and set(named) <= set(frame["model"])


def test_needs_are_censored_as_never_and_as_at_most(drawn):
    frame = drawn["targets", 12].frame
    never = frame[np.isinf(frame["exchange_rate"])]
    assert len(never) and (never["share_never"] > 0.2).all() and np.isinf(never["rate_high"]).all()
    assert (frame.loc[frame["share_never"] > 0.025, "rate_high"] == np.inf).mean() > 0.9
    assert drawn["isoquants", 12].frame["at_or_below"].any()


def test_an_isoquant_joins_two_models_and_a_rate_is_of_a_smaller_one(drawn):
    frame = drawn["isoquants", 12].frame
    for _, part in frame.groupby(["bin", "target"]):
        assert np.isfinite(part["cost"]).sum() >= 2
    assert rung(11, SIZES[-1]).name not in set(drawn["targets", 12].frame["model"])


def test_stars_stand_where_the_multiplier_puts_them(drawn):
    """m(R) = M + 3 (M - 1) / R decoded tokens of the smaller for each of the larger (Snell et al. 2024)."""
    stars = drawn["break_even", 5].frame.query("kind == 'star'")
    expected = stars["size_ratio"] + 3 * (stars["size_ratio"] - 1) / stars["workload"]
    np.testing.assert_allclose(stars["multiplier"], expected)
    # All rungs think equally long here, so that tokens are samples to a few percent.
    np.testing.assert_allclose(stars["width"], expected, rtol=0.2)


def test_best_cells_of_a_grid_are_those_that_no_cheaper_one_equals(drawn):
    frame = drawn["grid", 2].frame
    for _, part in frame.groupby("model"):
        for _, cell in part.iterrows():
            rivals = part[(part["cost"] <= cell["cost"]) & (part["accuracy"] >= cell["accuracy"])]
            assert cell["is_best"] == (len(rivals) == 1)


def test_points_of_a_level_spend_the_same(drawn):
    frame = drawn["parallel", 2].frame
    for _, part in frame.groupby(["model", "multiple"]):
        assert part["cost"].nunique() == 1 and part["is_best"].any() and len(part) > 1
        assert part["width"].is_monotonic_decreasing
        assert part["width"].between(1, 15 + 1e-6).all()


def test_shares_of_a_cell_add_up_to_one(drawn):
    shares = drawn["outcomes", 12].frame.groupby(["model", "budget"])["share"].sum()
    np.testing.assert_allclose(shares, 1)


def test_forecasts_know_half_of_sixteen_samples(drawn):
    frame = drawn["coverage", 12].frame
    assert set(frame["num_drawn"]) == {8} and (frame["is_held_out"] == (frame["width"] > 8)).all()
    misses = frame.drop_duplicates("model").set_index("model")["last_miss"]
    assert misses.notna().all() and misses.abs().max() < 0.15
    # The larger solve every prompt of the draw, which has no place on a power law's scale.
    assert frame["power_law"].isna().any() and frame["power_law"].notna().any()


def test_cost_models_differ_in_the_rate_and_agree_on_what_is_never(drawn):
    frame = drawn["cost_models", 5].frame
    assert list(dict.fromkeys(frame["counted_as"])) == ["c1", "c2", "c3", "tokens", "samples"]
    for _, part in frame.groupby(["small", "bin"]):
        assert np.isinf(part["exchange_rate"]).nunique() == 1 and part["share_never"].nunique() == 1
        if np.isfinite(part["exchange_rate"]).all():
            assert (
                part.set_index("counted_as")["exchange_rate"]["c1"]
                < part.set_index("counted_as")["exchange_rate"]["samples"]
            )


def test_the_substitution_figure_says_what_each_smaller_rung_needs(found: exchange_rates.Findings):
    figure = substitution.draw(curve_rows.frame(found, rule="maj_at_k", axis="width"))
    words = words_of(figure)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["easy", "medium", "hard"]
    assert any(line.startswith("33k: never within 15 samples") for line in words)
    assert any(line.startswith("125k: ") and "x its compute [" in line for line in words)


def test_the_exchange_figure_has_a_panel_a_bin(found: exchange_rates.Findings):
    figure = rates_figure.draw(rate_rows.frame(found, rule="maj_at_k", axis="width"))
    assert len(figure.axes) == 4
    assert "never" in words_of(figure)


def test_bins_whose_prompts_lie_in_one_half_are_left_out_and_named(ladder_run: Path):
    measured = cells.measure(read(outcomes.load(ladder_run), Choices(), rule="maj_at_k"))
    hard = measured.reading.bins[-1].weights[0] > 0
    halves = np.where(hard, 0, np.arange(len(hard)) % 2)
    halved = replace(measured.reading, shared=replace(measured.reading.shared))
    halved.shared.__dict__["drawn"] = (measured.reading.weights, halves)
    found = frontier_rows.frame(replace(measured, reading=halved))
    assert set(found["bin"]) == {"easy", "medium"} and set(found["bins_aside"]) == {"hard"}
    assert "Left out, as its prompts lie in one half: hard." in " ".join(
        " ".join(words_of(frontier.draw(found))).split()
    )
    assert "bins_aside" not in frontier_rows.frame(measured)


def test_pythia_needs_the_published_samples(outside_data: Callable[[str], Path]):
    """90% intervals within 8% of those computed from the same counts by other code."""
    frame = published.frame(pd.read_parquet(outside_data(command.PYTHIA)), rng=np.random.default_rng(0))
    needs = frame[(frame["kind"] == "needs") & (frame["k"] == 1)].set_index("model")
    given = {"70M": (51.6, 22.7, 137), "160M": (9.2, 6.4, 12.9), "410M": (4.0, 2.9, 5.5), "1B": (2.9, 2.4, 3.6)}
    for name, expected in given.items():
        np.testing.assert_allclose(
            needs.loc[f"Pythia {name}", ["k_star", "low", "high"]].tolist(), expected, rtol=0.08
        )
    figure = pythia.draw(frame)
    assert faults(figure) == []
    assert any("inflated by lucky guesses" in word for word in words_of(figure))
