"""A rung that was never run: identities and planted ladders, what is refused,
and what the command says and draws.
"""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from analysis.figures import unrun as figure
from analysis.questions import unrun as question
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.runs import outcomes
from analysis.stats import unrun
from analysis.stats.bootstrap import percentile_interval
from analysis.text import unrun as text
from analysis.validation import unrun as planted
from analysis.validation.checks import share
from isoquant.__main__ import main
from tests.analysis.words import faults

SIZES = np.array([1.0, 2.0, 5.0, 9.0, 20.0])


def still(values: np.ndarray, num_replicates: int = 4000) -> np.ndarray:
    """Values (M, J) that resampling does not move."""
    return np.broadcast_to(values, (1 + num_replicates, *values.shape))


def test_rungs_on_a_line_are_forecast_by_the_line_without_width() -> None:
    values = (2 + 3 * np.log(SIZES))[:, None]
    found = unrun.forecast(SIZES, still(values), 40.0, rng=np.random.default_rng(0))
    assert found == pytest.approx(np.full(found.shape, 2 + 3 * np.log(40)))


def test_where_nothing_is_resampled_the_interval_is_that_of_a_prediction_by_least_squares() -> None:
    rng = np.random.default_rng(3)
    values = (2 + 3 * np.log(SIZES) + rng.normal(size=5))[:, None]
    found = unrun.forecast(SIZES, still(values, 200_000), 12.0, rng=rng)
    logs = np.log(SIZES)
    slope, level = np.polyfit(logs, values[:, 0], 1)
    spread = np.sqrt(((values[:, 0] - level - slope * logs) ** 2).sum() / 3)
    centred = logs - logs.mean()
    reach = np.sqrt(1 + 1 / 5 + (np.log(12) - logs.mean()) ** 2 / (centred @ centred))
    interval = percentile_interval(found)
    expected = level + slope * np.log(12)
    assert interval.estimate[0] == pytest.approx(expected)
    half = t.ppf(0.975, 3) * spread * reach
    assert (interval.high - expected)[0] == pytest.approx(half, rel=0.03)
    assert (expected - interval.low)[0] == pytest.approx(half, rel=0.03)


def test_what_resampling_explains_of_the_residuals_is_no_deviation() -> None:
    """Rungs that lie exactly on a line but for sampling error deviate by less than their residuals say."""
    rng, num_replicates = np.random.default_rng(5), 20_000
    noise = rng.normal(size=(1 + num_replicates, 5, 1))
    resampled = np.log(SIZES)[:, None] + noise[:1] + np.concatenate([noise[:1] * 0, noise[1:]])
    known = unrun.forecast(SIZES, resampled, 6.0, rng=np.random.default_rng(0))
    unknown = unrun.forecast(SIZES, still(resampled[0], num_replicates), 6.0, rng=np.random.default_rng(0))
    widths = [float(np.ptp(percentile_interval(each)[1:])) for each in (known, unknown)]
    line = float(np.ptp(percentile_interval(known)[1:]))
    assert widths[0] < 0.8 * widths[1] and line > 0


def test_deviations_are_those_at_which_the_residuals_are_worth_the_draw() -> None:
    rng = np.random.default_rng(1)
    covariance = np.diag([0.2, 0.5, 1.0])
    moved = rng.multivariate_normal(np.zeros(3), covariance, 5000)
    residuals = np.concatenate([np.array([[1.0, -2.0, 0.5]]), [1.0, -2.0, 0.5] + moved]).T[:, :, None]
    chances = np.array([0.1, 1.0, 3.0, 50.0])
    found = unrun._variances(residuals, chances)[:, 0]
    measured = moved.T @ moved / len(moved)
    for variance, chance in zip(found[:-1], chances, strict=False):
        worth = residuals[:, 0, 0] @ np.linalg.solve(variance * np.eye(3) + measured, residuals[:, 0, 0])
        assert worth == pytest.approx(chance, rel=1e-2)
    assert found[-1] == 0


def test_a_replicate_without_prompts_is_missing_and_changes_no_other() -> None:
    rng = np.random.default_rng(2)
    values = np.log(SIZES)[:, None] + 0.1 * rng.normal(size=(301, 5, 1))
    with_gap = values.copy()
    with_gap[7] = np.nan
    found, gap = (unrun.forecast(SIZES, each, 6.0, rng=np.random.default_rng(0)) for each in (values, with_gap))
    assert np.isnan(gap[7]).all() and np.isfinite(np.delete(gap, 7, axis=0)).all()
    assert np.delete(gap, 7, axis=0) == pytest.approx(np.delete(found, 7, axis=0), rel=0.02)


def test_a_ladder_reaches_its_largest_ratio_beyond_each_end() -> None:
    reach = unrun.reach(SIZES)
    assert reach == pytest.approx((1 / 2.5, 50.0, 2.5))
    assert (
        reach.holds(50) and reach.holds(0.4) and reach.holds(3) and not reach.holds(51) and not reach.holds(0.39)
    )
    with pytest.raises(ValueError, match=r"from 0\.4 to 50 can be forecast, and 60 cannot"):
        unrun.forecast(SIZES, still(np.ones((5, 1))), 60.0, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least 3 models of different sizes, not 2"):
        unrun.reach([1, 2, 2])


def test_intervals_hold_the_rungs_that_are_left_out_of_planted_ladders() -> None:
    checks = planted.left_out(60, num_rungs=5, num_prompts=200, rng=np.random.default_rng(0))
    assert len(checks) >= 5 and [check for check in checks if not check.holds] == []


def test_an_interval_of_prompts_alone_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without how far rungs lie off the trend, most are outside."""
    monkeypatch.setattr(
        unrun, "_variances", lambda residuals, chances: np.zeros((len(chances), residuals.shape[2]))
    )
    checks = planted.left_out(60, num_rungs=5, num_prompts=200, rng=np.random.default_rng(0))
    assert not checks[0].holds and checks[0].observed < 0.7


@pytest.mark.long
def test_intervals_hold_the_rungs_that_are_left_out_of_600_ladders() -> None:
    rng = np.random.default_rng(23)
    held: dict[str, list[bool]] = {}
    for at in range(600):
        ladder = planted._read(planted._plant(4 + at % 5, 200, planted.OFF_TREND, rng), 200)
        for left in range(len(ladder.sizes)):
            for name, hit in planted._forecast(ladder, left, rng):
                held.setdefault(name, []).append(hit)
    for name in ("pass@1", "pass@4", "pass@16", planted.INSIDE):
        assert 0.93 <= share("", "", held[name]).observed <= 0.97, name
    assert np.mean(held[planted.NEVER]) >= 0.95


@pytest.fixture(scope="module")
def reading(ladder_run: Path) -> Reading:
    return read(outcomes.load(ladder_run), Choices())


@pytest.fixture(scope="module")
def found(reading: Reading) -> question.Unrun:
    return question.forecast(reading, 2.5e6)


def test_every_bin_has_a_curve_along_samples_and_one_along_tokens(found: question.Unrun, reading: Reading) -> None:
    rows = found.curves
    assert set(rows["bin"]) == {part.name for part in reading.bins} and set(rows["path"]) == {"width", "budget"}
    told = rows[rows["accuracy"].notna()]
    assert (told["accuracy_low"] < told["accuracy"]).all() and (told["accuracy"] < told["accuracy_high"]).all()
    assert (rows["why"] != "").equals(rows["accuracy"].isna())
    full = rows[(rows["width"] == 1) & (rows["budget"] == 256) & (rows["bin"] == "all prompts")]
    assert len(full) == 2 and full["accuracy"].nunique() == 1


def test_the_forecast_continues_the_planted_ladder(found: question.Unrun) -> None:
    """Abilities of the ladder rise by about 0.5 with each step in size."""
    one = found.curves.iloc[0]
    largest = found.measured[(found.measured["model"] == "1.1m") & (found.measured["path"] == "width")].iloc[0]
    assert one["width"] == 1 and one["accuracy"] > largest["accuracy"]
    assert one["cost"] == pytest.approx(largest["cost"] * 2.5 / 1.1, rel=0.3)


def test_each_model_pays_for_the_rung_or_it_for_them_and_never_is_an_answer(reading: Reading) -> None:
    between = question.forecast(reading, 250_000)
    rates = between.rates[(between.rates["path"] == "width") & (between.rates["bin"] == "all prompts")]
    assert list(zip(rates["small"], rates["large"], strict=True)) == [
        ("33k", "250k"), ("125k", "250k"), ("250k", "0.4m"), ("250k", "1.1m"),
    ]  # fmt: skip
    assert np.isinf(between.rates["high"]).any() and "never" in text.render(between, reading)
    told = rates["exchange_rate"].notna()
    assert told.all() and (rates["low"] <= rates["exchange_rate"]).all()


def test_each_rung_is_left_out_in_turn_or_said_to_be_beyond_the_others(found: question.Unrun) -> None:
    first = found.left_out.drop_duplicates("model").set_index("model")
    assert list(first.index) == ["33k", "125k", "0.4m", "1.1m"]
    assert first.loc["33k", "why"] == "beyond one step of the others" or first.loc["33k", "forecast"] > 0
    assert first.loc["0.4m", "forecast_low"] < first.loc["0.4m", "measured"] < first.loc["0.4m", "forecast_high"]
    said = text.left_out_line(found)
    assert re.search(r"\d of \d lay in the interval", said)


def test_a_cell_in_which_a_model_is_never_right_is_not_told(plant, ladder) -> None:
    rungs = [ladder[0]._replace(ability=-99.0), *ladder[1:]]
    reading = read(outcomes.load(plant(rungs, num_prompts=30, num_samples=4, bin_samples=0)), Choices())
    found = question.forecast(reading, 2.5e6)
    assert found.curves["accuracy"].isna().all()
    assert set(found.curves["why"]) == {"33k is not certainly right on any prompt"}
    rates = found.rates[found.rates["large"] == found.name]
    assert rates["exchange_rate"].isna().all()
    assert "cannot be forecast: 33k is not certainly right" in text.render(found, reading)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rung", "14"], "'14' is not a size; write 7e9 or 7B"),
        (["--rung", "14B"], "--rung 14B is beyond one step of this ladder, whose largest model is 1.1m (1.1M)"),
        (["--rung", "2M", "--difficulty", "own"], "no two models share a bin"),
    ],
)
def test_what_is_refused_is_refused_with_the_reason(
    words: list[str], said: str, ladder_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(["laws", str(ladder_run), *words])
    except SystemExit as error:
        status = int(str(error.code))
    assert status == 2 and said in capsys.readouterr().err
    assert not (ladder_run / "figures").exists()


def test_a_size_below_the_ladder_is_refused_by_its_smallest_model(reading: Reading) -> None:
    with pytest.raises(ValueError, match=r"--rung 8k is beyond .* smallest model is 33k \(33k\): .* 3\.79x apart"):
        question.forecast(reading, 8_000)


@pytest.mark.usefixtures("pictures")
def test_the_command_says_one_line_first_and_draws_a_figure_with_its_table(
    plant, capsys: pytest.CaptureFixture[str]
) -> None:
    root = plant(num_prompts=40, num_samples=6, bin_samples=4)
    assert main(["laws", str(root), "--rung", "2.5M", "--bins", "1"]) == 0
    printed = capsys.readouterr().out
    assert re.match(
        r"A model of 2\.5M parameters, never run, would be right on \d+% \[\d+, \d+\] of prompts", printed
    )
    table = pd.read_csv(root / "figures" / "rung.csv")
    assert set(table["kind"]) == {"forecast", "measured", "rate", "left_out"}
    assert (root / "figures" / "rung.png").stat().st_size > 10_000
    assert main(["laws", str(root), "--rung", "2.5M", "--bins", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert printed.replace("\n", " ").startswith(told["first"]) and len(told["curves"]) > 5


def test_no_word_of_the_figure_covers_another(found: question.Unrun, reading: Reading) -> None:
    assert faults(figure.draw(question.frame(found, reading))) == []
