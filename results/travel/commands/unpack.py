"""unpack: a packed run as a folder."""

import argparse
from pathlib import Path

from results.travel.packing import name_run
from results.travel.places import place_run
from results.travel.unpacking import unpack


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("unpack", help="make the folder of a packed run, verified byte by byte")
    command.add_argument("file", type=Path, metavar="FILE", help="what `pack` wrote")
    command.add_argument("--into", metavar="RUN", help="a new directory, or a name below results/runs (FILE's own)")
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Unpack a file; print where the run lies."""
    unpacked = unpack(options.file, place_run(options.into or name_run(options.file)))
    for note in unpacked.notes:
        print(f"note: {note}")
    texts = "" if unpacked.has_texts else "; texts were left out when it was packed"
    print(f"{unpacked.root}: {unpacked.num_files:,} files, as they were packed{texts}")
    print(f"sha256 {unpacked.sha256}")
