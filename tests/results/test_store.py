"""The store: whole shards or none, damage noticed, one writer a name."""

import errno
import itertools
import multiprocessing
import os
import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from results import store, whole
from results.schema import ANSWERS, CELLS, TABLES, Table

CELL = {"identity": "i", "pool": "evaluation", "budget": 0, "num_samples": 1, "num_prompts": 1}


def cells(*budgets: int) -> list[dict]:
    return [CELL | {"budget": budget} for budget in budgets]


def stored(root: Path) -> list[int]:
    return store.scan(root, CELLS, columns=["budget"])["budget"].to_pylist()


def test_rows_come_back_in_the_order_they_were_appended(tmp_path: Path) -> None:
    for start in range(0, 30, 10):
        store.append(tmp_path, CELLS, cells(*range(start, start + 10)), writer="m")
    assert stored(tmp_path) == list(range(30))


def test_appending_leaves_every_earlier_shard_byte_for_byte(tmp_path: Path) -> None:
    first = store.append(tmp_path, CELLS, cells(1), writer="m")
    assert first is not None
    before = first.read_bytes()
    store.append(tmp_path, CELLS, cells(2), writer="m")
    assert first.read_bytes() == before


def test_nothing_to_append_writes_no_shard(tmp_path: Path) -> None:
    assert store.append(tmp_path, CELLS, [], writer="m") is None
    assert stored(tmp_path) == []


def test_a_row_with_a_known_key_is_not_appended_again(tmp_path: Path) -> None:
    store.append_missing(tmp_path, CELLS, cells(1, 2), writer="m")
    store.append_missing(tmp_path, CELLS, cells(2, 3), writer="n")
    assert stored(tmp_path) == [1, 2, 3]


def test_an_identity_is_read_alone(tmp_path: Path) -> None:
    store.append(tmp_path, CELLS, [*cells(1), CELL | {"identity": "j", "budget": 7}], writer="m")
    assert store.scan(tmp_path, CELLS, identity="j")["budget"].to_pylist() == [7]


def test_the_prompts_that_are_asked_for_are_read_alone_and_none_where_none_is(tmp_path: Path) -> None:
    answers = [{"identity": "i", "prompt_id": name, "pool": "evaluation", "sample": 0} for name in ("p", "q")]
    store.append(tmp_path, ANSWERS, answers, writer="m")
    for wanted in (["q"], []):
        assert store.scan(tmp_path, ANSWERS, prompt_ids=wanted)["prompt_id"].to_pylist() == wanted


def test_a_value_of_the_wrong_type_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="(?i)convert|int"):
        store.append(tmp_path, CELLS, [CELL | {"budget": "many"}], writer="m")
    assert stored(tmp_path) == []


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_a_damaged_shard_is_set_aside_and_its_neighbours_stay(tmp_path: Path, damage: str) -> None:
    paths = [store.append(tmp_path, CELLS, cells(budget), writer="m") for budget in (1, 2, 3)]
    assert paths[1] is not None
    content = bytearray(paths[1].read_bytes())
    content[len(content) // 2] ^= 1
    paths[1].write_bytes({"flip": bytes(content), "truncate": bytes(content[:-9]), "empty": b""}[damage])
    (fault,) = store.set_damaged_aside(tmp_path, "m")
    assert fault.shard == paths[1] and fault.aside is not None
    assert fault.aside.suffix == ".damaged" and fault.aside.exists()
    assert "is damaged" in str(fault)
    assert stored(tmp_path) == [1, 3]
    store.append(tmp_path, CELLS, cells(4), writer="m")
    assert stored(tmp_path) == [1, 3, 4]


def test_every_single_flipped_bit_of_a_shard_is_noticed(tmp_path: Path) -> None:
    path = store.append(tmp_path, CELLS, cells(1), writer="m")
    assert path is not None
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        content = bytearray(whole)
        content[position] ^= 1 << (position % 8)
        path.write_bytes(bytes(content))
        (fault,) = store.set_damaged_aside(tmp_path, "m")
        assert fault.aside is not None
        fault.aside.rename(path)


def test_a_shard_that_is_gone_is_missed_once(tmp_path: Path) -> None:
    first, last = (store.append(tmp_path, CELLS, cells(budget), writer="m") for budget in (1, 2))
    assert first is not None and last is not None
    last.unlink()
    (fault,) = store.set_damaged_aside(tmp_path, "m")
    assert (fault.shard, fault.aside) == (last, None) and "is gone" in str(fault)
    assert store.set_damaged_aside(tmp_path, "m") == []


def test_a_table_that_is_gone_is_missed(tmp_path: Path) -> None:
    path = store.append(tmp_path, CELLS, cells(1), writer="m")
    shutil.rmtree(tmp_path / "cells")
    assert [fault.shard for fault in store.set_damaged_aside(tmp_path, "m")] == [path]


def test_what_is_damaged_is_found_and_left_where_it_is(tmp_path: Path) -> None:
    paths = [store.append(tmp_path, CELLS, cells(budget), writer="m") for budget in (1, 2, 3)]
    assert paths[0] is not None and paths[1] is not None
    assert store.find_damaged(tmp_path) == []
    paths[0].write_bytes(b"torn")
    paths[1].unlink()
    for _ in range(2):
        assert store.find_damaged(tmp_path) == paths[:2]
    assert paths[0].read_bytes() == b"torn"


def test_a_flipped_bit_of_the_manifest_costs_no_row(tmp_path: Path) -> None:
    for budget in (1, 2):
        store.append(tmp_path, CELLS, cells(budget), writer="m")
    manifest = tmp_path / "manifest" / "m.jsonl"
    whole = manifest.read_bytes()
    for position in range(len(whole)):
        content = bytearray(whole)
        content[position] ^= 1 << (position % 8)
        manifest.write_bytes(bytes(content))
        store.set_damaged_aside(tmp_path, "m")
        assert stored(tmp_path) == [1, 2] and store.set_damaged_aside(tmp_path, "m") == []


def test_a_shard_that_a_kill_kept_from_the_manifest_counts_and_is_entered(tmp_path: Path) -> None:
    for budget in (1, 2):
        store.append(tmp_path, CELLS, cells(budget), writer="m")
    manifest = tmp_path / "manifest" / "m.jsonl"
    whole = manifest.read_text()
    manifest.write_text(whole[: len(whole) - 30])
    assert store.set_damaged_aside(tmp_path, "m") == []
    store.enter(tmp_path, "m")
    assert manifest.read_text() == whole and stored(tmp_path) == [1, 2]


def test_what_a_kill_left_half_written_is_removed(tmp_path: Path) -> None:
    store.append(tmp_path, CELLS, cells(1), writer="m")
    half = tmp_path / "cells" / "m.000001.0000.parquet.tmp"
    half.write_bytes(b"half")
    assert store.set_damaged_aside(tmp_path, "m") == []
    assert not half.exists()


def test_a_full_disk_raises_and_leaves_what_was_written(tmp_path: Path) -> None:
    store.append(tmp_path, CELLS, cells(1), writer="m")
    pid = os.fork()
    if pid == 0:
        # The kernel refuses to grow any file, as it does when a disk is full.
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
        try:
            store.append(tmp_path, CELLS, cells(2), writer="m")
        except OSError:
            os._exit(3)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    assert stored(tmp_path) == [1]
    assert not list(tmp_path.glob("*/*.tmp"))


def test_a_disk_that_fills_up_behind_a_shard_leaves_nothing_to_be_stored_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append(tmp_path, CELLS, cells(1), writer="m")
    write_whole = whole.write_whole

    def write(path: Path, content: bytes) -> None:
        if path.suffix == ".jsonl":
            raise OSError(errno.ENOSPC, "No space left on device")
        write_whole(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(whole, "write_whole", write)
        with pytest.raises(OSError, match="No space left"):
            store.append(tmp_path, CELLS, cells(2), writer="m")
        with pytest.raises(OSError, match="No space left"):
            store.withdraw_rows(tmp_path, CELLS, "m", keep=lambda rows: pc.not_equal(rows["budget"], 1))
        with pytest.raises(OSError, match="No space left"):
            store.append(tmp_path, CELLS, cells(2), writer="m")
    assert stored(tmp_path) == [1]
    store.append(tmp_path, CELLS, cells(2), writer="m")
    assert stored(tmp_path) == [1, 2] and store.set_damaged_aside(tmp_path, "m") == []


def test_a_column_younger_than_a_shard_is_null_in_its_rows(tmp_path: Path) -> None:
    older = Table("cells", CELLS.schema.remove(CELLS.schema.get_field_index("num_prompts")), CELLS.key)
    store.append(tmp_path, older, cells(1), writer="m")
    store.append(tmp_path, CELLS, cells(2), writer="m")
    assert store.scan(tmp_path, CELLS)["num_prompts"].to_pylist() == [None, 1]


def test_withdrawn_rows_are_gone_and_their_neighbours_stay(tmp_path: Path) -> None:
    for start in (0, 3):
        store.append(tmp_path, CELLS, cells(*range(start, start + 3)), writer="m")
    num = store.withdraw_rows(tmp_path, CELLS, "m", keep=lambda rows: pc.not_equal(rows["budget"], 4))
    assert num == 1 and sorted(stored(tmp_path)) == [0, 1, 2, 3, 5]
    assert store.set_damaged_aside(tmp_path, "m") == []
    assert store.was_damaged(tmp_path)


@pytest.mark.parametrize("moment", range(4))
def test_a_kill_in_the_middle_of_a_withdrawal_loses_no_row_and_doubles_none(tmp_path: Path, moment: int) -> None:
    store.append(tmp_path, CELLS, cells(1, 2, 3), writer="m")
    pid = os.fork()
    if pid == 0:
        steps = itertools.count()

        def killed(step: Callable[..., Any]) -> Callable[..., Any]:
            def take(*arguments: Any) -> Any:
                return os._exit(0) if next(steps) == moment else step(*arguments)

            return take

        whole.write_whole = killed(whole.write_whole)  # type: ignore[assignment]
        Path.rename = killed(Path.rename)  # type: ignore[method-assign]
        store.withdraw_rows(tmp_path, CELLS, "m", keep=lambda rows: pc.not_equal(rows["budget"], 2))
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "it was to be killed"
    assert store.set_damaged_aside(tmp_path, "m") == []
    assert sorted(stored(tmp_path)) in ([1, 2, 3], [1, 3])
    store.withdraw_rows(tmp_path, CELLS, "m", keep=lambda rows: pc.not_equal(rows["budget"], 2))
    assert sorted(stored(tmp_path)) == [1, 3] and store.set_damaged_aside(tmp_path, "m") == []
    assert not list(tmp_path.glob("*/*.kept")) and store.find_damaged(tmp_path) == []


def test_a_half_written_shard_is_never_read(tmp_path: Path) -> None:
    store.append(tmp_path, CELLS, cells(1), writer="m")
    (tmp_path / "cells" / "m.000001.0000.tmp").write_bytes(b"half")
    assert stored(tmp_path) == [1]


def test_writers_whose_names_begin_alike_are_kept_apart(tmp_path: Path) -> None:
    store.append(tmp_path, CELLS, cells(1), writer="qwen3")
    other = store.append(tmp_path, CELLS, cells(2), writer="qwen3-8b.v1")
    assert other is not None
    other.write_bytes(b"damage")
    assert store.set_damaged_aside(tmp_path, "qwen3") == []
    half = tmp_path / "cells" / "qwen3.v2.000000.0000.parquet.tmp"
    half.write_bytes(b"another's, who is writing it")
    assert store.set_damaged_aside(tmp_path, "qwen3") == [] and half.exists()
    assert len(store.set_damaged_aside(tmp_path, "qwen3-8b.v1")) == 1


def test_a_second_writer_of_one_name_is_refused_and_another_name_is_not(tmp_path: Path) -> None:
    with (
        store.lock(tmp_path, "m"),
        store.lock(tmp_path, "n"),
        pytest.raises(store.BusyError, match="Another process .* is writing m"),
        store.lock(tmp_path, "m"),
    ):
        pass


def _hold_for_ever(root: Path, ready: "multiprocessing.synchronize.Event") -> None:
    with store.lock(root, "m"):
        ready.set()
        signal.pause()


def test_a_killed_writer_leaves_its_lock_free(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    holder = context.Process(target=_hold_for_ever, args=(tmp_path, ready))
    holder.start()
    ready.wait(10)
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join(10)
    with store.lock(tmp_path, "m"):
        pass


def test_a_fork_that_outlives_a_killed_writer_leaves_its_lock_free(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    writer = os.fork()
    if writer == 0:
        with store.lock(tmp_path, "m"):
            child = os.fork()
            if child == 0:
                signal.pause()
            os.write(writing, str(child).encode())
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(writer, 0)
    child = int(os.read(reading, 20))
    try:
        os.kill(child, 0)
        with store.lock(tmp_path, "m"):
            pass
    finally:
        os.kill(child, signal.SIGKILL)


def test_every_key_names_columns_of_its_table() -> None:
    for table in TABLES.values():
        assert set(table.key) <= set(table.schema.names)


def test_a_natural_answer_keeps_a_null_budget(tmp_path: Path) -> None:
    row = dict.fromkeys(ANSWERS.schema.names) | {
        "identity": "i",
        "prompt_id": "p",
        "pool": "evaluation",
        "sample": 0,
    }
    store.append(tmp_path, ANSWERS, [row, row | {"budget": 0, "sample": 1}], writer="m")
    assert store.scan(tmp_path, ANSWERS, columns=["budget"])["budget"].to_pylist() == [None, 0]


def test_everyone_who_appended_is_listed(tmp_path: Path) -> None:
    for writer in ("b", "a.v1", "b"):
        store.append(tmp_path, CELLS, cells(1), writer=writer)
    assert store.list_writers(tmp_path) == ["a.v1", "b"]


def test_a_key_has_one_hash_whatever_holds_its_columns() -> None:
    words, numbers = ["b", "a", "b", "a", "a"], [0.0, 0.0, 1.0, np.nan, 0.0]
    hashes = [
        store.hash_keys(pd.DataFrame({"word": held, "number": counted}), ("word", "number"))
        for held in (pd.Series(words, dtype=kind) for kind in ("object", "str", "category"))
        for counted in (pd.Series(numbers), pd.Series(numbers, dtype="Int64"), pd.Series(numbers, dtype="float32"))
    ]
    hashes.append(
        store.hash_keys(
            pd.DataFrame({"word": pd.Categorical(words, ["unused", "a", "b"]), "number": numbers}),
            ("word", "number"),
        )
    )
    assert all((each == hashes[0]).all() for each in hashes)
    assert len(set(hashes[0].tolist())) == 4 and hashes[0][1] == hashes[0][4]
    turned = store.hash_keys(pd.DataFrame({"word": words, "number": numbers}), ("number", "word"))
    assert not set(turned.tolist()) & set(hashes[0].tolist())


def test_small_shards_are_read_together_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for budget in range(7):
        store.append(tmp_path, CELLS, cells(budget), writer="m")
    monkeypatch.setattr(store, "BATCH_ROWS", 3)
    empty, *parts = store.iterate(tmp_path, CELLS, columns=["budget"])
    assert empty.num_rows == 0
    assert [part["budget"].to_pylist() for part in parts] == [[0, 1, 2], [3, 4, 5], [6]]
    monkeypatch.setattr(store, "BATCH_BYTES", 1)
    assert len(list(store.iterate(tmp_path, CELLS))) == 1 + 7
