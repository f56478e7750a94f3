"""Every search that a job lacks, so many at once as keep the engine busy."""

from collections.abc import Callable, Collection, Iterable, Sequence

from harness.in_flight import finish_each
from harness.samples import Pending, Sampled
from harness.search.tree import Searcher, search
from harness.traces import SampleKey
from harness.types import RequestFailedError


async def finish_searches(
    searcher: Searcher,
    prompts: Iterable[Collection[Pending]],
    *,
    samples_in_flight: int,
    on_sample: Callable[[Sampled], None],
) -> None:
    """Search for every path that is pending, prompt by prompt, so many at once as `samples_in_flight` ways on
    allow; `on_sample` receives each search as it ends.
    """
    strategy = searcher.strategy
    searches = (
        keys for prompt in prompts for keys in group([pending.key for pending in prompt], strategy.together)
    )
    num_ways = strategy.expansions * (strategy.width if strategy.together else 1)

    async def finish(keys: Sequence[SampleKey]) -> None:
        on_sample(await try_search(searcher, keys))

    await finish_each(searches, finish, num_in_flight=max(samples_in_flight // num_ways, 1))


def group(keys: Sequence[SampleKey], together: bool) -> list[Sequence[SampleKey]]:
    """The searches that a prompt's paths make: one of all, or one of each."""
    return [keys] if together else [[key] for key in keys]


async def try_search(searcher: Searcher, keys: Sequence[SampleKey]) -> Sampled:
    try:
        found = await search(searcher, keys)
    except RequestFailedError as error:
        return Sampled(keys[0], failure=str(error))
    return Sampled(keys[0], found.traces, found.answers, searches=found.searches)
