"""The worst grader there is runs what an answer says: behind the walls nothing comes of it but a row of its own."""

import contextlib
import ctypes  # noqa: F401 - what escapes import is here before the walls are
import os
import pickle
import signal
import socket
import sqlite3  # noqa: F401
import tempfile
import time
import traceback
import urllib.request  # noqa: F401
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor  # noqa: F401
from dataclasses import dataclass
from multiprocessing import shared_memory  # noqa: F401
from pathlib import Path
from typing import Any, NamedTuple

import numpy  # noqa: F401
import psutil
import pytest
import sympy  # noqa: F401

from harness.fence.gaps import find_fence
from harness.fence.heritage import NUM_FILES
from harness.grading import Graded, grade_texts
from harness.types import Grade, Prompt
from tests.harness.escapes import Escape, Place, list_escapes

SECONDS, PATIENCE, MEBIBYTE = 0.3, 5.0, 1 << 20
SECRET = "the-word-that-nobody-may-read"
SOMEBODY = 54321
HOMES = (Path.cwd(), Path(tempfile.gettempdir()), Path.home(), Path("/dev/shm"))
needs_fence = pytest.mark.skipif(bool(find_fence().gaps), reason=str(find_fence()))


@dataclass(frozen=True)
class Worst:
    """Runs an answer that begins with "run"; right is right, and what is run may say a word."""

    name: str = "worst"
    size: int = 1
    grader: str = "worst"
    grader_version: str = "1"
    evaluates: bool = True
    forged = b'[null, null, true, 1.0, "correct", null]\n'
    marks = {"full": 1.0}

    @property
    def identity(self) -> Mapping[str, Any]:
        return {}

    def load(self) -> list[Prompt]:
        return [Prompt("p", "text", {})]

    def write_gold(self, prompt: Prompt) -> str:
        return "right"

    def grade(self, prompt: Prompt, text: str) -> Grade:
        said: list[str] = []
        if text.startswith("run "):
            exec(text.removeprefix("run "), {"task": self, "mark": said.append})
        score = float(text == "right")
        correct = score >= self.marks["full"]
        return Grade(f"said {said[0]}" if said else None, None, correct, score, "correct" if correct else "wrong")


class Scene(NamedTuple):
    place: Place
    listeners: tuple[socket.socket, ...]

    def num_callers(self) -> int:
        """How many connections have come."""
        num = 0
        for listener in self.listeners:
            with contextlib.suppress(BlockingIOError):
                while True:
                    listener.accept()[0].close()
                    num += 1
        return num

    def traces(self) -> list[str]:
        """Everything outside that an escape could have left, and that others left."""
        place = self.place
        secret = os.stat(place.secret) if os.path.exists(place.secret) else None
        return [
            *sorted(os.listdir(place.folder)),
            f"secret {secret and (secret.st_mode, secret.st_mtime_ns, secret.st_size, secret.st_nlink)}",
            f"inherited {os.fstat(place.inherited).st_size}",
            *(str(path) for home in HOMES for path in home.glob("escaped-*")),
            f"{self.num_callers()} callers",
        ]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("ISOQUANT_SECRET", SECRET)
    # The walls are what is tested, not the hook that stands before them.
    monkeypatch.setattr("harness.zygote.close_sandbox", lambda: None)
    monkeypatch.setattr("harness.zygote.PATIENCE", PATIENCE)
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    folder, secret = tmp_path / "folder", tmp_path / "secret"
    folder.mkdir()
    folder.chmod(0o777)
    secret.write_text(SECRET)
    secret.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        abstract = f"\0isoquant-{os.getpid()}"
        unix.bind(abstract)
        unix.listen()
        listeners = (tcp, unix)
        for listener in listeners:
            listener.setblocking(False)
        # As many files as a large machine's pool holds, so that a worker's own pipe has a high number.
        held = [os.open(tmp_path / "inherited", os.O_RDWR | os.O_CREAT) for _ in range(2 * NUM_FILES)]
        yield Scene(Place(str(folder), str(secret), tcp.getsockname()[1], abstract, held[0]), listeners)
        for inherited in held:
            os.close(inherited)


def grade(escapes: Mapping[str, Escape]) -> Graded:
    """Every escape between two harmless answers."""
    texts = [text for escape in escapes.values() for text in ("right", f"run {escape.code}", "4")]
    return grade_texts(
        Worst(), [("p", text) for text in texts], num_workers=2, seconds=SECONDS, memory_bytes=256 * MEBIBYTE
    )


def as_somebody(work: Callable[[], Any]) -> Any:
    """What comes of the work in a process of a user who is neither root nor the owner of anything here."""
    reads, writes = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setresgid(SOMEBODY, SOMEBODY, SOMEBODY)
            os.setresuid(SOMEBODY, SOMEBODY, SOMEBODY)
            find_fence.cache_clear()
            with open(writes, "wb") as told:
                pickle.dump(work(), told)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writes)
    with open(reads, "rb") as told:
        result = pickle.load(told)
    os.waitpid(pid, 0)
    return result


def survivors(since: float) -> list[psutil.Process]:
    """Processes like this one, or what escapes start, that began since then and have no other parent."""
    own = psutil.Process().cmdline()
    return [
        process
        for process in psutil.process_iter(["ppid", "create_time", "cmdline"])
        if process.info["create_time"] > since
        and process.info["ppid"] in (1, os.getpid())
        and process.info["cmdline"] in (own, ["sleep", "20"])
    ]


@needs_fence
@pytest.mark.parametrize("user", ["as it is", "somebody"])
def test_nothing_gets_out_and_each_is_a_row_of_its_own(scene: Scene, user: str) -> None:
    if user == "somebody" and os.geteuid() != 0:
        pytest.skip("Only root can be somebody else.")
    escapes = list_escapes(scene.place)
    assert len(escapes) >= 60
    before, since = scene.traces(), time.time()
    graded = grade(escapes) if user == "as it is" else as_somebody(lambda: grade(escapes))
    assert scene.traces() == before
    assert survivors(since) == []
    outcomes = [row.outcome for row in graded.grades]
    assert outcomes[::3] == ["correct"] * len(escapes)
    assert outcomes[2::3] == ["wrong"] * len(escapes)
    ends = dict(zip(escapes, graded.grades[1::3], strict=True))
    assert {name: row for name, row in ends.items() if row.outcome == "correct" or row.extracted} == {}
    assert {"refused", "unparsed", "timeout"} <= {row.outcome for row in ends.values()}
    assert ends["full mark"].outcome == ends["speak for others"].outcome == "refused"


def test_without_the_walls_escapes_succeed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for wall in ("enclose", "seal"):
        monkeypatch.setattr(f"harness.zygote.{wall}", lambda *_, **__: signal.signal(signal.SIGPROF, signal.SIG_DFL))
    escapes = {name: escape for name, escape in list_escapes(scene.place).items() if escape.mark}
    graded = grade(escapes)
    told = [row.extracted for row in graded.grades if row.extracted and SECRET in row.extracted]
    callers = scene.num_callers()
    assert len(os.listdir(scene.place.folder)) + callers + len(told) >= 20
    assert callers >= 2 and len(told) >= 2
