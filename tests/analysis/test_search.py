"""Searches against samples of the same compute, on planted ones: exact accuracy and cost, and planted verdicts."""

import argparse
import json
import shutil
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.commands import arguments, figures
from analysis.commands import search as command
from analysis.costs.cost_models import choose
from analysis.costs.searches import Spent, path_cost, search_cost
from analysis.costs.shapes import Shape
from analysis.questions import equal_cost
from analysis.questions import search as question
from analysis.reading.bins import Binning
from analysis.reading.choices import Choices
from analysis.reading.reading import Reading, read
from analysis.reading.untold import UntoldError
from analysis.runs import outcomes, searches
from analysis.runs.verifiers import Scoring
from analysis.text import search as search_text
from isoquant.__main__ import main as isoquant
from results import schema, store
from tests.analysis.conftest import LADDER, write_run
from tests.analysis.planted_scores import score
from tests.analysis.planted_searches import Plan, search
from tests.analysis.words import faults

NUM_PROMPTS, NUM_SAMPLES = 90, 16
DVTS, BEAM = Plan(4), Plan(3, together=True)
# Of the planted run, easy to hard.
DIFFICULTY = np.random.default_rng(0).normal(size=NUM_PROMPTS)
IS_HARD = np.argsort(np.argsort(DIFFICULTY)) >= NUM_PROMPTS // 2


def noisy(row: Any, rng: np.random.Generator) -> dict[str, float]:
    return {"score": float(row.correct + rng.normal())}


def by_chance(chance: float, noise: float = 1.0) -> Any:
    """Paths that are right with this chance, scored as samples are."""

    def outcome(prompt: int, path: int, rng: np.random.Generator) -> tuple[bool, float]:
        is_right = bool(rng.random() < chance)
        return is_right, float(is_right + noise * rng.normal())

    return outcome


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scored") / "run"
    write_run(root, LADDER[1:2], num_prompts=NUM_PROMPTS, num_samples=NUM_SAMPLES)
    return score(root, noisy)


@pytest.fixture
def run(scored: Path, tmp_path: Path) -> Path:
    """A run that was scored, to write searches into."""
    return Path(shutil.copytree(scored, tmp_path / "run"))


def reading_of(root: Path, **choices: Any) -> Reading:
    return read(outcomes.load(root, scoring=Scoring("rm")), Choices(**choices), rule="best_of_n")


def measured(root: Path, **choices: Any) -> question.Found:
    reading = reading_of(root, **choices)
    return question.measure(reading, searches.read(root, reading.outcomes).searches)


def test_every_number_of_subtrees_is_read_as_brute_force_reads_it(run: Path) -> None:
    search(run, "125k", DVTS, by_chance(0.4))
    reading = reading_of(run)
    [found] = searches.read(run, reading.outcomes).searches
    cells = {(cell.rule, cell.size): cell for cell in question.search_cells(reading, found)}
    correct, scores = found.arm.samples.correct[0], found.arm.scores.score[0]
    votes, weight = found.arm.samples.votes[0], found.arm.scores.weight[0]
    assert {rule for rule, _ in cells} == {"best_of_n", "weighted_vote"} and len(cells) == 7
    for size in range(1, 5):
        best, voted = np.zeros(NUM_PROMPTS), np.zeros(NUM_PROMPTS)
        subsets = list(combinations(range(4), size))
        for prompt in range(NUM_PROMPTS):
            for subset in map(list, subsets):
                best[prompt] += correct[prompt, subset][scores[prompt, subset].argmax()]
                sums = [
                    weight[prompt, subset][votes[prompt, subset] == vote].sum() for vote in votes[prompt, subset]
                ]
                leads = np.isclose(sums, max(sums))
                voted[prompt] += correct[prompt, subset][leads].mean()
        np.testing.assert_allclose(cells["best_of_n", size].accuracy, best / len(subsets))
        if size > 1:
            np.testing.assert_allclose(cells["weighted_vote", size].accuracy, voted / len(subsets), atol=1e-9)


def test_everything_written_and_read_is_paid_for_under_every_cost_model(run: Path) -> None:
    search(run, "125k", DVTS, by_chance(0.4))
    for reading in reading_of(run).every_cost():
        if reading.choices.cost == "samples":
            continue
        arm = reading.arms[0]
        [found] = searches.read(run, reading.outcomes).searches
        cell = {cell.size: cell for cell in question.search_cells(reading, found) if cell.rule == "best_of_n"}
        model, shape, of_verifier = reading.cost, arm.rung.shape, arm.verifier.shape
        prompt = arm.prompt_tokens[0]
        one = lambda value: np.array([float(value)])  # noqa: E731
        each = sum(model.decode(shape, one(prompt + start), one(tokens))[0] for start, tokens in DVTS.ways)
        each += model.decode(shape, one(prompt + DVTS.thinking), one(DVTS.answer))[0]
        each += sum(model.prefill(of_verifier, one(tokens))[0] for tokens in DVTS.readings)
        for size in range(1, 5):
            expected = model.prefill(shape, one(prompt))[0] + size * each
            np.testing.assert_allclose(cell[size].cost[0], expected)
    written = sum(tokens for _, tokens in DVTS.ways) + DVTS.answer
    reading = reading_of(run, cost="tokens")
    [found] = searches.read(run, reading.outcomes).searches
    last = list(question.search_cells(reading, found))[3]
    assert last.cost[0] == 14 + 4 * (written + sum(DVTS.readings))


def test_paths_of_unlike_cost_are_paid_for_on_average() -> None:
    spent = Spent(
        way_path=np.array([0, 0, 1, 3]),
        way_start=np.array([0, 5, 0, 0]),
        way_tokens=np.array([5, 7, 11, 13]),
        read_path=np.array([1, 3]),
        read_tokens=np.array([17, 19]),
        answer_start=np.array([[5, 11], [0, 13]]),
        answer_tokens=np.array([[1, 2], [3, 4]]),
    )
    tokens, shape = choose("tokens"), Shape(10, 1, 1, 32)
    prompts = np.array([100, 200])
    each = path_cost(tokens, shape, shape, prompt_tokens=prompts, spent=spent)
    np.testing.assert_array_equal(each, [[13, 30], [3, 36]])
    cost = search_cost(tokens, shape, each, prompt_tokens=prompts, num_paths=np.array([1, 2]))
    np.testing.assert_array_equal(cost, [[121.5, 143], [219.5, 239]])


def test_a_beam_is_read_with_all_of_its_paths_alone(run: Path) -> None:
    search(run, "125k", BEAM, by_chance(0.4))
    found = measured(run)
    assert set(found.settings["search"]) == {"beam"} and set(found.settings["paths"]) == {3}


def test_samples_of_the_same_cost_cost_the_same(run: Path) -> None:
    search(run, "125k", DVTS, by_chance(0.4))
    reading = reading_of(run)
    part = reading.bins[0]
    samples = [cell for cell in question.sampling_cells(reading, 0, 5) if cell.rule == "maj_at_k"]
    costs = [float(cell.cost.mean()) for cell in samples]
    for cost in np.linspace(costs[0], costs[-1], 7):
        mixed = equal_cost.at_cost(samples, cost, part)
        assert mixed is not None
        np.testing.assert_allclose(np.interp(mixed.size, [cell.size for cell in samples], costs), cost)
    assert equal_cost.at_cost(samples, costs[-1] * 1.01, part) is None
    assert equal_cost.at_cost(samples, costs[0] * 0.99, part) is None


@pytest.mark.parametrize(
    ("on_hard", "on_easy", "told"),
    [
        (1.0, 0.0, "so it does in this run"),
        (0.0, 1.0, "this run says otherwise"),
        (0.0, 0.0, "this run says otherwise"),
        (1.0, None, "this run shows one of the two"),
    ],
)
def test_what_is_planted_comes_out(run: Path, on_hard: float, on_easy: float | None, told: str) -> None:
    def outcome(prompt: int, path: int, rng: np.random.Generator) -> tuple[bool, float]:
        chance = on_hard if IS_HARD[prompt] else on_easy
        if chance is None:
            # As a sample.
            chance = 1 / (1 + np.exp(-1.4 * (0.8 - DIFFICULTY[prompt])))
        return bool(rng.random() < chance), float(rng.normal())

    search(run, "125k", DVTS, outcome)
    reading = reading_of(run, binning=Binning(num_bins=2))
    found = question.measure(reading, searches.read(run, reading.outcomes).searches)
    [line] = search_text.verdicts(found.levels)
    if on_easy is not None:
        assert line.endswith(f"{told}.")
    hard = found.levels[found.levels["level"] == 1].iloc[-1]
    assert (hard["gain_low"] > 0) == (on_hard == 1.0)


@pytest.mark.long
def test_choosing_on_one_half_and_reading_on_the_other_gains_nothing_from_noise(plant: Any, ladder: Any) -> None:
    gains = []
    for seed in range(6):
        root = plant(ladder[1:2], num_prompts=NUM_PROMPTS, num_samples=NUM_SAMPLES, name=f"run{seed}", seed=seed)
        score(root, lambda row, rng: {"score": float(rng.normal())}, seed=seed)
        hardness = np.random.default_rng(seed).normal(size=NUM_PROMPTS)

        def outcome(
            prompt: int, path: int, rng: np.random.Generator, hardness: np.ndarray = hardness
        ) -> tuple[bool, float]:
            chance = 0.98 / (1 + np.exp(-1.4 * (0.8 - hardness[prompt])))
            return bool(rng.random() < chance), float(rng.normal())

        for width in range(2, 6):
            search(root, "125k", Plan(width, together=True), outcome, seed=seed)
        levels = measured(root).levels
        gains.append(float(levels[(levels["bin"] == "all prompts") & (levels["level"] == 1)]["gain"].iloc[0]))
    # A vote gains over coin tosses, so that a search that tosses coins never seems to win.
    assert np.mean(gains) < 0.03


def test_searches_change_nothing_that_is_read_of_samples(run: Path) -> None:
    before = outcomes.load(run, scoring=Scoring("rm"))
    search(run, "125k", DVTS, by_chance(0.9))
    search(run, "125k", BEAM, by_chance(0.9))
    after = outcomes.load(run, scoring=Scoring("rm"))
    assert [arm.rung for arm in after.arms] == [arm.rung for arm in before.arms]
    assert after.budgets.tolist() == before.budgets.tolist() and after.num_samples == before.num_samples
    np.testing.assert_array_equal(after.arms[0].samples.correct, before.arms[0].samples.correct)


def test_a_search_that_cannot_be_compared_is_left_out_with_the_reason(run: Path) -> None:
    search(run, "125k", DVTS, by_chance(0.5), leave_out=lambda prompt, path: prompt == 3)
    search(run, "125k", Plan(2, together=True), by_chance(0.5), leave_out=lambda prompt, path: prompt == path == 1)
    search(run, "125k", Plan(5, together=True), by_chance(0.5), budget=99)
    search(run, "125k", BEAM, by_chance(0.5))
    reading = reading_of(run)
    found = searches.read(run, reading.outcomes)
    assert [each.name for each in found.searches] == ["beam of 3"]
    told = " ".join(found.notes)
    assert "(dvts) is left out: 1 of 90 prompts lack graded paths" in told
    assert told.count("1 of 90 prompts") == 2 and "its budget is 99" in told


def test_fewer_subtrees_are_read_where_some_prompts_have_fewer(run: Path) -> None:
    search(run, "125k", DVTS, by_chance(0.5), leave_out=lambda prompt, path: prompt == 3 and path > 1)
    reading = reading_of(run)
    [found] = searches.read(run, reading.outcomes).searches
    assert found.num_paths == 2


def test_a_search_by_another_version_of_the_verifier_is_left_out(plant: Any, ladder: Any) -> None:
    root = plant(ladder[1:2], num_prompts=20, num_samples=4)
    score(root, noisy, version="2")
    search(root, "125k", DVTS, by_chance(0.5))
    reading = reading_of(root)
    found = searches.read(root, reading.outcomes)
    assert not found.searches and "another version of the verifier" in found.notes[0]


def test_a_path_without_its_cost_is_damage(run: Path) -> None:
    search(run, "125k", DVTS, by_chance(0.5))
    for shard in (run / "searches").glob("*.parquet"):
        shard.unlink()
    reading = reading_of(run)
    with pytest.raises(ValueError, match="without what they cost"):
        searches.read(run, reading.outcomes)


def test_searches_that_are_called_alike_are_told_apart(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search(run, "125k", DVTS, by_chance(0.4), max_steps=8)
    search(run, "125k", DVTS, by_chance(0.9), name="deeper", max_steps=16, aggregate="\x1b[2J")
    search(run, "125k", BEAM, by_chance(0.5))
    search(run, "125k", BEAM, by_chance(0.5), name="wide", expansions=4)
    reading = reading_of(run)
    read = searches.read(run, reading.outcomes).searches
    assert [each.name for each in read] == ["dvts", "dvts#2", "beam of 3", "beam#2 of 3"]
    assert [each.expansions for each in read] == [2, 2, 2, 4]
    settings = question.measure(reading, read).settings
    by = ["model", "bin", "search", "paths", "rule"]
    assert not settings[by].duplicated().any() and len(settings) == 18 * settings["bin"].nunique()
    assert isoquant(["search", str(run)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert '125k, dvts#2 (aggregate "\\u001b[2J", max_steps 16), 2 ways on a step' in said
    assert "dvts#2 4" in said and "beam#2 3" in said and "beam#2 of 3, 4 ways on a step" in said
    isoquant(["health", str(run), "--json"])
    names = [row["search"] for row in json.loads(capsys.readouterr().out)["searches"]]
    assert names == ["dvts", "dvts#2", "beam of 3", "beam#2 of 3"]


@pytest.mark.parametrize("told", ["x", None, [1], -3, 2.5, {}])
def test_of_a_number_of_ways_that_is_none_one_is_read(run: Path, told: Any) -> None:
    search(run, "125k", DVTS, by_chance(0.4), expansions=told)
    [found] = searches.read(run, reading_of(run).outcomes).searches
    assert found.expansions == 1


def test_a_search_of_which_nothing_is_declared_is_left_out(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search(run, "125k", BEAM, by_chance(0.5))
    identity = search(run, "125k", DVTS, by_chance(0.4))
    cells = store.scan(run, schema.CELLS).to_pylist()
    shutil.rmtree(run / "cells")
    store.append(run, schema.CELLS, [cell for cell in cells if cell["identity"] != identity], writer="125k")
    found = searches.read(run, reading_of(run).outcomes)
    assert [each.name for each in found.searches] == ["beam of 3"]
    assert "(dvts) is left out: the run does not say what was asked of it" in found.notes[0]
    assert isoquant(["health", str(run)]) == 0
    assert "125k dvts" in capsys.readouterr().out


def rewrite(run: Path, change: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> None:
    """Put in the place of each row of the searches what `change` makes of it."""
    rows = store.scan(run, schema.SEARCHES).to_pylist()
    shutil.rmtree(run / "searches")
    store.append(run, schema.SEARCHES, [changed for row in rows for changed in change(row)], writer="125k")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("nothing", [np.inf, -np.inf, np.nan, 1e308, None])
def test_a_path_whose_score_is_no_finite_number_is_a_refused_one(run: Path, nothing: float | None) -> None:
    search(run, "125k", DVTS, by_chance(0.5))
    rewrite(run, lambda row: [row | ({"score": nothing} if row["sample"] == 1 else {})])
    reading = reading_of(run)
    [found] = searches.read(run, reading.outcomes).searches
    refused = found.arm.scores.refused[0]
    assert refused[:, 1].all() and refused.sum() == NUM_PROMPTS
    assert not question.measure(reading, [found]).settings.empty


def test_paths_that_several_versions_judged_are_damage(run: Path) -> None:
    search(run, "125k", DVTS, by_chance(0.5))
    rewrite(run, lambda row: [row | {"scorer_version": str(1 + row["sample"] % 2)}])
    with pytest.raises(ValueError, match="is damaged: 2 versions of a verifier judged the paths"):
        searches.read(run, reading_of(run).outcomes)


def test_what_paths_of_another_pool_cost_is_not_charged(run: Path) -> None:
    search(run, "125k", DVTS, by_chance(0.5))
    reading = reading_of(run)
    [before] = searches.read(run, reading.outcomes).searches
    rewrite(run, lambda row: [row, row | {"pool": "bins", "num_read_tokens": 1000, "score": 9.0}])
    [after] = searches.read(run, reading.outcomes).searches
    assert after.read_tokens == before.read_tokens
    np.testing.assert_array_equal(after.spent.way_path, before.spent.way_path)
    np.testing.assert_array_equal(after.arm.scores.score, before.arm.scores.score)


def test_a_run_without_a_search_says_how_one_is_drawn(run: Path) -> None:
    with pytest.raises(ValueError, match="strategy=dvts"):
        searches.read(run, reading_of(run).outcomes)


def test_the_command_prints_a_screen_wide_and_stores_what_it_prints(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search(run, "125k", DVTS, by_chance(0.5))
    search(run, "125k", BEAM, by_chance(0.5))
    isoquant(["search", str(run), "--json", "--out", str(tmp_path / "tables")])
    printed = json.loads(capsys.readouterr().out)
    assert {"settings", "levels", "notes", "cautions", "rule"} <= printed.keys()
    costs = {row["cost_model"] for row in printed["settings"]}
    assert {"c1", "c2", "c3", "tokens"} <= costs and "samples" not in costs
    for name in ("settings", "levels"):
        assert len(pd.read_csv(tmp_path / "tables" / f"{name}.csv")) == len(printed[name])
    isoquant(["search", str(run)])
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 120
    assert "Snell et al. (2024)" in said and "beam 3" in said and "dvts 4" in said
    assert isoquant(["search", str(run), "--difficulty", "own"])
    assert "no bins of its own" in capsys.readouterr().err


def options() -> argparse.Namespace:
    return argparse.Namespace(task=None, anchor=None, **dict.fromkeys(arguments.OF_SCORES))


def test_figures_draw_it_and_the_report_has_a_section_where_a_run_was_searched(run: Path, tmp_path: Path) -> None:
    base = read(outcomes.load(run), Choices())
    assert figures.of_searches(run, base, options()) == [] == command.of_run(run, base, options())
    search(run, "125k", DVTS, by_chance(0.5))
    search(run, "125k", BEAM, by_chance(0.5))
    (wanted,) = figures.of_searches(run, base, options())
    frame = wanted.frame_of()
    asked = command.of_run(run, base, options())
    pd.testing.assert_frame_equal(frame[list(asked[0].found.levels.columns)], measured(run).levels)
    assert set(frame["verifier"]) == {"rm"}
    assert wanted.name == "search" and faults(wanted.draw(frame)) == []
    # Bins and cost are the reader's, as of every figure.
    chosen = read(outcomes.load(run), Choices(binning=Binning(num_bins=2), cost="tokens"))
    assert set(figures.of_searches(run, chosen, options())[0].frame_of()["cost_unit"]) == {"tokens"}
    assert isoquant(["report", str(run), "--out", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "Does search beat samples?" in page and "dvts, 2 ways on a step, chosen by rm" in page
    own = read(outcomes.load(run), Choices(binning=Binning(difficulty="own")))
    with pytest.raises(UntoldError, match="No search of this run"):
        figures.of_searches(run, own, options())[0].frame_of()


def test_searches_of_several_models_stand_in_one_figure(run: Path) -> None:
    search(run, "125k", DVTS, by_chance(0.5))
    (wanted,) = figures.of_searches(run, read(outcomes.load(run), Choices()), options())
    frame = wanted.frame_of()
    several = pd.concat([frame, frame.assign(model="a-model-with-a-long-name-instruct-32b")])
    assert faults(wanted.draw(several)) == []


def test_a_search_whose_verifier_did_not_score_the_samples_is_left_out(plant: Any, ladder: Any) -> None:
    root: Path = plant(ladder[1:2], num_prompts=NUM_PROMPTS, num_samples=NUM_SAMPLES)
    search(root, "125k", DVTS, by_chance(0.5))
    base = read(outcomes.load(root), Choices())
    assert command.of_run(root, base, options()) == []
    with pytest.raises(UntoldError, match="No search of this run"):
        figures.of_searches(root, base, options())[0].frame_of()


def test_health_tells_what_searches_are_made_of(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    isoquant(["health", str(run), "--json"])
    assert "searches" not in json.loads(capsys.readouterr().out)
    search(run, "125k", DVTS, by_chance(0.5), leave_out=lambda prompt, path: prompt == 3)
    search(run, "125k", BEAM, lambda prompt, path, rng: (True, float("nan") if prompt < 2 else 1.0))
    isoquant(["health", str(run), "--json"])
    subtrees, beam = json.loads(capsys.readouterr().out)["searches"]
    assert (subtrees["num_paths"], subtrees["num_asked"]) == (NUM_PROMPTS * 4 - 4, NUM_PROMPTS * 4)
    assert (subtrees["num_written_tokens"], subtrees["num_read_tokens"]) == (44, 159)
    assert (subtrees["num_kept_tokens"], subtrees["num_refused"], beam["num_refused"]) == (25, 0, 6)
    isoquant(["health", str(run)])
    said = capsys.readouterr().out
    assert "125k beam of 3" in said and max(map(len, said.splitlines())) <= 120


def test_stored_searches_have_the_columns_of_the_table(run: Path) -> None:
    identity = search(run, "125k", DVTS, by_chance(0.5))
    assert store.scan(run, schema.SEARCHES, identity=identity).num_rows == NUM_PROMPTS * 4
