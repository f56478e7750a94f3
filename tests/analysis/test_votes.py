"""Votes of a run: what the tables hold, and what the command, the figure and the report say of them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.figures import votes as figure
from analysis.questions import rank_stability, vote_bounds, vote_cells, votes
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.report import html
from analysis.report import votes as report
from analysis.runs import outcomes
from analysis.stats import intraclass
from analysis.stats import vote_bounds as bounds
from analysis.stats.posteriors import bayes_at_n
from analysis.stats.rank_stability import split_tau
from analysis.text import votes as text
from isoquant.__main__ import main
from tests.analysis.conftest import LADDER


@pytest.fixture(scope="module")
def reading(ladder_run: Path) -> Reading:
    return read(outcomes.load(ladder_run), Choices())


@pytest.fixture(scope="module")
def cells(reading: Reading) -> pd.DataFrame:
    return vote_cells.frame(reading)


def test_every_model_bin_and_budget_has_a_row_that_is_read_off_its_counts(reading: Reading, cells: pd.DataFrame):
    assert len(cells) == len(reading.arms) * len(reading.bins) * len(reading.outcomes.budgets)
    arm, part = reading.arms[1], reading.bins[2]
    row = cells[(cells["model"] == arm.rung.name) & (cells["bin"] == part.name) & (cells["budget"] == 64)].iloc[0]
    inside = part.weights[0] > 0
    counts = arm.stored.num_correct[3][inside][:, None]
    rho = intraclass.correlation(counts, np.full_like(counts, arm.num_samples), np.ones((1, len(counts))))
    assert row["rho"] == pytest.approx(rho[0, 0]) and row["num_prompts"] == inside.sum()
    assert row["effective"] == pytest.approx(arm.num_samples / (1 + (arm.num_samples - 1) * rho[0, 0]))


def test_the_modal_answer_is_the_vote_of_all_samples_and_moves_from_that_of_half(
    reading: Reading, cells: pd.DataFrame
):
    voted = reading.read_by("maj_at_k").accuracy(2, [8, 16]).mean[-1].mean(axis=0)
    row = cells[(cells["model"] == "0.4m") & (cells["bin"] == "all prompts") & (cells["budget"] == 256)].iloc[0]
    assert row["modal"] == pytest.approx(voted[1]) and row["moved"] == pytest.approx(voted[1] - voted[0])
    assert row["modal_low"] < row["modal"] < row["modal_high"] and 0 <= row["tied"] <= 1 - row["settled"]


@pytest.fixture(scope="module")
def bounded(reading: Reading) -> pd.DataFrame:
    return vote_bounds.frame(reading)


def test_bounds_are_read_off_pairs_of_samples_and_stand_beside_what_was_measured(
    reading: Reading, bounded: pd.DataFrame
):
    arm = reading.arms[0]
    row = bounded[(bounded["model"] == "33k") & (bounded["bin"] == "all prompts") & (bounded["width"] == 7)].iloc[
        0
    ]
    first, second = (float(part.mean()) for part in bounds.moments(*arm.tally(-1)))
    assert (row["lower"], row["upper"]) == pytest.approx(
        tuple(bounds.certify(first, second, 7).read(first, second))
    )
    assert row["least_gain"] == pytest.approx(row["lower"] - first)
    assert row["measured"] == pytest.approx(bounds.majority(*arm.tally(-1), [7]).mean())
    assert row["voted"] == pytest.approx(reading.read_by("maj_at_k").accuracy(0, [7]).mean[-1].mean())


def test_widths_go_beyond_the_samples_and_only_there_nothing_is_measured(bounded: pd.DataFrame):
    assert sorted(set(bounded["width"])) == [1, 3, 5, 7, 9, 11, 13, 15, 31, 63, 127]
    assert ((bounded["width"] > 16) == bounded["measured"].isna()).all()
    for name in ("lower", "upper"):
        assert (bounded[f"{name}_low"] <= bounded[name]).all() and (bounded[name] <= bounded[f"{name}_high"]).all()


def test_a_vote_gains_or_loses_only_where_its_interval_says_so():
    told = [
        text.against_one(pd.Series({"least_gain_low": low, "most_gain_high": high}))
        for low, high in ((0.01, 0.2), (-0.2, -0.01), (-0.01, 0.01), (0.0, 0.0))
    ]
    assert told == ["gains", "loses", "open", "open"]


def test_the_figure_has_a_panel_a_model_and_a_point_a_width_that_was_drawn(bounded: pd.DataFrame):
    drawn = figure.draw(bounded)
    assert len(drawn.axes) == 4
    points = next(line for line in drawn.axes[0].lines if line.get_marker() == "o")
    of_33k = bounded[(bounded["model"] == "33k") & (bounded["bin"] == "all prompts")].dropna(subset=["measured"])
    assert np.asarray(points.get_ydata()) == pytest.approx(of_33k["measured"].to_numpy())


def test_the_order_is_told_in_every_bin_to_half_of_the_samples(reading: Reading):
    found = rank_stability.frame(reading)
    assert list(found["width"]) == [1, 2, 4, 8] * len(reading.bins) and set(found["num_models"]) == {4}
    right, total = (np.stack(part, axis=1) for part in zip(*(arm.tally(-1) for arm in reading.arms), strict=True))
    whole = split_tau(right, total, np.ones((1, len(right))), [1, 2, 4, 8])[0]
    assert found["tau"][:4].to_numpy() == pytest.approx(whole)
    assert (found["tau_low"] <= found["tau_high"]).all() and found["tau"].between(-1, 1).all()


def test_a_small_set_is_told_over_prompts_and_on_the_prompts_of_its_bin_alone(
    reading: Reading, cells: pd.DataFrame
):
    found = cells[cells["budget"] == 256]
    arm, part = reading.arms[3], reading.bins[1]
    row = found[(found["model"] == "1.1m") & (found["bin"] == part.name)].iloc[0]
    right = arm.stored.num_correct[-1][part.weights[0] > 0]
    posterior = bayes_at_n(np.stack([16 - right, right], axis=1), [0, 1])
    assert (row["bayes"], row["bayes_low"], row["bayes_high"]) == pytest.approx(tuple(map(float, posterior)))
    assert row["one_sample"] == pytest.approx(right.mean() / 16) and row["one_sample_low"] < row["one_sample"]


def test_one_model_has_no_order(plant):
    found = votes.measure(read(outcomes.load(plant(LADDER[:1], num_prompts=10, num_samples=4)), Choices()))
    assert found.ranks.empty and len(found.bounds)


def test_intervals_hold_their_estimates_and_lie_where_they_can(cells: pd.DataFrame):
    for name in ("rho", "effective", "modal", "moved"):
        told = cells.dropna(subset=[name])
        assert (
            len(told) and (told[f"{name}_low"] <= told[name]).all() and (told[name] <= told[f"{name}_high"]).all()
        )
    assert cells["effective_low"].min() >= 1 and (cells["effective_high"] <= cells["num_votes"]).all()


def test_the_command_prints_what_json_holds(ladder_run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["votes", str(ladder_run), "--bins", "1"]) == 0
    told = capsys.readouterr().out
    assert main(["votes", str(ladder_run), "--bins", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["cells"]) == 4 * 6
    last = next(row for row in found["cells"] if row["model"] == "1.1m" and row["budget"] == 256)
    assert f"{last['rho']:.2f} [{last['rho_low']:.2f}, {last['rho_high']:.2f}]" in told
    assert max(map(len, told.splitlines())) <= 120


def test_the_report_holds_every_table_that_the_command_prints(reading: Reading):
    section, found = report.section(reading), votes.measure(reading)
    tables = list(text.tables(found, reading))
    assert len(tables) == 6 and section.body.count("<table>") == 6
    for title, rows, _, _ in tables:
        assert html.escape(title) in section.body and all(html.escape(cell) in section.body for cell in rows[-1])


def test_one_sample_leaves_no_vote_and_says_so_in_a_line(plant, capsys: pytest.CaptureFixture[str]):
    assert main(["votes", str(plant(LADDER[:1], num_prompts=10, num_samples=1))]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "two samples of each prompt, and this run has one" in said[0]


@pytest.mark.parametrize("ability", [60.0, -60.0], ids=["all right", "all wrong"])
def test_answers_that_are_all_alike_have_a_dash(plant, capsys: pytest.CaptureFixture[str], ability: float):
    rungs = [rung._replace(ability=ability) for rung in LADDER[:2]]
    assert main(["votes", str(plant(rungs, num_prompts=10, num_samples=4)), "--bins", "1"]) == 0
    assert " -" in capsys.readouterr().out
