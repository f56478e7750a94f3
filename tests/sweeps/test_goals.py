"""Sweeps with a goal, drawn in rounds on a scripted engine: what is decided, stored, paid for,
and gone on with.
"""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from results import decisions, store
from results.schema import ANSWERS, DECISIONS, GRADES, TRACES
from tests import forked

# CI has three.
KILLS = int(os.environ.get("ISOQUANT_KILLS", 20))
MODELS = ("countdown-33k", "countdown-125k")
GRID = [
    *("experiment=embedded", "engine._target_=tests.scripted_settings.Scripted", "probe=false"),
    *("scorers=[]", "task.size=40", "grid.widths=[1,2,4]", "grid.budgets=[0,16]", "grid.reference_budget=16"),
    *("grid.anchor=null", "engine.max_num_seqs=4", "engine.gpu_memory_utilization=0.3"),
]
GOAL = ("goal=accuracy", "goal.points=4", "goal.pilot_prompts=10", "goal.start_tokens=2000")


def sweep(root: Path, *words: str, code: int = 0, models: tuple[str, ...] = MODELS) -> str:
    """Pursue a goal; what was said."""
    ended = forked.run("sweeps", *GRID, f"model={','.join(models)}", f"run={root}", *words)
    assert ended.code == code and "Traceback" not in ended.err, ended.out + ended.err
    return ended.out + ended.err


def rows(root: Path, table=ANSWERS) -> pd.DataFrame:
    found = store.scan(root, table).to_pandas()
    found = found.astype(
        {name: object for name in table.key if name != "sample" and found[name].dtype == "category"}
    )
    return found.drop(columns=["seconds"], errors="ignore").sort_values([*table.key], ignore_index=True)


def assert_same(one: Path, other: Path) -> None:
    for table in (TRACES, ANSWERS, GRADES):
        pd.testing.assert_frame_equal(rows(one, table), rows(other, table), check_categorical=False)


def num_tokens(root: Path) -> int:
    return int(rows(root, TRACES)["num_thinking_tokens"].sum() + rows(root)["num_answer_tokens"].sum())


@pytest.fixture(scope="module")
def met(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("goals") / "met"
    said = sweep(root, *GOAL)
    assert "After the pilot:" in said and "Next, for countdown-" in said
    return root


def test_rounds_go_on_until_no_more_may_be_drawn_and_every_decision_is_stored(met: Path) -> None:
    found = decisions.read(met)
    assert [row["round"] for row in found] == list(range(len(found))) and len(found) >= 3
    assert all(row["end"] is None for row in found[:-1]) and found[-1]["end"] in ("known", "limits")
    assert found[0]["targets"] == {name: [10, 2] for name in MODELS}
    prompts = [row["targets"][MODELS[0]][0] for row in found]
    assert prompts == sorted(prompts) and prompts[-1] > 10
    assert [row["num_tokens"] for row in found] == sorted(row["num_tokens"] for row in found)
    assert found[-1]["num_tokens"] == num_tokens(met)
    samples = rows(met).groupby(["identity", "prompt_id"])["sample"].nunique()
    assert samples.groupby("identity").nunique().eq(1).all(), "every prompt of a model has as many samples"


def test_the_same_sweep_again_draws_nothing_and_says_the_same(met: Path) -> None:
    before = {path: path.read_bytes() for path in met.glob("*/*.parquet")}
    said = sweep(met, *GOAL)
    assert {path: path.read_bytes() for path in met.glob("*/*.parquet")} == before
    assert "samples to draw" not in said or "no samples to draw" in said
    assert re.search(r"countdown-33k, all prompts: 0\.0%", said)


def test_a_run_is_gone_on_with_by_its_name_towards_its_goal_or_another(met: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(met, tmp_path / "run"))
    stored, before = decisions.read(root), rows(root)
    assert set(stored[0]["words"]) == {*GOAL, "task.size=40", "grid.widths=[1,2,4]", "grid.anchor=null"}
    target = GRID[1]
    again = forked.run("isoquant", "sweep", str(root), target)
    assert again.code == 0 and "no samples to draw" in again.out, again.out + again.err
    assert decisions.read(root) == stored
    other = forked.run("isoquant", "sweep", str(root), target, "goal.points=8", "task.size=20")
    assert other.code == 0 and "After the pilot:" in other.out, other.out + other.err
    found = decisions.read(root)
    assert found[0]["goal"] != stored[0]["goal"] and {"goal.points=8", "task.size=20"} <= set(found[0]["words"])
    pd.testing.assert_frame_equal(rows(root), before, check_categorical=False)
    more = forked.run("isoquant", "sweep", str(root), target, "+task.size=8")
    assert more.code == 2 and "give the most that it may draw" in more.err.lower(), more.err
    plain = forked.run("isoquant", "sweep", str(root), target, "goal=null", "task.size=41", "grid.widths=[1,2,4]")
    assert plain.code == 0 and "After" not in plain.out, plain.out + plain.err
    drawn = rows(root).groupby("identity", observed=True)["prompt_id"].nunique()
    assert set(drawn) == {41}


def test_the_rows_are_those_of_plain_sweeps_asked_for_the_same_numbers(met: Path, tmp_path: Path) -> None:
    for name, (prompts, samples) in decisions.read(met)[-1]["targets"].items():
        widths = ",".join(str(width) for width in (1, 2, 4) if width <= samples)
        sweep(tmp_path, f"task.size={prompts}", f"grid.widths=[{widths}]", models=(name,))
    assert_same(met, tmp_path)
    read = [forked.run("isoquant", "summary", str(root), "--json") for root in (met, tmp_path)]
    assert [each.code for each in read] == [0, 0]
    assert read[0].out.replace(str(met), "") == read[1].out.replace(str(tmp_path), "")


@pytest.mark.long
def test_a_cap_is_kept_and_a_higher_one_goes_on_to_the_same_rows(met: Path, tmp_path: Path) -> None:
    most = num_tokens(met) // 2
    said = sweep(tmp_path, *GOAL, f"goal.max_tokens={most}")
    assert "The cap is reached." in said and "It would take about" in said and "% of the cap" in said
    # Four requests of sixteen tokens or an answer's thirty-two may be under way in each of two jobs.
    assert num_tokens(tmp_path) <= most + 2 * 4 * 32
    again = sweep(tmp_path, *GOAL, f"goal.max_tokens={most}")
    assert "so far" in again and num_tokens(tmp_path) <= most + 2 * 4 * 32
    sweep(tmp_path, *GOAL)
    assert_same(met, tmp_path)


@pytest.mark.long
def test_a_model_that_fails_leaves_the_goals_of_the_others_standing(met: Path, tmp_path: Path) -> None:
    said = sweep(tmp_path, *GOAL, "+engine.victim=countdown-33k", "+engine.num_sound=5", code=1)
    assert "countdown-33k: failed, so that what is asked of it stays open." in said
    found = decisions.read(tmp_path)
    assert [known["name"] for known in found[-1]["known"]] == ["countdown-125k, all prompts"]
    assert found[-1]["targets"]["countdown-125k"][0] > 10
    sweep(tmp_path, *GOAL)
    of_other = rows(met)["identity"].isin(rows(tmp_path)["identity"].unique())
    assert of_other.all()


def test_what_does_not_fit_together_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    for words, told in (
        (("goal=accuracy", "goal.points=0"), "goal.points must be above 0"),
        (("goal=exchange_rates", "goal.pairs=[a]"), "goal.pairs are written SMALL:LARGE"),
        (("goal=decide", "goal.along=depth"), "goal.along"),
        (("goal=compare", "goal.alpha=0.7"), "goal.alpha must lie between 0 and 0.5"),
        (("goal=accuracy", "goal.max_usd=1"), "has none. Give the dollars"),
        (("goal=accuracy", "strategy=think_twice", "grid.rounds=[1,2]"), "A goal is pursued with one job a model"),
    ):
        said = sweep(tmp_path, *words, code=2)
        assert told in said, said
    assert not (tmp_path / ANSWERS.name).exists()


@pytest.mark.long
def test_kills_at_random_moments_end_with_the_rows_of_an_undisturbed_sweep(met: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(20261130)
    words = [
        *GRID,
        f"model={','.join(MODELS)}",
        f"run={tmp_path / 'run'}",
        *GOAL,
        "+engine.seconds_a_request=0.02",
        "flush_seconds=0",
    ]
    num_killed = 0
    for number in range(60):
        files = [tmp_path / f"{number}.{stream}" for stream in ("out", "err")]
        process = forked.start("sweeps", *words, files=files)
        process.join(float(rng.uniform(2, 30)))
        if process.exitcode is not None:
            (tmp_path / "run").rename(tmp_path / f"whole-{number}")
            assert_same(met, tmp_path / f"whole-{number}")
            continue
        process.kill()
        process.join()
        num_killed += 1
        if num_killed == KILLS:
            break
    assert num_killed >= KILLS
    sweep(tmp_path / "run", *GOAL)
    assert_same(met, tmp_path / "run")
    stored = store.scan(tmp_path / "run", DECISIONS).to_pandas()
    assert not stored.duplicated(["goal", "round"]).any()
    last, undisturbed = decisions.read(tmp_path / "run")[-1], decisions.read(met)[-1]
    assert last["targets"] == undisturbed["targets"] and last["known"] == undisturbed["known"]
