"""The command table: what is listed is there, help fits a screen, and nothing loads before it is asked for."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence

import pytest

from isoquant.__main__ import main
from isoquant.parser import build, parse
from isoquant.table import COMMANDS, GROUPS, HIDDEN, overview

# A screen, as wide as messages of this project and as high as a laptop's terminal.
LINES, COLUMNS = 45, 114
LISTED = [name for name in COMMANDS if name not in HIDDEN]
# A command of an example, without what a shell does with it.
EXAMPLE = re.compile(r"isoquant ([^|&>)\n]+)")
HEAVY = {"hydra", "omegaconf", "torch", "vllm", "transformers", "sweeps", "harness"}
# Groups of commands that need no engine.
LIGHT = ("bring in", "read", "draw figures", "check")
ROOMS = {"analysis", "results", "sweeps", "harness", "ladder", "numpy", "argparse"}


def test_the_overview_names_every_command_in_a_screen() -> None:
    text = overview()
    assert all(f" {name} " in text for name in LISTED)
    assert len(text.splitlines()) <= 34 and max(map(len, text.splitlines())) <= COLUMNS


@pytest.mark.parametrize("name", LISTED)
def test_the_help_of_a_command_fits_a_screen_and_has_examples_that_can_be_read(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    text = capsys.readouterr().out
    assert len(text.splitlines()) <= LINES and max(map(len, text.splitlines())) <= COLUMNS
    examples = EXAMPLE.findall(text.partition("examples:\n")[2])
    assert {words.split()[0] for words in examples} >= {name}
    for words in examples:
        # Behind two spaces stands a remark.
        typed = shlex.split(words.partition("  ")[0])
        assert parse(build(typed[0])[0], typed).command_name == typed[0]


@pytest.mark.parametrize("name", LISTED)
def test_every_command_takes_json_and_out(name: str) -> None:
    parser, _ = build(name)
    [commands] = [action for action in parser._actions if action.dest == "command_name"]
    assert {"--json", "--out"} <= commands.choices[name]._option_string_actions.keys()  # type: ignore[index]


def loaded(*commands: Sequence[str]) -> set[str]:
    """Names of the top packages that these commands have imported once each has ended, one after the other."""
    code = (
        "import json, sys\nfrom isoquant.__main__ import main\n"
        "for words in json.loads(sys.argv[1]):\n"
        "    try:\n        main(words)\n    except SystemExit:\n        pass\n"
        "print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(commands)], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_before_a_command_is_chosen_nothing_is_loaded() -> None:
    assert not loaded(["--help"], [], ["nonsense"]) & ROOMS


def test_what_reads_runs_loads_neither_hydra_nor_torch() -> None:
    helped = [[name, "--help"] for group in LIGHT for name in GROUPS[group]]
    assert not loaded(*helped, ["health", "results/real/chain_sum"]) & HEAVY


def test_what_draws_loads_hydra() -> None:
    assert {"hydra", "sweeps"} <= loaded(["plan", "--help"])


def test_a_mistake_is_one_line_and_status_two(capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["sumary"], "error: There is no command 'sumary'; did you mean summary?"),
        (["-x"], "error: There is no command '-x'; `isoquant --help` lists them."),
        (["summary", "nowhere"], "error: No run 'nowhere'; runs here: "),
        (["summary", ""], "error: No run ''; runs here: "),
        (["grade", "nowhere"], "error: No run 'nowhere'; runs here: "),
        (["embed", "nowhere"], "error: No run 'nowhere'; runs here: "),
        (["plan", "task.sise=3"], "error: There is no option task.sise; did you mean task.size"),
        (["ingest", "nowhere", "mine"], "error: There is no nowhere."),
    ):
        assert main(words) == 2
        told = capsys.readouterr()
        assert told.err.startswith(said) and len(told.err.splitlines()) == 1 and not told.out


@pytest.mark.parametrize("words", [["summary"], ["health", "a", "--colour"], ["completion", "tcsh"]], ids=str)
def test_what_cannot_be_parsed_is_one_line_and_status_two(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    told = capsys.readouterr().err
    assert ended.value.code == 2 and told.startswith("error: ") and len(told.splitlines()) == 1
    assert f"`isoquant {words[0]} --help`" in told


def test_without_a_command_the_overview_is_shown_as_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2 and "usage: isoquant COMMAND" in capsys.readouterr().err
    assert main(["help"]) == 0 and "usage: isoquant COMMAND" in capsys.readouterr().out


def test_make_has_what_a_fresh_machine_needs_and_no_more() -> None:
    # A make that runs the tests hands down flags with which another make says where it enters.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make", "help"], capture_output=True, text=True, check=True, env=environment)
    told = done.stdout
    named = {line.split()[1] for line in told.splitlines()}
    assert named == set(
        [
            "help",
            "setup",
            "sweep",
            "plan",
            "figures",
            "report",
            "compare",
            "test",
            "check",
            "bench",
            "ladder",
            "clean",
        ]
    )


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"isoquant \d+\.\d+\.\d+\n", capsys.readouterr().out)
