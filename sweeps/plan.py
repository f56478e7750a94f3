"""What a job still has to do: compares the declared grid with what is stored. Generates nothing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.architecture import text_settings
from harness.checkpoint import Checkpoint
from harness.rendering import Renderer
from harness.samples import Pending
from harness.traces import SampleKey
from harness.types import Grid, Model, Pool, Prompt, Sampling
from results import store
from results.schema import ANSWERS, SAMPLE_KEY, TRACES

# Stored thinking is read back for this many tokens at a time, so that memory does not grow with the run.
READ_TOKENS = 200_000
# Of a segment: where in its trace it starts, and what it adds.
ADDED = ("start_token", "num_thinking_tokens", "ended")


@dataclass(frozen=True)
class PoolSpec:
    """How many samples a pool needs, and at which budgets."""

    pool: Pool
    num_samples: int
    budgets: tuple[int, ...]


@dataclass(frozen=True)
class PoolState:
    """What is stored of a pool: P prompts, S samples, B budgets.

    num_thinking_PS, ended_PS, num_extended_PS: its traces; answered_PSB, natural_PS: which answers there are.
    """

    spec: PoolSpec
    num_thinking_PS: np.ndarray
    ended_PS: np.ndarray
    num_extended_PS: np.ndarray
    answered_PSB: np.ndarray
    natural_PS: np.ndarray

    @cached_property
    def lacks_thinking_PS(self) -> np.ndarray:
        return ~self.ended_PS & (self.num_thinking_PS < max(self.spec.budgets))

    @cached_property
    def lacks_answer_PSB(self) -> np.ndarray:
        """Budgets without an answer: a trace that ended within one serves it by its natural answer."""
        within = self.ended_PS[..., None] & (self.num_thinking_PS[..., None] <= np.array(self.spec.budgets))
        return np.where(within, ~self.natural_PS[..., None], ~self.answered_PSB)

    @cached_property
    def pending_PS(self) -> np.ndarray:
        return self.lacks_thinking_PS | self.lacks_answer_PSB.any(axis=-1)


def pool_specs(grid: Grid, model: Model) -> list[PoolSpec]:
    """Evaluation samples for every model; the anchor also draws samples of their own for difficulty bins."""
    specs = [PoolSpec("evaluation", max(grid.widths), grid.budgets)]
    if model.name == grid.anchor:
        assert grid.reference_budget is not None
        specs.append(PoolSpec("bins", grid.bin_samples, (grid.reference_budget,)))
    return specs


def read_states(
    root: Path, identity: str, prompts: Sequence[Prompt], specs: Sequence[PoolSpec]
) -> list[PoolState]:
    """What is stored of each pool, read shard by shard: a run can have more rows than memory has room for."""
    positions = pd.Index([prompt.prompt_id for prompt in prompts])
    columns = [*SAMPLE_KEY[1:], *ADDED, "finish_reason"]
    segments: list[list[pd.DataFrame]] = [[] for _ in specs]
    for shard in store.iterate(root, TRACES, columns=columns, identity=identity):
        traces = shard.to_pandas()
        for spec, found in zip(specs, segments, strict=True):
            found.append(_segments(spec, positions, traces))
    states = [_of_segments(spec, len(positions), found) for spec, found in zip(specs, segments, strict=True)]
    for shard in store.iterate(root, ANSWERS, columns=[*SAMPLE_KEY[1:], "budget"], identity=identity):
        answers = shard.to_pandas()
        for state in states:
            _mark_answers(state, positions, answers)
    return states


def iterate_pending(
    root: Path, identity: str, prompts: Sequence[Prompt], states: Sequence[PoolState], *, renderer: Renderer
) -> Iterator[list[Pending]]:
    """The unfinished samples of every prompt that has any, in the order of `prompts`."""
    stored_P = np.asarray(sum((state.num_thinking_PS * state.pending_PS).sum(axis=1) for state in states))
    batches = stored_P.cumsum() // READ_TOKENS
    shards = store.locate(root, TRACES, identity=identity) if stored_P.any() else {}
    for batch in np.unique(batches):
        among = np.flatnonzero(batches == batch).tolist()
        begun = {
            (prompts[i].prompt_id, state.spec.pool, sample)
            for state in states
            for i in among
            for sample in np.flatnonzero(state.pending_PS[i] & (state.num_thinking_PS[i] > 0)).tolist()
        }
        thoughts = _read_thoughts(root, identity, begun, shards)
        for i in among:
            prompt_ids = (
                renderer.prompt_ids(prompts[i]) if any(state.pending_PS[i].any() for state in states) else ()
            )
            samples = [
                _pending(state, i, sample, SampleKey(prompts[i], prompt_ids, state.spec.pool, sample), thoughts)
                for state in states
                for sample in np.flatnonzero(state.pending_PS[i]).tolist()
            ]
            if samples:
                yield samples


class Measured(NamedTuple):
    """Of all rendered prompts the tokens of the longest, and the largest token."""

    longest: int
    largest_id: int


def measure(prompts: Sequence[Prompt], renderer: Renderer) -> Measured:
    rendered = ((len(ids), max(ids, default=0)) for ids in map(renderer.prompt_ids, prompts))
    return Measured(*map(max, zip(*rendered, strict=True)))


def check_vocabulary(checkpoint: Checkpoint, *, largest_id: int, renderer: Renderer) -> None:
    """Raise ValueError where the tokenizer writes what the model has no row for.

    Of tokens that no prompt here holds it may have more, as for pictures.
    """
    num_tokens = text_settings(checkpoint.config).get("vocab_size")
    largest = max(largest_id, *renderer.force_ids, *renderer.extend_ids, renderer.close_id or 0)
    if num_tokens is not None and largest >= num_tokens:
        raise ValueError(
            f"The tokenizer writes token {largest:,}, but the model knows only {num_tokens:,} (vocab_size of its "
            "config.json). It may be another model's tokenizer: copy the model's own one into its folder."
        )


def check_context(
    checkpoint: Checkpoint,
    *,
    model: Model,
    longest_prompt: int,
    grid: Grid,
    renderer: Renderer,
    sampling: Sampling,
) -> int:
    """Tokens the longest request needs; raises ValueError where the model's context is shorter."""
    budget = max(max(spec.budgets) for spec in pool_specs(grid, model))
    around = longest_prompt + len(renderer.force_ids) + sampling.max_answer_tokens
    if budget + around <= checkpoint.context:
        return budget + around
    told = (
        f"{model.name} has a context of {checkpoint.context:,} tokens; a prompt of {longest_prompt:,}, a budget "
        f"of {budget:,} and an answer of {sampling.max_answer_tokens:,} need {budget + around:,}."
    )
    left = checkpoint.context - around
    if left >= 0:
        raise ValueError(f"{told} Lower grid.budgets to at most {left}.")
    room = left + sampling.max_answer_tokens
    if room > 0:
        raise ValueError(
            f"{told} No budget fits: lower sampling.max_answer_tokens to below {room}, then grid.budgets."
        )
    raise ValueError(
        f"{told} The prompt alone leaves no room: choose a task with shorter prompts or fewer examples."
    )


# A sample by its prompt, pool and number.
Sample = tuple[str, str, int]
Thoughts = dict[Sample, tuple[int, ...]]


def _segments(spec: PoolSpec, positions: pd.Index, traces: pd.DataFrame) -> pd.DataFrame:
    """The pool's segments as numbers, 18 bytes each: where their sample stands,
    where they start, what they add.
    """
    traces, (prompt, sample) = _within(traces, spec, positions)
    is_extended = (traces["finish_reason"] == "extended").to_numpy()
    columns = {"prompt": prompt.astype(np.int32), "sample": sample, "extended": is_extended}
    return pd.DataFrame(columns | {name: traces[name].to_numpy() for name in ADDED})


def _of_segments(spec: PoolSpec, num_prompts: int, found: Sequence[pd.DataFrame]) -> PoolState:
    """Segments joined to the beginning of their trace: one whose predecessor is lost cannot be used."""
    shape = (num_prompts, spec.num_samples)
    num_thinking, num_extended = np.zeros(shape, np.int32), np.zeros(shape, np.int16)
    ended = np.zeros(shape, bool)
    for start_token, segments in pd.concat(found, ignore_index=True).groupby("start_token"):
        sample = segments["prompt"].to_numpy(), segments["sample"].to_numpy()
        joined = num_thinking[sample] == start_token
        at = tuple(axis[joined] for axis in sample)
        num_thinking[at] += segments["num_thinking_tokens"].to_numpy()[joined]
        num_extended[at] += segments["extended"].to_numpy()[joined]
        ended[at] |= segments["ended"].to_numpy(dtype=bool)[joined]
    nothing = np.zeros((*shape, len(spec.budgets)), bool)
    return PoolState(
        spec, num_thinking, ended, num_extended, answered_PSB=nothing, natural_PS=np.zeros(shape, bool)
    )


def _mark_answers(state: PoolState, positions: pd.Index, answers: pd.DataFrame) -> None:
    answers, at = _within(answers, state.spec, positions)
    natural = answers["budget"].isna().to_numpy()
    state.natural_PS[tuple(axis[natural] for axis in at)] = True
    for b, budget in enumerate(state.spec.budgets):
        at_budget = (answers["budget"] == budget).to_numpy()
        state.answered_PSB[(*(axis[at_budget] for axis in at), b)] = True


def _within(
    rows: pd.DataFrame, spec: PoolSpec, positions: pd.Index
) -> tuple[pd.DataFrame, tuple[np.ndarray, np.ndarray]]:
    """Rows of the pool's prompts and samples, and where they stand in its arrays."""
    rows = rows[(rows["pool"] == spec.pool) & (rows["sample"] < spec.num_samples)]
    at = positions.get_indexer(rows["prompt_id"].astype(object))
    return rows[at >= 0], (at[at >= 0], rows["sample"].to_numpy()[at >= 0])


def _read_thoughts(
    root: Path, identity: str, samples: Collection[Sample], shards: Mapping[str, Sequence[Path]]
) -> Thoughts:
    """Stored thinking tokens of these samples, segments joined; `shards` says where each prompt's are."""
    if not samples:
        return {}
    prompt_ids = {prompt_id for prompt_id, _, _ in samples}
    rows = store.scan(
        root,
        TRACES,
        columns=[*SAMPLE_KEY[1:], "start_token", "token_ids"],
        identity=identity,
        prompt_ids=list(prompt_ids),
        shards=sorted({path for prompt_id in prompt_ids for path in shards[prompt_id]}),
    ).sort_by("start_token")
    keys = zip(*(rows[name].to_pylist() for name in SAMPLE_KEY[1:]), strict=True)
    thoughts: Thoughts = {}
    # A row at a time: as Python integers a million tokens take forty times the room that they take in arrow.
    for key, start_token, token_ids in zip(keys, rows["start_token"].to_pylist(), rows["token_ids"], strict=True):
        before = thoughts.get(key, ())
        if key in samples and len(before) == start_token:
            thoughts[key] = before + tuple(token_ids.values.to_numpy().tolist())
    return thoughts


def _pending(state: PoolState, prompt: int, sample: int, key: SampleKey, thoughts: Thoughts) -> Pending:
    answered: set[int | None] = {
        budget
        for budget, is_answered in zip(state.spec.budgets, state.answered_PSB[prompt, sample], strict=True)
        if is_answered
    }
    return Pending(
        key,
        state.spec.budgets,
        thought_ids=thoughts.get((key.prompt.prompt_id, key.pool, sample), ()),
        ended=bool(state.ended_PS[prompt, sample]),
        answered=frozenset(answered | ({None} if state.natural_PS[prompt, sample] else set())),
        num_extended=int(state.num_extended_PS[prompt, sample]),
    )
