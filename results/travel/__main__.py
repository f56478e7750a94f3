"""python -m results.travel pack RUN, unpack FILE, merge A B --into C: runs as files, and two runs as one."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from results.shortage import explain_shortage
from results.stopping import stopping_in_a_line
from results.travel.commands import merge, pack, unpack

COMMANDS = (pack, unpack, merge)
# The options that name what a command writes.
WRITTEN = ("out", "into")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 2, and one line on stderr, for what a user can put right."""
    parser = argparse.ArgumentParser(prog="python -m results.travel", description="Pack, unpack and merge runs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add(commands)
    options = parser.parse_args(arguments)
    try:
        options.command(options)
    except BrokenPipeError:
        raise
    except (ValueError, OSError, pa.ArrowException) as error:
        written = [Path(place) for name in WRITTEN if (place := getattr(options, name, None))]
        print(f"error: {explain_shortage(error, *written) or error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    with stopping_in_a_line("Stopped; what was not written to its end is not there."):
        sys.exit(main())
