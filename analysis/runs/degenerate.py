"""Traces that hold nothing, and those that repeat themselves to the cap. Reads stored rows, knows no answers."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.types import union_categoricals

from analysis.arrays import Array, Bools, Ints
from results import schema, store

# Of a trace's end so many tokens are looked at, and in shorter ends than LEAST no cycle is read.
TAIL, LEAST = 64, 16
MAX_PERIOD = 16
# A cycle has to come round so often.
ROUNDS = 4
NO_TOKEN = -1
# Lists whose ends are looked at at once.
BLOCK = 2**15
_COLUMNS = ["prompt_id", "pool", "sample", "start_token", "num_thinking_tokens", "ended", "text", "token_ids"]


class Traces(NamedTuple):
    """Of a model's traces, shares in 0..1: empty, without a word; looping, one token or a short cycle to the cap.

    Each NaN where no texts, or no token ids, are stored.
    """

    num_traces: int
    empty: float
    looping: float


def read(root: Path, identity: str) -> Traces:
    """The evaluation traces of one identity, a shard in memory at a time."""
    parts = [_segments(shard) for shard in store.iterate(root, schema.TRACES, columns=_COLUMNS, identity=identity)]
    # One without rows has no kind of names.
    parts = [part for part in parts if len(part)] or parts[:1]
    prompts = union_categoricals([part.pop("prompt_id") for part in parts]).codes
    segments = pd.concat(parts, ignore_index=True).assign(prompt=prompts)
    by_trace = segments.sort_values("start_token").groupby(["prompt", "sample"])
    blank, last = by_trace["blank"], by_trace.tail(1)
    ended = by_trace["ended"].any()
    # A trace goes on in segments: its words may be in any, its end is the last one's.
    loops = last.set_index(["prompt", "sample"])["loops"].where(~ended, 0.0)
    return Traces(
        num_traces=len(ended),
        empty=float(blank.min().mean()),
        looping=np.nan if segments["loops"].isna().all() else float(loops.mean()),
    )


def _segments(shard: pa.Table) -> pd.DataFrame:
    """A row a segment: whether it is blank and whether its end repeats itself,
    0 or 1, NaN where that is not stored.
    """
    rows = shard.filter(pc.field("pool") == "evaluation")
    frame = rows.select(["prompt_id", "sample", "start_token", "ended"]).to_pandas()
    blank = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(rows["text"].cast(pa.string()))), 0)
    loops = _loops(rows["token_ids"]).astype(float)
    loops[~_bools(pc.is_valid(rows["token_ids"]))] = np.nan
    return frame.assign(blank=blank.cast(pa.float64()).to_numpy(), loops=loops)


def _loops(token_ids: pa.ChunkedArray) -> Bools:
    """Whether each list (N,) ends in one token, or a cycle of at most MAX_PERIOD,
    that comes round ROUNDS times.
    """
    found = np.zeros(len(token_ids), dtype=bool)
    long_enough = np.flatnonzero(_ints(pc.list_value_length(token_ids.combine_chunks())) >= LEAST)
    for start in range(0, len(long_enough), BLOCK):
        at = long_enough[start : start + BLOCK]
        found[at] = _loop(*_tails(token_ids.take(at)))
    return found


def _loop(tails: Ints, lengths: Ints) -> Bools:
    found = np.zeros(len(tails), dtype=bool)
    for period in range(1, MAX_PERIOD + 1):
        # Beyond the beginning of a short list there is nothing to differ from.
        alike = (tails[:, period:] == tails[:, :-period]) | (tails[:, :-period] == NO_TOKEN)
        found |= alike.all(axis=1) & (lengths >= max(LEAST, ROUNDS * period))
    return found


def _tails(token_ids: pa.ChunkedArray) -> tuple[Ints, Ints]:
    """The last TAIL tokens of each list, after NO_TOKEN where it has fewer,
    (N, TAIL), and how many it has (N,).
    """
    lists = token_ids.combine_chunks()
    lengths = _ints(pc.list_value_length(lists))
    values = np.asarray(pc.list_flatten(lists).to_numpy(zero_copy_only=False), dtype=np.int64)
    back = np.cumsum(lengths)[:, None] - np.arange(TAIL, 0, -1)
    is_inside = np.arange(TAIL, 0, -1) <= lengths[:, None]
    padded = np.append(values, NO_TOKEN)
    return np.where(is_inside, padded[np.where(is_inside, back, -1)], NO_TOKEN), np.minimum(lengths, TAIL)


def _ints(column: pa.Array) -> Ints:
    return np.asarray(pc.fill_null(column, 0).to_numpy(zero_copy_only=False), dtype=np.int64)


def _bools(column: pa.ChunkedArray) -> Array:
    return np.asarray(column.to_numpy(), dtype=bool)
