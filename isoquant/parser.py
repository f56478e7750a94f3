"""Arguments of one command at a time: help that fits a screen,
one line for what cannot be read, and shared options.
"""

import argparse
import importlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from isoquant.table import COMMANDS

MOST_COLUMNS, FEWEST_COLUMNS, NAME_COLUMNS = 112, 60, 34


class Help(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal, up to a line that is read at a glance."""

    def __init__(self, prog: str) -> None:
        columns = shutil.get_terminal_size((MOST_COLUMNS, 40)).columns - 2
        width = max(FEWEST_COLUMNS, min(columns, MOST_COLUMNS))
        super().__init__(prog, max_help_position=NAME_COLUMNS, width=width)

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        """`NAME ...` where argparse would write `NAME [NAME ...]`."""
        if action.nargs != "+":
            return super()._format_args(action, default_metavar)
        return f"{self._metavar_formatter(action, default_metavar)(1)[0]} ..."


class Parser(argparse.ArgumentParser):
    """A parser whose usage is one line, and so are its errors."""

    def __init__(self, **options: Any) -> None:
        if examples := options.get("epilog"):
            options["epilog"] = f"examples:\n{examples.rstrip()}"
        if text := options.get("description"):
            options["description"] = f"{text[0].upper()}{text[1:]}."
        super().__init__(**{"formatter_class": Help} | options)

    def add_subparsers(self, **options: Any) -> Any:
        return super().add_subparsers(**{"parser_class": Parser} | options)

    def format_help(self) -> str:
        if self.usage is None:
            places = [action for action in self._actions if not action.option_strings]
            self.usage = " ".join([self.prog, *(_show_place(action) for action in places), "[options]"])
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; `{self.prog} --help` lists the options.\n")


def build(name: str) -> tuple[argparse.ArgumentParser, Any]:
    """The parser that knows this command alone, and its module."""
    parser = Parser(prog="isoquant")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command_name")
    _, module = add_command(commands, name)
    return parser, module


def add_command(commands: Any, name: str) -> tuple[argparse.ArgumentParser, Any]:
    """Import the command and add its parser, with the options that all share; that parser and the module."""
    module = importlib.import_module(COMMANDS[name].module)
    module.add(commands)
    own: argparse.ArgumentParser = commands.choices[name]
    _add_shared(own)
    return own, module


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """The options; what argparse does not know are the words of a command
    that takes words. Exits with status 2.
    """
    options, unknown = parser.parse_known_args(arguments)
    if unknown and getattr(options, "words", None) != []:
        [commands] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        commands.choices[options.command_name].error(f"unrecognized arguments: {' '.join(unknown)}")
    options.words = getattr(options, "words", None) or unknown
    return options


def _add_shared(command: argparse.ArgumentParser) -> None:
    """`--json` on every command, and `--out` where a command has none of its own."""
    there = command._option_string_actions
    if "--json" not in there:
        command.add_argument(
            "--json", action="store_true", help="print one JSON object instead of text and tables"
        )
    if "--out" not in there:
        command.add_argument(
            "--out", dest="out_text", type=Path, metavar="FILE", help="write the output to this file"
        )


def _show_place(action: argparse.Action) -> str:
    shown = str(action.metavar or action.dest)
    return {"?": f"[{shown}]", "*": f"[{shown} ...]", "+": f"{shown} ..."}.get(str(action.nargs), shown)
