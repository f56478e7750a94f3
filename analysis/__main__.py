"""python -m analysis COMMAND: reads a stored run; needs no model."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from threadpoolctl import threadpool_limits

from analysis.commands import (
    compare,
    figures,
    gallery,
    health,
    laws,
    match,
    plan_compute,
    power,
    replay,
    report,
    route,
    summary,
    validate,
)
from results.shortage import explain_shortage
from results.stopping import stopping_in_a_line

COMMANDS = (
    figures,
    report,
    summary,
    match,
    laws,
    health,
    compare,
    replay,
    route,
    plan_compute,
    power,
    validate,
    gallery,
)
# The options that name what a command writes.
WRITTEN = ("run", "out")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 2, and one line on stderr, for what a user can put right."""
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Read a stored run; needs no model.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add(commands)
    options = parser.parse_args(arguments)
    # Tables here are small: threads of a matrix product wait for each other longer than they multiply.
    threadpool_limits(1, user_api="blas")
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
