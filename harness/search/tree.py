"""Grows paths a step at a time: draws ways on, has a verifier read them, keeps the best, then takes the answers.

One search has some paths, and each its number. A path of diverse verifier tree search is a search by itself, so
that nothing of it depends on how many others there are.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from harness.budgets import take_answer
from harness.in_flight import all_of
from harness.rollouts import Rollout
from harness.scorers.protocol import Judge, Read
from harness.search.strategy import Strategy
from harness.search.verdicts import Verdict, Verifier, ask
from harness.traces import Context, SampleKey, complete, find_stop
from harness.types import (
    Answer,
    Completion,
    Engine,
    Request,
    Search,
    Trace,
)
from results.cuts import NATURAL

UNREAD = Verdict(None, refusal="not read")


@dataclass(frozen=True)
class Searcher:
    """All that the searches of one job share. budget: the most thinking tokens of a path; step_ids: end a step."""

    engine: Engine
    judge: Judge
    verifier: Verifier
    context: Context
    strategy: Strategy
    budget: int
    step_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Path:
    """The steps that were kept, each a segment of its trace, and what the verifier says of them."""

    segments: tuple[Trace, ...] = ()
    verdict: Verdict = UNREAD

    @property
    def token_ids(self) -> tuple[int, ...]:
        return tuple(token for segment in self.segments for token in segment.token_ids)

    @property
    def has_ended(self) -> bool:
        return bool(self.segments) and self.segments[-1].ended


class Way(NamedTuple):
    """A way on from the path of this number, and the tokens that the engine wrote for it."""

    number: int
    path: Path
    num_written: int


@dataclass
class Ledger:
    """What was spent from one path's number: each way's step, start and tokens, and what each reading took."""

    steps: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    read: list[int] = field(default_factory=list)


@dataclass
class Tallied:
    """An engine, and the tokens that it wrote here, also behind what ends an answer."""

    engine: Engine
    num_written: int = 0

    async def complete(self, request: Request) -> Completion:
        completion = await self.engine.complete(request)
        self.num_written += len(completion.token_ids)
        return completion


class Found(NamedTuple):
    """The rows of a search: of every path its segments, its answer and its cost."""

    traces: tuple[Trace, ...]
    answers: tuple[Answer, ...]
    searches: tuple[Search, ...]


async def search(searcher: Searcher, keys: Sequence[SampleKey]) -> Found:
    """Grow the paths of these numbers, chosen among each other, and take their answers.

    Raises RequestFailedError, CapReachedError or EngineFailedError where a request fails or is not sent: a search
    is there whole or not at all.
    """
    started = time.monotonic()
    of_number = {key.sample: key for key in keys}
    ledgers = {number: Ledger() for number in of_number}
    going = dict.fromkeys(of_number, Path())
    done: dict[int, Path] = {}
    for step in range(searcher.strategy.max_steps):
        ways = await draw_ways(searcher, of_number, going, step=step)
        for way in ways:
            ledger, before = ledgers[way.number], going[way.number]
            ledger.steps.append(step)
            ledger.starts.append(len(before.token_ids))
            ledger.written.append(way.num_written)
        kept = choose(await judge_ways(searcher, of_number, ways, ledgers), len(going))
        going = dict(zip(sorted(going), kept, strict=True))
        done |= {number: path for number, path in going.items() if is_over(path, searcher.budget)}
        going = {number: path for number, path in going.items() if number not in done}
        if not going:
            break
    paths = done | going
    rows = await all_of(
        finish(searcher, of_number[number], paths[number], ledgers[number], started) for number in sorted(paths)
    )
    traces = tuple(
        replace(segment, sample=number) for number in sorted(paths) for segment in paths[number].segments
    )
    return Found(traces, tuple(answer for answer, _ in rows), tuple(spent for _, spent in rows))


def is_over(path: Path, budget: int) -> bool:
    return path.has_ended or len(path.token_ids) >= budget


def choose(ways: Sequence[Path], num_kept: int) -> list[Path]:
    """The best so many, of equal scores those drawn first; what the verifier could not read comes last.

    None is kept twice: where paths end, fewer go on.
    """

    def rank(place: int) -> tuple[bool, float, int]:
        score = ways[place].verdict.score
        return score is None, -(score or 0.0), place

    return [ways[place] for place in sorted(range(len(ways)), key=rank)[:num_kept]]


async def draw_ways(
    searcher: Searcher, keys: Mapping[int, SampleKey], going: Mapping[int, Path], *, step: int
) -> list[Way]:
    """Every way on of every path, in their order, drawn side by side: their beginning is in the engine's cache."""
    return await all_of(
        draw_way(searcher, keys[number], path, stage=f"step {step} expansion {expansion}")
        for number, path in sorted(going.items())
        for expansion in range(searcher.strategy.expansions)
    )


async def draw_way(searcher: Searcher, key: SampleKey, path: Path, *, stage: str) -> Way:
    """One way on: up to the end of a step, of thinking, or of what a step or the path may have."""
    context, strategy, before = searcher.context, searcher.strategy, path.token_ids
    renderer, start = context.renderer, len(before)
    completion, seed = await complete(
        searcher.engine,
        context,
        key,
        prefix_ids=before,
        stage=stage,
        start_token=start,
        max_tokens=min(strategy.max_step_tokens, searcher.budget - start),
        stop_ids=(*renderer.end_ids, *searcher.step_ids),
        stop=(*context.ends_thinking, *strategy.step_texts),
    )
    stopped = find_stop(context.ends_thinking, completion.token_ids, after=before, renderer=renderer)
    token_ids = completion.token_ids[:stopped]
    segment = Trace(
        prompt_id=key.prompt.prompt_id,
        pool=key.pool,
        sample=key.sample,
        start_token=start,
        token_ids=token_ids,
        ended=stopped is not None or token_ids[-1] in renderer.end_ids,
        num_prompt_tokens=len(key.prompt_ids) + start,
        num_cached_tokens=completion.num_cached_tokens,
        finish_reason=completion.finish_reason if stopped is None else "stop",
        seed=seed,
        seconds=completion.seconds,
        text=renderer.decode(token_ids),
    )
    return Way(key.sample, Path((*path.segments, segment)), len(completion.token_ids))


async def judge_ways(
    searcher: Searcher, keys: Mapping[int, SampleKey], ways: Sequence[Way], ledgers: Mapping[int, Ledger]
) -> list[Path]:
    """The ways with what the verifier says of each. Equal texts are read, and charged, once."""
    reads = [searcher.verifier.read_path(keys[way.number].prompt, way.path.token_ids) for way in ways]
    firsts: dict[Read, int] = {}
    for way, read in zip(ways, reads, strict=True):
        if isinstance(read, Read):
            firsts.setdefault(read, way.number)
    for read, number in firsts.items():
        ledgers[number].read.append(len(read.token_ids))
    said = await all_of(ask(searcher.judge, searcher.verifier, read) for read in firsts)
    verdicts = dict(zip(firsts, said, strict=True))
    return [
        replace(way.path, verdict=verdicts[read] if isinstance(read, Read) else read)
        for way, read in zip(ways, reads, strict=True)
    ]


async def finish(
    searcher: Searcher, key: SampleKey, path: Path, ledger: Ledger, started: float
) -> tuple[Answer, Search]:
    """The answer of a path, and what the path cost; the verifier reads it once more, with its answer."""
    budget, engine = None if path.has_ended else searcher.budget, Tallied(searcher.engine)
    rollout = Rollout(path.token_ids, closes=(len(path.token_ids),) * path.has_ended)
    place = NATURAL if budget is None else budget
    answer = await take_answer(engine, searcher.context, key, rollout=rollout, place=place)
    read = searcher.verifier.read_answered(key.prompt, path.token_ids, answer)
    if isinstance(read, Read):
        ledger.read.append(len(read.token_ids))
        verdict = await ask(searcher.judge, searcher.verifier, read)
    else:
        verdict = read
    spent = Search(
        prompt_id=key.prompt.prompt_id,
        pool=key.pool,
        sample=key.sample,
        budget=budget,
        scorer=searcher.verifier.scorer.name,
        scorer_version=searcher.verifier.version,
        num_steps=len(path.segments),
        num_expansions=len(ledger.written),
        num_written_tokens=sum(ledger.written) + engine.num_written,
        num_read_tokens=sum(ledger.read),
        expansion_steps=tuple(ledger.steps),
        expansion_starts=tuple(ledger.starts),
        expansion_tokens=tuple(ledger.written),
        reading_tokens=tuple(ledger.read),
        score=verdict.score,
        step_scores=verdict.step_scores,
        refusal=verdict.refusal,
        seconds=time.monotonic() - started,
    )
    return answer, spent
