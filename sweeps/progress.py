"""A live line of a job's progress: samples done, rate, time left, tokens a second."""

import sys
import time
from types import TracebackType

from tqdm import tqdm

from harness.samples import Sampled


class Progress:
    """A tqdm bar over samples; off a terminal it prints a line every half minute instead of redrawing."""

    def __init__(self, name: str, *, num_samples: int, row: int = 0) -> None:
        on_terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=num_samples,
            desc=f"{name:>16}",
            unit=" samples",
            mininterval=0.5 if on_terminal else 30.0,
            position=row if on_terminal else None,
        )
        self._num_tokens = 0
        self._started: float | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def advance(self, sampled: Sampled) -> None:
        now = time.monotonic()
        self._started = self._started or now
        self._num_tokens += sampled.num_tokens
        if now > self._started:
            self._bar.set_postfix_str(f"{self._num_tokens / (now - self._started):,.0f} tokens/s", refresh=False)
        self._bar.update()
