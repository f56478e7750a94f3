"""Twelve signals at every stage, and a closed pipe: one line where there is time for it, nothing lost."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from results import store
from results.schema import TRACES
from results.stopping import STOPS, _Stops
from tests import forked
from tests.faults.runs import MODEL, SCRIPTED, assert_complete, assert_kept, redraw, rows
from tests.rounds import pair

RUN = Path("results/real/chain_sum")
# They all go the same way, so that the short tests take one.
OTHERS = [number for number in STOPS if number != signal.SIGTERM]
# What leaves no time for a word, and what a command goes on after: a pipe of nobody's that closed, Ctrl-Z and fg.
KILLS = (signal.SIGKILL, signal.SIGABRT)
PASSING = {"SIGPIPE": (signal.SIGPIPE,), "SIGTSTP": (signal.SIGTSTP, signal.SIGCONT)}
SLOW = [*SCRIPTED, f"model={MODEL}", "+engine.seconds_a_request=0.05"]

FIRST = [["isoquant", "plan", *SLOW], ["isoquant", "health", str(RUN)]]


class Stage(NamedTuple):
    """A command with {root} in its words, what tells that it has come to the stage,
    and what it says when stopped.
    """

    module: str
    words: list[str]
    is_there: Callable[[Path, str], bool]
    told: str
    wait: float = 0.3


def often_term(cases: Sequence[object]) -> list[object]:
    """Every case with SIGTERM, and in the long tests the other signals, each with a case or with all."""
    pairs = [*((case, signal.SIGTERM) for case in cases), *pair(cases, OTHERS)]
    return [
        pytest.param(
            case, number, id=f"{case}-{number.name}", marks=() if number not in OTHERS else pytest.mark.long
        )
        for case, number in pairs
    ]


def says(text: str) -> Callable[[Path, str], bool]:
    return lambda root, said: text in said


def has(pattern: str) -> Callable[[Path, str], bool]:
    return lambda root, said: any(root.glob(pattern))


OF_JOB = f"{MODEL}: stopped. What was drawn is kept."
OF_SWEEP = "Stopped. What was drawn and graded is kept; run the same command again to go on."
OF_ANALYSIS = "Stopped. A file that was not complete is not kept."
STAGES = {
    "planning": Stage("isoquant", ["plan", *SLOW, "run={root}"], says(""), OF_SWEEP),
    "starting the engine": Stage(
        "sweeps",
        [*SLOW, "+engine.seconds_to_start=60", "run={root}", "hydra.mode=RUN"],
        says("engine starts"),
        OF_JOB,
    ),
    "drawing": Stage("sweeps", [*SLOW, "run={root}", "hydra.mode=RUN"], has("answers/*.parquet"), OF_JOB),
    "drawing in a process of its own": Stage("sweeps", [*SLOW, "run={root}"], has("answers/*.parquet"), OF_SWEEP),
    "grading": Stage("isoquant", ["grade", "{root}"], says(""), OF_SWEEP),
    "figures": Stage("isoquant", ["figures", "{root}"], has("figures/*.csv"), OF_ANALYSIS),
    "report": Stage("isoquant", ["report", "{root}"], says(""), OF_ANALYSIS),
}


def prepare(stage: str, root: Path) -> None:
    """What the stage finds in its run: outcomes to draw figures of, answers to grade."""
    if stage in ("figures", "report", "grading"):
        shutil.copytree(RUN, root, ignore=shutil.ignore_patterns("figures"))
    if stage == "grading":
        shutil.rmtree(root / "grades")
        for manifest in root.glob("manifest/*-grades.jsonl"):
            manifest.unlink()


def stop(stage: Stage, root: Path, files: list[Path], *numbers: int) -> tuple[int, str]:
    """The exit code and what was said, of a command that the signals meet once it has come to the stage."""
    words = [word.format(root=root) for word in stage.words]
    process = forked.start(stage.module, *words, files=files)
    deadline = time.monotonic() + 120
    while not (all(file.exists() for file in files) and stage.is_there(root, "".join(map(read, files)))):
        assert process.is_alive() and time.monotonic() < deadline, "".join(map(read, files))
        time.sleep(0.02)
    for number in numbers:
        time.sleep(stage.wait)
        assert process.pid is not None and process.is_alive()
        os.kill(process.pid, number)
    process.join(90)
    assert process.exitcode is not None, "it did not end"
    return process.exitcode, "".join(map(read, files))


def read(file: Path) -> str:
    return file.read_text(errors="replace")


@pytest.mark.parametrize(("name", "number"), often_term(list(STAGES)))
def test_a_stop_at_any_stage_ends_in_one_line(name: str, number: signal.Signals, tmp_path: Path) -> None:
    root, stage = tmp_path / "run", STAGES[name]
    prepare(name, root)
    code, said = stop(stage, root, [tmp_path / "out", tmp_path / "err"], number)
    assert code == 128 + number, said
    assert "Traceback" not in said and "Exception ignored" not in said, said
    assert said.rstrip().splitlines()[-1] == stage.told, said
    assert not list(root.glob("*/*.tmp"))


@pytest.mark.long
@pytest.mark.parametrize(("name", "number"), pair(list(STAGES), KILLS))
def test_after_a_kill_at_any_stage_the_next_start_finishes(
    name: str, number: signal.Signals, tmp_path: Path
) -> None:
    root, stage = tmp_path / "run", STAGES[name]
    prepare(name, root)
    code, said = stop(stage, root, [tmp_path / "out", tmp_path / "err"], number)
    assert code == -number and "Traceback" not in said, said
    before = rows(root)
    if stage.told in (OF_JOB, OF_SWEEP) and name not in ("planning", "grading"):
        redraw(root)
        assert_complete(root, MODEL)
    else:
        ended = forked.run(stage.module, *(word.format(root=root) for word in stage.words))
        assert ended.code == 0 and "Traceback" not in ended.err, ended.err
    assert_kept(before, root)


@pytest.mark.long
@pytest.mark.parametrize(("name", "passing"), pair(list(STAGES), list(PASSING)))
def test_a_command_goes_on_after_what_ends_none(name: str, passing: str, tmp_path: Path) -> None:
    root, stage = tmp_path / "run", STAGES[name]
    prepare(name, root)
    numbers = (*PASSING[passing], signal.SIGTERM)
    # That it still runs is shown by its ending as it is told to.
    code, said = stop(stage._replace(wait=0.1), root, [tmp_path / "out", tmp_path / "err"], *numbers)
    assert code == 128 + signal.SIGTERM, said
    assert said.rstrip().splitlines()[-1] == stage.told, said


def test_twelve_signals_meet_six_stages_or_more() -> None:
    assert len({*STOPS, *KILLS, *PASSING}) >= 12 and len(STAGES) >= 6


def test_what_was_drawn_before_a_stop_is_kept_and_the_rest_is_drawn(tmp_path: Path) -> None:
    root = tmp_path / "run"
    words = [*SCRIPTED[:-1], f"model={MODEL}", "+engine.seconds_a_request=0.1", "flush_seconds=600", "run={root}"]
    # By then some of the four samples under way have ended: none takes as many requests.
    words += ["+engine.num_sound=60", "+engine.tells={root}-is-drawing", "hydra.mode=RUN"]
    late = Stage("sweeps", words, lambda root, said: Path(f"{root}-is-drawing").exists(), OF_JOB)
    code, said = stop(late, root, [tmp_path / "out", tmp_path / "err"], signal.SIGTERM)
    assert code == 128 + signal.SIGTERM and said.rstrip().endswith(OF_JOB)
    assert store.find_damaged(root) == [] and store.scan(root, TRACES).num_rows
    redraw(root)
    assert_complete(root, MODEL)


@pytest.mark.parametrize(("seconds", "number"), often_term([0.3, 0.6]))
@pytest.mark.parametrize("words", FIRST, ids=["plan", "health"])
def test_a_stop_in_the_first_second_ends_in_one_line(
    words: list[str], number: signal.Signals, seconds: float
) -> None:
    module, *others = words
    process = subprocess.Popen(
        [sys.executable, "-m", module, *others], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    # From where the first of our lines has run: before that, it is Python that starts.
    wait_for_package(process, seconds)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number, said
    assert "Traceback" not in said and said.splitlines()[-1].startswith("Stopped"), said


def wait_for_package(process: "subprocess.Popen[str]", seconds: float) -> None:
    """Until the process listens to SIGTERM itself, and for a part of a second more."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), 16)
        if caught & 1 << (signal.SIGTERM - 1):
            break
        time.sleep(0.005)
    time.sleep(seconds - 0.3)


def run_code(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)


# A stop that comes, once, while Python runs a callback of its own: what is raised there is dropped.
STOPPED = """
import gc, os, time
from results.stopping import stopping_in_a_line
with stopping_in_a_line("Stopped."):
    times = iter([True])
    def stop(*_):
        if next(times, False): os.kill(os.getpid(), {number})
    {callback}
    time.sleep(60)
    print("went on")
"""
CALLBACKS = {
    "a finalizer": "Thing = type('Thing', (), {'__del__': stop}); Thing()",
    "after a fork": "os.register_at_fork(after_in_parent=stop); os.fork() or os._exit(0)",
    "before a fork": "os.register_at_fork(before=stop); os.fork() or os._exit(0)",
    "a collection": "gc.callbacks.append(stop); gc.collect()",
}


@pytest.mark.parametrize(("name", "number"), often_term(list(CALLBACKS)))
def test_a_stop_that_python_drops_ends_the_command_all_the_same(name: str, number: signal.Signals) -> None:
    code = STOPPED.format(number=int(number), callback=CALLBACKS[name])
    ended = run_code(code)
    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + number, "", "Stopped.\n")


# A stop that comes when the handlers are set, or set back: `at` counts those that are looked at.
BETWEEN = """
import os, signal
from results.stopping import STOPS, end_at_once_when_stopped, stopping_in_a_line

look, looked = signal.getsignal, []

def look_late(number):
    looked.append(number)
    if len(looked) == {at}:
        os.kill(os.getpid(), signal.SIGTERM)
    return look(number)

end_at_once_when_stopped()
signal.getsignal = look_late
with stopping_in_a_line("Stopped."):
    pass
print("went on", flush=True)
"""


@pytest.mark.parametrize("at", [1, len(STOPS), len(STOPS) + 2, 2 * len(STOPS), 3 * len(STOPS)])
def test_a_stop_while_handlers_are_set_ends_in_one_line(at: int) -> None:
    code = BETWEEN.format(at=at)
    ended = run_code(code)
    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + signal.SIGTERM, "", "Stopped.\n")


# What an extension does that imports another: it drops what is raised meanwhile, and says what it lacks.
DROPPING = """
import os, signal
from results.stopping import stopping_in_a_line

def work():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(10**6):
            pass
    except KeyboardInterrupt:
        pass
    raise {error}

with stopping_in_a_line("Stopped."):
    work()
"""


@pytest.mark.parametrize(
    "error", ["ImportError('no module')", "ValueError('no array')", "SystemError('no reason')", "SystemExit(1)"]
)
def test_a_stop_that_compiled_code_made_another_error_of_ends_in_one_line(error: str) -> None:
    code = DROPPING.format(error=error)
    ended = run_code(code)
    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + signal.SIGTERM, "", "Stopped.\n")
    unsent = code.replace("os.kill(os.getpid(), signal.SIGTERM)", "pass")
    ended = run_code(unsent)
    assert ended.returncode == 1 and (error == "SystemExit(1)" or error.partition("(")[0] in ended.stderr)


# A stop inside of code of others that shows what is raised in it as an error of its own, as Hydra does.
SHOWING = """
import os, signal, sys, traceback
from results.stopping import idle, stopping_in_a_line

def stop():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(10**6):
            pass
    except BaseException:
        print(end="work stops, ", file=sys.stderr)
        raise AttributeError("half made") from None

with stopping_in_a_line("stopped."):
    try:
        with idle(), idle({is_idle}):
            stop()
    except Exception:
        traceback.print_exc()
        sys.exit(1)
"""


@pytest.mark.parametrize("is_idle", [True, False])
def test_a_stop_while_nothing_is_under_way_does_not_pass_through_the_code_of_others(is_idle: bool) -> None:
    code = SHOWING.format(is_idle=is_idle)
    ended = run_code(code)
    assert ended.returncode == 128 + signal.SIGTERM and ended.stderr.endswith("stopped.\n")
    assert (ended.stderr == "stopped.\n") == is_idle


def test_a_stop_that_is_raised_again_while_its_drop_is_told_of_is_not_dropped_for_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stops, alarms = _Stops(), []

    def ring(kind: int, seconds: float) -> None:
        alarms.append(kind)
        # The first rings at once, as on a busy machine.
        if len(alarms) == 1:
            stops.receive(signal.SIGALRM, sys._getframe())

    monkeypatch.setattr(signal, "setitimer", ring)
    with pytest.raises(KeyboardInterrupt) as dropped:
        stops.receive(signal.SIGTERM, None)
    stops.raise_again(SimpleNamespace(exc_type=dropped.type))  # type: ignore[arg-type]
    assert alarms == [signal.ITIMER_REAL] * 2
    with pytest.raises(KeyboardInterrupt):
        stops.receive(signal.SIGALRM, sys._getframe())
    assert stops.first == signal.SIGTERM


@pytest.mark.parametrize("words", ["isoquant health results/real/chain_sum", "isoquant plan experiment=embedded"])
def test_an_output_that_is_closed_ends_in_one_line(words: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", *words.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    assert process.wait(60) == 128 + signal.SIGPIPE
    assert said == "The output was closed before all of it was written.\n"


def test_what_is_told_to_ignore_a_closed_terminal_goes_on(tmp_path: Path) -> None:
    process = subprocess.Popen(
        ["nohup", sys.executable, "-m", "isoquant", "health", str(RUN)],
        stdout=(tmp_path / "out").open("w"),
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )
    wait_for_package(process, 0.3)  # type: ignore[arg-type]
    process.send_signal(signal.SIGHUP)
    assert process.wait(120) == 0 and "SmolLM2" in (tmp_path / "out").read_text()
