"""probe: how fast models of a shape are, without weights, and what shape is best. The one command of two rooms
beside sweep.
"""

import argparse
from pathlib import Path
from typing import Any

from isoquant.parser import Parser

EXAMPLES = """\
  isoquant probe throughput small                     minutes on two CPU cores; again, only what is missing
  isoquant probe throughput 1b --batch 1 64 256 --context 512 8192 --engine dtype=bfloat16
  isoquant probe throughput tests/bench/shapes/qwen3-8b --table qwen3.csv
  isoquant probe laws results/runs/throughput-small.csv
  isoquant probe laws models.csv --outcome accuracy --figure figures
  isoquant probe ratio lookup.csv --ratio expert_share --outcome loss --by flops
"""
MEANING = (
    "throughput: time every shape of WHAT on this device, without weights. laws: how a table of speeds, or of "
    "accuracy or loss, depends on the shape. ratio: the best value of a share between 0 and 1"
)
OF_WHAT = "a list in conf/shapes, a file like those, or a folder with config.json; for laws and ratio, a table"
WAYS = ("throughput", "laws", "ratio")
# Options of one way alone, and what they are when nobody gives them.
OF_THROUGHPUT: dict[str, Any] = {"table": None, "batch": [1, 16], "context": [64, 256], "tokens": 16, "rounds": 2}
OF_THROUGHPUT |= {"engine": []}
OF_LAWS: dict[str, Any] = {"outcome": None, "figure": None}
OF_RATIO: dict[str, Any] = {"outcome": None, "ratio": None, "by": None}
OWN = {"throughput": OF_THROUGHPUT, "laws": OF_LAWS, "ratio": OF_RATIO}


def add(commands: Any) -> None:
    text = "time models of any shape without weights, and fit which shape is best"
    command: Parser = commands.add_parser("probe", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("way", choices=WAYS, metavar="WAY", help=MEANING)
    command.add_argument("what", metavar="WHAT", help=OF_WHAT)
    _add_throughput(command)
    add = command.add_argument
    add("--outcome", metavar="COLUMN", help="for laws and ratio: what is fitted (laws: tokens a second)")
    add("--figure", type=Path, metavar="FOLDER", help="for laws: draw shape_law into this folder")
    add("--ratio", metavar="COLUMN", help="for ratio: the share between 0 and 1")
    add("--by", metavar="COLUMN", help="for ratio: a fit for each value of this column")
    add("--lowest", action="store_true", help="the lowest outcome is best (so where its name says loss)")


def _add_throughput(command: Parser) -> None:
    add, usual = command.add_argument, OF_THROUGHPUT
    of_table = "for throughput: where timings are kept (results/runs/throughput-WHAT.csv)"
    add("--table", type=Path, metavar="FILE", help=of_table)
    for name, text in (
        ("batch", "sequences at once"),
        ("context", "tokens that each has before it writes"),
    ):
        shown = f"for throughput: {text} ({' '.join(map(str, usual[name]))})"
        add(f"--{name}", type=count, nargs="+", default=usual[name], metavar="N", help=shown)
    for name, text in (("tokens", "tokens that each sequence writes"), ("rounds", "how often each is timed")):
        shown = f"for throughput: {text} ({usual[name]})"
        add(f"--{name}", type=count, default=usual[name], metavar="N", help=shown)
    of_engine = "for throughput: settings of vLLM, as in conf/engine/vllm.yaml"
    add("--engine", nargs="+", default=[], metavar="NAME=VALUE", help=of_engine)


def count(text: str) -> int:
    """A whole number above 0. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def run(options: argparse.Namespace) -> Any:
    usual = {name: value for own in OWN.values() for name, value in own.items()} | {"lowest": False}
    own = {*OWN[options.way]} | ({"lowest"} if options.way != "throughput" else set())
    if given := next((n for n, value in usual.items() if n not in own and getattr(options, n) != value), None):
        raise ValueError(f"`isoquant probe {options.way}` does not use --{given}. Leave it out.")
    if options.way == "throughput":
        from sweeps.commands import throughput

        return throughput.run(options)
    from analysis.commands import shapes

    return shapes.run(options)
