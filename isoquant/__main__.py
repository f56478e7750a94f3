"""isoquant COMMAND: imports what the command needs, and nothing before it is named."""

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from isoquant import VERSION
from isoquant.table import COMMANDS, READ, STOPPED, TOLD, overview

if TYPE_CHECKING:
    import argparse

ROOMS = ("isoquant", "harness", "sweeps", "results", "analysis", "ladder")
HELP = ("-h", "--help", "help")
# Objects made before garbage is looked for, and how many such looks pass before older ones are looked through:
# modules and figures are many small objects, and at Python's own numbers that takes a tenth of a command.
COLLECT_RARELY = (200_000, 5, 2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 2, and one line on stderr, for what a user can put right.

    Without arguments, those of the program, which is also told how to stop.
    """
    if arguments is None:
        return _main_program(sys.argv[1:])
    if not arguments or arguments[0] in HELP:
        print(overview(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"isoquant {VERSION}")
        return 0
    if arguments[0] not in COMMANDS:
        print(f"error: {_no_command(arguments[0])}", file=sys.stderr)
        return 2
    return run(arguments)


def run(arguments: Sequence[str]) -> int:
    """Import the command, read its options, do it."""
    from isoquant.parser import build, parse
    from results.shortage import tell_refusal

    options = None
    try:
        parser, module = build(arguments[0])
        options = parse(parser, arguments)
        _run(module, options)
    except ModuleNotFoundError as error:
        return tell_refusal(_explain_missing(arguments[0], error))
    except Exception as error:
        return tell_refusal(error, *_written(options))
    return 0


def _main_program(arguments: Sequence[str]) -> int:
    if "_ARGCOMPLETE" in os.environ:
        from isoquant.completion import complete

        complete()
    if not arguments or arguments[0] not in COMMANDS:
        return main(list(arguments))
    gc.set_threshold(*COLLECT_RARELY)
    from results.stopping import end_at_once_when_stopped, stopping_in_a_line

    end_at_once_when_stopped()
    with stopping_in_a_line(STOPPED.get(arguments[0], READ)):
        return run(arguments)


def _run(module: Any, options: "argparse.Namespace") -> None:
    from isoquant import output

    if options.json:
        # What a long command says meanwhile is for whoever waits; what is read is said by the object.
        with output.set_aside() if options.command_name in STOPPED else output.kept():
            found = _work(module, options)
        text = output.as_json(found)
    elif getattr(options, "out_text", None) is None:
        _work(module, options)
        return
    else:
        with output.kept() as said:
            _work(module, options)
        text = said.getvalue()
    if getattr(options, "out_text", None) is None:
        sys.stdout.write(text)
    else:
        output.write(options.out_text, text)


def _work(module: Any, options: "argparse.Namespace") -> Any:
    """What the command does; those that read a run tell what they are at."""
    if options.command_name not in TOLD:
        return module.run(options)
    from results.progress import working

    with working(options.command_name):
        return module.run(options)


def _explain_missing(command: str, error: ModuleNotFoundError) -> Exception:
    """What is said where only what reads runs is installed; the error itself where a module of ours is missing."""
    if error.name is None or error.name.partition(".")[0] in ROOMS:
        return error
    return ValueError(
        f"`isoquant {command}` needs {error.name}, which is not installed. `make setup` installs everything; pip "
        "install 'isoquant[sweep]' installs what drawing and grading need."
    )


def _written(options: "argparse.Namespace | None") -> list[Any]:
    """Where the command writes, by the names that options have for it."""
    from pathlib import Path

    named = (getattr(options, name, None) for name in ("run", "out", "out_text"))
    return [Path(str(place)) for place in named if place]


def _no_command(name: str) -> str:
    from difflib import get_close_matches

    nearest = get_close_matches(name, COMMANDS, n=2, cutoff=0.75)
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else "`isoquant --help` lists them."
    return f"There is no command {name!r}; {hint}"


if __name__ == "__main__":
    sys.exit(main())
