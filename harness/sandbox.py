"""What the graders of others may not do while they read an answer: some hand it to eval. Knows nothing of grading.

An audit hook names what was asked for, so that a grader that needs it, or an answer that tries, is told in words.
What is hostile takes the hook away; the walls are the kernel's (fence/).
"""

import os
import re
import sys
from collections import deque
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

# Events of the interpreter (docs.python.org/3/library/audit_events.html) that reach beyond the process, or into
# it.
REFUSED = (
    *("os.", "subprocess.", "socket.", "shutil.", "ctypes.", "pty.", "sqlite3.", "tempfile.", "urllib.", "http."),
    *("ftplib.", "smtplib.", "poplib.", "imaplib.", "webbrowser.", "fcntl.", "mmap.", "resource.", "signal."),
    *("gc.", "code.__new__", "function.__new__", "sys.set", "sys._current_", "sys.addaudithook", "builtins.input"),
)
HARMLESS = ("os.listdir", "os.scandir", "os.walk", "os.listxattr", "os.getxattr")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Names that no answer has a use for: ways out of an expression, and what a scorer keeps beside the answer it
# evaluates.
FORBIDDEN_NAMES = re.compile(
    r"__\w*|eval|exec|compile|open|input|breakpoint|getattr|setattr|delattr|globals|locals|vars|exit|quit|help"
    r"|entry|oracle_answer|expected_answer|answer|metadata|self"
)

# Deques, since what changes while grading is no part of the digest of this code.
_refused: deque[str] = deque()
_floor: deque[FrameType] = deque(maxlen=1)


class RefusedError(PermissionError):
    """The answer asked for something that no answer needs."""


def close_sandbox() -> None:
    """Refuse, for the rest of this process, to write, to start, to connect, and to run code that could."""
    # A forked process was perhaps forked in the middle of an import, which is not its own.
    _floor.append(sys._getframe(1))
    sys.dont_write_bytecode = True
    sys.addaudithook(_audit)


def take_refused() -> str | None:
    """What was refused first since the last call; None where nothing was."""
    first = _refused[0] if _refused else None
    _refused.clear()
    return first


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        is_refused = bool((arguments[2] or 0) & WRITES)
    elif event == "exec":
        is_refused = _is_generated(arguments[0]) and any(map(FORBIDDEN_NAMES.fullmatch, _names(arguments[0])))
    else:
        is_refused = event.startswith(REFUSED) and event not in HARMLESS
    if is_refused and not _is_importing():
        _refused.append(event)
        raise RefusedError(f"An answer may not {event}.")


def _is_generated(code: CodeType) -> bool:
    """Whether the code comes from a text and not from a file."""
    return code.co_filename.startswith("<") and not code.co_filename.startswith("<frozen")


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_importing() -> bool:
    """Whether a module of an installed package is being loaded, which may compile and look around."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame not in _floor:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
