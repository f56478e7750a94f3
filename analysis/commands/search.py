"""search: whether search against a verifier beats samples of the same compute."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.commands import arguments
from analysis.questions import search
from analysis.questions.search import Asked
from analysis.reading import cautions
from analysis.reading.reading import Reading, read
from analysis.reading.untold import UntoldError
from analysis.runs import outcomes, searches, verifiers
from analysis.runs.verifiers import Scoring
from analysis.text import search as search_text
from analysis.text.tables import filled

EXAMPLES = """\
  isoquant search pilot
  isoquant search pilot --bins 3 --cost c1 --json
  isoquant search pilot --out tables                 the same as two CSV files
"""


def add(commands: arguments.Commands) -> None:
    text = "print whether search against a verifier beats samples of the same compute, by bin and compute"
    command = commands.add_parser("search", help=text, description=text, epilog=EXAMPLES)
    arguments.add_scored(command)
    command.add_argument("--out", type=Path, metavar="FOLDER", help="folder for settings.csv and levels.csv")


def run(options: argparse.Namespace) -> dict[str, object]:
    arguments.refuse_along(options, "Search")
    root = arguments.run_folder(options.run)
    reading = arguments.read(root, options)
    told = searches.read(root, reading.outcomes)
    for note in told.notes:
        print(filled(note))
    if not told.searches:
        raise ValueError(f"No search in {root} can be read beside samples. {' '.join(told.notes)}")
    found = search.measure(reading, told.searches)
    print(search_text.render(found.settings, found.levels, reading, told.searches))
    for line in cautions.lines(reading.asked):
        print(f"\n{filled(line)}")
    every = measure_every(reading, told.searches, found) if options.json or options.out else found
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        every.settings.to_csv(options.out / "settings.csv", index=False)
        every.levels.to_csv(options.out / "levels.csv", index=False)
    tables = {"settings": every.settings, "levels": every.levels, "notes": told.notes}
    return arguments.describe(root, reading) | tables | {"cautions": cautions.lines(reading.asked)}


def of_run(root: Path, base: Reading, options: argparse.Namespace) -> list[Asked]:
    """The searches of a run by the verifier that chose in them, under the reader's choices; those left out whose
    verifier has not scored the samples beside them.
    """
    if base.has_own_bins:
        return []
    task, found = base.asked.task, []
    for name in sorted(set(searches.scorers(root, task)) & set(verifiers.named(root, task))):
        reading = read(
            outcomes.scored(root, base.asked, Scoring(name)), base.wanted, rule="best_of_n", seed=base.seed
        )
        told = searches.read(root, reading.outcomes)
        if told.searches:
            found.append(Asked(reading, told.searches, search.measure(reading, told.searches), told.notes))
    return sorted(found, key=lambda asked: asked.searches[0].arm.rung.name)


def levels(asked: Sequence[Asked]) -> pd.DataFrame:
    """What the figure draws: the levels of all, beside who chose and what a caption says.

    Raises UntoldError where no bin has any.
    """
    frames = [
        each.found.levels.assign(verifier=_verifier(each), **each.reading.setting.columns())
        for each in asked
        if len(each.found.levels)
    ]
    if not frames:
        raise UntoldError("No search of this run can be compared with samples of its cost.")
    return pd.concat(frames, ignore_index=True)


def _verifier(asked: Asked) -> str:
    verifier = asked.reading.arms[asked.searches[0].of].verifier
    assert verifier is not None
    return verifier.name


def measure_every(reading: Reading, chosen: list[searches.Searched], found: search.Found) -> search.Found:
    """The same under every cost model that can be told, the reading's first."""
    # Of a search there is no number of samples.
    others = [other for other in reading.every_cost()[1:] if other.choices.cost != "samples"]
    parts = [found, *(search.measure(other, chosen) for other in others)]
    return search.Found(*(pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True)))
