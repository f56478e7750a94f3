"""Work that is done so much at once as keeps an engine busy."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from harness.types import CapReachedError, EngineFailedError

T = TypeVar("T")
# Of several failures the one that says most: of the engine, of the job's cap, of one request.
FIRST = (EngineFailedError, CapReachedError)


async def finish_each(work: Iterable[T], finish: Callable[[T], Awaitable[None]], *, num_in_flight: int) -> None:
    """Finish all of some work in its order, so many at once; raises the first failure that is of more than one.

    Behind a cap that was reached nothing more is begun; what is under way ends before that is raised.
    """
    in_flight = asyncio.Semaphore(num_in_flight)
    reached: list[CapReachedError] = []

    async def finish_one(each: T) -> None:
        try:
            await finish(each)
        except CapReachedError as error:
            reached.append(error)
        finally:
            in_flight.release()

    try:
        async with asyncio.TaskGroup() as tasks:
            for each in work:
                await in_flight.acquire()
                if reached:
                    break
                tasks.create_task(finish_one(each))
    except* (EngineFailedError, OSError) as failures:
        # Every request in flight fails with the engine, every append with the disk; the first says why.
        raise failures.exceptions[0] from None
    if reached:
        raise reached[0]


async def all_of(work: Iterable[Awaitable[T]]) -> list[T]:
    """What all of it comes to. Where some fails the rest is waited for, and the failure of most goes first."""
    done = await asyncio.gather(*work, return_exceptions=True)
    failures = [each for each in done if isinstance(each, BaseException)]
    for failure in sorted(failures, key=_rank):
        raise failure
    return [each for each in done if not isinstance(each, BaseException)]


def _rank(failure: BaseException) -> int:
    return next((place for place, kind in enumerate(FIRST) if isinstance(failure, kind)), len(FIRST))
