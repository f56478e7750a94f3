"""How far a long command is, on stderr: a bar on a terminal, elsewhere a line now and then."""

import sys
import time
from types import TracebackType

from tqdm import tqdm

LINE_SECONDS = 30.0


class Progress:
    """Steps of about equal length, counted as each one begins; what takes less than LINE_SECONDS leaves no line."""

    def __init__(self, name: str) -> None:
        self._name, self._num_steps, self._num_begun = name, 0, 0
        self._told = time.monotonic()
        self._bar = tqdm(desc=name, disable=not sys.stderr.isatty(), bar_format="{l_bar}{bar:20}| {elapsed}{postfix}")

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
        self._bar.n = self._num_begun
        self._bar.set_postfix_str(step)
        self._num_begun += 1
        if self._bar.disable and time.monotonic() - self._told >= LINE_SECONDS:
            self._told = time.monotonic()
            share = (self._num_begun - 1) / max(self._num_steps, 1)
            print(f"{self._name}: {share:4.0%} done, {step}", file=sys.stderr, flush=True)
