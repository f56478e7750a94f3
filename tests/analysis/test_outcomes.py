import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.runs import outcomes
from analysis.runs.rungs import _tell_apart
from results import schema, store
from results.shards import list_shards
from tests.results.made_runs import Made

Edit = Callable[[dict], dict | None]


def rewrite(root: Path, to: Path, **edits: Edit) -> Path:
    """A copy of a run with a table's rows edited; None leaves a row out."""
    for name, table in schema.TABLES.items():
        edit = edits.get(name, lambda row: row)
        rows = [edited for row in store.scan(root, table).to_pylist() if (edited := edit(row)) is not None]
        store.append(to, table, rows, writer="copy")
    return to


@pytest.fixture
def small_run(plant, ladder) -> Path:
    return plant(ladder[:2], num_prompts=6, num_samples=4, bin_samples=2)


def test_every_cell_holds_what_a_run_capped_there_would_have_given(small_run: Path):
    loaded = outcomes.load(small_run)
    answers = {}
    grades = store.scan(small_run, schema.GRADES).to_pylist()
    for answer, grade in zip(store.scan(small_run, schema.ANSWERS).to_pylist(), grades, strict=True):
        answers[answer["identity"], answer["prompt_id"], answer["pool"], answer["sample"], answer["budget"]] = (
            answer | grade
        )
    for arm in loaded.arms:
        for (b, p, s), correct in np.ndenumerate(arm.samples.correct):
            key = (arm.rung.identity, loaded.prompt_ids[p], "evaluation", s)
            natural = answers.get((*key, None))
            ends = natural is not None and natural["num_thinking_tokens"] <= loaded.budgets[b]
            row = natural if ends else answers[*key, int(loaded.budgets[b])]
            assert correct == row["correct"]
            assert arm.samples.forced[b, p, s] == row["forced"]
            assert arm.samples.thinking_tokens[b, p, s] == row["num_thinking_tokens"]
            assert (
                arm.decoded_tokens[b, p, s]
                == row["num_thinking_tokens"] + row["num_answer_tokens"] + row["forced"]
            )


def test_votes_agree_exactly_where_vote_keys_do(small_run: Path):
    arm = outcomes.load(small_run).arms[0]
    rows = [row for row in store.scan(small_run, schema.GRADES, identity=arm.rung.identity).to_pylist()]
    rows = [
        row
        for row in rows
        if row["prompt_id"].endswith("0") and row["budget"] == 0 and row["pool"] == "evaluation"
    ]
    keys = [row["vote_key"] for row in sorted(rows, key=lambda row: row["sample"])]
    votes = arm.samples.votes[0, 0]
    for one, first in zip(votes, keys, strict=True):
        assert (one < 0) == (first is None)
        for other, second in zip(votes, keys, strict=True):
            assert first is None or (one == other) == (first == second)


def test_rungs_are_ordered_by_size_and_keep_their_shapes(ladder_run: Path, ladder):
    arms = outcomes.load(ladder_run).arms
    assert [arm.rung.name for arm in arms] == [rung.name for rung in ladder]
    assert arms[0].rung.shape[:5] == (33_000, 3, 1, 32, 1)
    assert arms[0].prompt_tokens.tolist() == [14] * 120


def test_the_pool_for_bins_stays_out_of_the_evaluation(ladder_run: Path):
    loaded = outcomes.load(ladder_run)
    assert loaded.bins is not None
    assert loaded.bins.rung == loaded.arms[-1].rung
    assert loaded.bins.samples.correct.shape == (1, 120, 8)
    assert loaded.arms[-1].samples.correct.shape == (6, 120, 16)


@pytest.mark.parametrize("pool", ["evaluation", "bins"])
def test_a_prompt_that_lacks_a_sample_leaves_every_arm_and_is_listed(small_run: Path, tmp_path: Path, pool: str):
    def without_one(row: dict) -> dict | None:
        lacks = row["identity"].startswith("125k") and row["prompt_id"] == "planted/0003" and row["pool"] == pool
        return None if lacks and row["sample"] == 1 else row

    loaded = outcomes.load(rewrite(small_run, tmp_path / "short", answers=without_one))
    assert "planted/0003" not in loaded.prompt_ids
    assert all(arm.samples.correct.shape[1] == len(loaded.prompt_ids) == 5 for arm in loaded.arms)
    lacking = ("125k",) if pool == "evaluation" else ("125k (bins)",)
    assert loaded.dropped == (outcomes.Dropped("planted/0003", lacking),)


def test_an_ungraded_answer_is_missing_and_not_wrong(small_run: Path, tmp_path: Path):
    def ungraded(row: dict) -> dict | None:
        return (
            None
            if row["prompt_id"] == "planted/0002" and row["sample"] == 0 and row["pool"] == "evaluation"
            else row
        )

    loaded = outcomes.load(rewrite(small_run, tmp_path / "ungraded", grades=ungraded))
    assert [drop.prompt_id for drop in loaded.dropped] == ["planted/0002"]


@pytest.mark.parametrize(("num_grown", "num_samples"), [(3, 2), (6, 4)])
def test_a_grid_half_grown_counts_the_samples_that_all_prompts_have(
    small_run: Path, tmp_path: Path, num_grown: int, num_samples: int
):
    def grown(row: dict) -> dict | None:
        is_late = row["pool"] == "evaluation" and row["sample"] >= 2
        return None if is_late and int(row["prompt_id"][-4:]) >= num_grown else row

    root = rewrite(small_run, tmp_path / "grown", answers=grown, grades=grown)
    cells = store.scan(root, schema.CELLS).to_pylist()
    earlier = [cell | {"num_samples": 2} for cell in cells if cell["pool"] == "evaluation"]
    store.append(root, schema.CELLS, earlier, writer="copy")
    loaded = outcomes.load(root)
    assert (loaded.num_samples, len(loaded.prompt_ids)) == (num_samples, 6)


def test_a_budget_that_one_model_lacks_is_left_out(small_run: Path, tmp_path: Path):
    def without_budget(row: dict) -> dict | None:
        return None if row["identity"].startswith("33k") and row["budget"] == 64 else row

    root = rewrite(small_run, tmp_path / "fewer", cells=without_budget)
    assert outcomes.load(root).budgets.tolist() == [0, 16, 32, 128, 256]


def test_a_model_without_graded_answers_is_listed_and_leaves_the_others_whole(small_run: Path, tmp_path: Path):
    def waiting(row: dict) -> dict | None:
        return None if row["identity"].startswith("33k") else row

    loaded = outcomes.load(rewrite(small_run, tmp_path / "waiting", grades=waiting))
    assert loaded.unfinished == ("33k",)
    assert [arm.rung.name for arm in loaded.arms] == ["125k"]
    assert len(loaded.prompt_ids) == 6


def test_the_highest_grader_version_counts(small_run: Path):
    for version in ("9", "10"):
        rows = [row | {"grader_version": version} for row in store.scan(small_run, schema.GRADES).to_pylist()]
        rows = [row | {"correct": version == "10"} for row in rows if row["grader_version"] == version]
        store.append(small_run, schema.GRADES, rows, writer="again")
    loaded = outcomes.load(small_run)
    assert loaded.grader_version == "10"
    assert all(arm.samples.correct.all() for arm in loaded.arms)


def test_two_identities_of_one_name_are_told_apart(small_run: Path, tmp_path: Path):
    root = rewrite(small_run, tmp_path / "twins", models=lambda row: row | {"model": "twin", "num_params": 1})
    assert [arm.rung.name for arm in outcomes.load(root).arms] == ["twin@125k-i", "twin@33k-id"]


def test_prompt_lengths_are_known_where_no_thinking_was_sampled(small_run: Path, tmp_path: Path):
    root = rewrite(
        small_run,
        tmp_path / "plain",
        traces=lambda row: None,
        cells=lambda row: row if row["budget"] == 0 else None,
        answers=lambda row: row if row["budget"] == 0 else None,
    )
    loaded = outcomes.load(root)
    assert loaded.arms[0].prompt_tokens.tolist() == [15] * 6
    assert loaded.budgets.tolist() == [0]


def test_a_run_of_several_tasks_asks_for_one(small_run: Path, tmp_path: Path):
    root = rewrite(small_run, tmp_path / "tasks", models=lambda row: row | {"task": f"task of {row['model']}"})
    with pytest.raises(ValueError, match=r"Choose one task of \['task of 125k', 'task of 33k'\]"):
        outcomes.load(root)
    assert [arm.rung.name for arm in outcomes.load(root, task="task of 33k").arms] == ["33k"]


def test_an_anchor_without_held_out_samples_is_refused_with_the_anchors_there_are(small_run: Path):
    with pytest.raises(
        ValueError, match=r"'33k' has no samples held out for bins; anchors of this run: \['125k'\]"
    ):
        outcomes.load(small_run, anchor="33k")


def test_an_empty_folder_says_what_to_run(tmp_path: Path):
    with pytest.raises(ValueError, match="No graded answers in .*. Run `isoquant sweep`"):
        outcomes.load(tmp_path)


def test_a_damaged_table_says_so_in_one_line(small_run: Path):
    shard = next((small_run / "answers").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-40])
    with pytest.raises(ValueError, match="Damaged tables in") as caught:
        outcomes.load(small_run)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ({"sampling": {}}, {"sampling": {"temperature": 0.6}}, ["m temperature=default", "m temperature=0.6"]),
        ({"quantization": None}, {"quantization": "fp8"}, ["m quantization=None", "m quantization=fp8"]),
        ({"weights": "sha256:" + "0" * 32}, {"weights": "sha256:" + "1" * 32}, ["m@aaaaaa", "m@bbbbbb"]),
        (None, {"seed": 1}, ["m@aaaaaa", "m@bbbbbb"]),
    ],
    ids=["sampling", "quantization", "too long to tell", "not recorded"],
)
def test_two_identities_of_a_model_are_named_by_what_differs(first: Any, second: Any, names: list[str]) -> None:
    rows = [
        {"model": "m", "identity": letter * 8, "identity_parts": json.dumps(parts) if parts else None}
        for letter, parts in (("a", first), ("b", second))
    ]
    assert list(_tell_apart(pd.DataFrame(rows))) == names


@pytest.mark.parametrize("sample", [2**31 - 1, 20_000])
def test_a_sample_numbered_far_beyond_all_rows_is_damage(small_run: Path, tmp_path: Path, sample: int) -> None:
    change = lambda row: row | {"sample": sample} if row["sample"] == 3 else row  # noqa: E731
    with pytest.raises(ValueError, match=f"is damaged: a row of .* is of sample {sample:,}, and its rows are "):
        outcomes.load(rewrite(small_run, tmp_path / "far", answers=change))


def test_models_that_have_grown_in_no_cell_alike_are_told_to_be_drawn_on(tmp_path: Path) -> None:
    made = Made()
    made.write(tmp_path)
    for table in (schema.ANSWERS, schema.GRADES):
        rows = store.scan(tmp_path, table).to_pylist()
        for path in list_shards(tmp_path / table.name):
            path.unlink()
        firsts = sorted({row["prompt_id"] for row in rows})[:3]
        is_small = {made.identity("small"): True, made.identity("large"): False}
        # Of these prompts the small model lacks the deeper budget, and the large one the other.
        kept = [r for r in rows if r["prompt_id"] not in firsts or is_small[r["identity"]] == (r["budget"] == 0)]
        store.append(tmp_path, table, kept, writer="again")
    with pytest.raises(
        ValueError, match="No cell of .* has been reached by nearly all prompts of every model; run"
    ):
        outcomes.load(tmp_path)
