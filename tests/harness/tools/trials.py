"""Tools that do what no tool should, for tests of the processes that hold them."""

import faulthandler
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.tools.protocol import Result, ToolFailedError


@dataclass(frozen=True)
class Trial:
    """A tool that does `work` with a query; what it returns becomes the text."""

    work: Callable[[str], Any]
    name: str = "trial"
    description: str = "Tries something."
    argument: str = "query"
    max_tokens: int = 100
    identity: Mapping[str, Any] = None  # type: ignore[assignment]

    def call(self, query: str) -> Result:
        made = self.work(query)
        return made if isinstance(made, Result) else Result(str(made))


def echo(query: str) -> str:
    return f"{query} by {os.getpid()}"


def refuse(_: str) -> None:
    raise ToolFailedError("there is no such thing")


def sleep(_: str) -> None:
    time.sleep(10_000)


def sleep_uninterrupted(_: str) -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    while True:
        time.sleep(10_000)


def spin(_: str) -> None:
    while True:
        pass


def spin_in_c(_: str) -> int:
    return sum(range(10**12))


def leave(_: str) -> None:
    os._exit(3)


def exit_softly(_: str) -> None:
    sys.exit(0)


def crash(_: str) -> None:
    faulthandler._sigsegv()  # type: ignore[attr-defined]


def abort(_: str) -> None:
    os.abort()


def flood_output(_: str) -> str:
    for _ in range(200):
        print("x" * (1 << 20))
        os.write(2, b"x" * (1 << 20))
    return "said"


def write_megabytes(_: str) -> str:
    return "x" * (64 << 20)


def find_millions(_: str) -> Result:
    return Result("found", tuple(map(str, range(2_000_000))))


def take_memory(_: str) -> int:
    return len(b"x" * (8 << 30))


def take_memory_bit_by_bit(_: str) -> int:
    held = []
    while True:
        held.append(bytearray(16 << 20))


def write_file(query: str) -> None:
    Path(query).write_text("written")


def read_file(query: str) -> str:
    return Path(query).read_text()


def connect(_: str) -> None:
    socket.create_connection(("127.0.0.1", 9))


def start_program(query: str) -> int:
    return os.system(f"touch {query}")


def fork(_: str) -> int:
    return os.fork()


def kill_its_keeper(_: str) -> None:
    os.kill(os.getppid(), signal.SIGKILL)


def evaluate(query: str) -> Any:
    return eval(query)


def answer_anything(_: str) -> None:
    """Writes to every pipe that it holds, and goes."""
    for number in range(3, 256):
        try:
            os.write(number, b"\x00\xff not a result" * 1000 + b"\n")
        except OSError:
            continue
    os._exit(0)


def answer_without_end(_: str) -> None:
    for number in range(3, 256):
        try:
            while True:
                os.write(number, b"x" * 65536)
        except OSError:
            continue


def return_nonsense(_: str) -> Result:
    return Result(text=None, ids=7)  # type: ignore[arg-type]
