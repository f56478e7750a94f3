"""Every search that a job lacks, so many at once as keep the engine busy."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from harness.in_flight import finish_each
from harness.samples import Pending, Sampled
from harness.search.tree import Searcher, Tallied, search
from harness.traces import SampleKey
from harness.types import CapReachedError, RequestFailedError


async def finish_searches(
    searcher: Searcher,
    prompts: Iterable[Collection[Pending]],
    *,
    samples_in_flight: int,
    on_sample: Callable[[Sampled], None],
) -> None:
    """Search for every path that is pending, prompt by prompt, so many at once as `samples_in_flight` ways on
    allow; `on_sample` receives each search as it ends. Raises CapReachedError once one was not let to its end.
    """
    strategy = searcher.strategy
    searches = (
        keys for prompt in prompts for keys in group([pending.key for pending in prompt], strategy.together)
    )
    num_ways = strategy.expansions * (strategy.width if strategy.together else 1)

    async def finish(keys: Sequence[SampleKey]) -> None:
        sampled = await try_search(searcher, keys)
        on_sample(sampled)
        if sampled.refusal is not None:
            raise sampled.refusal

    await finish_each(searches, finish, num_in_flight=max(samples_in_flight // num_ways, 1))


def group(keys: Sequence[SampleKey], together: bool) -> list[Sequence[SampleKey]]:
    """The searches that a prompt's paths make: one of all, or one of each."""
    return [keys] if together else [[key] for key in keys]


async def try_search(searcher: Searcher, keys: Sequence[SampleKey]) -> Sampled:
    """The rows of a search; of one that could not be ended none, and what was written for it."""
    tallied = Tallied(searcher.engine)
    try:
        found = await search(replace(searcher, engine=tallied), keys)
    except RequestFailedError as error:
        return Sampled(keys[0], failure=str(error), num_lost_tokens=tallied.num_written)
    except CapReachedError as error:
        return Sampled(keys[0], refusal=error, num_lost_tokens=tallied.num_written)
    return Sampled(keys[0], found.traces, found.answers, searches=found.searches)
