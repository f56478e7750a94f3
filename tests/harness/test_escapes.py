"""The worst grader there is runs what an answer says:
behind the walls nothing comes of it but a row of its own.
"""

import ctypes  # noqa: F401 - what escapes import is here before the walls are
import os
import signal
import sqlite3  # noqa: F401
import time
import urllib.request  # noqa: F401
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor  # noqa: F401
from dataclasses import dataclass
from multiprocessing import shared_memory  # noqa: F401
from pathlib import Path
from typing import Any

import numpy  # noqa: F401
import pytest
import sympy  # noqa: F401

from harness.grading import Graded, grade_texts
from harness.types import Grade, Prompt
from harness.zygote import UNPARSED
from tests.harness.escapes import Escape, list_escapes
from tests.harness.scene import SECRET, USERS, Scene, as_user, needs_fence, open_scene, survivors

SECONDS, PATIENCE, MEBIBYTE = 0.3, 10.0, 1 << 20
# Some escapes wait until their time is over, and others go on meanwhile.
WORKERS = 4
HARMLESS = ("right", "4")


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


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("ISOQUANT_SECRET", SECRET)
    # The walls are what is tested, not the hook that stands before them.
    monkeypatch.setattr("harness.zygote.close_sandbox", lambda: None)
    monkeypatch.setattr("harness.zygote.PATIENCE", PATIENCE)
    with open_scene(tmp_path) as scene:
        yield scene


def grade(escapes: Mapping[str, Escape]) -> Graded:
    """Every escape between two harmless answers, a right one and a wrong one in turn."""
    texts = [
        text for at, escape in enumerate(escapes.values()) for text in (HARMLESS[at % 2], f"run {escape.code}")
    ]
    texts.append(HARMLESS[len(escapes) % 2])
    return grade_texts(
        Worst(), [("p", text) for text in texts], num_workers=WORKERS, seconds=SECONDS, memory_bytes=256 * MEBIBYTE
    )


@needs_fence
@pytest.mark.parametrize("user", USERS)
def test_nothing_gets_out_and_each_is_a_row_of_its_own(scene: Scene, user: str) -> None:
    escapes = list_escapes(scene.place)
    assert len(escapes) >= 60
    before, since = scene.traces(), time.time()
    graded = as_user(user, lambda: grade(escapes))
    assert scene.traces() == before
    assert survivors(since) == []
    outcomes = [row.outcome for row in graded.grades]
    assert outcomes[::2] == [("correct", "wrong")[at % 2] for at in range(len(escapes) + 1)]
    ends = dict(zip(escapes, graded.grades[1::2], strict=True))
    assert {name: row for name, row in ends.items() if row.outcome == "correct" or row.extracted} == {}
    assert {"refused", "unparsed", "timeout"} <= {row.outcome for row in ends.values()}
    assert ends["score beyond all marks"] == UNPARSED
    assert ends["full mark"].outcome == ends["speak for others"].outcome == "refused"


def test_without_the_walls_escapes_succeed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for wall in ("enclose", "seal"):
        monkeypatch.setattr(
            f"harness.zygote.{wall}", lambda *_, **__: signal.signal(signal.SIGPROF, signal.SIG_DFL)
        )
    escapes = {name: escape for name, escape in list_escapes(scene.place).items() if escape.mark}
    graded = grade(escapes)
    told = [row.extracted for row in graded.grades if row.extracted and SECRET in row.extracted]
    callers = scene.num_callers()
    assert len(os.listdir(scene.place.folder)) + callers + len(told) >= 20
    assert callers >= 2 and len(told) >= 2
