"""Figures drawn by two processes side by side: one draws what the other has not begun.
Knows none in particular.
"""

import contextlib
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import pandas as pd

# Where this package was imported from, which need not be where the command was given, and how rarely the command
# collects garbage.
HELP = (
    "import gc, sys; gc.set_threshold(*{rarely!r}); sys.path[:] = {path!r}; "
    "from analysis.figures.drawing import help_out; help_out()"
)


# How the name of a file ends until it is whole.
BESIDE = ".tmp"


class Job(NamedTuple):
    """A frame to be saved with its figure below a folder, and the module of analysis.figures that draws it."""

    folder: Path
    name: str
    frame: pd.DataFrame
    figure: str


class Drawn:
    """The paths of pictures, in the order they were asked for; a second process draws some where a core is free.

    A context: at its end the second process is gone, whatever it was drawing.
    """

    def __init__(self) -> None:
        self._waiting: deque[int] = deque()
        self._jobs: list[Job] = []
        self._found: dict[int, Path | Exception] = {}
        self._news = threading.Condition()
        self._is_open = True
        # What the second process is at.
        self._given: Job | None = None

    def __enter__(self) -> "Drawn":
        self._helper = _start_helper()
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._news:
            self._is_open = False
            self._news.notify_all()
        # The thread that feeds it forgets it once it is gone.
        if (helper := self._helper) is not None:
            helper.kill()
            helper.wait()
        # Killed, it leaves what it was writing.
        if self._given is not None:
            remove(self._given.folder, self._given.name, end=BESIDE)

    def ask(self, job: Job) -> None:
        """Have one more figure drawn, if not here then by the second process."""
        with self._news:
            self._jobs.append(job)
            self._waiting.append(len(self._jobs) - 1)
            self._news.notify_all()

    def paths(self) -> Iterator[Path]:
        """Where the pictures are, as they are done; whoever iterates draws those that wait.
        Raises what drawing did.
        """
        for number in range(len(self._jobs)):
            while number not in self._found:
                self._draw_or_wait(number)
            found = self._found[number]
            if isinstance(found, Exception):
                raise found
            yield found

    def _draw_or_wait(self, number: int) -> None:
        with self._news:
            if not self._waiting:
                self._news.wait_for(lambda: number in self._found or self._waiting)
                return
            taken = self._waiting.popleft()
        self._found[taken] = draw(self._jobs[taken])

    def _feed(self) -> None:
        """Give the second process a figure after the other, until there are no more or it is gone."""
        while self._helper is not None:
            with self._news:
                self._news.wait_for(lambda: self._waiting or not self._is_open)
                if not self._is_open:
                    return
                taken = self._waiting.popleft()
                self._given = self._jobs[taken]
            found = _ask(self._helper, self._given)
            with self._news:
                if self._is_open:
                    self._given = None
                if found is None:
                    self._helper = None
                    self._waiting.appendleft(taken)
                else:
                    self._found[taken] = found
                self._news.notify_all()


def draw(job: Job) -> Path:
    """Draw and save one figure; the path of its picture."""
    from analysis.figures.save import save

    return save(job.folder, job.name, job.frame, import_module(f"analysis.figures.{job.figure}").draw)


def _start_helper() -> "subprocess.Popen[bytes] | None":
    """A process that draws what is written to it;
    None where it would have no core of its own, or none may start.
    """
    if len(os.sched_getaffinity(0)) < 2:
        return None
    with contextlib.suppress(OSError):
        words = [sys.executable, "-c", HELP.format(path=sys.path, rarely=gc.get_threshold())]
        # What it has to say comes through its output; of a stop the command tells.
        return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return None


def _ask(helper: "subprocess.Popen[bytes]", job: Job) -> Path | Exception | None:
    """What became of a figure that the second process was given; None where it is gone."""
    assert helper.stdin is not None and helper.stdout is not None
    try:
        pickle.dump(job, helper.stdin)
        helper.stdin.flush()
        found: Path | Exception = pickle.load(helper.stdout)  # noqa: S301  (our own process wrote it)
    except (OSError, EOFError, ValueError, pickle.UnpicklingError):
        return None
    return found


def help_out() -> None:
    """Draw what comes on standard input, until it ends."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    told, sys.stdout = sys.stdout.buffer, sys.stderr
    while True:
        try:
            job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301  (the command that started us wrote it)
        except EOFError:
            return
        try:
            found: Path | Exception = draw(job)
        except Exception as error:
            found = error
        pickle.dump(found, told)
        told.flush()


def remove(folder: Path, name: str, *, end: str = "") -> None:
    """Take away a figure of other rows or options, which this run does not have; with the end BESIDE, what is left
    of one that was not written to its end.
    """
    for suffix in ("png", "pdf", "csv"):
        (folder / f"{name}.{suffix}{end}").unlink(missing_ok=True)
