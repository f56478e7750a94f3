"""What each cell is made of: cut or ended, forced, unparsed, truncated,
tokens spent against allowed, device seconds.

Reads stored rows of the evaluation pool; knows nothing of bins, curves or selection rules.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from analysis.runs import throughput
from results import schema, store
from results.cuts import NATURAL, NEVER, Caps, Events, answer_places
from results.graders import present_grader
from results.growth import GROWN_SHARE
from results.prompts import in_order
from results.schema import OUTCOMES

SAMPLE = ["prompt_id", "sample"]


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
    """A row a declared budget, with the fewest extensions and the most calls: shares of samples in [0, 1], mean tokens,
    device seconds a thousand would take alone.

    Of each prompt count the largest declared number of samples that are all there; the others that were asked for
    are num_left_out. Shares are null where under GROWN_SHARE of the prompts count that do at other budgets: those
    whose samples all ended early are served before a deeper sweep comes to them, and would speak for the rest.
    cut: the trace was still going at the budget. forced: its answer was given the close marker. The outcomes add
    up to `graded`, the share that has a grade. device_seconds is null where no throughput was logged. Shape (B,
    columns).
    """
    cells = _read_declared(root, identity)
    answers = _read_answers(root, identity)
    extensions, calls = (int(cells[name].max()) if len(cells) else 0 for name in ("extensions", "calls"))
    traces = _read_traces(root, identity, answers, Caps(0, extensions, calls))
    prompt_ids = traces.samples.union(answers.index).unique("prompt_id")
    prompt_ids = pd.Index(sorted(prompt_ids, key=in_order), name="prompt_id")
    counted = {
        int(budget): _counted(
            _serving(traces, answers, Caps(int(budget), extensions, calls)), prompt_ids, declared
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


def _read_traces(root: Path, identity: str, answers: pd.DataFrame, most: Caps) -> _Traces:
    """Of every evaluation sample, segments joined, where it closed and where calls begin, as far as these caps go."""
    columns = [*SAMPLE, "pool", "start_token", "num_thinking_tokens", "ended", "opened", "opened_by"]
    rows = store.scan(root, schema.TRACES, columns=columns, identity=identity).to_pandas()
    rows = rows[rows["pool"] == "evaluation"].astype({"prompt_id": object}).sort_values("start_token")
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
    """What stands at these places of segments, in their order, as (num, samples): the first of each, the second, ..."""
    number, at = (
        rows.groupby(SAMPLE).cumcount().to_numpy(),
        samples.get_indexer(pd.MultiIndex.from_frame(rows[SAMPLE])),
    )
    numbered = [np.full((num, len(samples)), NEVER) for _ in places]
    for each, place in zip(numbered, places, strict=True):
        each[number[number < num], at[number < num]] = place.to_numpy(dtype=np.int64)[number < num]
    return numbered


def _read_answers(root: Path, identity: str) -> pd.DataFrame:
    """Answers with what the grader whose grades stand makes of them; null where it has not seen them."""
    key, by = [*SAMPLE, "pool", "budget"], ["grader", "grader_version"]
    answers = store.scan(
        root, schema.ANSWERS, columns=[*key, "num_answer_tokens", "forced", "extension"], identity=identity
    )
    grades = store.scan(root, schema.GRADES, columns=[*key, *by, "outcome"], identity=identity)
    grader = present_grader(root, [identity]) or ("", "")
    standing = grades.filter((pc.field(by[0]) == grader[0]) & (pc.field(by[1]) == grader[1])).drop_columns(by)
    frames = [table.to_pandas().astype({"prompt_id": object, "pool": object}) for table in (answers, standing)]
    rows = frames[0].merge(frames[1], on=key, how="left")
    return rows[rows["pool"] == "evaluation"].set_index(SAMPLE)


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


def _counted(serving: pd.DataFrame, prompt_ids: pd.Index, declared: pd.DataFrame) -> _Counted:
    """What counts of the answers at one budget; its D declared cells are of the first prompts P."""
    num_samples, num_prompts = (declared[name].to_numpy(dtype=np.int64) for name in ("num_samples", "num_prompts"))
    prompt_ids = prompt_ids[: num_prompts.max()]
    asked_PD = num_samples * (np.arange(len(prompt_ids))[:, None] < num_prompts)
    ready_P = _num_ready(serving).reindex(prompt_ids, fill_value=0).to_numpy()
    there_PD = asked_PD * (ready_P[:, None] >= num_samples)
    counts = pd.Series(there_PD.max(axis=1), index=prompt_ids)
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
    leading = ordered.groupby("prompt_id").cumcount() == ordered["sample"]
    return leading.groupby(ordered["prompt_id"]).sum()


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
