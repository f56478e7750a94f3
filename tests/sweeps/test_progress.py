"""What a job says of how far it is: by tokens, from the first one on."""

import asyncio
import re
from typing import Any, cast

import numpy as np
import pytest

from harness.samples import Pending, finish_sample
from harness.types import Completion, Request, Sampling
from results.cuts import along_budgets
from sweeps.counted import Counted
from sweeps.progress import Expected, Progress, estimate_total
from tests.harness.scripted_engine import ScriptedEngine
from tests.harness.test_samples import CONTEXT, sample_key

REQUEST = Request((5, 6, 7), 200, 1, Sampling())


class Slow:
    """An engine in the middle of its first requests."""

    num_tokens_under_way = 0

    async def complete(self, request: Request) -> Completion:
        return Completion(tuple(range(request.max_tokens)), "length", None, 1.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("sweeps.progress.time.monotonic", lambda: now[0])
    return now


def watch(engine: Any, **expected: Any) -> Progress:
    return Progress("m", Counted(engine, num_known=100), num_samples=10, expected=Expected(**expected))


def test_time_left_is_told_before_the_first_request_ends(clock: list[float]) -> None:
    engine = Slow()
    progress = watch(engine, most=1_000)
    clock[0] += 10
    engine.num_tokens_under_way = 100
    assert progress.describe() == (
        "0 of 10 samples, 100 of at most 1,000 tokens, 10 tokens/s, 0 requests, 0:10 so far, at most 1:30 left"
    )


def test_nothing_written_yet_is_told_as_such(clock: list[float]) -> None:
    progress = watch(Slow(), most=1_000)
    clock[0] += 3700
    assert progress.describe().endswith("0 tokens/s, 0 requests, 1:01:40 so far, time left not yet known")


def test_what_was_written_before_the_first_sample_is_not_counted(clock: list[float]) -> None:
    engine = Counted(Slow(), num_known=100)
    asyncio.run(engine.complete(REQUEST))
    progress = Progress("m", engine, num_samples=10, expected=Expected(1_000))
    clock[0] += 1
    assert "0 of at most 1,000 tokens, 0 tokens/s" in progress.describe()


def test_the_rate_is_that_of_the_last_minutes(clock: list[float]) -> None:
    engine = Slow()
    progress = watch(engine, most=1_000_000)
    for _ in range(20):
        clock[0] += 30
        engine.num_tokens_under_way += 300
        progress.describe()
    for _ in range(7):
        clock[0] += 30
        engine.num_tokens_under_way += 30
        line = progress.describe()
    assert " 1 tokens/s" in line


def test_tokens_are_counted_once_although_their_request_has_ended() -> None:
    engine = Counted(ScriptedEngine(), num_known=100)
    sampled = asyncio.run(finish_sample(engine, CONTEXT, Pending(sample_key(), along_budgets((0, 8)))))
    assert engine.num_tokens == sampled.num_tokens
    assert engine.num_requests == len(sampled.traces) + len(sampled.answers)


def test_stored_lengths_tell_the_usual_before_any_sample_ends() -> None:
    total = estimate_total(Expected(1_000, usual=400.0), num_samples=10, num_done=0, num_tokens=0)
    assert total == (400, False)


def test_a_total_is_never_more_than_there_can_be_nor_less_than_is_written() -> None:
    assert estimate_total(Expected(1_000), num_samples=10, num_done=1, num_tokens=900).num_tokens == 1_000
    assert (
        estimate_total(Expected(1_000, usual=10.0), num_samples=10, num_done=0, num_tokens=500).num_tokens == 500
    )
    assert estimate_total(Expected(1_000), num_samples=10, num_done=10, num_tokens=321) == (321, False)


def test_samples_that_end_first_are_not_taken_for_the_usual() -> None:
    """Planted: 320 lengths with a mean of 500, 32 under way at once; short ones end first."""
    rng = np.random.default_rng(0)
    lengths = rng.geometric(1 / 500, size=320)
    mistakes, naive = [], []
    for steps in range(100, 2_000, 50):
        written, done, done_tokens = run_for(lengths, steps)
        total = estimate_total(Expected(10**9), num_samples=320, num_done=done, num_tokens=written)
        mistakes.append(total.num_tokens / lengths.sum() - 1)
        naive.append(done_tokens / done * 320 / lengths.sum() - 1)
    assert max(map(abs, mistakes[:4])) < 0.5 and abs(np.mean(mistakes)) < 0.15
    assert min(naive) < -0.8


def run_for(lengths: np.ndarray, steps: int) -> tuple[int, int, int]:
    """Tokens written, samples done and their tokens after so many steps with 32 samples under way."""
    waiting, running, done, done_tokens = list(lengths[32:]), [(int(n), 0) for n in lengths[:32]], 0, 0
    for _ in range(steps):
        running = [(n, at + 1) for n, at in running]
        ended = [n for n, at in running if at == n]
        done, done_tokens = done + len(ended), done_tokens + sum(ended)
        running = [pair for pair in running if pair[0] != pair[1]]
        while waiting and len(running) < 32:
            running.append((int(waiting.pop(0)), 0))
    return done_tokens + sum(at for _, at in running), done, done_tokens


def test_off_a_terminal_a_line_comes_although_nothing_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sweeps.progress.LINE_SECONDS", 0.02)
    with watch(Slow(), most=1_000) as progress:
        progress._closed.wait(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 2
    assert all(re.fullmatch(r" {15}m  0 of 10 samples, 0 of at most 1,000 tokens, .*", line) for line in lines)
    assert cast(Any, progress)._teller.is_alive() is False
