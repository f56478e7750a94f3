"""completion: what a shell completes on Tab: commands, their options, runs, and Hydra's words from conf/."""

import argparse
import os
from pathlib import Path
from typing import Any

from isoquant.parser import Parser, add_command
from isoquant.table import COMMANDS, HIDDEN

SHELLS = ("bash", "zsh", "fish")
EXAMPLES = """\
  eval "$(isoquant completion bash)"                in ~/.bashrc
  eval "$(isoquant completion zsh)"                 in ~/.zshrc, after compinit
  isoquant completion fish > ~/.config/fish/completions/isoquant.fish
"""
# Rooms of conf/ whose files are named by what a user types after `sweep`.
ROOMS = ("experiment", "model", "task", "grid", "thinking", "sampling", "engine", "hydra/launcher")
VALUES = ("run=", "model.path=", "task.size=", "grid.widths=", "grid.budgets=", "seed=")


def add(commands: Any) -> None:
    text = "print the shell code that completes isoquant's commands, options and runs on Tab"
    command = commands.add_parser("completion", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))


def run(options: argparse.Namespace) -> dict[str, object]:
    """Print the lines for a shell's own configuration."""
    from argcomplete.shell_integration import shellcode

    lines = shellcode(["isoquant"], shell=options.shell)
    print(lines)
    return {"shell": options.shell, "lines": lines}


def complete() -> None:
    """Answer the shell that asks, and end; with the options of no command but the one on its line."""
    from argcomplete.finders import CompletionFinder

    typed = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT", "0") or 0)]
    CompletionFinder()(parser_of(typed), default_completer=_no_files)


def parser_of(typed: str) -> argparse.ArgumentParser:
    """The parser for a line that is being typed."""
    words = typed.split()
    named = words[1] if len(words) > 2 or (len(words) == 2 and typed.endswith(" ")) else ""
    parser = Parser(prog="isoquant")
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, known in COMMANDS.items():
        if name == named:
            own, _ = add_command(commands, name)
            _add_completers(own)
        elif name not in HIDDEN:
            commands.add_parser(name, help=known.text)
    return parser


def list_runs() -> list[str]:
    """Names below results/runs, and the run that isoquant brings."""
    from results.places import HOME, REFERENCE, RUNS

    names = {path.name for home in (Path(), HOME) for path in (home / RUNS).glob("*") if path.is_dir()}
    return [*sorted(names), REFERENCE]


def list_words() -> list[str]:
    """What may follow `sweep`: a choice of each room of conf/, and the values that are given most often."""
    from results.places import HOME

    chosen = (f"{room}={path.stem}" for room in ROOMS for path in sorted((HOME / "conf" / room).glob("*.yaml")))
    return [*chosen, *VALUES]


def _add_completers(command: argparse.ArgumentParser) -> None:
    from argcomplete.completers import FilesCompleter

    if command.get_default("words") is not None:
        command.add_argument("words", nargs="*")
    for action in command._actions:
        if action.dest == "words":
            action.completer = _words  # type: ignore[attr-defined]
        elif action.dest in ("run", "base", "new"):
            action.completer = _runs  # type: ignore[attr-defined]
        elif action.type is Path or action.dest == "source":
            action.completer = FilesCompleter()  # type: ignore[attr-defined]


def _runs(prefix: str, **_: Any) -> list[str]:
    from argcomplete.completers import DirectoriesCompleter

    return [*(name for name in list_runs() if name.startswith(prefix)), *DirectoriesCompleter()(prefix)]


def _words(prefix: str, **_: Any) -> list[str]:
    return [word for word in (*list_words(), *list_runs()) if word.startswith(prefix)]


def _no_files(prefix: str, **_: Any) -> list[str]:
    return []
