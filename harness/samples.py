"""One prompt through the nested grid: its traces to the largest budget, then an answer at every smaller one."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from harness.budgets import budgets_to_answer, take_answer
from harness.in_flight import finish_each
from harness.traces import Context, SampleKey, iterate_trace
from harness.types import Answer, Engine, RequestFailedError, Search, Trace


@dataclass(frozen=True)
class Pending:
    """What one sample still lacks. `thought_ids` to `num_extended`: its stored trace; `answered`: its answers."""

    key: SampleKey
    budgets: tuple[int, ...]
    thought_ids: tuple[int, ...] = ()
    ended: bool = False
    answered: frozenset[int | None] = frozenset()
    num_extended: int = 0

    @property
    def lacks_thinking(self) -> bool:
        return not self.ended and len(self.thought_ids) < max(self.budgets)

    def lacking_answers(self, num_thinking_tokens: int, ended: bool) -> set[int | None]:
        return budgets_to_answer(num_thinking_tokens, ended, self.budgets) - self.answered


@dataclass(frozen=True)
class Sampled:
    """New rows of one sample, or of the paths of a search; `failure` says why there are not all of them."""

    key: SampleKey
    traces: tuple[Trace, ...] = ()
    answers: tuple[Answer, ...] = ()
    failure: str | None = None
    searches: tuple[Search, ...] = ()

    @property
    def num_tokens(self) -> int:
        """Tokens that the engine wrote for it."""
        if self.searches:
            return sum(search.num_written_tokens for search in self.searches)
        thought = sum(trace.num_thinking_tokens for trace in self.traces)
        return thought + sum(answer.num_answer_tokens for answer in self.answers)


async def finish_sample(engine: Engine, context: Context, pending: Pending) -> Sampled:
    """Sample what is missing of one trace, then take the answers it lacks side by side, its prefix still cached.

    What a failed request would have brought is missing, and `failure` says why.
    """
    thought_ids, ended = pending.thought_ids, pending.ended
    traces: list[Trace] = []
    if pending.lacks_thinking:
        segments = iterate_trace(
            engine,
            context,
            pending.key,
            thought_ids=thought_ids,
            max_thinking_tokens=max(pending.budgets),
            num_extended=pending.num_extended,
        )
        try:
            async for segment in segments:
                traces.append(segment)
        except RequestFailedError as error:
            return Sampled(pending.key, tuple(traces), failure=str(error))
        thought_ids = sum((trace.token_ids for trace in traces), thought_ids)
        ended = traces[-1].ended
    lacking = pending.lacking_answers(len(thought_ids), ended)
    taken = await asyncio.gather(
        *(_try_answer(engine, context, pending.key, thought_ids=thought_ids, budget=budget) for budget in lacking)
    )
    failures = [str(answer) for answer in taken if isinstance(answer, RequestFailedError)]
    answers = tuple(answer for answer in taken if isinstance(answer, Answer))
    return Sampled(pending.key, tuple(traces), answers, failures[0] if failures else None)


async def _try_answer(
    engine: Engine, context: Context, key: SampleKey, *, thought_ids: tuple[int, ...], budget: int | None
) -> Answer | RequestFailedError:
    try:
        return await take_answer(engine, context, key, thought_ids=thought_ids, budget=budget)
    except RequestFailedError as error:
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
    """

    async def finish(pending: Pending) -> None:
        on_sample(await finish_sample(engine, context, pending))

    await finish_each((each for prompt in prompts for each in prompt), finish, num_in_flight=samples_in_flight)
