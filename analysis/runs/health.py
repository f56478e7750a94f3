"""What each cell is made of: cut or ended, forced, unparsed, truncated,
tokens spent against allowed, device seconds.

Reads stored rows of the evaluation pool; knows nothing of bins, curves or selection rules.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analysis.runs import throughput
from analysis.runs.slots import dictionary
from results import schema, store
from results.cuts import NATURAL, NEVER, Caps, Events, answer_places
from results.graders import present_grader
from results.growth import GROWN_SHARE
from results.prompts import in_order
from results.schema import OUTCOMES, Table

# A prompt by its place in the task's order, and the number of its sample.
SAMPLE = ["prompt", "sample"]


# What is read of each row beside whose it is.
_COLUMNS = {
    schema.TRACES: ("start_token", "num_thinking_tokens", "ended", "opened", "opened_by"),
    schema.ANSWERS: ("budget", "num_answer_tokens", "forced", "extension"),
    schema.GRADES: ("budget", "grader", "grader_version", "outcome"),
}


class _Stored(NamedTuple):
    """Rows of one model's evaluation pool."""

    traces: pa.Table
    answers: pa.Table
    grades: pa.Table


class _Traces(NamedTuple):
    """What happened in the traces of some samples (prompt, number), N of them: (K, N) each."""

    samples: pd.MultiIndex
    events: Events


class _Counted(NamedTuple):
    """What counts at a budget: its answers, of how many prompts and samples,
    and how many of each were asked for.
    """

    serving: pd.DataFrame
    num_prompts: int
    num_prompts_asked: int
    num_samples_asked: int


def has_traces(root: Path) -> bool:
    """Whether any trace is stored."""
    return any((root / schema.TRACES.name).glob("*.parquet"))


def read_health(root: Path, identity: str, budgets: Sequence[int]) -> pd.DataFrame:
    """A row a declared budget, with the fewest extensions and the most calls: shares of samples in [0, 1], mean
    tokens, device seconds a thousand would take alone.

    Of each prompt count the largest declared number of samples that are all there; the others that were asked for
    are num_left_out. Shares are null where under GROWN_SHARE of the prompts count that do at other budgets: those
    whose samples all ended early are served before a deeper sweep comes to them, and would speak for the rest.
    cut: the trace was still going at the budget. forced: its answer was given the close marker. The outcomes add
    up to `graded`, the share that has a grade. device_seconds is null where no throughput was logged. Shape (B,
    columns).
    """
    cells = _read_declared(root, identity)
    stored = _Stored(*(_scan(root, table, columns, identity) for table, columns in _COLUMNS.items()))
    prompt_ids = _in_order(stored)
    answers = _graded(stored, prompt_ids, present_grader(root, [identity]))
    extensions, calls = (int(cells[name].max()) if len(cells) else 0 for name in ("extensions", "calls"))
    traces = _follow(_frame(stored.traces, prompt_ids), answers, Caps(0, extensions, calls))
    counted = {
        int(budget): _counted(
            _serving(traces, answers, Caps(int(budget), extensions, calls)), len(prompt_ids), declared
        )
        for budget, declared in cells.groupby("budget")
    }
    logged = throughput.read(root).get(identity)
    rate = None if logged is None else 1 / logged.per_token.decoded
    reached = max((cell.num_prompts for cell in counted.values()), default=0)
    return pd.DataFrame([_cell(counted[b], b, rate=rate, reached=reached) for b in budgets if b in counted])


def _read_declared(root: Path, identity: str) -> pd.DataFrame:
    """The cells of the evaluation pool that have the fewest extensions and the most calls."""
    cells = store.scan(root, schema.CELLS, identity=identity).to_pandas().fillna({"extensions": 0, "calls": 0})
    cells = cells[cells["pool"] == "evaluation"]
    cells = cells[cells["extensions"] == cells["extensions"].min()]
    return cells[cells["calls"] == cells["calls"].max()]


def _scan(root: Path, table: Table, columns: Sequence[str], identity: str) -> pa.Table:
    """The rows of the evaluation pool."""
    rows = store.scan(root, table, columns=["prompt_id", "sample", "pool", *columns], identity=identity)
    return rows.filter(pc.field("pool") == "evaluation").drop_columns("pool")


def _in_order(stored: _Stored) -> pd.Index:
    """The prompts of any trace or answer, in the task's order."""
    named = {
        name for table in (stored.traces, stored.answers) for name in pc.unique(table["prompt_id"]).to_pylist()
    }
    return pd.Index(sorted(named, key=in_order), dtype=object)


def _frame(table: pa.Table, prompt_ids: pd.Index) -> pd.DataFrame:
    """The rows with the place of each prompt, -1 of another, in the place of its name."""
    codes, names = dictionary(table["prompt_id"])
    places = prompt_ids.get_indexer(pd.Index(names, dtype=object)).astype(np.int32)
    return table.drop_columns("prompt_id").to_pandas().assign(prompt=places[codes] if len(names) else codes)


def _follow(rows: pd.DataFrame, answers: pd.DataFrame, most: Caps) -> _Traces:
    """Of every sample, segments joined, where it closed and where calls begin, as far as these caps go."""
    rows = rows.sort_values("start_token")
    samples = pd.MultiIndex.from_frame(rows[SAMPLE].drop_duplicates())
    ended, opened = rows[rows["ended"].astype(bool)], rows.dropna(subset="opened")
    [closes] = _number(
        samples, ended, [ended["start_token"] + ended["num_thinking_tokens"]], num=1 + most.extensions
    )
    opens, whole = _number(samples, opened, [opened["opened"], opened["opened_by"]], num=1 + most.calls)
    # Nothing can follow an answer that its trace, which had ended, had to be closed for.
    last = answers[(answers["budget"].isna() | answers["extension"].notna()) & answers["forced"].astype(bool)]
    number, at = last["extension"].fillna(0).to_numpy(dtype=np.int64), samples.get_indexer(last.index)
    finals = np.zeros(closes.shape, bool)
    is_there = (number < len(closes)) & (at >= 0)
    finals[number[is_there], at[is_there]] = True
    return _Traces(samples, Events(closes, finals, opens, whole))


def _number(
    samples: pd.MultiIndex, rows: pd.DataFrame, places: Sequence[pd.Series], *, num: int
) -> list[np.ndarray]:
    """What stands at these places of segments, in their order, as (num, samples): the first of each, the second,
    ...
    """
    number, at = (
        rows.groupby(SAMPLE).cumcount().to_numpy(),
        samples.get_indexer(pd.MultiIndex.from_frame(rows[SAMPLE])),
    )
    numbered = [np.full((num, len(samples)), NEVER) for _ in places]
    for each, place in zip(numbered, places, strict=True):
        each[number[number < num], at[number < num]] = place.to_numpy(dtype=np.int64)[number < num]
    return numbered


def _graded(stored: _Stored, prompt_ids: pd.Index, grader: tuple[str, str] | None) -> pd.DataFrame:
    """Answers with what the grader whose grades stand makes of them; null where it has not seen them."""
    name, version = grader or ("", "")
    standing = stored.grades.filter((pc.field("grader") == name) & (pc.field("grader_version") == version))
    standing = standing.drop_columns(["grader", "grader_version"])
    frames = [_frame(table, prompt_ids) for table in (stored.answers, standing)]
    return frames[0].merge(frames[1], on=[*SAMPLE, "budget"], how="left").set_index(SAMPLE)


def _serving(traces: _Traces, answers: pd.DataFrame, caps: Caps) -> pd.DataFrame:
    """The answer that each sample gives with these caps, where it has one, and the thinking spent on it."""
    places, at = answer_places([caps], traces.events)[0], traces.samples.get_indexer(answers.index)
    # Budget 0 needs no trace, so that samples are those with an answer of their own there or a trace.
    place = np.full(len(answers), caps.budget)
    place[at >= 0] = places[at[at >= 0]]
    spent = place.copy()
    is_natural = place == NATURAL
    spent[is_natural] = traces.events.closes[0, at[is_natural]]
    serving = answers.assign(spent=spent)[answers["budget"].fillna(NATURAL).to_numpy() == place]
    return serving[~serving.index.duplicated()]


def _counted(serving: pd.DataFrame, num_stored: int, declared: pd.DataFrame) -> _Counted:
    """What counts of the answers at one budget; its D declared cells are of the first
    prompts P of those stored.
    """
    num_samples, num_prompts = (declared[name].to_numpy(dtype=np.int64) for name in ("num_samples", "num_prompts"))
    prompts = np.arange(min(num_stored, num_prompts.max()))
    asked_PD = num_samples * (prompts[:, None] < num_prompts)
    ready_P = _num_ready(serving).reindex(prompts, fill_value=0).to_numpy()
    there_PD = asked_PD * (ready_P[:, None] >= num_samples)
    counts = pd.Series(there_PD.max(axis=1), index=prompts)
    prompt, sample = (serving.index.get_level_values(name) for name in SAMPLE)
    return _Counted(
        serving[sample < counts.reindex(prompt, fill_value=0).to_numpy()],
        num_prompts=int((counts > 0).sum()),
        num_prompts_asked=int(num_prompts.max()),
        num_samples_asked=_count_asked(num_samples, num_prompts),
    )


def _count_asked(num_samples: np.ndarray, num_prompts: np.ndarray) -> int:
    """Samples that D declared cells (D,) ask for: of each prompt the most that any of them does."""
    num_asked = num_reached = 0
    for samples, prompts in sorted(zip(num_samples.tolist(), num_prompts.tolist(), strict=True), reverse=True):
        num_asked += samples * max(prompts - num_reached, 0)
        num_reached = max(num_reached, prompts)
    return num_asked


def _num_ready(serving: pd.DataFrame) -> pd.Series:
    """Number of each prompt's leading samples without a gap."""
    ordered = serving.index.to_frame(index=False).sort_values(SAMPLE)
    leading = ordered.groupby("prompt").cumcount() == ordered["sample"]
    return leading.groupby(ordered["prompt"]).sum()


def _cell(cell: _Counted, budget: int, *, rate: float | None, reached: int) -> dict[str, float | int | None]:
    is_told = cell.num_prompts >= max(GROWN_SHARE * min(cell.num_prompts_asked, reached), 1)
    serving = cell.serving if is_told else cell.serving[:0]
    tokens = (serving["spent"] + serving["num_answer_tokens"]).mean()
    return {
        "budget": budget,
        "num_samples": len(cell.serving),
        "num_left_out": cell.num_samples_asked - len(cell.serving),
        "cut": float((serving["budget"].notna() & serving["extension"].isna()).mean()),
        "forced": float(serving["forced"].mean()),
        "graded": float(serving["outcome"].notna().mean()),
        **{name: float((serving["outcome"] == name).mean()) for name in OUTCOMES},
        "thinking_tokens": float(serving["spent"].mean()),
        "answer_tokens": float(serving["num_answer_tokens"].mean()),
        "device_seconds_a_thousand": None if rate is None else float(1000 * tokens * rate),
    }
