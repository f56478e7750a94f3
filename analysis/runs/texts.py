"""A seeded sample of what the models wrote, read shard by shard. Knows the tables, no HTML."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike

from analysis.runs.outcomes import Outcomes
from results import schema, store
from results.closed import WITHOUT, lacks_texts
from results.schema import Table

POOL = "evaluation"
# Longer texts show so many characters of their beginning and of their end.
TRACE_ENDS, ANSWER_ENDS, PROMPT_ENDS = (4_000, 2_000), (800, 400), (6_000, 2_000)

# A text as [text], or as [beginning, number of characters left out, end]; [] where there is none.
Clipped = list[Any]
Row = dict[str, Any]


@dataclass
class Sample:
    """One sample of one rung: the segments of its trace by their first token, and its answers by budget."""

    segments: dict[int, Row] = field(default_factory=dict)
    answers: dict[int | None, Row] = field(default_factory=dict)


# By prompt, then by the rung's number and the sample's.
Samples = dict[str, dict[tuple[int, int], Sample]]


def choose_prompts(prompt_ids: Iterable[str], count: int, *, seed: int) -> list[str]:
    """`count` prompts in the order of a hash of seed and id:
    the same for any order of rows, and nested in count.
    """
    return sorted(map(str, prompt_ids), key=lambda name: _rank(seed, name))[:count]


def choose_samples(prompt_id: str, num_samples: int, count: int, *, seed: int) -> list[int]:
    """`count` of a prompt's samples by the same rule, the same ones in every rung, in their own order."""
    return sorted(sorted(range(num_samples), key=lambda sample: _rank(seed, f"{prompt_id} {sample}"))[:count])


def read(root: Path, outcomes: Outcomes, wanted: Mapping[str, Sequence[int]]) -> Samples:
    """These samples of these prompts in every rung, at every budget that is read;
    one shard is in memory at a time.
    """
    rungs = {arm.rung.identity: at for at, arm in enumerate(outcomes.arms)}
    samples: Samples = {
        prompt: {(rung, sample): Sample() for rung in range(len(rungs)) for sample in chosen}
        for prompt, chosen in wanted.items()
    }
    # Read otherwise, the cells of a sample are served by answers at places of its own.
    shown = {None, *(int(budget) for budget in outcomes.budgets)} if outcomes.along.is_usual else None
    for sample, row in _rows(root, schema.TRACES, _TRACE, rungs, samples):
        sample.segments[row["start_token"]] = row | {"text": clip(row["text"], TRACE_ENDS)}
    for sample, row in _rows(root, schema.ANSWERS, _ANSWER, rungs, samples):
        if shown is None or row["budget"] in shown:
            sample.answers[row["budget"]] = row | {"text": clip(row["text"], ANSWER_ENDS)}
    for sample, row in _rows(root, schema.GRADES, _GRADE, rungs, samples):
        is_read_by = (row["grader"], row["grader_version"]) == (outcomes.grader, outcomes.grader_version)
        if is_read_by and row["budget"] in sample.answers:
            graded = {"extracted": clip(row["extracted"], ANSWER_ENDS), "outcome": row["outcome"]}
            sample.answers[row["budget"]] |= graded
    _add_scores(root, outcomes, rungs, samples)
    return samples


def _add_scores(root: Path, outcomes: Outcomes, rungs: Mapping[str, int], samples: Samples) -> None:
    """What the verifier of each rung gave its answers, where a reader asked for one:
    the first verdict of several.
    """
    versions = {
        arm.rung.identity: (arm.verifier.name, arm.verifier.version) for arm in outcomes.arms if arm.verifier
    }
    if not versions:
        return
    for sample, row in _rows(root, schema.SCORES, _SCORE, rungs, samples):
        is_ours = versions.get(row["identity"]) == (row["scorer"], row["scorer_version"]) and not row["verdict"]
        if is_ours and row["budget"] in sample.answers:
            sample.answers[row["budget"]] |= {"score": row["score"], "step_scores": row["step_scores"] or []}


def read_prompts(root: Path, task: str, prompt_ids: Sequence[str]) -> dict[str, Clipped]:
    """Texts of these prompts, where they are stored."""
    columns = ["task", "prompt_id", "text"]
    rows = store.scan(root, schema.PROMPTS, columns=columns, prompt_ids=prompt_ids).to_pylist()
    return {row["prompt_id"]: clip(row["text"], PROMPT_ENDS) for row in rows if row["task"] == task}


def whole_prompts(root: Path, task: str, prompt_ids: ArrayLike) -> list[str]:
    """The text of each prompt of a run; empty where none is stored."""
    rows = store.scan(root, schema.PROMPTS, columns=["task", "prompt_id", "text"])
    stored = rows.filter(pc.equal(rows["task"].cast("string"), task)).to_pandas().drop_duplicates("prompt_id")
    by_id = stored.set_index("prompt_id")["text"]
    return [text if isinstance(text, str) else "" for text in by_id.reindex(list(np.asarray(prompt_ids)))]


def left_out(root: Path) -> list[str]:
    """A line where the run was packed without its texts."""
    return [WITHOUT] if lacks_texts(root) else []


def trace(sample: Sample) -> Clipped:
    """The whole trace of a sample, its segments joined, clipped as one text."""
    texts = [row["text"] for _, row in sorted(sample.segments.items()) if row["text"]]
    if all(len(text) == 1 for text in texts):
        return clip("".join(text[0] for text in texts), TRACE_ENDS)
    begun, ended = _until_clipped(texts), _until_clipped([text[::-1] for text in reversed(texts)])
    head, tail = "".join(begun)[: TRACE_ENDS[0]], "".join(reversed(ended))[-TRACE_ENDS[1] :]
    total = sum(part if isinstance(part, int) else len(part) for text in texts for part in text)
    return [head, total - len(head) - len(tail), tail]


def clip(text: str | None, ends: tuple[int, int]) -> Clipped:
    """A text with so many characters of its beginning and its end."""
    if not text:
        return []
    head, tail = ends
    return [text] if len(text) <= head + tail else [text[:head], len(text) - head - tail, text[-tail:]]


_KEY = ["identity", "prompt_id", "pool", "sample"]
_TRACE = [*_KEY, "start_token", "num_thinking_tokens", "ended", "text"]
_ANSWER = [*_KEY, "budget", "num_thinking_tokens", "num_answer_tokens", "forced", "text"]
_GRADE = [*_KEY, "budget", "grader", "grader_version", "extracted", "outcome"]
_SCORE = [*_KEY, "budget", "scorer", "scorer_version", "verdict", "score", "step_scores"]


def _rows(
    root: Path, table: Table, columns: Sequence[str], rungs: Mapping[str, int], samples: Samples
) -> Iterator[tuple[Sample, Row]]:
    """The wanted rows of a table and the sample each belongs to."""
    wanted = pd.MultiIndex.from_tuples(sorted({(name, at) for name, held in samples.items() for _, at in held}))
    for shard in store.iterate(root, table, columns=columns, prompt_ids=list(samples)):
        named = [shard["prompt_id"].cast(pa.string()).to_numpy(), shard["sample"].to_numpy()]
        kept = wanted.get_indexer(pd.MultiIndex.from_arrays(named)) >= 0
        for row in shard.filter(pa.array(kept)).to_pylist():
            is_ours = row["pool"] == POOL
            found = (
                samples[row["prompt_id"]].get((rungs.get(row["identity"], -1), row["sample"])) if is_ours else None
            )
            if found is not None:
                yield found, row


def _until_clipped(texts: Sequence[Clipped]) -> list[str]:
    """The first part of each text, to the first that is not whole."""
    parts: list[str] = []
    for text in texts:
        parts.append(text[0])
        if len(text) > 1:
            break
    return parts


def _rank(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()
