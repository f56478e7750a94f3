"""Ctrl-C before the program has imported anything: one line and the signal's exit code, as it is from then on.

Imports next to nothing. Once results/stopping.py is imported, it takes over.
"""

import os
import signal
import sys


def is_program() -> bool:
    """Whether this Python was started as `isoquant` or `python -m isoquant`, and not by a notebook or a test."""
    if os.path.basename(sys.argv[0]) == "isoquant":
        return True
    return sys.argv[0] == "-m" and ("-m", "isoquant") in zip(sys.orig_argv, sys.orig_argv[1:], strict=False)


def end_when_stopped() -> None:
    """End at Ctrl-C where Python would raise in the middle of an import; a command that ignores it still does."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def _end(number: int, _: object) -> None:
    os.write(2, b"Stopped.\n")
    os._exit(128 + number)
