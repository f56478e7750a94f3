"""Runs with next to nothing to read: every command ends with a table or one clear line, never a traceback."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from isoquant.__main__ import main
from results import schema, store
from tests.analysis import conftest
from tests.analysis.conftest import LADDER

NUM_PROMPTS, NUM_SAMPLES, BUDGETS = 8, 3, (0, 256)
RUNGS = {"one rung": LADDER[-1:], "one prompt": LADDER[-3:]}


def regrade(root: Path, **grade: object) -> None:
    """Give every answer of a run this grade, or none."""
    rows = store.scan(root, schema.GRADES).to_pylist()
    conftest.forget_grades(root)
    store.append(root, schema.GRADES, [row | grade for row in rows] if grade else [], writer="again")


GRADES: dict[str, dict[str, object]] = {
    "all right": {"correct": True, "outcome": "correct", "vote_key": "right"},
    "all wrong": {"correct": False, "outcome": "wrong", "vote_key": "wrong"},
    "nothing gradable": {"correct": False, "outcome": "unparsed", "vote_key": None},
    "nothing graded": {},
}
KINDS = (*RUNGS, *GRADES)

COMMANDS = {
    "summary": "summary {run} --optimism --diversity",
    "match": "match {run}",
    "laws": "laws {run}",
    "health": "health {run}",
    "power": "power {run}",
    "thinking": "thinking {run} --json",
    "figures": "figures {run}",
    "report": "report {run}",
    "replay": "replay {run}",
    "compare": "compare {run} {run}:1.1m --html {run}/c.html",
    "serve": "serve {run} --target 0.6 --queries 1e6 --pretraining-tokens {tokens}",
}


@pytest.fixture(scope="module")
def degenerate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The run of one kind, written once."""
    home = tmp_path_factory.mktemp("degenerate")

    def run(kind: str) -> Path:
        root = home / kind.replace(" ", "-")
        if not root.exists():
            num_prompts = 1 if kind == "one prompt" else NUM_PROMPTS
            rungs = RUNGS.get(kind, LADDER[-2:])
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(conftest, "BUDGETS", BUDGETS)
                conftest.write_run(root, rungs, num_prompts=num_prompts, num_samples=NUM_SAMPLES, bin_samples=2)
            if kind in GRADES:
                regrade(root, **GRADES[kind])
        return root

    return run


# In the short tests every command on two kinds; the others in the long ones.
PAIRS = [
    pytest.param(command, kind, marks=() if (row + column) % 3 == 0 else pytest.mark.long)
    for row, command in enumerate(COMMANDS)
    for column, kind in enumerate(KINDS)
]


@pytest.mark.parametrize(("command", "kind"), PAIRS)
def test_every_command_ends_with_a_table_or_a_clear_line(
    command: str, kind: str, degenerate: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
):
    tokens = " ".join(f"{rung.name}=1e7" for rung in RUNGS.get(kind, LADDER[-2:]))
    status = main(COMMANDS[command].format(run=degenerate(kind), tokens=tokens).split())
    printed = capsys.readouterr()
    if status == 0:
        assert printed.out.strip() and not printed.err
    else:
        assert status == 2
        assert printed.err.startswith("error: ") and printed.err.count("\n") == 1 and not printed.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_the_same_as_one_object(
    command: str, degenerate: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
):
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    tokens = " ".join(f"{rung.name}=1e7" for rung in LADDER[-2:])
    status = main([*COMMANDS[command].format(run=degenerate("all wrong"), tokens=tokens).split(), "--json"])
    printed = capsys.readouterr()
    if status == 0:
        assert json.loads(printed.out, parse_constant=refuse) and not printed.err
    else:
        assert status == 2 and not printed.out


def test_where_nothing_is_right_there_is_nothing_to_match(
    degenerate: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
):
    assert main(["summary", str(degenerate("all wrong"))]) == 0
    assert "No answer of 1.1m on planted is right: there is nothing to match." in capsys.readouterr().out
