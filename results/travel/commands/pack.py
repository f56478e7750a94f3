"""pack: a run as one file."""

import argparse
from pathlib import Path

from results.places import find_run
from results.travel.packing import SUFFIX, name_pack, pack

EXAMPLES = """\
  isoquant pack pilot                       writes pilot.isoquant.tar into this folder
  isoquant pack pilot --no-text --out numbers.isoquant.tar
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "write a run as one file: tables, manifests, records, configs; nothing secret"
    command = commands.add_parser("pack", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("run", metavar="RUN", help="a run folder, or a name below results/runs")
    command.add_argument("--out", type=Path, metavar="FILE", help=f"the file (RUN{SUFFIX} in this folder)")
    command.add_argument(
        "--no-text",
        action="store_true",
        help="leave out what prompts, thinking and answers say; all numbers stay as they are",
    )


def run(options: argparse.Namespace) -> dict[str, object]:
    """Pack a run; print where it lies, how large it is, and the digest to tell others."""
    root = find_run(options.run)
    packed = pack(root, options.out or Path(name_pack(root)), text=not options.no_text)
    for note in packed.notes:
        print(f"note: {note}")
    texts = "" if packed.has_texts else ", without texts"
    print(f"{packed.path}: {packed.num_files:,} files, {packed.num_bytes / 1e6:.1f} MB{texts}")
    print(f"sha256 {packed.sha256}")
    return {"file": packed.path, "sha256": packed.sha256, "files": packed.num_files, "bytes": packed.num_bytes}
