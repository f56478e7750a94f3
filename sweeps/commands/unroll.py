"""unroll: a looped model as an ordinary checkpoint."""

import argparse
import re
from pathlib import Path
from typing import Any

from harness.unroll import unroll

EXAMPLES = """\
  isoquant unroll looped-1b --layers 2:6 --times 8 --out looped-1b-r8
  isoquant sweep model.path=looped-1b-r8 run=depth
"""


def add(commands: Any) -> None:
    text = (
        "write a model that meets some of its layers several times as one in which they stand one behind the other"
    )
    command = commands.add_parser("unroll", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("checkpoint", metavar="CHECKPOINT", type=Path, help="folder of a Hugging Face checkpoint")
    of_layers = "the layers that recur, from the first to behind the last, counted from 0"
    command.add_argument("--layers", required=True, type=read_layers, metavar="FIRST:BEHIND", help=of_layers)
    command.add_argument("--times", required=True, type=int, metavar="R", help="how often a token meets them")
    command.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="the folder to write")


def read_layers(text: str) -> range:
    """FIRST:BEHIND. Raises ArgumentTypeError."""
    found = re.fullmatch(r"(\d{1,5}):(\d{1,5})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not two numbers with a colon between, such as 2:6")
    return range(int(found[1]), int(found[2]))


def run(options: argparse.Namespace) -> dict[str, object]:
    """Write it and say how many layers it has."""
    try:
        num_layers = unroll(options.checkpoint, options.out, layers=options.layers, times=options.times)
    except OSError as error:
        raise ValueError(f"{error.filename or options.out}: {error.strerror or error}.") from error
    print(f"{options.out} has {num_layers} layers. isoquant sweep model.path={options.out} draws with it.")
    return {"folder": str(options.out), "num_layers": num_layers}
