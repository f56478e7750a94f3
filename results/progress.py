"""How far a long command is, on stderr, in one style: a bar on a terminal, elsewhere a line every half minute."""

import sys
import time
from types import TracebackType

from tqdm import tqdm

LINE_SECONDS = 30.0
BAR = "{desc}: {percentage:3.0f}%|{bar:20}| {postfix}"


def tell_line(name: str, words: str) -> None:
    """What stands for a bar where there is no terminal."""
    print(f"{name}  {words}", file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """Hours, minutes and seconds, hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Progress:
    """Steps of about equal length, counted as each one begins;
    what takes less than LINE_SECONDS leaves no line.
    """

    def __init__(self, name: str) -> None:
        self._name, self._num_steps, self._num_begun = name, 0, 0
        self._began = self._told = time.monotonic()
        self._bar = tqdm(desc=name, disable=not sys.stderr.isatty(), bar_format=BAR)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def expect(self, num_steps: int) -> None:
        """How many steps there will be."""
        self._num_steps = self._bar.total = num_steps

    def tell(self, step: str) -> None:
        """That a step begins."""
        now, words = time.monotonic(), f"{self._num_begun:,} of {self._num_steps:,} steps, {step}"
        self._bar.n = self._num_begun
        self._bar.set_postfix_str(f"{words}, {clock(now - self._began)} so far")
        self._num_begun += 1
        if self._bar.disable and now - self._told >= LINE_SECONDS:
            self._told = now
            tell_line(self._name, f"{words}, {clock(now - self._began)} so far")
