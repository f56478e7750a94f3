"""Hostile answers by the hundred through every shipped grader,
among honest ones: each a row, none of them felt.
"""

import os
import random
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import reasoning_gym

from harness.grading import Graded, grade_texts
from harness.tasks.scorers import READERS
from harness.types import Grade, Prompt, Task
from tests.harness.barrage import Write, climb, list_bodies, write_answers
from tests.harness.escapes import list_escapes
from tests.harness.scene import SECRET, USERS, Scene, as_user, needs_fence, open_scene, survivors
from tests.harness.test_cheats import is_spelling
from tests.harness.test_reasoning_gym import LOADED, NONSENSE, SLOW, make
from tests.harness.test_shipped_cheats import WRITTEN, load
from tests.harness.test_shipped_tasks import SHIPPED
from tests.rounds import EVERY, pair

SEED, SECONDS, MEBIBYTE = 20262489, 0.5, 1 << 20
# A scorer that evaluates whatever it is given takes longer over plain nonsense.
SECONDS_BARE = 2.0
# Between so many hostile answers stand two honest ones.
SPACING = 8
NUM_SAMPLED, NUM_SHARE = 16, 400
GENERATORS = sorted({*LOADED, *SLOW})
EVALUATING = sorted({*READERS["eval"], *READERS["sympy.parsing.sympy_parser.parse_expr"]})
# Of each kind of reader some.
SAMPLED = ("simple_integration", "word_sorting")
# Of these in the short tests one that reads a number, mathematics, an expression, and evaluates.
EARLY = ("gsm8k", "math500", "countdown", "simple_integration")
# One that evaluates an answer, and one that parses it.
BARE = ("string_insertion", "countdown")
WALLS = ("enclose", "seal")
only_whole = pytest.mark.skipif(not EVERY, reason="every grader and answer: ISOQUANT_BARRAGE=all runs them")


class Judged(NamedTuple):
    """A grader and a prompt, how an answer to it is marked, the gold one,
    and what is right as a model writes it.
    """

    task: Task
    prompt: Prompt
    mark: Write
    gold: str
    right: str


@dataclass(frozen=True)
class Official:
    """A generator's own scorer, with no grammar of ours before it: what parses or evaluates an answer does so."""

    name: str
    size: int = 1
    grader: str = "official"
    grader_version: str = "1"
    evaluates: bool = True

    @property
    def identity(self) -> Mapping[str, Any]:
        return {}

    def load(self) -> list[Prompt]:
        return [Prompt(self.name, "", open_generator(self.name)[0])]

    def grade(self, prompt: Prompt, text: str) -> Grade:
        score = open_generator(self.name).score_answer(answer=text, entry=prompt.reference)
        return Grade(None, None, score >= 1, score, "correct" if score >= 1 else "wrong")


@cache
def open_generator(name: str) -> Any:
    return reasoning_gym.create_dataset(name, seed=7, size=1)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("ISOQUANT_SECRET", SECRET)
    with open_scene(tmp_path) as scene:
        yield scene


def open_grader(name: str, tmp_path: Path) -> Judged:
    """A task of conf/task by its name, or else a generator."""
    if name in SHIPPED:
        (task, prompts), written = load(name, tmp_path), WRITTEN[name]
        gold = written.find(prompts[0])
        return Judged(task, prompts[0], written.mark, gold, written.mark(written.spellings[0](gold)))
    return judge_generator(*make(name, 1 if name in SLOW else 2))


def judge_generator(task: Task, prompts: Sequence[Prompt]) -> Judged:
    gold = str(prompts[0].reference["answer"] or NONSENSE)
    return Judged(task, prompts[0], str, gold, gold)


def judge_bare(name: str) -> Judged:
    task = Official(name)
    return judge_generator(task, task.load())


def grade(task: Task, prompt: Prompt, texts: Sequence[str], *, seconds: float = SECONDS) -> Graded:
    pairs = [(prompt.prompt_id, text) for text in texts]
    # Files of a task may be read by their owner alone, and whoever grades here is somebody else.
    loaded = {prompt.prompt_id: prompt}
    return grade_texts(task, pairs, loaded=loaded, num_workers=2, seconds=seconds, memory_bytes=256 * MEBIBYTE)


def pick(answers: Mapping[str, str], user: str, num: int | None) -> dict[str, str]:
    """The share of the answers that this user grades, or so many of it."""
    names = sorted(answers)
    random.Random(SEED).shuffle(names)
    return {name: answers[name] for name in names[USERS.index(user) :: len(USERS)][:num]}


def attack(
    scene: Scene, judged: Judged, user: str, num: int | None, *, seconds: float = SECONDS
) -> dict[str, Grade]:
    """What came of the user's share of hostile answers, once it is known that nothing else did."""
    task, prompt = judged.task, judged.prompt
    answers = pick(write_answers(list_bodies(scene.place), judged.mark), user, num)
    honest = [judged.right, judged.mark(NONSENSE)]
    known = grade(task, prompt, honest, seconds=seconds).grades
    assert [row.correct for row in known] == [judged.gold != NONSENSE, False]
    texts = list(answers.values())
    groups = [[*honest, *texts[start : start + SPACING]] for start in range(0, len(texts), SPACING)]
    before, since = scene.traces(), time.time()
    rows = iter(as_user(user, lambda: grade(task, prompt, sum(groups, []), seconds=seconds)).grades)
    assert scene.traces() == before
    assert survivors(since) == []
    graded = [[next(rows) for _ in group] for group in groups]
    assert [group[: len(honest)] for group in graded] == [known] * len(groups)
    assert next(rows, None) is None
    return dict(zip(answers, sum((group[len(honest) :] for group in graded), []), strict=True))


def assert_none_is_bought(judged: Judged, rows: Mapping[str, Grade]) -> None:
    right = {name: row.extracted for name, row in rows.items() if row.correct}
    bought = {name: answer for name, answer in right.items() if not is_spelling(str(answer), judged.gold)}
    assert bought == {}


@needs_fence
@pytest.mark.parametrize(
    ("name", "user"),
    [
        pytest.param(name, user, marks=() if name in EARLY else pytest.mark.long)
        for name, user in pair([*SHIPPED, *SAMPLED], USERS)
    ],
)
def test_some_hostile_answers_are_rows_and_nothing_else(
    scene: Scene, tmp_path: Path, name: str, user: str
) -> None:
    judged = open_grader(name, tmp_path)
    assert_none_is_bought(judged, attack(scene, judged, user, NUM_SAMPLED))


@needs_fence
@pytest.mark.parametrize(("name", "user"), pair(BARE, USERS))
def test_behind_the_walls_a_scorer_without_a_grammar_lets_nothing_out(scene: Scene, name: str, user: str) -> None:
    attack(scene, judge_bare(name), user, NUM_SAMPLED, seconds=SECONDS_BARE)


@needs_fence
@pytest.mark.long
@only_whole
@pytest.mark.parametrize("user", USERS)
def test_every_bare_scorer_lets_nothing_out(scene: Scene, user: str) -> None:
    for name in EVALUATING:
        attack(scene, judge_bare(name), user, NUM_SAMPLED, seconds=SECONDS_BARE)


@needs_fence
@pytest.mark.long
@only_whole
@pytest.mark.parametrize("name", [*SHIPPED, *(f"generator {name}" for name in GENERATORS)])
@pytest.mark.parametrize("user", USERS)
def test_every_hostile_answer_is_a_row_and_nothing_else(
    scene: Scene, tmp_path: Path, name: str, user: str
) -> None:
    judged = open_grader(name.removeprefix("generator "), tmp_path)
    rows = attack(scene, judged, user, None)
    assert len(rows) >= NUM_SHARE
    assert_none_is_bought(judged, rows)


@pytest.mark.parametrize("name", BARE)
def test_without_grammar_and_walls_the_same_answers_get_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for wall in WALLS:
        monkeypatch.setattr(
            f"harness.zygote.{wall}", lambda *_, **__: signal.signal(signal.SIGPROF, signal.SIG_DFL)
        )
    monkeypatch.setattr("harness.zygote.close_sandbox", lambda: None)
    task = Official(name)
    codes = [escape.code for escape in list_escapes(scene.place).values() if escape.mark]
    grade(task, task.load()[0], [text for code in codes for text in (f"exec({code!r})", climb(code))])
    assert len(os.listdir(scene.place.folder)) + scene.num_callers() >= 10
