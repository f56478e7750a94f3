"""A grid read along each of its serial axes: planted accuracies, what every command says,
and the settings of all.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.commands import figures as command
from analysis.commands.arguments import other_axes
from analysis.questions import accuracy_grid, exchange_rates, frontier, matches, targets
from analysis.reading import cautions, cells
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.runs import health, outcomes, serial
from analysis.runs.along import Along, Everywhere
from isoquant import load
from isoquant.__main__ import main
from results.cuts import Caps
from results.schema import ANSWERS, GRADES, TRACES, UNLIMITED
from tests.results.made_axes import BUDGETS, CLOSES, EXTENDED, OPENS, RIGHT, TOOL_TOKENS, WAIT_TOKENS, Axes

# By axis and what is held: at each value, the place whose answer a sample gives.
PLANTED = [
    (Along("budget"), [8, CLOSES]),
    (Along("budget", {"extensions": 1}), [8, EXTENDED]),
    (Along("budget", {"calls": 0}), [8, OPENS]),
    (Along("extensions"), [CLOSES, EXTENDED]),
    (Along("extensions", {"budget": 8}), [8, 8]),
    (Along("extensions", {"calls": 0}), [OPENS, OPENS]),
    (Along("calls"), [OPENS, CLOSES]),
    (Along("calls", {"extensions": 1}), [OPENS, EXTENDED]),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Axes().write(tmp_path_factory.mktemp("axes") / "run")


def reading_of(run: Path, along: Along | Everywhere) -> Reading:
    return read(outcomes.load(run, along=along), Choices(num_replicates=2000))


@pytest.mark.parametrize(("along", "places"), PLANTED)
def test_every_cell_has_its_planted_accuracy_and_tokens(run: Path, along: Along, places: list[int]):
    loaded = outcomes.load(run, along=along)
    assert loaded.budgets.tolist() == list(loaded.along.declared[along.axis])
    for arm in loaded.arms:
        right = [RIGHT[arm.rung.name][place] / 12 for place in places]
        assert arm.accuracy.mean(axis=1) == pytest.approx(right)
        assert arm.samples.thinking_tokens.mean(axis=(1, 2)).tolist() == places
        given = [TOOL_TOKENS * (place > OPENS) + WAIT_TOKENS * (place > CLOSES) for place in places]
        assert arm.given_tokens is not None and arm.given_tokens.mean(axis=(1, 2)).tolist() == given


def test_a_setting_is_the_cell_of_its_caps(run: Path):
    loaded = outcomes.load(run, along=Everywhere())
    assert isinstance(loaded.along, Everywhere)
    assert loaded.along.settings == tuple(sorted(Caps(b, e, c) for b in (8, 64) for e in (0, 1) for c in (0, 1)))
    place = {Caps(64, 0, 0): OPENS, Caps(64, 1, 0): OPENS, Caps(64, 0, 1): CLOSES, Caps(64, 1, 1): EXTENDED}
    for at, caps in enumerate(loaded.along.settings):
        right = [RIGHT[arm.rung.name][place.get(caps, 8)] / 12 for arm in loaded.arms]
        assert [arm.accuracy[at].mean() for arm in loaded.arms] == pytest.approx(right)


@pytest.mark.parametrize(
    ("axis", "told"),
    [
        (serial.BUDGET, ["at 0 thinking tokens", "at 1 thinking tokens", "at 16384 thinking tokens"]),
        (serial.EXTENSIONS, ["with no extension", "extended once", "extended 16384 times"]),
        (serial.CALLS, ["with no tool call", "with 1 tool call", "with 16384 tool calls"]),
    ],
)
def test_a_value_of_each_axis_is_said_in_its_own_words(axis: serial.Axis, told: list[str]):
    assert [axis.alone(value) for value in (0, 1, 16384)] == told
    assert axis.within(1).endswith(f" 1 {axis.one_unit}") and axis.within(2).endswith(f" 2 {axis.unit}")
    assert axis.at_each([1]) == told[1] and " 0 and 16k " in f"{axis.at_each([0, 16384])} "


def test_what_is_held_stands_beside_it_and_thinking_goes_first():
    assert serial.BUDGET._replace(held="extended once").at(64) == "at 64 thinking tokens, extended once"
    assert serial.CALLS._replace(held="at 64 thinking tokens").at(2) == "at 64 thinking tokens, with 2 tool calls"
    assert serial.BUDGET.at(UNLIMITED) == "with no limit on thinking"
    assert (
        serial.EXTENSIONS._replace(held="at 8 thinking tokens").full == "at 8 thinking tokens, with all extensions"
    )


@pytest.mark.parametrize(
    ("along", "told"),
    [
        (Along(), "at 64 thinking tokens, with no extension, with 1 tool call"),
        (Along("extensions"), "at 64 thinking tokens, with 1 tool call, extended once"),
        (Along("calls", {"budget": 8}), "at 8 thinking tokens, with no extension, with 1 tool call"),
    ],
)
def test_the_summary_says_the_axis_and_what_the_others_are_held_at(
    run: Path, capsys: pytest.CaptureFixture[str], along: Along, told: str
):
    held = [f"{name}={value}" for name, value in along.at.items()]
    assert main(["summary", str(run), "--along", along.axis, *(["--at", *held] if held else [])]) == 0
    assert f"4 samples each, {told}; read by" in " ".join(capsys.readouterr().out.split())


def test_an_axis_of_one_value_goes_without_saying(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = Axes(extensions=(0,), calls=(1,)).write(tmp_path / "run")
    reading = reading_of(root, Along())
    assert reading.words.at(64) == "at 64 thinking tokens, with 1 tool call"
    assert not other_axes(reading)
    with pytest.raises(ValueError, match=r"All cells have 0 extensions, .* \+grid.extensions=\[1,2\]"):
        outcomes.load(root, along=Along("extensions"))
    with pytest.raises(ValueError, match="No cell has 3 tool calls; there are 1"):
        outcomes.load(root, along=Along(at={"calls": 3}))
    assert main(["summary", str(root), "--at", "calls=3"]) == 2
    assert "+grid.calls=[3]" in capsys.readouterr().err


NOT_TOKENS = ("at 0 thinking tokens", "at 1 thinking tokens")


@pytest.mark.parametrize("axis", ["extensions", "calls"])
def test_every_command_says_the_axis_and_never_another_number_of_tokens(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], axis: str
):
    along, out = ["--along", axis], ["--out", str(tmp_path / "figures")]
    asked = [["summary", str(run)], ["match", str(run)], ["laws", str(run)]]
    asked += [["replay", str(run), *out], ["compare", f"{run}:small", f"{run}:large"]]
    asked += [["report", str(run), "--out", str(tmp_path / "report.html")]]
    said = {}
    for words in asked:
        assert main([*words, *along]) == 0
        said[words[0]] = " ".join(capsys.readouterr().out.split())
    page = (tmp_path / "report.html").read_text()
    for text in [*said.values(), page]:
        assert not any(told in text for told in NOT_TOKENS)
    full = serial.BY_NAME[axis].largest
    assert full in said["laws"] and serial.BY_NAME[axis].alone(1) in said["summary"]
    assert f"every {axis}" not in said["compare"] and serial.BY_NAME[axis].at_every in said["compare"]
    assert "Not replayed: whom to think about" in said["replay"]
    depth = pd.read_csv(tmp_path / "figures" / "replay_parallel_serial.csv")
    assert {axis, f"{axis}_low", f"{axis}_high"} <= set(depth) and not [n for n in depth if n.startswith("budget")]
    assert f"model and {serial.BY_NAME[axis].choice}" in page


@pytest.mark.parametrize("words", [["serve", "--target", "0.5", "--queries", "1e6"], ["search"], ["route"]])
def test_a_question_of_thinking_tokens_refuses_another_axis_in_one_line(
    run: Path, capsys: pytest.CaptureFixture[str], words: list[str]
):
    assert main([words[0], str(run), *words[1:], "--along", "extensions"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "along thinking budgets, not along extensions. Leave --along out." in said[0]


@pytest.mark.usefixtures("few_dots")
def test_figures_along_an_axis_lie_apart_and_their_columns_bear_its_name(
    run: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["figures", str(run), "--along", "extensions"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert not any(told in said for told in NOT_TOKENS)
    folder = run / "figures" / "extensions"
    tables = {path.stem: pd.read_csv(path) for path in folder.glob("*.csv")}
    assert {"substitution_extensions", "exchange_rates_extensions", "grid_thinking", "grid_calls"} <= set(tables)
    assert not {"substitution_thinking", "grid_extensions"} & set(tables)
    for name in ("substitution", "outcomes", "grid", "parallel"):
        assert {"extensions", "max_extensions", "along", "held"} <= set(tables[name])
        assert not {"budget", "max_budget"} & set(tables[name])
    assert set(tables["substitution_extensions"]["path"]) == {"extensions"}
    assert set(tables["outcomes"]["held"]) == {"at 64 thinking tokens, with 1 tool call"}
    assert said.endswith(
        "This run also varies thinking tokens (8, 64) and tool calls (0, 1). To read along them: leave --along "
        "out or --along calls."
    )


def test_best_settings_are_chosen_among_all_of_a_run(run: Path):
    reading = reading_of(run, Along())
    measured, whole = cells.measure(reading), cells.measure(reading_of(run, Everywhere()))
    along, every = (frontier.frame(each) for each in (measured, whole))
    best = [rows[(rows["kind"] == "frontier") & (rows["bin"] == "all prompts")] for rows in (along, every)]
    if best[0].empty:
        best = [rows[rows["kind"] == "frontier"] for rows in (along, every)]
    small = [rows.loc[rows["model"] == "small", "accuracy"].max() for rows in best]
    assert small[1] > small[0]
    rows = every[every["kind"] == "cell"]
    assert {"budget", "extensions", "calls"} <= set(rows) and "extensions" not in along
    at = rows[(rows["budget"] == 64) & (rows["extensions"] == 1) & (rows["calls"] == 1) & (rows["width"] == 1)]
    assert np.average(
        at.loc[at["model"] == "small", "accuracy"], weights=at.loc[at["model"] == "small", "num_prompts"]
    ) == (pytest.approx(RIGHT["small"][EXTENDED] / 12))
    assert set(every["max_budget"]) == {64}
    assert set(every["among"]) == {"thinking budget, number of extensions, number of tool calls"}
    assert targets.needs(whole)["cost"].notna().any()


def test_settings_that_no_verifier_read_are_not_chosen_among(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = Axes(models=("large",), is_scored=True).write(tmp_path / "run")
    by_score = ["figures", str(root), "--rule", "best_of_n"]
    assert main(by_score) == 0
    said = capsys.readouterr().out
    assert (
        "Not all answers of other settings are scored. Run `isoquant score RUN`, or choose among fewer with"
        in said
    )
    assert "--at extensions=0 calls=1." in said and not (root / "figures" / "frontier.png").exists()
    assert main([*by_score, "--at", "extensions=0", "calls=1"]) == 0
    assert (root / "figures" / "frontier.png").exists() and (root / "figures" / "grid.png").exists()


def test_match_takes_both_at_best_from_all_settings(run: Path):
    reading = reading_of(run, Along())
    alone, every = (
        {match.bin: match for match in matches.match(reading, other)}
        for other in (None, reading_of(run, Everywhere()))
    )
    for name, match in alone.items():
        np.testing.assert_array_equal(every[name].needs.step, match.needs.step)
    # Extended, the small model is right as often as the large one's single answer is, and more.
    assert alone["all prompts"].frontier_rate.estimate == np.inf
    assert np.isfinite(every["all prompts"].frontier_rate.estimate)


def test_prompts_that_lack_an_extension_count_in_no_match_among_all_settings(tmp_path: Path):
    root = Axes(lacking=(3,)).write(tmp_path / "run")
    reading, every = reading_of(root, Along()), reading_of(root, Everywhere())
    assert (len(reading.asked.prompt_ids), len(every.asked.prompt_ids)) == (12, 11)
    assert {match.bin: match.num_prompts for match in matches.match(reading, every)}["all prompts"] == 11


def test_a_map_over_two_axes_has_the_planted_accuracies(run: Path):
    whole = cells.measure(reading_of(run, Everywhere()))
    along = outcomes.load(run, along=Along("extensions")).along
    assert isinstance(along, Along)
    over_budgets = accuracy_grid.across(whole, along, "budget")
    rows = over_budgets[over_budgets["model"] == "small"].set_index(["extensions", "budget"])["accuracy"]
    assert rows.to_dict() == pytest.approx({(0, 8): 3 / 12, (0, 64): 6 / 12, (1, 8): 3 / 12, (1, 64): 9 / 12})
    assert set(over_budgets["held"]) == {"with 1 tool call"}
    over_calls = accuracy_grid.across(whole, along, "calls")
    rows = over_calls[over_calls["model"] == "large"].set_index(["extensions", "calls"])["accuracy"]
    assert rows.to_dict() == pytest.approx({(0, 0): 6 / 12, (0, 1): 8 / 12, (1, 0): 6 / 12, (1, 1): 11 / 12})
    assert set(over_calls["held"]) == {"at 64 thinking tokens"}


def test_what_at_names_is_held_among_all_settings_too(run: Path):
    loaded = outcomes.load(run, along=Everywhere({"calls": 0}))
    assert isinstance(loaded.along, Everywhere) and {caps.calls for caps in loaded.along.settings} == {0}
    assert loaded.along.varied == ("budget", "extensions") and loaded.along.words.held == "with no tool call"


def test_a_run_of_budgets_alone_has_one_reading_for_all(tmp_path: Path):
    root = Axes(extensions=(0,), calls=(1,)).write(tmp_path / "run")
    measured = cells.measure(reading_of(root, Along()))
    names = [wanted.name for wanted in command.of_cells(measured)]
    assert names == [
        "frontier",
        "targets",
        "isoquants",
        "break_even",
        "grid",
        "parallel",
        "coverage",
        "diversity",
        "outcomes",
        "votes",
    ]


def test_a_value_left_out_is_named_by_its_axis(run: Path):
    loaded = outcomes.load(run, along=Along("extensions"))
    aside = cautions.read(outcomes.replace(loaded, budgets_aside=((1, ("small",)),)))
    assert [caution.about for caution in aside] == ["A number of extensions left out"]
    assert "Answers at 64 thinking tokens, with 1 tool call, extended once are left out" in aside[0].text


def test_others_are_held_at_what_every_model_has(tmp_path: Path):
    root = Axes(models=("small",)).write(tmp_path / "run")
    Axes(models=("large",), budgets=(8,)).write(root)
    loaded = outcomes.load(root, along=Along("extensions"))
    assert loaded.along.at == {"budget": 8, "calls": 1, "rounds": 1} and len(loaded.arms) == 2


def test_frames_of_notebooks_and_json_bear_the_name_of_the_axis(run: Path, capsys: pytest.CaptureFixture[str]):
    found = load(str(run), along="calls", at={"extensions": 1})
    right = found.answers().groupby(["model", "calls"], observed=True)["correct"].mean()
    assert right["small"].to_dict() == pytest.approx({0: 4 / 12, 1: 9 / 12})
    assert "calls" in found.cells() and set(found.curves()["path"]) == {"width", "calls"}
    assert main(["summary", str(run), "--along", "calls", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["along"] == "calls" and told["held"] == "at 64 thinking tokens, with no extension"
    assert {row["calls"] for row in told["cells"]} == {0, 1} and "budget" not in told["cells"][0]


def test_rates_along_an_axis_are_in_its_steps(run: Path):
    rates = exchange_rates.measure(reading_of(run, Along("extensions"))).exchange_rates
    row = rates[(rates["path"] == "extensions") & (rates["bin"] == "all prompts")].iloc[0]
    # The large one, extended, is right on 11 of 12, the small one on 9 at most.
    assert row["max_step"] == 1 and row["step"] == np.inf


@dataclass(frozen=True)
class GoesOn(Axes):
    """The same, where extended thinking is cut at the full budget; `lacking` have no
    answer at their first close.
    """

    def _sample(self, identity: str, index: int, pool: str, sample: int, budgets: Sequence[int]) -> dict[str, Any]:
        tables = Axes(lacking=())._sample(identity, index, pool, sample, budgets)
        tables[TRACES.name][-1] |= {
            "ended": False,
            "num_thinking_tokens": 64 - CLOSES,
            "token_ids": [1] * (64 - CLOSES),
        }
        extended, grade = tables[ANSWERS.name][-1], tables[GRADES.name][-1]
        extended |= {"budget": 64, "num_thinking_tokens": 64, "extension": None, "forced": True}
        grade["budget"] = 64
        if index in self.lacking and pool == "evaluation":
            for name in (ANSWERS.name, GRADES.name):
                tables[name] = [row for row in tables[name] if row["budget"] is not None]
        return tables


@pytest.mark.parametrize("along", [Along("budget"), Along("extensions"), Along("budget", {"extensions": 1})])
def test_what_was_written_behind_a_close_is_no_answer_of_a_trace_that_may_not_go_on(tmp_path: Path, along: Along):
    run = GoesOn(lacking=(5,)).write(tmp_path / "run")
    loaded = outcomes.load(run, along=along)
    is_read = along.at.get("extensions") == 1
    assert len(loaded.dropped) == (0 if is_read else 1)
    places = [8, 64] if is_read else [8, CLOSES] if along.axis == "budget" else [CLOSES, 64]
    for arm in loaded.arms:
        assert arm.samples.thinking_tokens.mean(axis=(1, 2)).tolist() == places


@dataclass(frozen=True)
class Grown(Axes):
    """The same, growing to more calls: samples for bins are to make them as well,
    and stand before their second.
    """

    def _spread(self, cell: dict[str, Any]) -> list[dict[str, Any]]:
        cells = super()._spread(cell)
        return cells if cell["pool"] != "bins" else [*cells, cells[-1] | {"calls": 4}]

    def _sample(self, identity: str, index: int, pool: str, sample: int, budgets: Sequence[int]) -> dict[str, Any]:
        tables = super()._sample(identity, index, pool, sample, budgets)
        if pool == "bins":
            first, second, _ = tables[TRACES.name]
            calling = {"ended": False, "opened": CLOSES - 1, "opened_by": CLOSES}
            made = second | {"ended": False, "num_thinking_tokens": 2, "token_ids": [1] * 2}
            further = second | calling | {"start_token": OPENS + 2, "num_thinking_tokens": CLOSES - OPENS - 2}
            tables[TRACES.name] = [first, made, further]
            for name in (ANSWERS.name, GRADES.name):
                tables[name] = [row | ({} if row["budget"] else {"budget": CLOSES - 1}) for row in tables[name]]
        return tables


@pytest.mark.parametrize("along", [None, Along("calls"), Everywhere()])
def test_difficulty_is_read_where_it_was_while_its_samples_grow_by_calls(tmp_path: Path, along: Along | None):
    loaded = outcomes.load(Grown().write(tmp_path / "run"), along=along)
    assert not loaded.dropped and loaded.bins is not None
    right = RIGHT[loaded.bins.rung.name][CLOSES] / 12
    assert loaded.bins.accuracy.mean() == pytest.approx(right)


@pytest.mark.parametrize(("extensions", "calls"), [((0, 1), (0, 1)), ((1,), (1,)), ((1,), (0,)), ((1, 2), (0, 1))])
def test_health_is_that_of_the_fewest_extensions_and_the_most_calls(
    tmp_path: Path, extensions: tuple[int, ...], calls: tuple[int, ...]
):
    made = Axes(extensions=extensions, calls=calls)
    root, place = made.write(tmp_path / "run"), EXTENDED if extensions[0] else CLOSES
    place = place if max(calls) else OPENS
    for model in made.models:
        rows = health.read_health(root, made.identity(model), BUDGETS).set_index("budget")
        assert rows["thinking_tokens"].to_dict() == {8: 8, 64: place}
        assert rows["correct"].to_dict() == pytest.approx({8: RIGHT[model][8] / 12, 64: RIGHT[model][place] / 12})
        assert rows["cut"].to_dict() == {8: 1, 64: place == OPENS}


@pytest.mark.parametrize(
    ("along", "told"),
    [
        (Along("calls"), "All cells have 1 tool call, so"),
        (Along("budget", {"calls": 2}), "No cell has 2 tool calls; there are 1"),
        (Along("budget", {"extensions": 1}), "No cell has 1 extension; there are 0"),
    ],
)
def test_what_no_cell_has_is_counted_in_its_own_words(tmp_path: Path, along: Along, told: str):
    run = Axes(extensions=(0,), calls=(1,)).write(tmp_path / "run")
    with pytest.raises(ValueError, match=told):
        outcomes.load(run, along=along)


def matched(run: Path, along: Along, at: tuple[serial.AxisName, int] | None) -> Reading:
    return read(outcomes.load(run, along=along), Choices(num_replicates=2000, match_at=at))


def test_a_larger_models_answer_is_matched_where_the_reader_says(run: Path):
    """Without an extension the large one is right on 8 of 12, which the small one's 6 and 9 enclose."""
    for at, target, step in ((None, 11, np.inf), (("extensions", 0), 8, (8 - 6) / (9 - 6))):
        reading = matched(run, Along("extensions"), at)
        rates = exchange_rates.measure(reading).exchange_rates
        row = rates[(rates["path"] == "extensions") & (rates["bin"] == "all prompts")].iloc[0]
        assert row["target_accuracy"] == pytest.approx(target / 12) and row["step"] == pytest.approx(step)
        wide = rates[(rates["path"] == "width") & (rates["bin"] == "all prompts")].iloc[0]
        assert wide["target_accuracy"] == pytest.approx(target / 12)
        # All samples of a prompt are alike, so that samples match what one does: 9 of 12 at the end of the axis.
        assert np.isinf(wide["exchange_rate"]) == (at is None) and wide["at_or_below"] == (at is not None)
        found = next(match for match in matches.match(reading) if match.bin == "all prompts")
        assert found.serial is not None and found.serial.step.estimate == pytest.approx(step)
        assert np.isinf(found.needs.step.estimate) == (at is None)
        spent = reading.curve(1, reading.path(1, "extensions")).cost.mean(axis=0)
        assert row["target_cost"] == wide["target_cost"] == pytest.approx(spent[0 if at else -1])


@pytest.mark.parametrize("along", [Along("budget"), Along("extensions"), Along("calls")])
def test_the_last_value_is_matched_where_nothing_is_said(run: Path, along: Along):
    last = {"budget": 64, "extensions": 1, "calls": 1}[along.axis]
    plain, said = (exchange_rates.measure(matched(run, along, at)) for at in (None, (along.axis, last)))
    pd.testing.assert_frame_equal(plain.exchange_rates, said.exchange_rates, check_exact=True)
    pd.testing.assert_frame_equal(plain.curves, said.curves, check_exact=True)
    assert plain.setting == said.setting
    other = exchange_rates.measure(matched(run, along, (along.axis, 8 if along.axis == "budget" else 0)))
    pd.testing.assert_frame_equal(plain.curves, other.curves, check_exact=True)
    assert (other.exchange_rates["target_accuracy"] < plain.exchange_rates["target_accuracy"]).any()


def test_every_command_that_matches_says_where(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["--along", "calls", "--match-at", "calls=0"]
    where, out = "at 64 thinking tokens, with no extension, with no tool call", tmp_path / "figures"
    assert main(["match", str(run), *words]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"What matches one answer of large {where}, read by" in said and "By one sample, calling tools" in said
    assert main(["summary", str(run), *words]) == 0
    assert f"One answer of large {where} on all" in " ".join(capsys.readouterr().out.split())
    assert main(["figures", str(run), *words, "--out", str(out)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert not any(told in said for told in NOT_TOKENS)
    for name in ("exchange_rates_calls", "substitution_calls", "exchange_rates"):
        frame = pd.read_csv(out / f"{name}.csv")
        assert set(frame["matched"]) == {where}
    rates = pd.read_csv(out / "exchange_rates_calls.csv").set_index("bin")
    assert rates.loc["all prompts", "target_accuracy"] == pytest.approx(RIGHT["large"][OPENS] / 12)
    assert main(["report", str(run), *words, "--out", str(tmp_path / "page.html")]) == 0
    assert f"Against one answer of large {where}" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--match-at", "calls=1"], "names an axis that is not read. To read it, add --along calls."),
        (["--along", "calls", "--match-at", "budget=8"], "To read it, leave --along out."),
        (["--along", "calls", "--match-at", "calls=7"], "No cell that is read has 7 tool calls; there are 0, 1."),
        (["--match-at", "64"], "'64' is none of budget=N"),
    ],
)
def test_an_answer_that_is_not_read_cannot_be_matched(
    run: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
):
    try:
        assert main(["match", str(run), *words]) == 2
    except SystemExit as ended:
        assert ended.code == 2
    assert told in capsys.readouterr().err
