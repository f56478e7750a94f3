"""How fast a running engine reads and writes: batches of random tokens, timed. Knows no shapes and no tables."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import numpy as np

from harness.types import Engine, Request, Sampling

# The likeliest token each time, so that drawing one takes as little as it can.
GREEDY = Sampling(temperature=0.0)


class Cell(NamedTuple):
    """A batch that is timed: sequences at once, the tokens that each has before it writes, and which time it
    is.
    """

    batch: int
    context_tokens: int
    round: int


class Speed(NamedTuple):
    """Seconds of one batch: to read every context and write one token each, and, with the contexts read, to write.

    num_cached_tokens: of the contexts, what writing found read; the rest of them, up to a block each, was read
    once more within write_seconds.
    """

    cell: Cell
    num_read_tokens: int
    read_seconds: float
    num_written_tokens: int
    write_seconds: float
    num_cached_tokens: int


async def measure(
    engine: Engine, cells: Sequence[Cell], *, num_words: int, tokens_each: int
) -> AsyncIterator[Speed]:
    """The speed of each cell, after one batch that is not counted: an engine's first takes longer.

    num_words: of the vocabulary. tokens_each: written by every sequence.
    """
    await _complete(engine, _draw(cells[0], num_words, seed=1), tokens_each)
    for cell in cells:
        prompts = _draw(cell, num_words, seed=0)
        read_seconds, _ = await _complete(engine, prompts, 1)
        write_seconds, num_cached = await _complete(engine, prompts, tokens_each)
        num_read, num_written = cell.batch * cell.context_tokens, cell.batch * tokens_each
        yield Speed(cell, num_read, read_seconds, num_written, write_seconds, num_cached)


def _draw(cell: Cell, num_words: int, *, seed: int) -> list[tuple[int, ...]]:
    """Contexts that no other cell has, so that none is found read before its time."""
    rng = np.random.default_rng([seed, *cell])
    return [tuple(row) for row in rng.integers(0, num_words, (cell.batch, cell.context_tokens)).tolist()]


async def _complete(engine: Engine, prompts: Sequence[tuple[int, ...]], num_tokens: int) -> tuple[float, int]:
    """Seconds until all have written so many tokens, and how many of their own were cached."""
    requests = [Request(prompt, num_tokens, seed=0, sampling=GREEDY) for prompt in prompts]
    started = time.perf_counter()
    completions = await asyncio.gather(*map(engine.complete, requests))
    seconds = time.perf_counter() - started
    assert all(len(each.token_ids) == num_tokens for each in completions)
    return seconds, sum(each.num_cached_tokens or 0 for each in completions)
