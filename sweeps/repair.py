"""Puts damaged shards aside, and with them the rows that lean on what was lost. Generates nothing."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from results import store
from results.closed import check_open
from results.inspection import check_folders
from results.names import writer_of
from results.schema import ANSWERS, GRADES, MODELS, SAMPLE_KEY, SCORES, TRACES, Table
from results.shards import entered_shards, list_shards
from results.twice import Twice, find_twice, withdraw_twice
from sweeps.identity import SCORING, name_grades
from sweeps.partial import withdraw_partial

SEGMENT_KEY = [*SAMPLE_KEY, "start_token"]


class Usable(NamedTuple):
    """What can be leaned on: hashes of the segments that are joined to the beginning of their trace, and of each
    place where one of them ended by itself; and by the hash of each sample the length of its thinking.
    """

    segments: pd.Index
    ends: pd.Index
    lengths: pd.Series


def repair(root: Path) -> None:
    """Put what is damaged out of the way, saying so; the shards of a writer at work are left to it.

    Raises ValueError where a folder of the run is a file, or a link out of it, and where no sweep adds to it.
    """
    check_open(root)
    check_folders(root)
    entered = entered_shards(root)
    writers = store.list_writers(root)
    # What leans on lost rows is found by reading every writer's, so that all are sound before any is read.
    _for_each(root, writers, set_damaged_aside)
    found = find_twice(root, entered)
    _for_each(root, writers, lambda root, writer: withdraw_twice_stored(root, found, writer))
    _for_each(root, writers, report_partial)
    if store.was_damaged(root):
        _for_each(root, [writer for writer in writers if not writer.startswith(store.INGESTING)], withdraw_leaning)
        withdraw_judged(root)


def repair_writer(root: Path, writer: str) -> None:
    """The same for what one writer draws, whose lock the caller holds."""
    check_folders(root)
    entered = entered_shards(root)
    set_damaged_aside(root, writer)
    withdraw_twice_stored(root, find_twice(root, entered), writer)
    # A kill between two appends leaves part of a search, which a new one must not be mixed with.
    report_partial(root, writer)
    if store.was_damaged(root):
        withdraw_leaning(root, writer)
        # Before they are drawn again: a grade and a score are of an answer's key, and would be taken for those of
        # the new answer.
        withdraw_judged(root)


def set_damaged_aside(root: Path, writer: str) -> None:
    """Put the writer's damaged shards aside, and in order what costs no row, a line each."""
    _print([*store.tidy_up(root, writer), *store.set_damaged_aside(root, writer)])


def withdraw_twice_stored(root: Path, found: Iterable[Twice], writer: str) -> None:
    """Keep one of each row that is stored twice, as by a copy from another run,
    a line a shard; enter what is left.
    """
    _print(withdraw_twice(root, found, writer))
    store.enter(root, writer)


def withdraw_leaning(root: Path, writer: str) -> None:
    """Take out traces whose beginning is lost, and answers that were cut from lost ones.

    The caller holds the writer's lock, so that nothing is appended between the reading and the taking out.
    """
    drawn = [
        store.scan(root, table, columns=["identity"], writer=writer)["identity"] for table in (TRACES, ANSWERS)
    ]
    identities = sorted({identity for column in drawn for identity in column.unique().to_pylist()})
    if not identities:
        return
    usable = read_usable(root, identities)
    _report(writer, "traces", store.withdraw_rows(root, TRACES, writer, keep=lambda rows: _joined(rows, usable)))
    _report(writer, "answers", store.withdraw_rows(root, ANSWERS, writer, keep=lambda rows: _cut(rows, usable)))


def withdraw_judged(root: Path) -> None:
    """Take out the grades and scores of answers that are lost."""
    models = store.scan(root, MODELS, columns=["task", "weights_digest"]).to_pylist()
    # Those without weights came from elsewhere with their grades.
    _withdraw_judged(root, GRADES, {name_grades(row["task"]) for row in models if row["weights_digest"]})
    # A scorer holds its lock from before it reads the first answer.
    _withdraw_judged(root, SCORES, {path.stem for path in (root / "locks").glob(f"*{SCORING}.lock")})


def _withdraw_judged(root: Path, table: Table, judges: Iterable[str]) -> None:
    """The same of one table, waiting for whoever is judging: it may have read them before."""
    writers = {*judges, *(writer_of(path) for path in list_shards(root / table.name))}
    with contextlib.ExitStack() as locks:
        for writer in sorted(writers):
            locks.enter_context(store.lock(root, writer, wait=True))
        if _holds_lost(root, table):
            keep = functools.partial(_among, answers=_read_answers(root))
            for writer in sorted(writers):
                _report(writer, table.name, store.withdraw_rows(root, table, writer, keep=keep))


def _holds_lost(root: Path, table: Table) -> bool:
    # What is judged is read first: an answer that comes in between is none that is missing.
    judged = [_hash_answers(shard) for shard in store.iterate(root, table, columns=ANSWERS.key)]
    return not np.isin(np.concatenate(judged), _read_answers(root)).all()


def read_usable(root: Path, identities: Sequence[str]) -> Usable:
    """Segments that can be reached from the beginning of their trace, and what they add up to."""
    traces = pd.concat([read_traces(root, identity).assign(identity=identity) for identity in identities])
    traces = traces[traces["joined"].astype(bool)]
    lengths = traces["num_thinking_tokens"].groupby(store.hash_keys(traces, SAMPLE_KEY)).sum()
    ends = traces[traces["ended"].astype(bool)]
    ends = ends.assign(start_token=ends["start_token"] + ends["num_thinking_tokens"])
    joined, closed = (pd.Index(np.unique(store.hash_keys(rows, SEGMENT_KEY))) for rows in (traces, ends))
    return Usable(joined, closed, lengths)


def read_traces(root: Path, identity: str) -> pd.DataFrame:
    """The stored segments, `joined` where the segment before them is stored as well, which makes them usable."""
    names = ("start_token", "num_thinking_tokens", "ended")
    rows = store.scan(root, TRACES, columns=[*SAMPLE_KEY[1:], *names], identity=identity)
    segments = rows.to_pandas().sort_values("start_token", kind="stable")
    sample = segments.groupby([*SAMPLE_KEY[1:]], sort=False, observed=True)
    before = sample["num_thinking_tokens"].cumsum() - segments["num_thinking_tokens"]
    fits = (before == segments["start_token"]).astype(np.int8)
    return segments.assign(
        joined=fits.groupby([segments[name] for name in SAMPLE_KEY[1:]], sort=False, observed=True).cummin() == 1
    )


def report_partial(root: Path, writer: str) -> None:
    """Take out what is stored of searches that are not whole, the writer's lock held, a line a table."""
    for table, num_rows in withdraw_partial(root, writer).items():
        _report(writer, table, num_rows)


def _for_each(root: Path, writers: Sequence[str], step: Callable[[Path, str], None]) -> None:
    for writer in writers:
        with contextlib.suppress(store.BusyError), store.lock(root, writer, briefly=True):
            step(root, writer)


def _joined(rows: pa.Table, usable: Usable) -> pa.Array:
    return pa.array(
        usable.segments.get_indexer(store.hash_keys(rows.select(SEGMENT_KEY).to_pandas(), SEGMENT_KEY)) >= 0
    )


def _cut(rows: pa.Table, usable: Usable) -> pa.Array:
    """Answers whose thinking is stored. One at budget 0 needs none;
    a natural one needs a trace that ended there.
    """
    answers = rows.select([*ANSWERS.key, "num_thinking_tokens", "extension"]).to_pandas()
    lengths = usable.lengths.reindex(store.hash_keys(answers, SAMPLE_KEY)).fillna(0).to_numpy()
    natural = (answers["budget"].isna() | answers["extension"].notna()).to_numpy()
    spent = answers["num_thinking_tokens"]
    ended = usable.ends.get_indexer(store.hash_keys(answers.assign(start_token=spent), SEGMENT_KEY)) >= 0
    return pa.array((spent.to_numpy() <= lengths) & (~natural | ended))


def _read_answers(root: Path) -> pd.Index:
    shards = store.iterate(root, ANSWERS, columns=ANSWERS.key)
    return pd.Index(np.unique(np.concatenate([_hash_answers(shard) for shard in shards])))


def _hash_answers(rows: pa.Table) -> np.ndarray:
    return store.hash_keys(rows.select(ANSWERS.key).to_pandas(), ANSWERS.key)


def _among(rows: pa.Table, answers: pd.Index) -> pa.Array:
    return pa.array(answers.get_indexer(_hash_answers(rows)) >= 0)


def _print(lines: Iterable[object]) -> None:
    for line in lines:
        print(line, flush=True)


def _report(writer: str, table: str, num_rows: int) -> None:
    if num_rows:
        print(
            f"{writer}: {num_rows:,} {table} depend on lost rows; they are set aside and drawn again.", flush=True
        )
