"""claims: which claims about inference compute a run supports or refutes, and what would decide the others."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import yaml

from analysis.claims import regions, suite
from analysis.claims.claim import Claim
from analysis.claims.held import Held
from analysis.commands import arguments
from analysis.reading import cautions
from analysis.reading.reading import Reading
from analysis.text import claims as words
from analysis.text.tables import filled

EXAMPLES = """\
  isoquant claims results/reference
  isoquant claims pilot --claim width diversity --out tables
  isoquant claims --list                             every claim, with what it needs
"""
STATED = Path(__file__).parents[2] / "conf" / "claims.yaml"


def add(commands: arguments.Commands) -> None:
    text = "test claims about inference compute on a run, each with the control that could explain it"
    command = commands.add_parser("claims", help=text, description=text, epilog=EXAMPLES)
    add = command.add_argument
    add("run", metavar="RUN", nargs="?", help=arguments.RUN)
    add("--list", action="store_true", help="list every claim with what it needs, and test none")
    add("--claim", nargs="+", default=[], metavar="NAME", help="test these alone, and correct over them alone")
    of_regions = "a file of regions of equivalence, instead of conf/claims.yaml"
    add("--regions", type=Path, default=STATED, metavar="FILE", help=of_regions)
    arguments.add_reading(command)
    arguments.add_options(command)
    add("--out", type=Path, metavar="FOLDER", help="folder for claims.csv, and a table of each claim's details")


def run(options: argparse.Namespace) -> dict[str, object]:
    """Print the verdict on every claim; as CSV files too where a folder is named."""
    chosen = suite.choose(options.claim)
    if options.list:
        print(words.listed(chosen))
        return {"claims": [claim._replace(weigh=None)._asdict() for claim in chosen]}
    if options.run is None:
        raise ValueError("Name a run, or add --list to see every claim.")
    root = arguments.run_folder(options.run)
    reading = arguments.read(root, options)
    outcomes = of_run(root, reading, chosen, stated=options.regions)
    print(words.render(outcomes, reading, options.run))
    for line in (said := cautions.lines(reading.asked)):
        print(f"\n{filled(line)}")
    table = suite.frame(outcomes)
    if options.out is not None:
        _write(options.out, table, outcomes)
    sentences = {each.claim.name: words.sentence(each) for each in outcomes if each.judged is not None}
    details = {each.claim.name: each.weighed.details for each in outcomes if each.weighed is not None}
    told = {"claims": table, "sentences": sentences, "details": details, "cautions": said}
    return arguments.describe(root, reading) | told


def of_run(
    root: Path, reading: Reading, chosen: Sequence[Claim] = tuple(suite.CLAIMS.values()), *, stated: Path = STATED
) -> list[suite.Outcome]:
    """The verdicts on claims of a run, by the regions that a file states."""
    every = regions.read(yaml.safe_load(stated.read_text()), suite.CLAIMS)
    return suite.test(Held(root, reading), every, chosen)


def _write(folder: Path, table: pd.DataFrame, outcomes: list[suite.Outcome]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "claims.csv", index=False)
    for each in outcomes:
        if each.weighed is not None and len(each.weighed.details):
            each.weighed.details.to_csv(folder / f"{each.claim.name}.csv", index=False)
