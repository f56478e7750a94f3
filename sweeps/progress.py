"""A live line of a job's progress: samples done, tokens written and expected, tokens a second, time left.

Counted in tokens, since samples end together and late: what is under way counts from its first token on.
"""

import sys
import threading
import time
from collections import deque
from types import TracebackType
from typing import NamedTuple

from tqdm import tqdm

from harness.samples import Sampled
from results.progress import BAR, LINE_SECONDS, clock, tell_line
from sweeps.counted import Counted

REDRAW_SECONDS = 0.5
# The rate is that of the last minutes: other programs come and go.
RATE_SECONDS = 180.0
# What the run has stored of samples like these weighs as much as so many of this job's.
PRIOR_SAMPLES = 64


class Expected(NamedTuple):
    """Tokens that a job writes in all: `most`, and what stored rows of its kind let expect, None without any."""

    most: int
    usual: float | None = None


class Total(NamedTuple):
    """Tokens in all; is_bound: nothing better is known than how many there can be."""

    num_tokens: int
    is_bound: bool


def estimate_total(expected: Expected, *, num_samples: int, num_done: int, num_tokens: int) -> Total:
    """Tokens in all, once `num_done` of `num_samples` are done and `num_tokens` are written,
    those under way with them.

    Tokens written over samples done, under way or not, is the mean of a length that is only known to be longer
    where a sample still goes on, if the chance to end does not change: those that end first are not taken for the
    usual.
    """
    weight = PRIOR_SAMPLES if expected.usual is not None else 0
    seen = num_tokens + weight * (expected.usual or 0) / max(num_samples, 1)
    if not weight + num_done:
        return Total(expected.most, is_bound=True)
    total = num_tokens if num_done >= num_samples else seen / (weight + num_done) * num_samples
    return Total(round(max(num_tokens, min(total, expected.most))), is_bound=False)


class Progress:
    """A bar that is redrawn twice a second; off a terminal a line every half minute. It is told in a thread.

    Loading and grammar checks may hold the event loop, and the first sample may end after many minutes.
    """

    def __init__(self, name: str, engine: Counted, *, num_samples: int, expected: Expected, row: int = 0) -> None:
        self._name, self._engine, self._num_samples, self._expected = name, engine, num_samples, expected
        self._on_terminal = sys.stderr.isatty()
        self._started = time.monotonic()
        self._before = engine.num_tokens
        self._num_done = 0
        self._written: deque[tuple[float, int]] = deque([(self._started, 0)])
        self._closed = threading.Event()
        self._bar = tqdm(
            total=expected.most, desc=f"{name:>16}", position=row, bar_format=BAR, disable=not self._on_terminal
        )
        self._teller = threading.Thread(target=self._keep_telling, daemon=True)

    def __enter__(self) -> "Progress":
        self._teller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._teller.join()
        self._tell()
        self._bar.close()

    def advance(self, sampled: Sampled) -> None:
        self._num_done += sampled.refusal is None

    def describe(self) -> str:
        """How far the job is, in a line."""
        now, num_tokens = time.monotonic(), self._engine.num_tokens - self._before
        total = self._total(num_tokens)
        rate = self._measure_rate(now, num_tokens)
        kind = "at most" if total.is_bound else "about"
        left = total.num_tokens - num_tokens
        words = [
            f"{self._num_done:,} of {self._num_samples:,} samples",
            f"{num_tokens:,} of {kind} {total.num_tokens:,} tokens",
            f"{rate:,.0f} tokens/s",
            f"{self._engine.num_requests:,} requests",
            f"{clock(now - self._started)} so far",
        ]
        if self._num_done < self._num_samples:
            words.append(f"{kind} {clock(left / rate)} left" if rate else "time left not yet known")
        return ", ".join(words)

    def _total(self, num_tokens: int) -> Total:
        return estimate_total(
            self._expected, num_samples=self._num_samples, num_done=self._num_done, num_tokens=num_tokens
        )

    def _measure_rate(self, now: float, num_tokens: int) -> float:
        """Tokens a second of the last minutes."""
        self._written.append((now, num_tokens))
        while len(self._written) > 2 and now - self._written[1][0] >= RATE_SECONDS:
            self._written.popleft()
        since, before = self._written[0]
        return (num_tokens - before) / max(now - since, 1e-9)

    def _keep_telling(self) -> None:
        while not self._closed.wait(REDRAW_SECONDS if self._on_terminal else LINE_SECONDS):
            self._tell()

    def _tell(self) -> None:
        line = self.describe()
        if not self._on_terminal:
            tell_line(f"{self._name:>16}", line)
            return
        self._bar.n = self._engine.num_tokens - self._before
        self._bar.total = self._total(self._bar.n).num_tokens
        self._bar.set_postfix_str(line)
