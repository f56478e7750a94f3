"""A writer that flushes and merges without a pause, killed at random moments: no committed row is lost, none is
twice.

ISOQUANT_KILLS says how many kills; `make test SUITE=faults` does twenty.
"""

import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from results import store
from results.inspection import inspect
from results.merging import MOST_SMALL
from results.schema import ANSWERS, THROUGHPUT, TRACES, Table
from results.shards import named_shards
from tests.faults.runs import flip_bit

KILLS = int(os.environ.get("ISOQUANT_KILLS", "3"))
SEED = 20262525
WRITER = "m"
FLUSHED = (TRACES, ANSWERS, THROUGHPUT)
# Flushes before a kill at most, and seconds from the last that was told to it.
MOST_FLUSHES, MOST_SECONDS = 12, 0.2


def row(table: Table, number: int) -> dict[str, Any]:
    key = {"identity": "i", "prompt_id": f"p{number}", "pool": "evaluation", "sample": number, "budget": 0}
    told = {"start_token": 0, "num_thinking_tokens": 1, "ended": True, "forced": True, "token_ids": [number]}
    log = {"job": "j", "elapsed_seconds": float(number), "seconds": 1.0, "num_tokens": 1}
    return {name: value for name, value in (key | told | log).items() if name in table.schema.names}


def flush(root: Path, number: int) -> None:
    for table in FLUSHED:
        store.append(root, table, [row(table, number)], writer=WRITER)
    store.keep_few(root, FLUSHED, WRITER)


def kill_while_flushing(root: Path, rng: np.random.Generator, *, start: int) -> int:
    """Flush from this number on in a process that is killed; the number behind the last flush that it told of."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with store.lock(root, WRITER):
                for number in range(start, start + 10**6):
                    flush(root, number)
                    os.write(writing, b".")
        finally:
            os._exit(1)
    os.close(writing)
    num_told = 0
    for _ in range(int(rng.integers(1, MOST_FLUSHES))):
        num_told += len(os.read(reading, 1))
    time.sleep(rng.uniform(0, MOST_SECONDS))
    os.kill(pid, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    with os.fdopen(reading, "rb") as rest:
        return start + num_told + len(rest.read())


def numbers(root: Path, table: Table) -> Counter[int]:
    (name,) = {"sample", "elapsed_seconds"} & set(table.key)
    return Counter(map(int, store.scan(root, table, columns=[name])[name].to_pylist()))


def test_kills_while_a_writer_flushes_and_merges_lose_no_committed_row_and_double_none(tmp_path: Path) -> None:
    rng, root, start = np.random.default_rng(SEED), tmp_path / "run", 0
    for _ in range(KILLS):
        told = kill_while_flushing(root, rng, start=start)
        for table in FLUSHED:
            found = numbers(root, table)
            assert set(range(told)) <= found.keys() <= set(range(told + 1)), table.name
            assert max(found.values()) == 1, table.name
        assert inspect(root).faults == []
        with store.lock(root, WRITER):
            assert store.set_damaged_aside(root, WRITER) == []
            store.enter(root, WRITER)
            # What a kill cut short of a flush is drawn again, as a job does with samples that lack an answer.
            for table in FLUSHED:
                if told not in numbers(root, table):
                    store.append(root, table, [row(table, told)], writer=WRITER)
        assert inspect(root).faults == [] and store.find_damaged(root) == []
        assert not list(root.glob("*/*.tmp")) and not list(root.glob("*/*.merging"))
        start = told + 1
    assert max(len(named_shards(root / table.name)) for table in FLUSHED) <= MOST_SMALL + 2


def test_a_bit_flipped_in_a_shard_that_was_merged_meanwhile_is_noticed_and_its_rows_alone_are_missed(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(SEED)
    with store.lock(tmp_path, WRITER):
        for number in range(3 * MOST_SMALL):
            flush(tmp_path, number)
    merged = named_shards(tmp_path / TRACES.name)[0]
    content, num_held = merged.read_bytes(), store.scan(tmp_path, TRACES, shards=[merged]).num_rows
    assert num_held > 1
    for _ in range(20):
        where = flip_bit(merged, rng)
        assert store.find_damaged(tmp_path) == [merged], where
        merged.write_bytes(content)
    flip_bit(merged, rng)
    with store.lock(tmp_path, WRITER):
        # Damage is never merged into other shards.
        for number in range(3 * MOST_SMALL, 6 * MOST_SMALL):
            flush(tmp_path, number)
        [fault] = store.set_damaged_aside(tmp_path, WRITER)
        assert fault.shard == merged
    assert sum(numbers(tmp_path, TRACES).values()) == 6 * MOST_SMALL - num_held
    with store.lock(tmp_path, WRITER):
        for number in set(range(6 * MOST_SMALL)) - numbers(tmp_path, TRACES).keys():
            store.append(tmp_path, TRACES, [row(TRACES, number)], writer=WRITER)
    assert inspect(tmp_path).faults == [] and len(numbers(tmp_path, TRACES)) == 6 * MOST_SMALL
