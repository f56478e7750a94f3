"""How far a long command is, on stderr, in one style: a bar on a terminal, elsewhere a line every half minute."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

LINE_SECONDS = 30.0
# What takes no longer says nothing.
SILENT_SECONDS = 5.0
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


class _At:
    """What the command is at."""

    step = "starting"


def step(words: str) -> None:
    """That the command of `working` goes on to this; nothing without one."""
    _At.step = words


@contextlib.contextmanager
def working(name: str) -> Iterator[None]:
    """Tell inside, from SILENT_SECONDS on, what the command is at: on a terminal in a line that changes and goes,
    elsewhere in one every half minute. What is printed meanwhile stands above it.
    """
    _At.step = "starting"
    stopped, is_shared = threading.Event(), sys.stderr.isatty() and sys.stdout.isatty()
    # Where both go to one terminal, what is printed has to find the line that it takes the place of.
    place = sys.stdout if is_shared else sys.stderr
    watch = threading.Thread(target=_watch, args=(name, place, stopped), daemon=True)
    watch.start()
    try:
        with _above() if is_shared else contextlib.nullcontext():
            yield
    finally:
        stopped.set()
        watch.join()


@contextlib.contextmanager
def _above() -> Iterator[None]:
    from tqdm.contrib import DummyTqdmFile

    with contextlib.redirect_stdout(DummyTqdmFile(sys.stdout)) as out:
        yield
        out.flush()


def _watch(name: str, place: TextIO, stopped: threading.Event) -> None:
    began = told = time.monotonic()
    if stopped.wait(SILENT_SECONDS):
        return
    with tqdm(bar_format="{desc}", file=place, disable=not place.isatty(), leave=False) as bar:
        while True:
            now = time.monotonic()
            words = f"{_At.step}, {clock(now - began)} so far"
            if not bar.disable:
                bar.set_description_str(f"{name}: {words}")
            elif now - told >= LINE_SECONDS:
                told = now
                tell_line(name, words)
            if stopped.wait(1.0):
                return
