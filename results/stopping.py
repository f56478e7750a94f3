"""How a command ends that is told to stop: in one line, with the signal's exit code, from its first import on.

Standard library only, and first of all imports: it is what Ctrl-C in the first second meets.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FrameType
from typing import Any, NoReturn

from results.shortage import check_memory, check_threads, tell_shortages
from results.terminal import guard_terminal

# Ctrl-C and Ctrl-\, a kill, a terminal that is closed, and what clusters and limits send before they kill.
STOPS = (
    *(signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGXCPU),
)
# A terminal tells every process of a sweep, and its launcher tells its jobs once more.
GRACE_SECONDS = 5.0
# After these, a stop that Python dropped is raised again.
DROPPED_SECONDS = 0.05
# What a shell shows for a command that a signal ended is this and the signal's number.
SIGNALLED = 128
CLOSED = "The output was closed before all of it was written."


class _Stops:
    """The signals that came, and what to do about the first:
    raise KeyboardInterrupt, cancel what is under way, or, where nothing is, end.
    """

    def __init__(self) -> None:
        self.first: int | None = None
        self.last = 0.0
        self.cancel: Callable[[], object] | None = None
        self.is_idle = False
        self.words = "Stopped."
        self.was_dropped = False
        self.was_raised = False

    def receive(self, number: int, frame: FrameType | None) -> None:
        if self.is_idle:
            _end_at_once(number, frame)
        is_first, now = self.first is None, time.monotonic()
        if self.was_dropped:
            if _is_within(frame, _Stops.raise_again.__code__):
                # On a busy machine it comes before what told of the drop is over, and would be dropped as well.
                signal.setitimer(signal.ITIMER_REAL, DROPPED_SECONDS)
                return
            self.was_dropped = False
            raise KeyboardInterrupt
        if not is_first and now - self.last < GRACE_SECONDS:
            return
        self.first, self.last = self.first or number, now
        if self.cancel is None or not is_first:
            self.was_raised = True
            raise KeyboardInterrupt
        self.cancel()

    def raise_again(self, dropped: "sys.UnraisableHookArgs") -> None:
        """Python drops what is raised in a callback of its own,
        such as a fork's or a finalizer's, and tells of it.
        """
        if self.first is None:
            sys.__unraisablehook__(dropped)
        elif dropped.exc_type is KeyboardInterrupt:
            self.was_dropped = True
            # By then the callback is over, and the handler of SIGALRM runs where what it raises counts.
            signal.setitimer(signal.ITIMER_REAL, DROPPED_SECONDS)


def _is_within(frame: FrameType | None, code: CodeType) -> bool:
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


_stops = _Stops()


def end_at_once_when_stopped() -> None:
    """While a command is imported, nothing is under way: a stop ends it in a word.

    What cannot be done for want of memory or threads is told in a line as well, and whatever is said is shown as
    words.
    """
    guard_terminal()
    tell_shortages()
    check_memory()
    check_threads()
    _listen(dict.fromkeys(STOPS, _end_at_once))


@contextlib.contextmanager
def stopping_in_a_line(words: str) -> Iterator[None]:
    """Inside, a stop raises KeyboardInterrupt; outside, it is these words and the signal's exit code.

    So is an output that is closed before its end, as by `| head`.
    """
    _stops.first, _stops.was_raised, _stops.words = None, False, words
    before = {number: signal.getsignal(number) for number in STOPS}
    hook, sys.unraisablehook = sys.unraisablehook, _stops.raise_again
    try:
        _listen(dict.fromkeys(STOPS, _stops.receive))
        yield
        sys.stdout.flush()
        # Dropped at the very last.
        if _stops.first is not None:
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        end_stopped(words)
    except BrokenPipeError:
        end_closed()
    except (Exception, SystemExit) as end:
        # Compiled code that imports drops what is raised meanwhile, and says that there is no such module.
        # Others clean up in half-made objects, and end the program themselves.
        if not _stops.was_raised or (isinstance(end, SystemExit) and end.code == _code()):
            raise
        end_stopped(words)
    finally:
        _listen(before)
        sys.unraisablehook = hook


def end_stopped(words: str) -> NoReturn:
    """Say these words and exit with the code of the signal that came."""
    with contextlib.suppress(OSError):
        print(words, file=sys.stderr, flush=True)
    # A KeyboardInterrupt that came through an exec of text, as dataclasses do, is remembered until the next one
    # ends, and Python would exit by SIGINT whatever the code.
    exec("")
    sys.exit(_code())


def _code() -> int:
    return SIGNALLED + (_stops.first or signal.SIGINT)


def end_closed() -> NoReturn:
    """Say that the output was closed and exit with the code that a shell knows for it."""
    # What is still to be printed has no place to go, and would be told of at the end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with contextlib.suppress(OSError):
        print(CLOSED, file=sys.stderr, flush=True)
    sys.exit(SIGNALLED + signal.SIGPIPE)


@contextlib.contextmanager
def cancelling(cancel: Callable[[], object]) -> Iterator[None]:
    """Inside, the first stop calls `cancel` in place of raising KeyboardInterrupt,
    so that what is drawn is stored.
    """
    before, _stops.cancel = _stops.cancel, cancel
    try:
        yield
    finally:
        _stops.cancel = before


@contextlib.contextmanager
def idle(is_idle: bool = True) -> Iterator[None]:
    """Inside, nothing is to be stored, so that a stop ends the program where it is.

    For code of others that takes an exception between any two lines for one of its own, as Hydra's composing does.
    is_idle: False where the work begins inside of such code.
    """
    before, _stops.is_idle = _stops.is_idle, is_idle
    try:
        yield
    finally:
        _stops.is_idle = before


def _listen(handlers: Mapping[signal.Signals, Any]) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    # One that comes meanwhile waits until all of them mean the same.
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, handlers)
    for number, handler in handlers.items():
        # What is started by nohup, or behind a script, is to go on.
        if signal.getsignal(number) is not signal.SIG_IGN and handler is not None:
            signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, masked)


def _end_at_once(number: int, frame: FrameType | None) -> NoReturn:
    with contextlib.suppress(OSError):
        os.write(2, f"{_stops.words}\n".encode())
    os._exit(SIGNALLED + number)
