"""Graders in workers: order kept; hangs, hogs and deaths become outcomes, and cost no other answer."""

import errno
import itertools
import math
import mmap
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness import zygote
from harness.grading import SECONDS_A_GRADE, WARM_UP, Graded, grade_texts
from harness.types import Grade, Prompt
from results.shortage import explain_shortage

MEBIBYTE = 1 << 20
RIGHT = "right"


@dataclass(frozen=True)
class Moody:
    """A task whose grader does what the text says, in words of its own or in Python."""

    name: str = "moody"
    size: int = 1
    grader: str = "moody"
    grader_version: str = "1"
    evaluates: bool = True

    @property
    def identity(self) -> Mapping[str, Any]:
        return {}

    def load(self) -> list[Prompt]:
        return [Prompt("p", "text", {})]

    def grade(self, prompt: Prompt, text: str) -> Grade:
        act(text)
        return Grade(text, text, text == RIGHT, 1.0, "correct" if text == RIGHT else "wrong")

    def write_gold(self, prompt: Prompt) -> str:
        return "right"


def act(text: str) -> None:
    mood, _, what = text.partition(" ")
    if mood == "sleep":
        time.sleep(float(what))
    if mood == "take":
        bytearray(int(what) * MEBIBYTE)
    if mood == "kill":
        os.kill(os.getpid(), int(what))
    if mood == "die":
        os._exit(int(what))
    if mood == "python":
        eval(what, {"math": math, "re": re})


def grade(
    *texts: str, workers: int = 2, seconds: float = SECONDS_A_GRADE, memory: int = 256, evaluates: bool = True
) -> Graded:
    pairs = [("p", text) for text in texts]
    task = Moody(evaluates=evaluates)
    return grade_texts(task, pairs, num_workers=workers, seconds=seconds, memory_bytes=memory * MEBIBYTE)


def outcomes(graded: Graded) -> list[str]:
    return [grade.outcome for grade in graded.grades]


@pytest.mark.parametrize(("evaluates", "num_texts"), [(False, 2000), (True, 30)])
def test_grades_come_back_in_order(evaluates: bool, num_texts: int) -> None:
    texts = ["right" if i % 3 else f"wrong {i}" for i in range(num_texts)]
    graded = grade(*texts, evaluates=evaluates)
    assert [grade.extracted for grade in graded.grades] == texts
    assert graded.troubles == {}


def test_no_answers_have_no_grades() -> None:
    assert grade() == Graded([], {})


def test_a_prompt_that_the_task_has_not_is_named() -> None:
    with pytest.raises(ValueError, match=r"Task moody has no prompt q/7 \(1 of .* among its 1\)"):
        grade_texts(Moody(), [("p", "right"), ("q/7", "right")])


def test_what_makes_its_grader_raise_is_unparsed_what_asks_for_more_is_refused_and_the_reason_is_told() -> None:
    graded = grade("right", "python 1/0", "right", "python exit()", "right")
    assert outcomes(graded) == ["correct", "unparsed", "correct", "refused", "correct"]
    assert graded.troubles == {1: "ZeroDivisionError: division by zero", 3: "refused: exec"}


# A loop in C holds the interpreter's lock, so that no signal handler in Python runs.
LOOPS = {
    "power": "python 9**9**9",
    "regex": "python re.match('(a*)*b', 'a' * 40)",
    "sum": "python sum(range(10**12))",
    "factorial": "python math.factorial(10**8)",
}


@pytest.mark.parametrize("text", LOOPS.values(), ids=LOOPS)
def test_a_grader_that_does_not_return_is_a_timeout_and_its_neighbours_are_graded(text: str) -> None:
    graded = grade("right", text, "right", seconds=0.3, workers=1)
    assert outcomes(graded) == ["correct", "timeout", "correct"]
    assert graded.troubles == {1: "more than 0.3 s"}


def test_the_clock_starts_when_a_worker_takes_an_answer_not_in_the_queue() -> None:
    # All but the first few wait longer than the limit for the one worker, and take its CPU time together.
    graded = grade(*["python sum(range(4 * 10**6))"] * 15, *["sleep 0.1"] * 10, workers=1, seconds=0.5)
    assert outcomes(graded) == ["wrong"] * 25


def test_one_that_waits_for_ever_is_given_up_by_the_wall_clock() -> None:
    graded = grade("right", "sleep 60", "right", seconds=0.05, workers=1)
    assert outcomes(graded) == ["correct", "timeout", "correct"]


def test_many_that_hang_cost_a_limit_each() -> None:
    start = os.times()
    graded = grade(*["right", LOOPS["sum"], "right"] * 4, seconds=0.1)
    assert outcomes(graded) == ["correct", "timeout", "correct"] * 4
    spent = [getattr(os.times(), name) - getattr(start, name) for name in ("children_user", "children_system")]
    # What the system takes to fork is the machine's affair.
    assert sum(spent) >= 0.4 and spent[0] < 2


def test_an_answer_that_takes_too_much_memory_is_a_timeout_with_the_reason() -> None:
    graded = grade("right", "take 512", "right", "take 16", "right")
    assert outcomes(graded) == ["correct", "timeout", "correct", "wrong", "correct"]
    assert graded.troubles == {1: "out of memory"}


@pytest.mark.parametrize("evaluates", [False, True])
def test_answers_that_are_long_together_cost_no_other_its_grade(evaluates: bool) -> None:
    texts = [RIGHT if i % 4 == 0 else f"{i} " + "x" * (5 * MEBIBYTE) for i in range(20)]
    graded = grade(*texts, workers=1, memory=32, evaluates=evaluates)
    assert outcomes(graded) == ["correct", *["wrong"] * 3] * 5
    assert graded.troubles == {}


def test_the_memory_limit_is_on_top_of_what_the_parent_has_mapped() -> None:
    with mmap.mmap(-1, 2048 * MEBIBYTE):
        graded = grade("take 64", "take 512", workers=1)
    assert outcomes(graded) == ["wrong", "timeout"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_an_answer_that_takes_its_worker_down_costs_no_other(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # The sandbox would refuse it; here it stands for the kernel.
    monkeypatch.setattr("harness.zygote.close_sandbox", lambda: None)
    graded = grade(*["right"] * 10, f"kill {number}", *["right"] * 10)
    assert outcomes(graded) == ["correct"] * 10 + ["timeout"] + ["correct"] * 10
    assert graded.troubles == {10: f"its worker died ({-number})"}


@pytest.mark.parametrize("evaluates", [False, True])
def test_every_second_answer_may_take_its_worker_down(evaluates: bool) -> None:
    assert outcomes(grade(*["right", "die 3"] * 5, evaluates=evaluates)) == ["correct", "timeout"] * 5


@pytest.mark.parametrize("evaluates", [False, True])
def test_an_answer_that_changes_how_others_are_graded_is_refused_and_changes_none(
    evaluates: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.zygote.close_sandbox", lambda: None)
    change = "python setattr(__import__('sys').modules['tests.harness.test_grading'], 'RIGHT', '{}')"
    texts = ["wrong", "right", change.format(WARM_UP), "wrong", "right", change.format("wrong"), "wrong", "right"]
    graded = grade(*texts, evaluates=evaluates, workers=1)
    # What an answer alone changes to nobody's good is let be: its process is gone with it.
    made = ["refused", "refused"] if not evaluates else ["wrong", "wrong"]
    assert outcomes(graded) == ["wrong", "correct", made[0], "wrong", "correct", made[1], "wrong", "correct"]


def test_an_answer_whose_worker_was_killed_once_by_something_else_is_graded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_down_walls(monkeypatch)
    monkeypatch.setattr(f"{__name__}.act", kill_once)
    (tmp_path / "once").touch()
    graded = grade("right", f"once {tmp_path}/once", "right")
    assert outcomes(graded) == ["correct", "wrong", "correct"]
    assert graded.troubles == {}


@pytest.mark.parametrize("evaluates", [False, True])
def test_an_answer_that_ends_who_forks_it_is_given_up_alone(
    evaluates: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing gets so far behind the walls; here it stands for what a system does to a process.
    take_down_walls(monkeypatch)
    monkeypatch.setattr(f"{__name__}.act", kill_parent)
    # As many as a worker is given several of at once when one that died is sought among them.
    texts = ["right"] * 140
    texts[20] = texts[70] = "kill"
    graded = grade(*texts, evaluates=evaluates)
    assert outcomes(graded) == ["timeout" if text == "kill" else "correct" for text in texts]
    assert graded.troubles == dict.fromkeys((20, 70), "its worker died (-9)")


def take_down_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    for wall in ("enclose", "seal", "close_sandbox"):
        monkeypatch.setattr(f"harness.zygote.{wall}", lambda *_, **__: None)


def kill_parent(text: str) -> None:
    if text == "kill":
        os.kill(os.getppid(), signal.SIGKILL)
        # Until its end would say that it was graded.
        time.sleep(0.2)


@pytest.mark.parametrize("evaluates", [False, True])
def test_a_sign_of_life_is_due_before_each_process(evaluates: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fork = zygote.Zygote.fork

    def fork_and_tell(*given: Any) -> zygote.Run:
        done.append("fork")
        return fork(*given)

    monkeypatch.setattr(zygote.Zygote, "fork", fork_and_tell)
    texts = ["right", "die 3", "right", "die 4"]
    one = zygote.Zygote(Moody(), {"p": Moody().load()[0]}, 1.0, evaluates, [("p", "right")])
    done.clear()
    items = [(position, "p", text) for position, text in enumerate(texts)]
    graded = dict(one.grade(items, between=lambda: done.append("tell")))
    assert sorted(graded) == [0, 1, 2, 3]
    assert done[::2] == ["tell"] * (len(done) // 2) and done[1::2] == ["fork"] * (len(done) // 2)
    # Two of them twice.
    assert len(done) >= 2 * 6


def kill_once(text: str) -> None:
    mood, _, path = text.partition(" ")
    if mood == "once" and Path(path).exists():
        Path(path).unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def test_no_worker_is_left() -> None:
    before = children()
    grade("right", "sleep 60", "die 1", seconds=0.2)
    assert children() == before


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_an_answer_prints_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    assert outcomes(grade("python print('loud')")) == ["wrong"]
    assert re.sub(r"\s", "", "".join(capfd.readouterr())) == ""


def grade_limited(limit: Callable[[], object], evaluates: bool) -> str:
    """What grading in a process of its own, which is limited so, says of its error; else the outcomes."""
    reads, writes = os.pipe()
    if (pid := os.fork()) == 0:
        said = "nothing"
        try:
            limit()
            said = " ".join(outcomes(grade(*["right"] * 20, workers=1, evaluates=evaluates)))
        except (OSError, ValueError) as error:
            said = str(explain_shortage(error) or error)
        finally:
            os.write(writes, said.encode())
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


def little_memory() -> None:
    """As much more as this process takes, and a little."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE
    resource.setrlimit(resource.RLIMIT_AS, (taken + 64 * MEBIBYTE,) * 2)


def no_fork(*, after: int) -> Callable[[], None]:
    """As of a machine that has no more processes to give once so many were forked."""

    def limit() -> None:
        numbers, fork = itertools.count(), os.fork

        def refuse() -> int:
            if next(numbers) >= after:
                raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
            return fork()

        os.fork = refuse

    return limit


def no_room_for_a_worker() -> None:
    def fail(**_: object) -> None:
        raise MemoryError

    zygote.enclose = fail


def killed_at_once() -> None:
    """As by a system that ends what takes memory."""
    zygote.enclose = lambda **_: os.kill(os.getpid(), signal.SIGKILL)


SHORT = {
    "little memory": (little_memory, "Memory ran out"),
    "none for a worker": (no_room_for_a_worker, "Memory ran out"),
    "no process for a worker": (no_fork(after=0), "No more processes or threads can be started"),
    "none for the first answers": (no_fork(after=1), "No more processes or threads can be started"),
    "none for later answers": (no_fork(after=3), "No more processes or threads can be started"),
    "a worker that is killed at once": (killed_at_once, "A grader's process ended before its first answer (-9)"),
}


@pytest.mark.parametrize("evaluates", [False, True])
@pytest.mark.parametrize("name", SHORT)
def test_what_the_machine_lacks_for_graders_is_told_and_is_no_answers_grade(
    name: str, evaluates: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    limit, told = SHORT[name]
    said = grade_limited(limit, evaluates)
    assert said.startswith(told) and "\n" not in said
    assert "Traceback" not in capfd.readouterr().err


def test_grading_that_is_not_limited_says_nothing() -> None:
    assert grade_limited(lambda: None, evaluates=False) == " ".join(["correct"] * 20)
