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
from harness.rollouts import ROLLOUT, Rollout
from harness.samples import Pending
from harness.traces import SampleKey
from harness.types import Grid, Model, Pool, Prompt, Sampling
from results import store
from results.cuts import NATURAL, NEVER, Caps, Events, answer_places
from results.schema import ANSWERS, SAMPLE_KEY, TRACES
from sweeps.asking import Asking, AsTheyStand

# Stored thinking is read back for this many tokens at a time, so that memory does not grow with the run.
READ_TOKENS = 200_000
# And what samples are asked for so many prompts at a time.
READ_PROMPTS = 256
# Of a segment where in its trace it starts and what it adds, of an answer where it stands and what it ends: each
# with the numbers that hold it, and what stands for nothing.
SEGMENT = {
    "start_token": (np.int32, 0),
    "num_thinking_tokens": (np.int32, 0),
    "ended": (np.bool_, 0),
    "opened": (np.int32, -1),
    "opened_by": (np.int32, -1),
}
ANSWER = {"budget": (np.int32, NATURAL), "extension": (np.int16, 0), "forced": (np.bool_, 0)}


@dataclass(frozen=True)
class PoolSpec:
    """How many samples a pool needs, and at which cells."""

    pool: Pool
    num_samples: int
    cells: tuple[Caps, ...]

    @property
    def deepest(self) -> int:
        """The most thinking tokens of any cell."""
        return max(cell.budget for cell in self.cells)

    @property
    def most_extensions(self) -> int:
        return max(cell.extensions for cell in self.cells)

    @property
    def most_calls(self) -> int:
        return max(cell.calls for cell in self.cells)


@dataclass(frozen=True)
class PoolState:
    """What is stored of a pool: P prompts, S samples, B cells.

    num_thinking_PS: tokens that its traces wrote; events: what happened in them, (K, P, S) each. Its answers, in
    order of their samples: answers_of, which of all P * S, and answer_places, after how many written tokens.
    """

    spec: PoolSpec
    num_thinking_PS: np.ndarray
    events: Events
    answers_of: np.ndarray
    answer_places: np.ndarray

    @cached_property
    def places_PSB(self) -> np.ndarray:
        """Where the answer of each cell stands, by what is known of its trace."""
        return np.moveaxis(answer_places(self.spec.cells, self.events), 0, -1)

    @cached_property
    def answered_PSB(self) -> np.ndarray:
        """Whether that answer is there."""
        answered = np.zeros(self.places_PSB.shape, bool)
        sample = np.divmod(self.answers_of, self.spec.num_samples)
        for cell in range(len(self.spec.cells)):
            serves = self.places_PSB[(*sample, cell)] == self.answer_places
            answered[(*(axis[serves] for axis in sample), cell)] = True
        return answered

    @cached_property
    def lacks_thinking_PSB(self) -> np.ndarray:
        """The cells that a trace does not reach yet."""
        return self.places_PSB > self.num_thinking_PS[..., None]

    @cached_property
    def lacks_thinking_PS(self) -> np.ndarray:
        return np.asarray(self.lacks_thinking_PSB.any(axis=-1))

    @cached_property
    def pending_PS(self) -> np.ndarray:
        return self.lacks_thinking_PS | ~self.answered_PSB.all(axis=-1)

    def stored_answers(self, prompt: int, sample: int) -> frozenset[int]:
        """Where the answers of one sample stand that there are."""
        number = prompt * self.spec.num_samples + sample
        among = slice(*np.searchsorted(self.answers_of, [number, number + 1]))
        return frozenset(self.answer_places[among].tolist())


def pool_specs(grid: Grid, model: Model) -> list[PoolSpec]:
    """Evaluation samples for every model; the anchor also draws samples of their own for difficulty bins."""
    specs = [PoolSpec("evaluation", max(grid.widths), grid.cells)]
    if model.name == grid.anchor:
        specs.append(PoolSpec("bins", grid.bin_samples, (grid.reference,)))
    return specs


def read_states(
    root: Path, identity: str, prompts: Sequence[Prompt], specs: Sequence[PoolSpec]
) -> list[PoolState]:
    """What is stored of each pool, read shard by shard: a run can have more rows than memory has room for."""
    positions = pd.Index([prompt.prompt_id for prompt in prompts])
    found: dict[str, list[list[pd.DataFrame]]] = {}
    for table, columns in ((TRACES, SEGMENT), (ANSWERS, ANSWER)):
        found[table.name] = [[] for _ in specs]
        for shard in store.iterate(root, table, columns=[*SAMPLE_KEY[1:], *columns], identity=identity):
            rows, pools = _as_numbers(positions, shard.to_pandas(), columns)
            of_pool = dict(iter(rows.groupby(pools, observed=True, sort=False)))
            for spec, parts in zip(specs, found[table.name], strict=True):
                # Of the many pools of rounds, most shards have rows of few.
                if spec.pool in of_pool or not parts:
                    own = of_pool.get(spec.pool, rows.iloc[:0])
                    parts.append(own[own["sample"] < spec.num_samples])
    return [
        _of_rows(spec, len(positions), pd.concat(segments), pd.concat(answers))
        for spec, segments, answers in zip(specs, found[TRACES.name], found[ANSWERS.name], strict=True)
    ]


def iterate_pending(
    root: Path,
    identity: str,
    prompts: Sequence[Prompt],
    states: Sequence[PoolState],
    *,
    renderer: Renderer,
    asking: Asking | None = None,
) -> Iterator[list[Pending]]:
    """The unfinished samples of every prompt that has any, in the order of `prompts`.

    asking: what they are asked, by default each its prompt; a sample of which that is not known yet is left out.
    """
    asking = asking or AsTheyStand(prompts, renderer)
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
        rollouts = _read_rollouts(root, identity, begun, shards, close_id=renderer.close_id)
        owing = [i for i in among if any(state.pending_PS[i].any() for state in states)]
        for start in range(0, len(owing), READ_PROMPTS):
            asking.load([prompts[i].prompt_id for i in owing[start : start + READ_PROMPTS]])
            for i in owing[start : start + READ_PROMPTS]:
                samples = [
                    _pending(state, i, sample, SampleKey(prompts[i], asked, state.spec.pool, sample), rollouts)
                    for state in states
                    for sample in np.flatnonzero(state.pending_PS[i]).tolist()
                    if (asked := asking.prompt_ids(i, state.spec.pool, sample)) is not None
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


def check_extending(root: Path, identity: str, renderer: Renderer) -> None:
    """Raise ValueError where thinking cannot be extended, or was with another text than it would be."""
    thinking = renderer.thinking
    if not (thinking.close and thinking.extend):
        lacking = "thinking.extend, the text that takes its place" if thinking.close else "thinking.close"
        raise ValueError(f"grid.extensions takes back the marker that closes thinking, and needs {lacking}.")
    unknown = {renderer.tokenizer.unk_token_id, *renderer.end_ids} & set(renderer.extend_ids)
    if unknown:
        raise ValueError(
            f"The model's tokenizer has no tokens for thinking.extend {thinking.extend!r}. Give a text that the "
            "model goes on thinking behind."
        )
    for shard in store.iterate(root, TRACES, columns=["extend_ids"], identity=identity):
        for stored in set(map(tuple, shard["extend_ids"].drop_null().to_pylist())):
            if stored != renderer.extend_ids:
                raise ValueError(
                    f"{root} has thinking that was extended by {renderer.decode(stored)!r}, and "
                    f"thinking.extend is {thinking.extend!r}. Choose another run, or the same text."
                )


def check_context(
    checkpoint: Checkpoint,
    *,
    model: Model,
    longest_prompt: int,
    grid: Grid,
    renderer: Renderer,
    sampling: Sampling,
    observed: int = 0,
) -> int:
    """Tokens the longest request needs, with `observed` behind each call of a tool;
    raises ValueError where the model's context is shorter.
    """
    budget = max(spec.deepest for spec in pool_specs(grid, model))
    given = len(renderer.extend_ids) * max(grid.extensions) + observed * max(grid.calls)
    around = longest_prompt + given + len(renderer.force_ids) + sampling.max_answer_tokens
    if budget + around <= checkpoint.context:
        return budget + around
    told = (
        f"{model.name} has a context of {checkpoint.context:,} tokens; a prompt of {longest_prompt:,}, a budget "
        f"of {budget:,}{f', {given:,} that are given while it thinks' * bool(given)} and an answer of "
        f"{sampling.max_answer_tokens:,} need {budget + around:,}."
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
Rollouts = dict[Sample, Rollout]


def _as_numbers(
    positions: pd.Index, rows: pd.DataFrame, columns: Mapping[str, tuple[type, int]]
) -> tuple[pd.DataFrame, pd.Series]:
    """The rows as small numbers, with where their prompt stands among all in place of its id; and their pools."""
    at = positions.get_indexer(rows["prompt_id"].astype(object))
    kept = rows[at >= 0].reset_index(drop=True)
    told = {name: kept[name].fillna(null).astype(kind).to_numpy() for name, (kind, null) in columns.items()}
    numbers = {"prompt": at[at >= 0].astype(np.int32), "sample": kept["sample"].to_numpy()}
    return pd.DataFrame(numbers | told), kept["pool"]


def _of_rows(spec: PoolSpec, num_prompts: int, segments: pd.DataFrame, answers: pd.DataFrame) -> PoolState:
    """The state of a pool whose segments and answers these are."""
    shape = (num_prompts, spec.num_samples)
    num_thinking, closes, opens, whole = _join(spec, shape, segments)
    finals = np.zeros(closes.shape, bool)
    # Nothing can follow an answer that its trace, which had ended, had to be closed for.
    last = answers[((answers["budget"] == NATURAL) | (answers["extension"] > 0)) & answers["forced"]]
    last = last[last["extension"] < len(closes)]
    finals[tuple(last[name].to_numpy() for name in ("extension", "prompt", "sample"))] = True
    of_sample = (answers["prompt"].to_numpy(np.int64) * spec.num_samples + answers["sample"]).to_numpy()
    order = np.argsort(of_sample, kind="stable")
    return PoolState(
        spec,
        num_thinking,
        Events(closes, finals, opens, whole),
        answers_of=of_sample[order],
        answer_places=answers["budget"].to_numpy()[order],
    )


def _join(spec: PoolSpec, shape: tuple[int, int], segments: pd.DataFrame) -> tuple[np.ndarray, ...]:
    """Tokens that each trace wrote (P, S), where it closed (K, P, S), where its calls begin, and where the markers
    of these are whole (C, P, S).

    Segments are joined to the beginning of their trace: one whose predecessor is lost cannot be used.
    """
    num_thinking = np.zeros(shape, np.int32)
    closes = _Places(1 + spec.most_extensions, shape)
    opens, whole = (_Places(1 + spec.most_calls, shape) for _ in range(2))
    for start_token, part in segments.groupby("start_token"):
        sample = part["prompt"].to_numpy(), part["sample"].to_numpy()
        joined = num_thinking[sample] == start_token
        at = tuple(axis[joined] for axis in sample)
        num_thinking[at] += part["num_thinking_tokens"].to_numpy()[joined]
        closes.note(at, num_thinking[at], where=part["ended"].to_numpy()[joined])
        for places, name in ((opens, "opened"), (whole, "opened_by")):
            found = part[name].to_numpy()[joined]
            places.note(at, found, where=found >= 0)
    return num_thinking, closes.places, opens.places, whole.places


class _Places:
    """Where something happened in each sample for the first, second, ... time, up to the last that matters."""

    def __init__(self, most: int, shape: tuple[int, int]) -> None:
        self.places, self._numbers = np.full((most, *shape), NEVER), np.zeros(shape, np.int16)

    def note(self, at: tuple[np.ndarray, ...], places: np.ndarray, *, where: np.ndarray) -> None:
        counts = where & (self._numbers[at] < len(self.places))
        at = tuple(axis[counts] for axis in at)
        self.places[self._numbers[at], *at] = places[counts]
        self._numbers[at] += 1


def _read_rollouts(
    root: Path,
    identity: str,
    samples: Collection[Sample],
    shards: Mapping[str, Sequence[Path]],
    *,
    close_id: int | None,
) -> Rollouts:
    """What is stored of these samples, segments joined; `shards` says where each prompt's are."""
    if not samples:
        return {}
    prompt_ids = {prompt_id for prompt_id, _, _ in samples}
    rows = store.scan(
        root,
        TRACES,
        columns=[*SAMPLE_KEY[1:], "start_token", *ROLLOUT],
        identity=identity,
        prompt_ids=list(prompt_ids),
        shards=sorted({path for prompt_id in prompt_ids for path in shards[prompt_id]}),
    ).sort_by("start_token")
    keys = zip(*(rows[name].to_pylist() for name in SAMPLE_KEY[1:]), strict=True)
    rollouts: Rollouts = {}
    # A row at a time: as Python integers a million tokens take forty times the room that they take in arrow.
    told = [rows.column(name).to_pylist() for name in ("start_token", *ROLLOUT[1:])]
    for key, tokens, start_token, *rest in zip(keys, rows["token_ids"], *told, strict=True):
        before = rollouts.get(key, Rollout())
        if key in samples and len(before.written) == start_token:
            token_ids = tuple(tokens.values.to_numpy().tolist())
            is_final = token_ids[-1:] != (close_id,)
            rollouts[key] = before.followed_by(
                token_ids, is_final=is_final, **dict(zip(ROLLOUT[1:], rest, strict=True))
            )
    return rollouts


def _pending(state: PoolState, prompt: int, sample: int, key: SampleKey, rollouts: Rollouts) -> Pending:
    rollout = rollouts.get((key.prompt.prompt_id, key.pool, sample), Rollout())
    return Pending(key, state.spec.cells, rollout, state.stored_answers(prompt, sample))
