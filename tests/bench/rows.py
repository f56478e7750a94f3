"""(d) Rows a second appended and scanned, the best of three, and bytes a row beside its text."""

import tempfile
import time
from array import array
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from results import store
from results.schema import ANSWERS, TRACES, Table
from results.shards import list_shards

ROWS_A_SHARD = 20_000
TRIES = 3
# Columns that hold what the model wrote: as text, and as token ids.
WRITTEN = {"text", "token_ids"}


class Rates(NamedTuple):
    """Of one table."""

    table: str
    appended_a_second: float
    scanned_a_second: float
    bytes_a_row_beside_text: float
    bytes_a_row: float


def measure(num_rows: int) -> list[Rates]:
    """Answers and traces appended in shards, each on disk before the next, then scanned whole."""
    with tempfile.TemporaryDirectory() as root:
        return [_measure(Path(root), table, num_rows) for table in (ANSWERS, TRACES)]


def _measure(root: Path, table: Table, num_rows: int) -> Rates:
    appended = [_append(root, table, num_rows // TRIES, seed=seed) for seed in range(TRIES)]
    scanned = [_scan(root, table) for _ in range(TRIES)]
    num_stored = store.scan(root, table, columns=["seed"]).num_rows
    beside, whole = _sizes(root / table.name)
    return Rates(table.name, max(appended), max(scanned), beside / num_stored, whole / num_stored)


def _append(root: Path, table: Table, num_rows: int, *, seed: int) -> float:
    """Rows a second; making them up is not counted."""
    rng, seconds = np.random.default_rng(seed), 0.0
    for first in range(0, num_rows, ROWS_A_SHARD):
        last = min(first + ROWS_A_SHARD, num_rows)
        rows = [_row(rng, index, with_ids=table is TRACES) for index in range(first, last)]
        started = time.perf_counter()
        store.append(root, table, rows, writer="bench")
        seconds += time.perf_counter() - started
    return num_rows / seconds


def _scan(root: Path, table: Table) -> float:
    started = time.perf_counter()
    num_rows = store.scan(root, table).num_rows
    return float(num_rows / (time.perf_counter() - started))


def _row(rng: np.random.Generator, index: int, *, with_ids: bool) -> dict[str, Any]:
    """A row as a sweep writes it: 16 samples a prompt, six budgets, seeds that do not compress."""
    numbers = rng.integers(1, 20, 4)
    row = {
        "identity": "0123456789abcdef",
        "prompt_id": f"countdown/{index // 96:05d}",
        "pool": "evaluation",
        "sample": index // 6 % 16,
        "budget": [None, 0, 16, 32, 64, 128][index % 6],
        "start_token": 0,
        "num_thinking_tokens": int(rng.integers(1, 257)),
        "num_answer_tokens": int(rng.integers(8, 16)),
        "forced": True,
        "ended": True,
        "num_prompt_tokens": int(rng.integers(10, 270)),
        "num_cached_tokens": int(rng.integers(0, 8)) * 32,
        "finish_reason": "stop",
        "seed": int(rng.integers(2**62)),
        "seconds": float(rng.random()),
        "text": "({}+{})*{}-{}".format(*numbers),
    }
    if not with_ids:
        return row
    token_ids = array("i", rng.integers(0, 32, 64).tolist())
    return row | {"token_ids": token_ids, "text": bytes(48 + token_id for token_id in token_ids).decode()}


def _sizes(folder: Path) -> tuple[int, int]:
    """Compressed bytes of the columns beside the text, and of whole files."""
    beside = whole = 0
    for path in list_shards(folder):
        whole += path.stat().st_size
        metadata = pq.read_metadata(path)
        for group in range(metadata.num_row_groups):
            columns = [metadata.row_group(group).column(i) for i in range(metadata.num_columns)]
            beside += sum(
                c.total_compressed_size for c in columns if c.path_in_schema.split(".")[0] not in WRITTEN
            )
    return beside, whole
