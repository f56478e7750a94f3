"""Every command of README and docs is one that isoquant, make or a script of the project takes.

What a sweep or a plan is given is composed into jobs, options of other commands are read, make is asked what it
would do. What reads the reference run is run by `test_output.py`.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from functools import cache
from itertools import product

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from isoquant.__main__ import main
from isoquant.parser import build, parse
from isoquant.table import COMMANDS
from results.places import REFERENCE
from sweeps.compose import build_job
from sweeps.configs import compose, compose_words
from sweeps.going_on import go_on
from sweeps.job import Job
from sweeps.mistakes import find_mistake
from sweeps.words import complete
from tests.docs.pages import MARKS, PAGES, ROOT, Command, commands

ALL = [command for page in PAGES for command in commands(page)]
NAMED_RUNS = ("pilot", "embedded")
SUITES = ("long", "slurm", "report", "server", "faults")


def show(command: Command) -> str:
    return f"{command.page}: {' '.join(command.words)}"


def of(*names: str, commands: Sequence[str] | None = None) -> pytest.MarkDecorator:
    """A test of every command of these programs; commands: of isoquant's, these."""
    found = [each for each in dict.fromkeys(ALL) if each.words[0] in names]
    if commands is not None:
        found = [each for each in found if each.words[1] in commands]
    return pytest.mark.parametrize("command", found, ids=show)


@cache
def jobs_of(words: tuple[str, ...]) -> list[Job]:
    """A job for each value that the words list, as Hydra makes them; of what an experiment lists, the first value.

    A run that pages name stands for any, and is here the committed one.
    """
    if words and "=" not in words[0]:
        assert words[0] in NAMED_RUNS
        [words] = map(tuple, go_on([REFERENCE, *words[1:]]))
    assert find_mistake(completed := complete(words)) is None
    overrides = OverridesParser.create().parse_overrides(completed)
    listed = [each for each in overrides if each.is_sweep_override()]
    single = [str(each.input_line) for each in overrides if each not in listed]
    own = dict(compose(single, with_hydra=True).hydra.sweeper.params or {})
    given = {each.key_or_group for each in overrides}
    first = [f"{name}={str(values).partition(',')[0]}" for name, values in own.items() if name not in given]
    choices = product(
        *([f"{each.key_or_group}={value}" for value in each.sweep_string_iterator()] for each in listed)
    )
    return [build_job(compose([*single, *first, *choice])) for choice in choices]


@of("isoquant")
def test_a_command_of_isoquant_is_read(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    words = list(command.words[1:])
    if words[0].startswith("-"):
        assert main(words) == 0 and capsys.readouterr().out
        return
    parser, _ = build(words[0])
    assert words[0] in COMMANDS and parse(parser, words)


@of("isoquant", commands=("sweep", "plan"))
def test_what_is_drawn_is_composed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    jobs = jobs_of(command.words[2:])
    assert len({str(job.config) for job in jobs}) == len(jobs) > 0


@of("isoquant", commands=("score",))
def test_what_scores_is_composed(command: Command) -> None:
    words = [word for word in command.words[3:] if not word.startswith("--")]
    assert find_mistake(words, config="score") is None
    assert compose_words(words, root="score").scorer["_target_"].startswith("harness.scorers.")


@of("make")
def test_make_knows_what_it_is_given(command: Command) -> None:
    variables = [word for word in command.words[1:] if "=" in word]
    assert all(word.partition("=")[2] in SUITES for word in variables if word.startswith("SUITE="))
    done = subprocess.run(
        ["make", "-n", *command.words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_nothing_else_is_typed_but_what_is_marked_or_everywhere() -> None:
    everywhere = ("source", "git", "tests/gpu/run.sh --list")
    for command in ALL:
        if command.words[0] in ("isoquant", "make"):
            continue
        assert command.is_marked or " ".join(command.words).startswith(everywhere), show(command)
        if command.words[0].startswith("tests/"):
            assert os.access(ROOT / command.words[0], os.X_OK)


def test_what_a_command_needs_is_one_of_few_things() -> None:
    told = [command for command in ALL if command.needs]
    assert told and all(command.is_marked or re.match(r"\d|about", command.needs) for command in told), MARKS


@pytest.mark.parametrize(
    "words",
    [("model.path=a", "grid.budget=[0]"), ("experiment=none",), ("experiment=qwen3", "task=none")],
    ids=" ".join,
)
def test_what_cannot_be_composed_is_found(words: tuple[str, ...]) -> None:
    with pytest.raises(AssertionError):
        jobs_of(words)
