"""unpack: a packed run as a folder."""

import argparse
from pathlib import Path

from results.places import RUNS, place_run
from results.travel.packing import name_run
from results.travel.unpacking import unpack

EXAMPLES = """\
  isoquant unpack pilot.isoquant.tar         makes results/runs/pilot
  isoquant unpack pilot.isoquant.tar --into theirs
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "make the folder of a packed run, verified byte by byte"
    command = commands.add_parser("unpack", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("file", type=Path, metavar="FILE", help="what `pack` wrote")
    command.add_argument("--into", metavar="RUN", help="a new folder, or a name below results/runs (FILE's own)")


def run(options: argparse.Namespace) -> dict[str, object]:
    """Unpack a file; print where the run lies."""
    unpacked = unpack(options.file, place_run(options.into) if options.into else RUNS / name_run(options.file))
    for note in unpacked.notes:
        print(f"note: {note}")
    texts = "" if unpacked.has_texts else "; texts were left out when it was packed"
    print(f"{unpacked.root}: {unpacked.num_files:,} files, as they were packed{texts}")
    print(f"sha256 {unpacked.sha256}")
    return {"run": unpacked.root, "sha256": unpacked.sha256, "files": unpacked.num_files, "notes": unpacked.notes}
