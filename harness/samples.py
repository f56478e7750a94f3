"""One prompt through the nested grid: its traces as far as any cell reaches, then an answer at every cut."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from harness.budgets import take_answer
from harness.in_flight import finish_each
from harness.rollouts import Rollout
from harness.traces import Context, SampleKey, follow, sample_segment
from harness.types import Answer, CapReachedError, Engine, RequestFailedError, Search, Trace
from results.cuts import Caps


@dataclass(frozen=True)
class Pending:
    """What one sample still lacks of its cells. rollout: what is stored of it; answered:
    where its answers stand.
    """

    key: SampleKey
    cells: tuple[Caps, ...]
    rollout: Rollout = Rollout()
    answered: frozenset[int] = frozenset()

    def unreached(self, rollout: Rollout) -> list[Caps]:
        """The cells whose answers stand beyond what the rollout has written."""
        places = rollout.places(self.cells)
        return [cell for cell, place in zip(self.cells, places, strict=True) if place > len(rollout.written)]

    def lacking_answers(self, rollout: Rollout) -> set[int]:
        return set(rollout.places(self.cells)) - self.answered


@dataclass(frozen=True)
class Sampled:
    """New rows of one sample, or of the paths of a search; `failure` says why there are not all of them.

    refusal: the cap that let no more of them be drawn, which is no failure. num_lost_tokens: what was written for
    a search that did not come to its end, and is in no row.
    """

    key: SampleKey
    traces: tuple[Trace, ...] = ()
    answers: tuple[Answer, ...] = ()
    failure: str | None = None
    searches: tuple[Search, ...] = ()
    refusal: CapReachedError | None = None
    num_lost_tokens: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether a cap let nothing of it be drawn."""
        return self.refusal is not None and self.failure is None and not (self.traces or self.answers)

    @property
    def num_drawn(self) -> int:
        """Samples, or paths of a search, that are there whole."""
        return 0 if self.failure is not None or self.refusal is not None else max(len(self.searches), 1)

    @property
    def num_tokens(self) -> int:
        """Tokens that the engine wrote for it."""
        if self.searches:
            return sum(search.num_written_tokens for search in self.searches)
        thought = sum(trace.num_thinking_tokens for trace in self.traces)
        return thought + sum(answer.num_answer_tokens for answer in self.answers)


# A request that brought nothing, and why.
Lacking = RequestFailedError | CapReachedError


async def finish_sample(engine: Engine, context: Context, pending: Pending) -> Sampled:
    """Sample what is missing of one trace, then take the answers it lacks side by side, its prefix still cached.

    What a request would have brought that failed, or that a cap let not be sent, is missing, and that is told.
    """
    key, rollout = pending.key, pending.rollout
    traces: list[Trace] = []
    while cells := pending.unreached(rollout):
        cap, may_call = max(cell.budget for cell in cells), max(cell.calls for cell in cells) > len(rollout.opens)
        try:
            segment = await sample_segment(
                engine, context, key, rollout, max_thinking_tokens=cap, may_call=may_call
            )
        except (RequestFailedError, CapReachedError) as error:
            return _tell(Sampled(key, tuple(traces)), [error])
        traces.append(segment)
        rollout = follow(rollout, segment, close_id=context.renderer.close_id)
    lacking = pending.lacking_answers(rollout)
    taken = await asyncio.gather(
        *(_try_answer(engine, context, key, rollout=rollout, place=place) for place in lacking)
    )
    answers = tuple(answer for answer in taken if isinstance(answer, Answer))
    return _tell(Sampled(key, tuple(traces), answers), [each for each in taken if not isinstance(each, Answer)])


def _tell(sampled: Sampled, lacking: Sequence[Lacking]) -> Sampled:
    """The sample with the first reasons why something of it is missing."""
    failures = (str(each) for each in lacking if isinstance(each, RequestFailedError))
    refusals = (each for each in lacking if isinstance(each, CapReachedError))
    return replace(sampled, failure=next(failures, None), refusal=next(refusals, None))


async def _try_answer(
    engine: Engine, context: Context, key: SampleKey, *, rollout: Rollout, place: int
) -> Answer | Lacking:
    try:
        return await take_answer(engine, context, key, rollout=rollout, place=place)
    except (RequestFailedError, CapReachedError) as error:
        return error


async def finish_samples(
    engine: Engine,
    context: Context,
    prompts: Iterable[Collection[Pending]],
    *,
    samples_in_flight: int,
    on_sample: Callable[[Sampled], None],
) -> None:
    """Finish every sample, prompt by prompt, about `samples_in_flight` at once;
    `on_sample` receives each as it ends.

    Prompts start in order, all samples of one together, so that they share the prompt's prefix in the cache.
    Raises CapReachedError once something of one was not sent; what is under way ends before.
    """

    async def finish(pending: Pending) -> None:
        sampled = await finish_sample(engine, context, pending)
        on_sample(sampled)
        if sampled.refusal is not None:
            raise sampled.refusal

    await finish_each((each for prompt in prompts for each in prompt), finish, num_in_flight=samples_in_flight)
