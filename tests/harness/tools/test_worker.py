"""Tools in their processes: whatever one does, its call ends as a result, and the next call is carried out."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.fence.gaps import find_fence
from harness.tools import serving, worker
from harness.tools.calculator import Calculator
from harness.tools.protocol import LONGEST_CHARS, MAX_CALL_CHARS, MAX_IDS, Result, ToolFailedError
from harness.tools.serving import (
    CALLS_A_PROCESS,
    Limits,
    read_result,
    write_result,
)
from harness.tools.worker import Workers, start_workers
from tests.harness.tools import trials
from tests.harness.tools.trials import Trial

# Enough on a busy machine; and for what hangs, so that the tests do not.
AMPLE, QUICK = (Limits(seconds, patience, memory_bytes=1 << 28) for seconds, patience in ((5.0, 12.0), (0.5, 8.0)))
fenced = pytest.mark.skipif(bool(find_fence().gaps), reason=str(find_fence()))


def with_workers(
    work: Callable[[Workers], Coroutine[Any, Any, Any]],
    tools: dict[str, Any],
    *,
    num_workers: int = 1,
    limits: Limits = AMPLE,
) -> Any:
    async def run() -> Any:
        async with start_workers(tools, num_workers=num_workers, limits=limits) as workers:
            return await work(workers)

    return asyncio.run(asyncio.wait_for(run(), 120))


def ask(work: Callable[[str], Any], query: str = "x", *, limits: Limits = AMPLE) -> tuple[Result, Result]:
    """What comes of a call of this tool, and of a call of a sound one after it, in the same worker."""

    async def both(workers: Workers) -> tuple[Result, Result]:
        return await workers.call("trial", query), await workers.call("echo", "next")

    result, after = with_workers(both, {"trial": Trial(work), "echo": Trial(trials.echo)}, limits=limits)
    assert after.text.startswith("next by") and after.trouble is None
    return result, after


def test_calls_are_answered_one_after_the_other_by_one_process() -> None:
    async def many(workers: Workers) -> list[Result]:
        return [await workers.call("echo", str(number)) for number in range(200)]

    results = with_workers(many, {"echo": Trial(trials.echo)})
    assert [result.text.split()[0] for result in results] == list(map(str, range(200)))
    assert len({result.text.split()[-1] for result in results}) == 1
    assert all(result.seconds > 0 and result.trouble is None for result in results)


def test_a_process_is_renewed_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "CALLS_A_PROCESS", 10)

    async def many(workers: Workers) -> list[Result]:
        return [await workers.call("echo", str(number)) for number in range(30)]

    results = with_workers(many, {"echo": Trial(trials.echo)})
    assert len({result.text.split()[-1] for result in results}) == 3 and CALLS_A_PROCESS > 10


@pytest.mark.parametrize(
    "work",
    [trials.sleep, trials.sleep_uninterrupted, trials.spin, trials.spin_in_c],
    ids=lambda work: work.__name__,
)
def test_a_tool_that_takes_too_long_is_a_timeout(work: Callable[[str], Any]) -> None:
    result, after = ask(work, limits=QUICK)
    assert (result.trouble, result.ids) == ("timeout", ()) and result.text == "The tool took too long."
    assert result.seconds >= QUICK.seconds and after.trouble is None


def test_without_limits_it_would_not_come_back() -> None:
    """The teeth of the test above."""

    async def hang(workers: Workers) -> None:
        await asyncio.wait_for(workers.call("trial", "x"), 3)

    with pytest.raises(TimeoutError):
        with_workers(hang, {"trial": Trial(trials.sleep)}, limits=replace(QUICK, patience=1e4))


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (trials.leave, "its process ended (3)"),
        (trials.abort, f"its process ended ({-signal.SIGABRT})"),
        (trials.crash, f"its process ended ({-signal.SIGSEGV})"),
        (trials.exit_softly, "SystemExit: 0"),
        (trials.refuse, "there is no such thing"),
        (trials.take_memory, "too much memory"),
        (trials.take_memory_bit_by_bit, "too much memory"),
        (trials.return_nonsense, "TypeError"),
        (lambda _: 1 / 0, "ZeroDivisionError"),
        (lambda _: int("x" * 5000), "ValueError"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_tool_that_breaks_down_is_told(work: Callable[[str], Any], said: str) -> None:
    result, _ = ask(work)
    assert result.trouble == "failed" and said in result.text
    assert "\n" not in result.text and len(result.text) < 300


@pytest.mark.parametrize(
    "work", [trials.answer_anything, trials.answer_without_end], ids=lambda work: work.__name__
)
def test_what_a_tool_writes_past_its_own_code_is_no_result(work: Callable[[str], Any]) -> None:
    result, _ = ask(work, limits=QUICK)
    assert result.trouble in ("failed", "timeout") and result.ids == ()


def test_a_flood_of_output_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    result, _ = ask(trials.flood_output)
    assert (result.text, result.trouble) == ("said", None)
    assert capfd.readouterr() == ("", "")


def test_a_result_of_megabytes_is_cut() -> None:
    result, _ = ask(trials.write_megabytes, limits=replace(AMPLE, memory_bytes=1 << 30))
    assert result.text == "x" * LONGEST_CHARS and result.trouble is None
    result, _ = ask(trials.find_millions, limits=replace(AMPLE, memory_bytes=1 << 30))
    assert result.num_found == MAX_IDS


@fenced
@pytest.mark.parametrize(
    ("work", "said"),
    [
        (trials.write_file, "PermissionError|RefusedError"),
        (trials.start_program, "RefusedError|PermissionError"),
        (trials.connect, "RefusedError|PermissionError"),
        (trials.fork, "RefusedError|PermissionError"),
        (trials.kill_its_keeper, "RefusedError|PermissionError"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_tool_reaches_nothing_outside(work: Callable[[str], Any], said: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    result, _ = ask(work, str(tmp_path / "canary"))
    assert result.trouble == "failed" and any(word in result.text for word in said.split("|"))
    assert not (tmp_path / "canary").exists()


@fenced
@pytest.mark.parametrize(
    "work",
    [trials.write_file, trials.start_program, trials.connect, trials.fork, trials.kill_its_keeper],
    ids=lambda work: work.__name__,
)
def test_the_kernel_holds_a_tool_that_python_does_not(
    work: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "close_sandbox", lambda: None)
    tmp_path.chmod(0o777)
    result, _ = ask(work, str(tmp_path / "canary"))
    # The C library says by a number that it could start nothing.
    assert "PermissionError" in result.text or (work is trials.start_program and result.text != "0")
    assert not (tmp_path / "canary").exists()


@fenced
def test_a_tool_reads_no_file_of_the_user(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hf_secret")
    result, _ = ask(trials.read_file, str(secret))
    assert result.trouble == "failed" and "hf_secret" not in result.text


@fenced
def test_code_in_a_query_does_nothing_even_where_a_tool_evaluates_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o777)
    canary = tmp_path / "canary"
    query = f"__import__('os').system('touch {canary}') or __import__('pathlib').Path({str(canary)!r}).touch()"
    result, _ = ask(trials.evaluate, query)
    assert result.trouble == "failed" and not canary.exists()
    # Teeth: without the walls the same query writes.
    for wall in ("enclose", "seal", "close_sandbox"):
        monkeypatch.setattr(serving, wall, lambda *_, **__: None)
    ask(trials.evaluate, query)
    assert canary.exists()


def test_calls_at_once_wait_for_each_other_and_all_come_back() -> None:
    async def together(workers: Workers) -> list[Result]:
        names = ["trial" if number % 4 == 0 else "echo" for number in range(16)]
        return await asyncio.gather(*(workers.call(name, str(at)) for at, name in enumerate(names)))

    tools = {"trial": Trial(trials.sleep), "echo": Trial(trials.echo)}
    results = with_workers(together, tools, num_workers=2, limits=QUICK)
    assert [result.trouble for result in results] == ["timeout" if at % 4 == 0 else None for at in range(16)]
    assert all(result.text.startswith(f"{at} by") for at, result in enumerate(results) if at % 4)


def test_a_call_that_hangs_holds_up_no_other_worker() -> None:
    async def together(workers: Workers) -> bool:
        hanging = asyncio.create_task(workers.call("trial", "x"))
        await asyncio.sleep(0)
        for number in range(20):
            assert (await workers.call("echo", str(number))).trouble is None
        was_done = hanging.done()
        hanging.cancel()
        return was_done

    tools = {"trial": Trial(trials.sleep), "echo": Trial(trials.echo)}
    assert not with_workers(together, tools, num_workers=2, limits=replace(AMPLE, patience=1e4))


def test_a_call_that_is_given_up_leaves_no_answer_for_the_next() -> None:
    async def give_up(workers: Workers) -> Result:
        task = asyncio.create_task(workers.call("trial", "x"))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await workers.call("echo", "mine")

    tools = {"trial": Trial(trials.sleep), "echo": Trial(trials.echo)}
    assert with_workers(give_up, tools).text.startswith("mine by")


def test_a_keeper_that_is_killed_is_trouble_of_one_call() -> None:
    async def kill(workers: Workers) -> tuple[Result, Result]:
        held: Any = workers._idle.get_nowait()
        workers._idle.put_nowait(held)
        os.kill(held.process.pid, signal.SIGKILL)
        return await workers.call("echo", "1"), await workers.call("echo", "2")

    lost, after = with_workers(kill, {"echo": Trial(trials.echo)})
    assert lost.trouble == "failed" and "its worker was lost" in lost.text and lost.seconds > 0
    assert after.text.startswith("2 by")


def test_a_keeper_that_is_stopped_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SLACK_SECONDS", 1.0)

    async def stop(workers: Workers) -> tuple[Result, Result]:
        await workers.call("echo", "0")
        held: Any = workers._idle.get_nowait()
        workers._idle.put_nowait(held)
        os.kill(held.process.pid, signal.SIGSTOP)
        return await workers.call("echo", "1"), await workers.call("echo", "2")

    late, after = with_workers(stop, {"echo": Trial(trials.echo)}, limits=replace(QUICK, patience=2.0))
    assert late.trouble == "timeout" and after.text.startswith("2 by")


def test_no_process_is_left() -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}

    async def use(workers: Workers) -> None:
        await asyncio.gather(*(workers.call(name, "x") for name in ("echo", "trial", "echo")))
        assert {child.pid for child in psutil.Process().children(recursive=True)} - before

    tools = {"trial": Trial(trials.leave), "echo": Trial(trials.echo)}
    with_workers(use, tools, num_workers=3)
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def test_processes_that_cannot_start_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(serving, "enclose", fail)
    with pytest.raises(ToolFailedError, match="cannot be started"):
        with_workers(lambda workers: workers.call("echo", "x"), {"echo": Trial(trials.echo)})


def test_what_no_worker_is_asked(tmp_path: Path) -> None:
    async def wrong(workers: Workers) -> tuple[Result, Result, Result]:
        long = "1" * (MAX_CALL_CHARS + 1)
        return (
            await workers.call("shell\n", "x"),
            await workers.call("calculator", long),
            await workers.call("", ""),
        )

    unknown, long, empty = with_workers(wrong, {"calculator": Calculator()})
    assert unknown.text == "The tool failed: there is no tool 'shell\\n'."
    assert long.trouble == "failed" and empty.trouble == "failed"


def test_the_largest_query_and_result_pass_whole() -> None:
    query = "💥" * MAX_CALL_CHARS
    result, _ = ask(lambda text: text * (LONGEST_CHARS // MAX_CALL_CHARS), query, limits=AMPLE)
    assert result.text == query * (LONGEST_CHARS // MAX_CALL_CHARS)


def test_half_a_surrogate_pair_comes_back_as_text_that_can_be_stored() -> None:
    result, _ = ask(lambda text: f"{text} \udfff", "\ud800")
    assert result.text == "? ?"


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"null", b"[]", b"[1, 2, 3]", b'["a", [], null, 1]', b'["a", {}, null]', b'["a", [1], null]'),
        *(b'["a", [], "else"]', b'["a", [], []]', b'{"a": 1}', b"\xff", b"[" * 100_000, b'"abc"', b"1" * 10_000),
        *(write_result(Result("x"))[:-1], b'["' + b"x" * (LONGEST_CHARS + 1) + b'", [], null]'),
        b'["a", [' + b", ".join([b'"x"'] * (MAX_IDS + 1)) + b"], null]",
    ],
)
def test_a_damaged_line_is_no_result(line: bytes) -> None:
    with pytest.raises(ValueError, match="damaged|unknown"):
        read_result(line, 0.0)


def test_a_result_is_read_as_it_was_written() -> None:
    for result in (Result("a", ("1", "ü")), Result("b", trouble="timeout"), Result("", (), trouble="failed")):
        assert read_result(write_result(result), 1.5) == replace(result, seconds=1.5)


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": 0.0},
        {"patience": 0.5},
        {"memory_bytes": 0},
        {"seconds": float("nan")},
        {"seconds": 1e9},
        {"patience": float("inf")},
    ],
)
def test_limits_that_let_nothing_pass_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="A call's limits"):
        replace(QUICK, **change)


def test_workers_end_with_the_process_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, sys\n"
        "from harness.tools.worker import start_workers\n"
        "from tests.harness.tools.trials import Trial, echo\n"
        "async def main():\n"
        "    async with start_workers({'echo': Trial(echo)}) as workers:\n"
        "        print((await workers.call('echo', 'x')).text, flush=True)\n"
        "        await asyncio.sleep(1000)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline().startswith("x by")
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) == 3
        process.kill()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []


def test_threads_of_the_parent_do_not_hinder_workers() -> None:
    """As an engine's would not: a fork takes none of them along."""
    ends = threading.Event()
    thread = threading.Thread(target=ends.wait)
    thread.start()
    try:
        result, _ = ask(trials.echo, "x")
        assert result.text.startswith("x by")
    finally:
        ends.set()
        thread.join()
