"""The scoring pass: every stored answer that a scorer has not read yet, its score appended. Draws nothing."""

import asyncio
import contextlib
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from harness.in_flight import finish_each
from harness.scorers.protocol import Item, Judge, Read, RefusedError, Score, Scorer
from harness.seeds import request_seed
from harness.types import EngineFailedError, RequestFailedError
from results import store
from results.progress import LINE_SECONDS, clock, tell_line
from results.schema import ANSWERS, SCORERS, SCORES
from results.stopping import cancelling
from sweeps.identity import hash_identity, name_scores
from sweeps.unscored import Due, Unscored

FLUSH_SECONDS = 30.0
LOADING = "the engine starts; this takes 20 seconds to a few minutes, without messages ..."


class Needed(NamedTuple):
    """What is due: scores and refusals, the tokens of those that can be read, and the most of one."""

    num_scores: int
    num_refused: int
    num_tokens: int
    longest: int


class Scored(NamedTuple):
    """What a pass did. num_tokens: that were read; num_needed: of all that was due, before the pass. refusal: why
    most of the refused were.
    """

    num_scored: int
    num_refused: int
    num_tokens: int
    num_needed: int
    num_written: int
    refusal: str | None = None


class Reading(NamedTuple):
    """A verdict that is due on an answer."""

    row: dict[str, Any]
    verdict: int


@dataclass
class _Pass:
    """Gathers scores and appends them, every `flush_seconds` and at the end; says how far it is."""

    root: Path
    scorer: Scorer
    version: str
    needed: Needed
    flush_seconds: float

    def __post_init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self.begin()
        self.num_scored = self.num_refused = self.num_tokens = self.num_written = 0
        self.failures: list[str] = []
        self.refusals: Counter[str] = Counter()

    def begin(self) -> None:
        """Count seconds from here on, the weights being loaded."""
        self._begun = self._flushed = self._told = time.monotonic()

    def add(self, score: Score, readings: Sequence[Reading]) -> None:
        """One reading of a text, which may be that of several answers."""
        named = {"scorer": self.scorer.name, "scorer_version": self.version}
        self._rows += [reading.row | named | {"verdict": reading.verdict} | vars(score) for reading in readings]
        if score.score is None:
            self.num_refused += len(readings)
            self.refusals[score.refusal or "its score is no number"] += len(readings)
        else:
            self.num_scored += len(readings)
        self.num_tokens += score.num_read_tokens or 0
        self.num_written += score.num_written_tokens or 0
        if time.monotonic() - self._flushed >= self.flush_seconds:
            self.flush()
        if time.monotonic() - self._told >= LINE_SECONDS:
            self._tell()

    def flush(self) -> None:
        writer = name_scores(self.scorer.name, self.version)
        store.append(self.root, SCORES, self._rows, writer=writer)
        # Forgotten once they are stored.
        self._rows, self._flushed = [], time.monotonic()
        store.keep_few(self.root, [SCORES], writer)

    def _tell(self) -> None:
        self._told = now = time.monotonic()
        num_done, spent = self.num_scored + self.num_refused, now - self._begun
        left = spent * (self.needed.num_scores - num_done) / max(num_done, 1)
        words = (
            f"{num_done:,} of {self.needed.num_scores:,} scores, {self.num_tokens / spent:,.0f} tokens/s, "
            f"{clock(spent)} so far, about {clock(left)} left"
        )
        tell_line(f"{self.scorer.name:>16}", words)


def version_of(scorer: Scorer) -> str:
    """A digest of its weights, its template and the code that reads and judges by it."""
    return hash_identity(scorer.described.parts)


def measure(root: Path, scorer: Scorer, *, pools: Sequence[str]) -> Needed:
    """What a scorer has not read yet; loads no weights."""
    return _measure(scorer, _unscored(root, scorer, pools))


def score_run(root: Path, scorer: Scorer, *, pools: Sequence[str], flush_seconds: float = FLUSH_SECONDS) -> Scored:
    """Score what is not scored yet, and return how much that was. Safe to stop and to start again at any time.

    Raises BusyError where the same scorer is at work on the run, and EngineFailedError where answers failed, which
    the next pass reads again.
    """
    version = version_of(scorer)
    writer = name_scores(scorer.name, version)
    with store.lock(root, writer):
        unscored = _unscored(root, scorer, pools)
        needed = _measure(scorer, unscored)
        store.append_missing(root, SCORERS, [describe_scorer(scorer)], writer=writer)
        done = _Pass(root, scorer, version, needed, flush_seconds)
        if needed.num_scores:
            asyncio.run(_until_stopped(done, unscored))
            store.merge(root, writer)
    if done.failures:
        raise EngineFailedError(
            f"{len(done.failures):,} answers failed; the last reason: {done.failures[-1]} The other scores are "
            "stored. Run the same command again to score these."
        )
    refusal = done.refusals.most_common(1)[0][0] if done.refusals else None
    return Scored(done.num_scored, done.num_refused, done.num_tokens, needed.num_tokens, done.num_written, refusal)


def describe_scorer(scorer: Scorer) -> dict[str, Any]:
    """The scorer as a row of its table."""
    described = scorer.described
    return {
        "scorer": scorer.name,
        "scorer_version": version_of(scorer),
        "kind": scorer.kind,
        "path": described.path,
        "revision": described.revision,
        "weights_digest": described.weights_digest,
        "dtype": described.dtype,
        "quantization": described.quantization,
        "scorer_parts": store.encode_json(described.parts),
        **(asdict(described.architecture) if described.architecture is not None else {}),
    }


def _unscored(root: Path, scorer: Scorer, pools: Sequence[str]) -> Unscored:
    return Unscored(
        root,
        scorer=scorer.name,
        version=version_of(scorer),
        pools=pools,
        num_verdicts=scorer.num_verdicts,
        reads_thinking=scorer.reads_thinking,
        reads_certainty=scorer.reads_certainty,
        tasks=scorer.tasks,
    )


def _measure(scorer: Scorer, unscored: Unscored) -> Needed:
    num_scores = num_refused = num_tokens = longest = 0
    for batch in unscored.iterate():
        for (_, verdicts), item in batch:
            num_scores += len(verdicts)
            read = _read(scorer, item)
            if isinstance(read, Score):
                num_refused += len(verdicts) * (read.score is None)
            else:
                num_tokens += len(verdicts) * len(read.token_ids)
                longest = max(longest, len(read.token_ids))
    return Needed(num_scores, num_refused, num_tokens, longest)


def _read(scorer: Scorer, item: Item) -> Read | Score:
    """What the scorer reads, or the score of an answer that it refuses or knows without its weights."""
    try:
        return scorer.read(item)
    except RefusedError as error:
        return Score(None, num_read_tokens=0, num_written_tokens=0, refusal=str(error))


def _readings(due: Due) -> Iterator[Reading]:
    key = {name: due.row[name] for name in ANSWERS.key}
    yield from (Reading(key, verdict) for verdict in due.verdicts)


async def _until_stopped(done: _Pass, unscored: Unscored) -> None:
    """As `_score`; a stop ends it with KeyboardInterrupt once what was scored is stored."""
    loop, scoring = asyncio.get_running_loop(), asyncio.ensure_future(_score(done, unscored))
    with cancelling(lambda: loop.call_soon_threadsafe(scoring.cancel)):
        try:
            await scoring
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


async def _score(done: _Pass, unscored: Unscored) -> None:
    """Load the weights once and read all that is due, so many at once as keep the engine busy."""
    # Where nothing is to be read no weights are loaded.
    starting: AbstractAsyncContextManager[Judge | None] = contextlib.nullcontext()
    if done.needed.num_tokens:
        print(f"{done.scorer.name:>16}  {LOADING}", file=sys.stderr, flush=True)
        starting = done.scorer.start(longest=done.needed.longest)
    async with starting as judge:
        done.begin()
        try:
            await _read_all(done, judge, unscored)
        finally:
            done.flush()


async def _read_all(done: _Pass, judge: Judge | None, unscored: Unscored) -> None:
    async def finish(each: tuple[Read, list[Reading]]) -> None:
        assert judge is not None
        read, readings = each
        try:
            done.add(await judge.score(read, seed=_seed(done, readings[0])), readings)
        except RequestFailedError as error:
            done.failures.append(f"{str(error).rstrip('.')}.")

    due = (each for batch in unscored.iterate() for each in _group(done, batch))
    await finish_each(due, finish, num_in_flight=done.scorer.samples_in_flight)


def _group(done: _Pass, batch: Sequence[tuple[Due, Item]]) -> Iterator[tuple[Read, list[Reading]]]:
    """Each text that is to be read, and the answers that it is; those refused or known are done at once.

    Where nothing is drawn, equal texts are read once.
    """
    groups: dict[Any, list[Reading]] = defaultdict(list)
    for due, item in batch:
        read = _read(done.scorer, item)
        if isinstance(read, Score):
            done.add(read, list(_readings(due)))
        elif done.scorer.draws:
            yield from ((read, [reading]) for reading in _readings(due))
        else:
            groups[read] += _readings(due)
    yield from groups.items()


def _seed(done: _Pass, reading: Reading) -> int:
    row = reading.row
    stage = f"{done.scorer.name} {done.version} {row['budget']} {reading.verdict}"
    return request_seed(
        row["identity"], row["prompt_id"], pool=row["pool"], sample=row["sample"], stage=stage, start_token=0
    )
