"""Accuracies of 0 are no target: whatever gives no right answer reaches them for nothing."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from analysis.commands import figures as command
from analysis.policies.gains import cost_at
from analysis.policies.metrics import Point, Points, cost_save, perf_gain
from analysis.questions import exchange_rates, matches, rate_rows
from analysis.reading import cells
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.stats.effective_size import effective_size
from analysis.stats.substitution import invert, to_match
from analysis.text import matches as matches_text
from analysis.text.wording import NOTHING
from isoquant.__main__ import main
from tests.analysis import conftest
from tests.analysis.conftest import LADDER, PlantedRung
from tests.report.conftest import data_of, report

HOPELESS = tuple(rung._replace(ability=-99.0) for rung in LADDER[:3])
SHAPE = {"num_prompts": 30, "num_samples": 5, "bin_samples": 4}
RATES = ("exchange_rate", "low", "high", "step", "crossing_cost", "share_never", "share_at_or_below", "p_value")


def write(root: Path, rungs: tuple[PlantedRung, ...]) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conftest, "BUDGETS", (0, 64, 256))
        conftest.write_run(root, rungs, **SHAPE)
    return root


@pytest.fixture(scope="module")
def hopeless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rungs none of which is ever right."""
    return write(tmp_path_factory.mktemp("hopeless") / "run", HOPELESS)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rungs of which the larger is never right, below one that is."""
    return write(tmp_path_factory.mktemp("mixed") / "run", (LADDER[0], HOPELESS[1], LADDER[3]))


def test_a_target_of_zero_is_reached_by_nothing():
    crossing = invert([[0.0, 0.1], [0.0, 0.0]], [1.0, 2.0], [1.0, 2.0], [0.0, 0.0])
    assert np.isnan(crossing.step).all() and np.isnan(crossing.cost).all() and not crossing.at_or_below.any()


@pytest.mark.parametrize("share_at_zero", [0.0, 0.01, 0.02, 0.03, 0.4, 1.0])
def test_a_target_counts_where_its_interval_lies_above_zero(share_at_zero: float):
    replicates = np.full(2000, 0.02)
    replicates[: round(2000 * share_at_zero)] = 0
    found = to_match(np.append(0.02, replicates))
    if share_at_zero < 0.025:
        assert found[0] == 0.02 and np.isnan(found[1:]).mean() == pytest.approx(share_at_zero)
    else:
        assert np.isnan(found).all()


def test_bins_without_prompts_in_a_replicate_leave_a_target_sure():
    accuracy = np.array([[0.5, 0.0], *[[np.nan, np.nan]] * 500, *[[0.4, 0.1]] * 1500])
    found = to_match(accuracy)
    assert found[0, 0] == 0.5 and np.isnan(found[1:501, 0]).all() and (found[501:, 0] == 0.4).all()
    assert np.isnan(found[:, 1]).all()


def test_a_model_that_is_never_right_has_no_place_on_a_ladder():
    found = effective_size(np.tile([0.0, 0.2, 0.4], (11, 1)), [1, 2, 4], np.zeros(11))
    assert np.isnan([*found.size, found.stays, found.share_beyond]).all() and not found.is_below


def test_a_router_gains_and_saves_nothing_beside_a_model_that_is_never_right():
    points, best = Points(np.array([[1.0, 2.0]]), np.array([[0.0, 0.1]])), Point(np.array([2.0]), np.array([0.0]))
    assert np.isnan(cost_save(points, best)).all() and np.isnan(perf_gain(points, best)).all()


def test_mixtures_pay_nothing_for_a_policy_that_is_never_right():
    line = np.array([[1.0, 2.0]] * 2), np.array([[0.0, 0.4]] * 2)
    paid = cost_at(*line, np.array([[np.nan, 0.2, 0.6]] * 2))
    np.testing.assert_array_equal(paid, [[np.nan, 1.5, np.inf]] * 2)


def test_a_replay_where_nothing_is_ever_right_pays_no_multiple(hopeless: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["replay", str(hopeless)]) == 0
    assert "0.00x" not in (said := capsys.readouterr().out) and "1.00x" not in said


@pytest.mark.parametrize("axis", ["width", "budget"])
def test_no_exchange_rate_is_read_where_nothing_is_ever_right(hopeless: Path, axis: str):
    loaded = outcomes.load(hopeless)
    found = exchange_rates.measure(read(loaded, Choices()))
    tables = [found.exchange_rates, rate_rows.frame(found, rule="maj_at_k", axis=axis)]
    for frame in tables:
        assert len(frame) and frame[list(RATES)].isna().all(axis=None) and not frame["at_or_below"].any()


def test_a_larger_model_at_zero_is_no_target_and_a_smaller_one_at_zero_never_matches(mixed: Path):
    found = exchange_rates.measure(read(outcomes.load(mixed), Choices())).exchange_rates
    to_hopeless = found[found["large"] == HOPELESS[1].name]
    assert len(to_hopeless) and to_hopeless["exchange_rate"].isna().all()
    of_hopeless = found[found["small"] == HOPELESS[1].name]
    assert np.isinf(of_hopeless["exchange_rate"]).all() and (of_hopeless["share_never"] == 1).all()


def test_matches_need_nothing_where_there_is_nothing_to_match(hopeless: Path):
    loaded = outcomes.load(hopeless)
    reading = read(loaded, Choices(), rule="maj_at_k")
    found = matches.match(reading)
    columns = ["step", "tokens", "cost", "workload", "frontier_rate", "share_never", "frontier_never"]
    assert matches.frame(found)[columns].isna().all(axis=None)
    said = matches_text.render(found, reading)
    # By more samples, and by one sample that thinks longer.
    assert said.count(f"  {NOTHING}") == 2 * len(found) and "its accuracy may be 0" in said


def words_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


@pytest.fixture(scope="module")
def wanted(hopeless: Path) -> dict[str, command.Wanted]:
    loaded = outcomes.load(hopeless)
    said = exchange_rates.measure_each(read(loaded, Choices()))[0]
    measured = cells.measure(read(loaded, Choices(), rule="maj_at_k"))
    return {each.name: each for each in [*command.of_findings(said, measured), *command.of_cells(measured)]}


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("substitution", "exchange_rate"),
        ("substitution_thinking", "exchange_rate"),
        ("exchange_rates", "exchange_rate"),
        ("exchange_rates_thinking", "exchange_rate"),
        ("break_even", "workload"),
        ("cost_models", "exchange_rate"),
    ],
)
def test_figures_and_their_tables_say_that_there_is_nothing_to_match(
    wanted: dict[str, command.Wanted], name: str, column: str
):
    frame = wanted[name].frame_of()
    rates = frame.loc[frame["kind"] == "break_even", column] if name == "break_even" else frame[column]
    assert len(rates) and rates.isna().all()
    assert any(NOTHING in words for words in words_of(wanted[name].draw(frame)))


@pytest.mark.parametrize("name", ["grid", "parallel", "frontier"])
def test_no_cell_that_is_never_right_is_the_best(wanted: dict[str, command.Wanted], name: str):
    frame = wanted[name].frame_of()
    best = frame["chosen"].notna() if name == "frontier" else frame["is_best"]
    assert not best.any()
    wanted[name].draw(frame)


def test_the_report_holds_no_rate_where_there_is_nothing_to_match(hopeless: Path):
    page = report(hopeless)
    rates = data_of(page, "findings")["rates"]
    assert set(rates["shared"]["words"]) == {NOTHING}
    assert set(rates["shared"]["exchange_rate"]) == set(rates["shared"]["crossing_cost"]) == {None}
    assert NOTHING in page.split("Against the largest model")[1]


def test_a_comparison_with_a_model_that_is_never_right_has_nothing_to_match(
    hopeless: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["compare", str(hopeless), f"{hopeless}:{HOPELESS[1].name}"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert (
        "no place on the ladder" in said
        and said.count(NOTHING) >= 3
        and "≤" not in said.split("What the base")[1].split("Never:")[0]
    )
    assert main([*words, "--json"]) == 0
    needs = json.loads(capsys.readouterr().out)["needs"]
    assert all(row["exchange_rate"] is None and row["share_never"] is None for row in needs)


@pytest.mark.parametrize("ability", [-5.2, -4.6])
def test_a_handful_of_lucky_guesses_is_no_target(
    plant: Callable[..., Path], ability: float, capsys: pytest.CaptureFixture[str]
):
    rungs = (HOPELESS[0], LADDER[1]._replace(ability=ability))
    root = plant(rungs, num_prompts=20, num_samples=4, bin_samples=0)
    row = exchange_rates.measure(read(outcomes.load(root), Choices())).exchange_rates.iloc[0]
    is_sure = outcomes.load(root).arms[1].samples.correct[-1].any(axis=1).sum() > 3
    assert np.isnan(row["exchange_rate"]) == (not is_sure)
