"""What Tab offers: commands, options of the one command on the line, runs, and Hydra's words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from isoquant.__main__ import main
from isoquant.completion import SHELLS, list_runs, list_words, parser_of

pytest.importorskip("argcomplete")


def offered(line: str, folder: Path = Path()) -> list[str]:
    """What the shell is told at the end of this line."""
    said = folder.resolve() / "offered"
    environment = os.environ | {
        **{"_ARGCOMPLETE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": str(said), "_ARGCOMPLETE_IFS": "\n"},
        **{
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
            "COMP_TYPE": "9",
            "_ARGCOMPLETE_COMP_WORDBREAKS": " \t\n",
        },
        "PYTHONPATH": str(Path.cwd()),
    }
    subprocess.run([sys.executable, "-m", "isoquant"], cwd=folder, env=environment, check=True)
    return [word.strip() for word in said.read_text().splitlines()]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_is_told_how_to_complete(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    lines = capsys.readouterr().out
    assert "isoquant" in lines and "_ARGCOMPLETE" in lines


def test_commands_options_and_runs_are_offered(tmp_path: Path) -> None:
    (tmp_path / "results/runs/pilot").mkdir(parents=True)
    assert offered("isoquant su", tmp_path) == ["summary"]
    assert {"pack", "plan", "power", "probe"} == set(offered("isoquant p", tmp_path))
    assert offered("isoquant summary pil", tmp_path) == ["pilot"]
    assert "--difficulty" in offered("isoquant summary pilot --dif", tmp_path)
    assert set(offered("isoquant summary pilot --cost c", tmp_path)) == {"c1", "c2", "c3", "c4", "c5"}
    assert "experiment=embedded" in offered("isoquant sweep experiment=emb", tmp_path)


def test_a_line_loads_no_command_but_its_own() -> None:
    for line in ("isoquant ", "isoquant summ"):
        commands = parser_of(line)._actions[-1].choices
        assert {"summary", "sweep"} <= set(commands) and "gallery" not in commands  # type: ignore[arg-type]
        assert all(len(each._actions) == 1 for each in commands.values())  # type: ignore[union-attr]


def test_words_are_choices_that_are_there() -> None:
    chosen = [word.split("=") for word in list_words() if not word.endswith("=")]
    assert len(chosen) > 90 and all(Path("conf", room, f"{name}.yaml").is_file() for room, name in chosen)
    assert "results/reference" in list_runs()
