"""Small shards are merged: the same rows in the same order, whoever is reading and whenever it is killed."""

import itertools
import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isoquant.__main__ import main
from results import checks, merging, shards, store
from results.inspection import Inspection, inspect
from results.merging import merge_shards
from results.reading import is_equal, read_member, read_shard
from results.schema import CELLS, EMBEDDINGS, TRACES
from results.shards import list_shards, named_shards

NUM_SHARDS, ROWS_EACH = 12, 3


def trace(number: int) -> dict[str, Any]:
    key = {
        "identity": "i",
        "prompt_id": f"p{number % 7}",
        "pool": "evaluation",
        "sample": number,
        "start_token": 0,
    }
    more = {
        "num_thinking_tokens": 2,
        "ended": True,
        "seconds": float("nan"),
        "text": f"\x00{number}",
        "seed": -number,
    }
    return (
        dict.fromkeys(TRACES.schema.names) | key | more | {"token_ids": [number, 2**31 - 1] if number % 2 else []}
    )


def fill(root: Path, *, start: int = 0, writer: str = "m", num_shards: int = NUM_SHARDS) -> None:
    for first in range(start, start + num_shards * ROWS_EACH, ROWS_EACH):
        store.append(root, TRACES, [trace(first + n) for n in range(ROWS_EACH)], writer=writer)


def samples(root: Path) -> list[int]:
    return store.scan(root, TRACES, columns=["sample"])["sample"].to_pylist()


def test_merged_shards_are_one_with_the_same_rows_in_the_same_order(tmp_path: Path) -> None:
    fill(tmp_path)
    before = store.scan(tmp_path, TRACES)
    assert merge_shards(tmp_path, TRACES, "m") == NUM_SHARDS - 1
    [shard] = (tmp_path / "traces").iterdir()
    assert list_shards(tmp_path / "traces") == [shard]
    assert is_equal(store.scan(tmp_path, TRACES), before)
    assert (tmp_path / "manifest" / "m.jsonl").read_text().count("\n") == 1
    assert inspect(tmp_path).faults == [] and store.set_damaged_aside(tmp_path, "m") == []


def test_what_is_appended_behind_merged_shards_stands_behind_them_and_is_merged_with_them(tmp_path: Path) -> None:
    for round_ in range(4):
        fill(tmp_path, start=100 * round_)
        merge_shards(tmp_path, TRACES, "m")
        assert len(named_shards(tmp_path / "traces")) == 1
    assert samples(tmp_path) == [100 * r + n for r in range(4) for n in range(NUM_SHARDS * ROWS_EACH)]
    assert store.set_damaged_aside(tmp_path, "m") == [] and inspect(tmp_path).faults == []


def test_a_shard_that_says_it_holds_others_and_does_not_hides_no_row(tmp_path: Path) -> None:
    fill(tmp_path, num_shards=3)
    before = samples(tmp_path)
    names = {path.name: ROWS_EACH for path in list_shards(tmp_path / "traces")}
    rows = store.scan(tmp_path, TRACES).slice(1).replace_schema_metadata({shards.MERGED: json.dumps(names)})
    content = shards.encode(rows)
    (tmp_path / "traces" / f"m.000009.{shards.digest(content)}.parquet").write_bytes(content)
    assert "lists the rows of m.000000" in inspect(tmp_path).faults[0]
    [fault] = store.set_damaged_aside(tmp_path, "m")
    assert "but does not have them" in str(fault) and samples(tmp_path) == before


def test_large_shards_stay_and_the_number_of_files_grows_with_the_bytes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, num_shards=60)
    sizes = [path.stat().st_size for path in list_shards(tmp_path / "traces")]
    monkeypatch.setattr(merging, "LARGE_BYTES", 3 * max(sizes))
    before = samples(tmp_path)
    for _ in range(9):
        merge_shards(tmp_path, TRACES, "m")
    assert samples(tmp_path) == before
    assert len(named_shards(tmp_path / "traces")) <= 2 + sum(sizes) // merging.LARGE_BYTES


def test_other_writers_are_left_alone(tmp_path: Path) -> None:
    fill(tmp_path)
    fill(tmp_path, start=500, writer="m.v2")
    others = list_shards(tmp_path / "traces", "m.v2")
    merge_shards(tmp_path, TRACES, "m")
    assert list_shards(tmp_path / "traces", "m.v2") == others and len(list_shards(tmp_path / "traces", "m")) == 1


def test_a_damaged_shard_and_one_of_a_later_version_stay_as_they_are_and_others_are_merged_around_them(
    tmp_path: Path,
) -> None:
    fill(tmp_path, num_shards=5)
    before = samples(tmp_path)
    third = list_shards(tmp_path / "traces")[2]
    content = third.read_bytes()
    third.write_bytes(content[:-1] + b"?")
    assert merge_shards(tmp_path, TRACES, "m") == 2 and third in list_shards(tmp_path / "traces")
    assert len(list_shards(tmp_path / "traces")) == 3
    third.write_bytes(content)
    later = pq.read_table(third, partitioning=None).append_column("later", pa.array([1] * ROWS_EACH))
    later_bytes = shards.encode(later)
    third.unlink()
    third.with_name(f"m.000002.{shards.digest(later_bytes)}.parquet").write_bytes(later_bytes)
    assert merge_shards(tmp_path, TRACES, "m") == 0 and samples(tmp_path) == before


def test_rows_that_do_not_read_back_as_they_were_remove_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    before = {path: path.read_bytes() for path in named_shards(tmp_path / "traces")}
    monkeypatch.setattr(merging, "encode", lambda rows: shards.encode(rows.slice(1)))
    with pytest.raises(
        OSError, match="cannot be read back as it was written. Check the disk. Nothing was removed"
    ):
        merge_shards(tmp_path, TRACES, "m")
    assert {path: path.read_bytes() for path in (tmp_path / "traces").iterdir()} == before


def test_equality_is_to_the_bit_and_sees_every_column() -> None:
    vector = pa.array([[1.0, float("nan")], None, []], pa.list_(pa.float32()))
    names = pa.array(["a", None, "b"]).dictionary_encode()
    rows = pa.table({"vector": vector, "flops": pa.array([float("nan"), None, 0.0]), "task": names})
    again = pa.concat_tables([rows.slice(0, 1), rows.slice(1)])
    assert is_equal(rows, again) and not is_equal(rows, rows.slice(1))
    for name, other in (
        ("vector", pa.array([[1.0, 2.0], None, []], pa.list_(pa.float32()))),
        ("flops", pa.array([float("nan"), None, -0.0])),
        ("task", pa.array(["a", "a", "b"]).dictionary_encode()),
    ):
        assert not is_equal(rows, rows.set_column(rows.schema.get_field_index(name), name, other)), name
    assert EMBEDDINGS.schema.field("vector").type == vector.type


def count_steps(root: Path) -> int:
    """How often a merge comes to a place where a kill could find it."""
    return run_killed(root, moment=10**6)


def run_killed(root: Path, *, moment: int) -> int:
    """Merge in a process that is gone before its step number `moment`;
    the step at which it was, or their number.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        steps = itertools.count()

        def killed(step: Callable[..., Any]) -> Callable[..., Any]:
            def take(*arguments: Any, **named: Any) -> Any:
                if next(steps) == moment:
                    os._exit(0)
                return step(*arguments, **named)

            return take

        for owner, name in ((Path, "rename"), (Path, "replace"), (Path, "unlink"), (os, "fsync")):
            setattr(owner, name, killed(getattr(owner, name)))
        store.merge(root, "m")
        os.write(writing, str(next(steps)).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        return int(pipe.read() or moment)


def test_a_kill_at_any_step_of_a_merge_loses_no_row_and_doubles_none(tmp_path: Path) -> None:
    whole_run = tmp_path / "whole"
    fill(whole_run, num_shards=4)
    expected = samples(whole_run)
    num_steps = count_steps(whole_run)
    assert num_steps > 8 and len(named_shards(whole_run / "traces")) == 1
    for moment in range(num_steps):
        root = tmp_path / f"run-{moment}"
        fill(root, num_shards=4)
        assert run_killed(root, moment=moment) == moment
        assert samples(root) == expected, "who reads now sees every row once"
        assert inspect(root).faults == []
        with store.lock(root, "m"):
            assert store.set_damaged_aside(root, "m") == []
            store.append(root, TRACES, [trace(900)], writer="m")
            store.merge(root, "m")
        assert samples(root) == [*expected, 900]
        assert len(list((root / "traces").iterdir())) == 1, "nothing is left behind"
        assert inspect(root).faults == []


def test_a_reader_that_listed_the_shards_before_a_merge_finds_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BATCH_ROWS", 0)
    fill(tmp_path)
    for columns in (None, ["sample"]):
        parts = store.iterate(tmp_path, TRACES, columns=columns, prompt_ids=["p1", "p2"])
        expected = store.scan(tmp_path, TRACES, prompt_ids=["p1", "p2"])["sample"].to_pylist()
        first = [next(parts) for _ in range(4)]
        merge_shards(tmp_path, TRACES, "m")
        assert [s for part in [*first, *parts] for s in part["sample"].to_pylist()] == expected
        fill(tmp_path, start=100)


def test_a_reader_finds_rows_of_what_was_merged_twice_while_it_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BATCH_ROWS", 0)
    fill(tmp_path)
    parts = store.iterate(tmp_path, TRACES, columns=None)
    expected = store.scan(tmp_path, TRACES)["sample"].to_pylist()
    # An empty table first, then the shards.
    found = [sample for _ in range(2) for sample in next(parts)["sample"].to_pylist()]
    for start in (100, 200, 300):
        merge_shards(tmp_path, TRACES, "m")
        fill(tmp_path, start=start)
    assert found + [sample for part in parts for sample in part["sample"].to_pylist()] == expected


def test_a_merged_shard_that_is_merged_again_while_it_is_compared_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, num_shards=2)
    earliest = list_shards(tmp_path / "traces")[0]
    content = earliest.read_bytes()
    merge_shards(tmp_path, TRACES, "m")
    # As a writer leaves it that was killed before it removed what it had merged.
    earliest.write_bytes(content)
    (merged,) = list_shards(tmp_path / "traces")
    told: list[str] = []

    def read_late(path: Path, name: str, schema: pa.Schema) -> pa.Table:
        monkeypatch.undo()
        fill(tmp_path, start=100, num_shards=1)
        merge_shards(tmp_path, TRACES, "m")
        assert not path.exists()
        try:
            return read_member(path, name, schema)
        except FileNotFoundError as error:
            told.append(str(error))
            raise

    monkeypatch.setattr(checks, "read_member", read_late)
    assert checks.check_shards(tmp_path, ["traces"], "m").wrong == []
    assert told == [f"{merged} disappeared while it was read. Run the same command again."]
    assert inspect(tmp_path).faults == [] and len(samples(tmp_path)) == 3 * ROWS_EACH


def _append_and_merge(root: Path) -> None:
    for start in itertools.count(1000, 10):
        store.append(root, TRACES, [trace(start)], writer="m")
        store.append(root, TRACES, [trace(start + 1)], writer="m")
        store.merge(root, "m")


def test_who_reads_while_another_merges_sees_every_row_once(tmp_path: Path) -> None:
    fill(tmp_path, num_shards=4)
    worker = multiprocessing.get_context("fork").Process(target=_append_and_merge, args=(tmp_path,))
    worker.start()
    try:
        deadline, least, num_reads = time.monotonic() + 4, 0, 0
        while time.monotonic() < deadline or num_reads < 20:
            found = samples(tmp_path)
            assert len(set(found)) == len(found) >= least
            assert inspect(tmp_path).faults == []
            least, num_reads = len(found), num_reads + 1
    finally:
        worker.kill()
        worker.join()
    assert least > 4 * ROWS_EACH


def test_rows_of_a_merged_shard_can_be_withdrawn(tmp_path: Path) -> None:
    fill(tmp_path)
    merge_shards(tmp_path, TRACES, "m")
    keep = lambda rows: pa.array(np.asarray(rows["sample"]) % 2 == 0)  # noqa: E731
    assert store.withdraw_rows(tmp_path, TRACES, "m", keep=keep) == NUM_SHARDS * ROWS_EACH // 2
    assert samples(tmp_path) == list(range(0, NUM_SHARDS * ROWS_EACH, 2))
    assert store.set_damaged_aside(tmp_path, "m") == []


def test_every_table_is_merged_and_one_of_a_few_rows_too(tmp_path: Path) -> None:
    for budget in range(5):
        cell = {"identity": "i", "pool": "evaluation", "budget": budget, "num_samples": 1, "num_prompts": 1}
        store.append(tmp_path, CELLS, [cell], writer="m")
    store.merge(tmp_path, "m")
    assert len(list_shards(tmp_path / "cells")) == 1
    assert store.scan(tmp_path, CELLS)["budget"].to_pylist() == list(range(5))


def test_files_of_a_writer_stay_few_however_long_it_appends_and_its_rows_in_order(tmp_path: Path) -> None:
    most = 0
    for number in range(60):
        store.append(tmp_path, TRACES, [trace(number)], writer="m")
        store.keep_few(tmp_path, [TRACES], "m")
        most = max(most, len(named_shards(tmp_path / "traces")))
    assert most == merging.MOST_SMALL
    assert samples(tmp_path) == list(range(60))
    assert (tmp_path / "manifest" / "m.jsonl").read_text().count("\n") <= merging.MOST_SMALL
    assert inspect(tmp_path).faults == []


def test_a_row_is_seldom_merged_again_behind_rows_that_are_far_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, num_shards=1)
    [small] = named_shards(tmp_path / "traces")
    many = [trace(number) | {"text": os.urandom(500).hex()} for number in range(1000, 1400)]
    store.append(tmp_path, TRACES, many, writer="m")
    large = named_shards(tmp_path / "traces")[-1]
    for number in range(60):
        store.append(tmp_path, TRACES, [trace(2000 + number)], writer="m")
        store.keep_few(tmp_path, [TRACES], "m")
    assert small.exists() and large.exists() and len(named_shards(tmp_path / "traces")) <= merging.MOST_SMALL


def test_a_merged_shard_tells_of_the_last_that_it_holds_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "MOST_BEFORE", 9)
    names = []
    for number in range(40):
        names.append(store.append(tmp_path, TRACES, [trace(number)], writer="m"))
        store.keep_few(tmp_path, [TRACES], "m")
    gone = [(number, path) for number, path in enumerate(names) if path is not None and not path.exists()]
    for number, path in gone[-4:]:
        assert read_shard(path, TRACES.schema)["sample"].to_pylist() == [number]
    merged = named_shards(tmp_path / "traces")[0]
    assert len(shards.read_places(merged)) <= 9 + merging.MOST_SMALL + 1
    with pytest.raises(FileNotFoundError, match="Run the same command again"):
        read_shard(gone[0][1], TRACES.schema)


def test_a_damaged_shard_stays_as_it_is_while_others_are_merged_behind_it(tmp_path: Path) -> None:
    fill(tmp_path, num_shards=3)
    first = list_shards(tmp_path / "traces")[0]
    first.write_bytes(first.read_bytes()[:-1] + b"?")
    for number in range(500, 540):
        store.append(tmp_path, TRACES, [trace(number)], writer="m")
        store.keep_few(tmp_path, [TRACES], "m")
    assert store.find_damaged(tmp_path) == [first]
    assert len(named_shards(tmp_path / "traces")) <= merging.MOST_SMALL + 1


def test_many_shards_are_merged_a_limited_number_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "MOST_MEMBERS", 4)
    fill(tmp_path, num_shards=30)
    before = store.scan(tmp_path, TRACES)
    store.merge(tmp_path, "m")
    [merged] = named_shards(tmp_path / "traces")
    assert len(shards.read_members(merged)) <= 4 and is_equal(store.scan(tmp_path, TRACES), before)


def test_compact_merges_what_every_idle_writer_has_and_leaves_those_at_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for writer, start in (("m", 0), ("n", 500), ("o", 900)):
        fill(tmp_path, start=start, writer=writer)
    before = store.scan(tmp_path, TRACES)
    with store.lock(tmp_path, "n"):
        assert main(["compact", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "n is being written" in said and f"{tmp_path}: 36 files before, 14 now" in said
    assert main(["compact", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"num_before": 14, "num_after": 3, "busy": []}
    assert is_equal(store.scan(tmp_path, TRACES), before) and inspect(tmp_path).faults == []


def test_compact_refuses_a_damaged_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path)
    first = list_shards(tmp_path / "traces")[0]
    first.write_bytes(first.read_bytes()[:-1] + b"?")
    assert main(["compact", str(tmp_path)]) == 2
    assert "Damaged tables" in capsys.readouterr().err and len(named_shards(tmp_path / "traces")) == NUM_SHARDS


def put(root: Path, name: str, rows: pa.Table, **told: object) -> Path:
    """A shard of this name that tells more than its rows; its digest where the name has room for one."""
    metadata = {f"isoquant.{key}".replace("_", "-"): json.dumps(value) for key, value in told.items()}
    content = shards.encode(rows.replace_schema_metadata(metadata))
    path = root / "traces" / f"{name.format(shards.digest(content))}.parquet"
    path.write_bytes(content)
    return path


def test_shards_that_hide_each_other_are_a_fault_and_hide_no_row_of_a_sweep(tmp_path: Path) -> None:
    for number, names in enumerate((["m.000009.{0:0>16}"], [f"m.00000{at}.{at:0>16}" for at in (7, 8, 9)])):
        root = tmp_path / str(number)
        fill(root, num_shards=2)
        before, names = samples(root), [name.format(0) for name in names]
        hidden = {path.name: ROWS_EACH for path in list_shards(root / "traces")}
        empty = store.scan(root, TRACES).slice(0, 2 * ROWS_EACH)
        for at, name in enumerate(names):
            put(root, name, empty, merged={f"{names[at - 1]}.parquet": 0, **hidden})
        assert samples(root) == [], "each is hidden, and hides the others"
        assert len(inspect(root).faults) == len(names)
        assert len(store.set_damaged_aside(root, "m")) == len(names) and samples(root) == before


def test_a_shard_holds_none_of_another_writer(tmp_path: Path) -> None:
    fill(tmp_path, num_shards=2)
    kept = list_shards(tmp_path / "traces")
    z = put(tmp_path, "z.000000.{}", store.scan(tmp_path, TRACES), merged={path.name: ROWS_EACH for path in kept})
    assert list_shards(tmp_path / "traces") == [*kept, z]
    assert "rows that are stored already" in inspect(tmp_path).faults[0]
    assert store.set_damaged_aside(tmp_path, "z") == [] and all(path.exists() for path in kept)


@pytest.mark.parametrize("number", [1e99, -5, float("inf"), float("nan"), 2**63, "3", None, True, [], 10**400])
def test_a_number_of_rows_that_can_be_none_is_read_by_nobody(tmp_path: Path, number: object) -> None:
    fill(tmp_path, num_shards=2)
    gone, rows = f"m.000001.{0:0>16}.parquet", store.scan(tmp_path, TRACES).slice(0, 0)
    put(tmp_path, "m.000008.{}", rows, merged={gone: number})
    put(tmp_path, "m.000009.{}", rows, merged={}, merged_before={gone: [number, 1], f"{gone[:-9]}1.parquet": 3})
    with pytest.raises(FileNotFoundError, match="Run the same command again"):
        read_shard(tmp_path / "traces" / gone, TRACES.schema)
    assert inspect(tmp_path).faults == []
    store.merge(tmp_path, "m")
    assert samples(tmp_path) == list(range(2 * ROWS_EACH)) and len(named_shards(tmp_path / "traces")) == 1


def test_a_run_copied_over_its_earlier_copy_has_every_row_once(tmp_path: Path) -> None:
    run, copy = tmp_path / "run", tmp_path / "copy"
    for start in (0, 100, 200):
        fill(run, start=start, num_shards=3)
        shutil.copytree(run, copy, dirs_exist_ok=True)
        store.merge(run, "m")
    assert len(named_shards(copy / "traces")) == 3 + 4 + 4, "as cp and rsync leave it"
    shutil.copytree(run, copy, dirs_exist_ok=True)
    assert samples(copy) == samples(run) and inspect(copy) == Inspection([], inspect(copy).notes)
    assert not any("gone" in note for note in inspect(copy).notes)
    assert store.set_damaged_aside(copy, "m") == [] and len(named_shards(copy / "traces")) == 1
    assert samples(copy) == samples(run)


def test_a_manifest_that_is_missing_stays_so_until_a_sweep_lists_every_shard(tmp_path: Path) -> None:
    fill(tmp_path, num_shards=3)
    (tmp_path / "manifest" / "m.jsonl").unlink()
    store.merge(tmp_path, "m")
    assert len(named_shards(tmp_path / "traces")) == 1
    assert any("m.jsonl is missing" in note for note in inspect(tmp_path).notes)
    store.enter(tmp_path, "m")
    assert not any("m.jsonl is missing" in note for note in inspect(tmp_path).notes)


@pytest.mark.parametrize(
    ("place", "told"), [("locks", "is a file, and the run needs a folder"), ("out", "a link")]
)
def test_compact_says_in_a_line_what_of_a_run_it_cannot_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, told: str
) -> None:
    fill(tmp_path)
    if place == "out":
        (tmp_path / "locks").symlink_to(tmp_path.parent)
    else:
        (tmp_path / "locks").write_text("mine")
    assert main(["compact", str(tmp_path)]) == 2
    assert told in capsys.readouterr().err and len(named_shards(tmp_path / "traces")) == NUM_SHARDS
