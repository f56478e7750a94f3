"""Two runs merged into one: every row of either once, or the reason why not."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from analysis.runs import outcomes
from isoquant.__main__ import main
from results import store
from results.closed import POOLED
from results.inspection import inspect
from results.schema import ANSWERS, CELLS, COUNTS, GRADES, MODELS, PROMPTS, SCORES, TABLES
from results.travel.packing import pack
from results.travel.union import merge
from sweeps.repair import repair
from tests.door import ingest
from tests.results.made_runs import Made

REAL = Path("results/real/svamp")


def rows(root: Path) -> dict[str, Counter[str]]:
    """Every row of a run, by its table."""
    return {name: Counter(map(repr, store.scan(root, table).to_pylist())) for name, table in TABLES.items()}


def merged(tmp_path: Path, first: Made, second: Made) -> Path:
    """Both as one, checked: sound, every row of either once, and neither changed."""
    roots = [made.write(tmp_path / name) for name, made in (("a", first), ("b", second))]
    before = [rows(root) for root in roots]
    root = merge(*roots, tmp_path / "c").root
    assert inspect(root) == ([], []) and [rows(each) for each in roots] == before
    assert rows(root) == {name: before[0][name] | before[1][name] for name in TABLES}
    return root


def refusal(tmp_path: Path, first: Made, second: Made) -> str:
    roots = [made.write(tmp_path / name) for name, made in (("a", first), ("b", second))]
    with pytest.raises(ValueError) as told:
        merge(*roots, tmp_path / "c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert "\n" not in str(told.value) and len(str(told.value)) < 600
    return str(told.value)


MERGED: dict[str, tuple[Made, Made]] = {
    "the same again": (Made(), Made()),
    "more samples": (Made(), Made(samples=range(8))),
    "other samples": (Made(samples=range(4)), Made(samples=range(4, 8))),
    "more budgets": (Made(), Made(budgets=(0, 8, 16, 32))),
    "more prompts": (Made(), Made(size=11)),
    "fewer prompts, more samples": (Made(), Made(size=3, samples=range(9))),
    "one model more": (Made(models=("small",)), Made(models=("small", "large"))),
    "other models": (Made(models=("small",)), Made(models=("large", "huge"))),
    "other models, asked otherwise": (
        Made(models=("small",)),
        Made(models=("large",), sampling={"temperature": 0.6}),
    ),
    "another grader's version": (Made(), Made(version="2")),
}


@pytest.mark.parametrize("kind", MERGED)
def test_runs_of_one_ladder_become_one(tmp_path: Path, kind: str) -> None:
    root = merged(tmp_path, *MERGED[kind])
    assert outcomes.load(root).arms
    assert not (root / POOLED).exists() and not list(root.glob("**/.*"))
    names = sorted(path.name for path in (root / "provenance").iterdir())
    models = {model for made in MERGED[kind] for model in made.models}
    assert names == sorted(f"{model}-000.json" for model in models)


REFUSED: dict[str, tuple[Made, Made, str]] = {
    "other weights": (Made(), Made(weights="sha256:v"), "differs in weights (sha256:w-"),
    "other sampling": (Made(), Made(sampling={"temperature": 0.6}), "sampling.temperature (its default and 0.6)"),
    "another seed of the run": (Made(), Made(run_seed=1), "differs in seed (0 and 1)"),
    "another task": (Made(), Made(params={"min": 3}), "sums differs in task.params.min (its default and 3)"),
    "another seed and another task": (
        Made(),
        Made(seed=5000, params={"min": 3}),
        "sums differs in task.params.min",
    ),
    "another seed and other weights": (Made(), Made(seed=5000, weights="sha256:v"), "differs in weights"),
    "another seed and other models": (
        Made(models=("small",)),
        Made(models=("huge",), seed=5000),
        "no model has samples",
    ),
    "a seed too near": (Made(), Made(seed=1002), "have 4 of 6 prompts in common, which would count twice"),
    "another seed, graded otherwise": (
        Made(),
        Made(seed=5000, version="2"),
        "grade both with the same version, then merge",
    ),
    "other texts of one sample": (
        Made(),
        Made(texts="!"),
        "different rows with the same key, so they cannot be merged: traces of",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_runs_that_are_not_of_one_ladder_are_refused_with_the_reason(tmp_path: Path, kind: str) -> None:
    first, second, reason = REFUSED[kind]
    assert reason in refusal(tmp_path, first, second)


def test_one_name_for_two_models_and_two_names_for_one_are_refused(tmp_path: Path) -> None:
    class Renamed(Made):
        def parts(self, model: str) -> dict[str, object]:
            return super().parts("small")

    assert "with the same settings, are called small and tiny" in refusal(
        tmp_path, Made(models=("small",)), Renamed(models=("tiny",))
    )


def test_the_time_that_a_sample_took_does_not_make_it_another_one(tmp_path: Path) -> None:
    class Calling(Made):
        tool_seconds = 0.5

        def _sample(self, *key: object) -> dict[str, list[dict[str, object]]]:
            drawn = super()._sample(*key)  # type: ignore[arg-type]
            for row in drawn["traces"]:
                row |= {"tool": "search", "query": "who?", "tool_seconds": self.tool_seconds}
            return drawn

    class Slower(Calling):
        tool_seconds = 2.0

        def _sample(self, *key: object) -> dict[str, list[dict[str, object]]]:
            drawn = super()._sample(*key)
            for row in (*drawn["traces"], *drawn["answers"]):
                row |= {"seconds": 9.0, "num_cached_tokens": 3}
            return drawn

    roots = [made.write(tmp_path / name) for name, made in (("a", Calling()), ("b", Slower(samples=range(6))))]
    root = merge(*roots, tmp_path / "c").root
    seconds = store.scan(root, ANSWERS).to_pandas().set_index("sample")["seconds"]
    assert set(seconds[seconds.index < 4]) == {0.5} and set(seconds[seconds.index >= 4]) == {9.0}


@pytest.mark.parametrize(("shift", "is_merged"), [(1e-4, True), (0.5, False)])
def test_the_last_digits_of_a_score_do_not_make_it_another_one(
    tmp_path: Path, shift: float, is_merged: bool
) -> None:
    shifted = Made(samples=range(5), score_shift=shift)
    roots = [made.write(tmp_path / name) for name, made in (("a", Made()), ("b", shifted))]
    if not is_merged:
        with pytest.raises(ValueError, match="different rows with the same key.*scores of identity"):
            merge(*roots, tmp_path / "c")
        return
    root = merge(*roots, tmp_path / "c").root
    held = [store.scan(each, SCORES).to_pandas().set_index(list(SCORES.key))["score"] for each in (roots[0], root)]
    assert held[1].loc[held[0].index].equals(held[0]) and len(held[1]) > len(held[0])


def test_other_seeds_are_pooled_with_the_seed_as_a_label_to_cluster_by(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roots = [
        made.write(tmp_path / name)
        for name, made in (("a", Made(size=30)), ("b", Made(seed=5000, size=20)), ("c", Made(seed=-9000, size=10)))
    ]
    root = merge(merge(roots[0], roots[1], tmp_path / "ab").root, roots[2], tmp_path / "abc").root
    loaded = outcomes.load(root)
    assert Counter(loaded.dials["task_seed"].tolist()) == {1000: 30, 5000: 20, -9000: 10}
    assert len(loaded.arms) == 2 and loaded.bins is not None and not loaded.dropped
    of_each = [outcomes.load(each) for each in roots]
    for at in range(2):
        right = sum(part.arms[at].stored.num_correct[-1].sum() for part in of_each)
        assert loaded.arms[at].stored.num_correct[-1].sum() == right > 0
    assert main(["summary", str(root), "--difficulty", "label", "--label", "task_seed"]) == 0
    assert main(["health", str(root)]) == 0 and "Left out at" not in capsys.readouterr().out
    with pytest.raises(ValueError, match="was merged from several seeds of a task, and a sweep draws only one"):
        repair(root)


def test_seeds_are_clusters_where_there_are_ten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seeds in (("a", range(1000, 6000, 1000)), ("b", range(7000, 12_000, 1000))):
        for seed in seeds:
            Made(seed=seed, models=("large",)).write(tmp_path / name)
    root = merge(tmp_path / "a", tmp_path / "b", tmp_path / "c").root
    assert len(outcomes.load(root).prompt_ids) == 60
    assert main(["summary", str(root), "--cluster", "task_seed"]) == 0


def test_runs_are_pooled_in_any_order_and_again_when_one_has_grown(tmp_path: Path) -> None:
    one, two, three = (
        Made(seed=seed, models=("large",)).write(tmp_path / f"{seed}") for seed in (1000, 5000, 9000)
    )
    left = merge(merge(one, two, tmp_path / "l").root, three, tmp_path / "left").root
    right = merge(one, merge(three, two, tmp_path / "r").root, tmp_path / "right").root
    assert rows(left) == rows(right) and (left / POOLED).read_text() == (right / POOLED).read_text()
    grown = Made(seed=5000, models=("large",), samples=range(8)).write(tmp_path / "grown")
    again = merge(left, grown, tmp_path / "again").root
    assert inspect(again) == ([], [])
    anew = merge(merge(one, grown, tmp_path / "g").root, three, tmp_path / "anew").root
    assert rows(again) == rows(anew)
    asked = store.scan(again, CELLS).to_pandas().query("pool == 'evaluation'")
    counts = asked.groupby("num_samples", observed=True)["num_prompts"].agg(["min", "max"])
    assert counts.to_dict("index") == {4: {"min": 18, "max": 18}, 8: {"min": 6, "max": 6}}
    pack(again, tmp_path / "again.tar")


DAMAGED = {
    "no JSON": "[",
    "deep": '{"a":' * 100_000,
    "nothing": "{}",
    "a task that is none": '{"seeds": {"t": 3}}',
    "a seed that is none": '{"seeds": {"t": {"1": {}}}}',
    "cells that are none": '{"seeds": {"t": {"1": {"task": "u", "identities": {"i": {"identity": "j", "cells": 1}}}}}}',
    "a cell below zero": '{"seeds": {"t": {"1": {"task": "u", "identities": {"i": {"identity": "j", '
    '"cells": [["evaluation", 0, -1, 1]]}}}}}}',
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_record_of_seeds_that_cannot_be_read_is_told_in_a_line(tmp_path: Path, kind: str) -> None:
    root = Made(models=("small",), size=2).write(tmp_path / "made")
    (root / POOLED).write_text(DAMAGED[kind])
    for pair in ((root, root), (root, Made(models=("small",), size=2, seed=9000).write(tmp_path / "other"))):
        with pytest.raises(ValueError, match="pooled.json .*(does not show|as a JSON object)") as told:
            merge(*pair, tmp_path / "c")
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("depth", [100, 450, 900, 5000])
def test_settings_that_are_nested_deep_are_merged_or_told_in_a_line(tmp_path: Path, depth: int) -> None:
    deep = json.loads('{"a":' * min(depth, 450) + "1" + "}" * min(depth, 450))
    first = Made(models=("small",), size=2, sampling=deep).write(tmp_path / "a")
    second = Made(models=("small",), size=2).write(tmp_path / "b")
    parts = '{"a":' * depth + "1" + "}" * depth
    for root in (first, second):
        rows_of = store.scan(root, MODELS).to_pylist()
        shutil.rmtree(root / "models")
        store.append(root, MODELS, [row | {"identity_parts": parts} for row in rows_of], writer="small")
        (root / "manifest" / "small.jsonl").unlink()
    with pytest.raises(ValueError) as told:
        merge(first, second, tmp_path / "c")
    assert "\n" not in str(told.value) and len(str(told.value)) < 700


def test_two_seeds_in_one_run_and_a_third_are_pooled(tmp_path: Path) -> None:
    both = Made(seed=1000).write(tmp_path / "both")
    Made(seed=5000).write(both)
    root = merge(both, Made(seed=9000).write(tmp_path / "third"), tmp_path / "c").root
    assert store.scan(root, MODELS).num_rows == 2 and store.scan(root, PROMPTS).num_rows == 18
    assert inspect(root) == ([], []) and len(outcomes.load(root).prompt_ids) == 18
    # The same two seeds in both need no pooling.
    Made(seed=1000).write(tmp_path / "again")
    assert not (merge(both, tmp_path / "again", tmp_path / "d").root / POOLED).exists()


def ingested(tmp_path: Path, name: str, model: str, right: list[int], *, counts: bool = False) -> Path:
    table = pd.DataFrame({"q": ["a", "a", "b", "b"], "ok": right, "said": ["1", "2", "3", "4"]})
    table.to_csv(tmp_path / f"{name}.csv", index=False)
    words = ["--map", "prompt=q", "correct=ok", *([] if counts else ["answer=said"]), "--model", model]
    assert ingest([str(tmp_path / f"{name}.csv"), str(tmp_path / name), *words]) == 0
    return tmp_path / name


@pytest.mark.parametrize("counts", [False, True], ids=["answers", "counts alone"])
def test_runs_from_elsewhere_are_merged_where_each_model_has_one_set_of_outcomes(
    tmp_path: Path, counts: bool
) -> None:
    first = ingested(tmp_path, "a", "one", [1, 0, 1, 1], counts=counts)
    second = ingested(tmp_path, "b", "two", [1, 1, 0, 0], counts=counts)
    root = merge(first, second, tmp_path / "c").root
    assert inspect(root) == ([], [])
    assert rows(root) == {name: rows(first)[name] | rows(second)[name] for name in TABLES}
    loaded = outcomes.load(root)
    assert [arm.rung.has_votes for arm in loaded.arms] == [not counts] * 2
    assert bool(store.scan(root, COUNTS).num_rows) == counts
    assert rows(merge(root, first, tmp_path / "d").root) == rows(root)
    shutil.rmtree(tmp_path / "b")
    other = ingested(tmp_path, "b", "one", [0, 0, 0, 1], counts=counts)
    with pytest.raises(ValueError, match="one differs in outcomes"):
        merge(first, other, tmp_path / "e")
    with pytest.raises(ValueError, match="one is of sums-.*, the other of outside"):
        merge(Made().write(tmp_path / "drawn"), first, tmp_path / "e")


def test_a_run_that_holds_nothing_is_written_damaged_or_without_texts_is_not_merged(tmp_path: Path) -> None:
    made = Made().write(tmp_path / "made")
    (tmp_path / "empty").mkdir()
    for pair in ((made, tmp_path / "empty"), (tmp_path / "empty", made)):
        with pytest.raises(ValueError, match="empty has no model, so there is nothing to merge"):
            merge(*pair, tmp_path / "c")
    with store.lock(made, "large"), pytest.raises(store.BusyError, match="large is being written"):
        merge(made, made, tmp_path / "c")
    pack(made, tmp_path / "bare.tar", text=False)
    assert main(["unpack", str(tmp_path / "bare.tar"), "--into", str(tmp_path / "bare")]) == 0
    with pytest.raises(ValueError, match="was packed without texts, so its votes are only codes"):
        merge(made, tmp_path / "bare", tmp_path / "c")
    with pytest.raises(ValueError, match="already exists"):
        merge(made, made, made)
    shard = next((made / "grades").glob("*.parquet"))
    shard.write_bytes(b"x" + shard.read_bytes()[1:])
    with pytest.raises(ValueError, match="Damaged tables"):
        merge(made, made, tmp_path / "c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare", "bare.tar", "empty", "made"]


def test_what_is_stored_is_read_again_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from results.travel import union

    def write_less(shards: object, path: Path, table_rows: object, table: object) -> int:
        return original(shards, path, table_rows.slice(1) if table is GRADES else table_rows, table)  # type: ignore[attr-defined]

    original: Callable[..., int] = union._Shards.add
    monkeypatch.setattr(union._Shards, "add", write_less)
    roots = [made.write(tmp_path / name) for name, made in (("a", Made()), ("b", Made(samples=range(8))))]
    with pytest.raises(OSError, match="cannot be read back as it was written .1 rows of grades are missing"):
        merge(*roots, tmp_path / "c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_records_of_both_are_kept_and_the_deeper_probe(tmp_path: Path) -> None:
    roots = [made.write(tmp_path / name) for name, made in (("a", Made()), ("b", Made(samples=range(8))))]
    (roots[1] / "provenance" / "small-000.json").write_text('{"time": "later"}')
    (roots[1] / "provenance" / "by hand.json").write_text("{}")
    probe = roots[1] / "probes" / f"{Made().identity('small')}.json"
    probe.write_text('{"max_thinking_tokens": 256}')
    root = merge(*roots, tmp_path / "c").root
    assert sorted(path.name for path in (root / "provenance").iterdir()) == [
        *("by hand.json", "large-000.json", "small-000.json", "small-001.json"),
    ]
    assert (root / "provenance" / "small-001.json").read_text() == '{"time": "later"}'
    assert (root / "probes" / probe.name).read_text() == probe.read_text()


def test_packed_runs_are_merged_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Made().write(tmp_path / "a")
    pack(Made(samples=range(8)).write(tmp_path / "b"), tmp_path / "b.tar")
    assert main(["merge", "a", "b.tar", "--into", "c"]) == 0
    said = capsys.readouterr().out
    assert "answers: 108 of a, 96 more of" in said and "Merged into results/runs/c" in said
    assert inspect(tmp_path / "results/runs/c") == ([], [])
    assert main(["merge", "a", "nothing", "--into", "d"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: No run 'nothing'; runs here: ") and " c" in said


def test_models_that_were_drawn_apart_are_the_ladder_that_was_drawn_at_once(tmp_path: Path) -> None:
    part = tmp_path / "part"
    shutil.copytree(REAL, part, ignore=shutil.ignore_patterns("figures", "SmolLM2*", "grades", "*-grades.jsonl"))
    assert rows(merge(part, REAL, tmp_path / "c").root) == rows(REAL)
