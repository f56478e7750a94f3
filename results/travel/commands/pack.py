"""pack: a run as one file."""

import argparse
from pathlib import Path

from results.travel.packing import SUFFIX, name_pack, pack
from results.travel.places import find_run


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("pack", help="write a run as one file: tables, manifests, records, configs")
    command.add_argument("run", metavar="RUN", help="a run directory, or a name below results/runs")
    command.add_argument("--out", type=Path, metavar="FILE", help=f"the file (RUN{SUFFIX} in this folder)")
    command.add_argument(
        "--no-text",
        action="store_true",
        help="leave out what prompts, thinking and answers say; all numbers stay as they are",
    )
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Pack a run; print where it lies, how large it is, and the digest to tell others."""
    root = find_run(options.run)
    packed = pack(root, options.out or Path(name_pack(root)), text=not options.no_text)
    for note in packed.notes:
        print(f"note: {note}")
    texts = "" if packed.has_texts else ", without texts"
    print(f"{packed.path}: {packed.num_files:,} files, {packed.num_bytes / 1e6:.1f} MB{texts}")
    print(f"sha256 {packed.sha256}")
