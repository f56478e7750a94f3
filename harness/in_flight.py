"""Work that is done so much at once as keeps an engine busy."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from harness.types import EngineFailedError

T = TypeVar("T")


async def finish_each(work: Iterable[T], finish: Callable[[T], Awaitable[None]], *, num_in_flight: int) -> None:
    """Finish all of some work in its order, so many at once; raises the first failure that is of more than one."""
    in_flight = asyncio.Semaphore(num_in_flight)

    async def finish_one(each: T) -> None:
        try:
            await finish(each)
        finally:
            in_flight.release()

    try:
        async with asyncio.TaskGroup() as tasks:
            for each in work:
                await in_flight.acquire()
                tasks.create_task(finish_one(each))
    except* (EngineFailedError, OSError) as failures:
        # Every request in flight fails with the engine, every append with the disk; the first says why.
        raise failures.exceptions[0] from None
