"""verifier: how well scores tell right answers from wrong ones, and what choosing by them gains."""

import argparse
from pathlib import Path

from analysis.commands import arguments
from analysis.questions import ceilings, splits, verifier, workloads
from analysis.reading import cautions
from analysis.text import splits as splits_text
from analysis.text import verifier as verifier_text
from analysis.text import workloads as workloads_text
from analysis.text.tables import filled

EXAMPLES = """\
  isoquant verifier pilot
  isoquant verifier pilot --scorer skywork-8b --bins 3 --json
  isoquant verifier pilot --scorer math-prm --steps min
  isoquant verifier pilot --spend
  isoquant verifier pilot --scorer skywork-8b --workload
"""


OF_SPEND = "print instead how a budget is best split between samples and a verifier"
OF_WORKLOAD = (
    "print instead up to which workload a smaller model beats training the largest, with the verifier on one side "
    "and on both"
)


def add(commands: arguments.Commands) -> None:
    text = "print how well a verifier tells right answers from wrong ones, and what choosing by its scores gains"
    command = commands.add_parser("verifier", help=text, description=text, epilog=EXAMPLES)
    arguments.add_scored(command)
    command.add_argument("--spend", action="store_true", help=OF_SPEND)
    command.add_argument("--workload", action="store_true", help=OF_WORKLOAD)


def run(options: argparse.Namespace) -> dict[str, object]:
    root = arguments.run_folder(options.run)
    if options.spend:
        return _spend(root, options)
    reading = arguments.read(root, options)
    if options.workload:
        reached = workloads.frame(reading)
        print(workloads_text.render(reached, reading))
        return arguments.describe(root, reading) | {"verifier": reading.arms[0].verifier, "workloads": reached}
    found = verifier.frame(reading)
    has_halves = len(reading.outcomes.prompt_ids) > 1
    filtered = ceilings.frame(reading) if has_halves else None
    print(verifier_text.render(found, filtered, reading))
    for line in cautions.lines(reading.asked):
        print(f"\n{filled(line)}")
    scored = reading.arms[0].verifier
    told = {
        "verifier": scored,
        "verifiers": found,
        "ceilings": filtered,
        "cautions": cautions.lines(reading.asked),
    }
    return arguments.describe(root, reading) | told


def _spend(root: Path, options: argparse.Namespace) -> dict[str, object]:
    """Print what a budget buys and an accuracy costs with each verifier and without."""
    options.rule = None
    base = arguments.read(root, options)
    split = arguments.split(root, base, options)
    found = {
        "levels": splits.by_level(split),
        "targets": splits.by_target(split),
        "isoquants": splits.isoquants(split),
    }
    print(splits_text.render(*found.values()))
    return arguments.describe(root, base) | {"settings": split.settings} | found
