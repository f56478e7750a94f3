"""figures: every figure of a run, as PNG, PDF and the CSV behind it."""

import argparse
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.commands import arguments, goal, search, strategies
from analysis.commands.summary import tables
from analysis.figures.drawing import Drawn, Job, remove
from analysis.questions import (
    accuracy_grid,
    break_even,
    cost_models,
    coverage,
    curve_rows,
    diversity,
    exchange_rates,
    frontier,
    outcome_shares,
    parallel,
    published,
    rate_rows,
    splits,
    targets,
    thinking,
    vote_bounds,
)
from analysis.questions.exchange_rates import Findings
from analysis.reading import cells
from analysis.reading.cells import Cells
from analysis.reading.curves import PathName
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.runs import graphs, searches, verifiers
from analysis.runs.along import Along
from analysis.runs.serial import BY_NAME, AxisName
from analysis.text import summary
from results import decisions
from results.inspection import check_folders
from results.progress import step

EXAMPLES = """\
  isoquant figures results/reference --out figures
  isoquant figures pilot --bins 5 --rule pass_at_k
"""
PYTHIA = "monkeys/pythia_math_10k.parquet"


class Wanted(NamedTuple):
    """A figure's file name, the table it draws, and the module of analysis.figures that draws it."""

    name: str
    frame_of: Callable[[], pd.DataFrame]
    figure: str

    @property
    def draw(self) -> Callable[[pd.DataFrame], Any]:
        """Loads matplotlib, which takes a second."""
        draw: Callable[[pd.DataFrame], Any] = import_module(f"analysis.figures.{self.figure}").draw
        return draw


def add(commands: arguments.Commands) -> None:
    text = "draw every figure of a run as PNG and PDF, with the CSV behind it"
    command = commands.add_parser("figures", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("--summary", action="store_true", help="print the summary first")
    command.add_argument(
        "--data", type=Path, metavar="FOLDER", help=f"folder of published outcomes: adds Pythia's, from {PYTHIA}"
    )
    arguments.add_out(command)
    arguments.add_choices(command)
    arguments.add_match_at(command)
    command.set_defaults(every_cost=True)


def run(options: argparse.Namespace) -> dict[str, object]:
    """Draw every figure of a run into RUN/figures; print the paths of the PNGs, and why any is not drawn."""
    root = arguments.run_folder(options.run)
    check_folders(root)
    # The second process loads what it draws with while the numbers are computed here.
    with Drawn() as drawn:
        reading = arguments.read(root, options)
        step("matching models")
        found, measured = exchange_rates.measure_each(reading)[0], cells.measure(reading)
        whole = cache(partial(_whole, root, measured, options))
        if options.summary:
            print(summary.render(reading.asked, found, rule=reading.rule), end="\n\n", flush=True)
        wanted = [*of_findings(found, measured), *of_cells(measured, whole), *of_data(options.data, options.seed)]
        wanted += of_thinking(reading)
        wanted += [*of_scores(root, reading, options), *of_searches(root, reading, options)]
        wanted += [*of_rounds(root, reading), *of_goal(root)]
        untold = _ask(drawn, arguments.written(options, root, "figures"), wanted)
        paths = []
        for path in drawn.paths():
            paths.append(path)
            print(path, flush=True)
    for told, names in untold.items():
        print(f"{', '.join(names)}: not drawn. {told}")
    for line in arguments.other_axes(reading):
        print(line)
    missing = [{"figures": names, "reason": told} for told, names in untold.items()]
    made = arguments.describe(root, reading) | {"figures": paths, "not_drawn": missing}
    return made | ({"summary": tables(reading, found)} if options.summary else {})


def _whole(root: Path, measured: Cells, options: argparse.Namespace) -> Cells:
    """The cells of every setting of the run; raises UntoldError as `arguments.everywhere`."""
    every = arguments.everywhere(root, measured.reading, options)
    return measured if every is measured.reading else cells.measure(every)


def _ask(drawn: Drawn, folder: Path, wanted: list[Wanted]) -> dict[str, list[str]]:
    """Have every figure drawn that the run can tell; the names of the others by reason,
    their old pictures removed.
    """
    untold: dict[str, list[str]] = {}
    for number, each in enumerate(wanted, 1):
        step(f"figure {number} of {len(wanted)}, {each.name}")
        try:
            drawn.ask(Job(folder, each.name, each.frame_of(), each.figure))
        except UntoldError as reason:
            untold.setdefault(str(reason), []).append(each.name)
            remove(folder, each.name)
    return untold


def of_findings(found: Findings, measured: Cells) -> list[Wanted]:
    """Curves and exchange rates along each path that has more than one cell, and the rates by what is counted."""
    words = measured.reading.words
    suffixes: dict[PathName, str] = {"width": "", words.name: f"_{words.file}"}
    along = [
        Wanted(name + suffix, partial(frame_of, found, rule=measured.rule, axis=axis), name)
        for axis, suffix in suffixes.items()
        if axis == "width" or len(measured.outcomes.budgets) > 1
        for name, frame_of in (("substitution", curve_rows.frame), ("exchange_rates", rate_rows.frame))
    ]
    by_cost = partial(cost_models.frame, found, rule=measured.rule)
    return [*along, Wanted("cost_models", by_cost, "cost_models")]


def of_cells(measured: Cells, whole: Callable[[], Cells] | None = None) -> list[Wanted]:
    """What the grid says along the axis that is read, and where best settings are chosen
    what the whole of it does.
    """
    # Two figures read it, and it is the most expensive table.
    every, along = whole or (lambda: measured), measured.outcomes.along
    needed = cache(lambda: targets.needs(every()))
    assert isinstance(along, Along)
    maps = [
        Wanted(f"grid_{BY_NAME[other].file}", partial(_across, every, along, other), "grid")
        for other in along.others
    ]
    return [
        Wanted("frontier", lambda: frontier.frame(every()), "frontier"),
        Wanted("targets", lambda: targets.substitution_frame(needed()), "targets"),
        Wanted("isoquants", lambda: targets.isoquant_frame(needed()), "isoquants"),
        Wanted("break_even", partial(break_even.frame, measured), "break_even"),
        Wanted("grid", partial(accuracy_grid.frame, measured), "grid"),
        *maps,
        Wanted("parallel", partial(parallel.frame, measured), "parallel"),
        Wanted("coverage", partial(coverage.frame, measured), "coverage"),
        Wanted("diversity", partial(diversity.figure_frame, measured), "diversity"),
        Wanted("outcomes", partial(outcome_shares.frame, measured), "outcomes"),
        Wanted("votes", partial(vote_bounds.frame, measured.reading), "votes"),
    ]


def _across(every: Callable[[], Cells], along: Along, other: AxisName) -> pd.DataFrame:
    return accuracy_grid.across(every(), along, other)


def of_thinking(reading: Reading) -> list[Wanted]:
    """What more thinking turns and what a budget loses, where the same samples are read at several budgets."""
    try:
        thinking.require_same_samples(reading)
    except UntoldError:
        return []
    frames = {"thinking": thinking.steps_frame, "thinking_lost": thinking.budgets_frame}
    return [Wanted(name, partial(frame_of, reading), name) for name, frame_of in frames.items()]


def of_scores(root: Path, reading: Reading, options: argparse.Namespace) -> list[Wanted]:
    """What verifiers are worth at each budget, where any has scored the run."""
    if not verifiers.named(root, reading.asked.task):
        return []

    def frame() -> pd.DataFrame:
        return splits.by_level(arguments.split(root, reading, options))

    return [Wanted("splits", frame, "splits")]


def of_searches(root: Path, reading: Reading, options: argparse.Namespace) -> list[Wanted]:
    """Search beside samples of the same compute, where a run holds any."""
    if not searches.scorers(root, reading.asked.task):
        return []
    return [Wanted("search", lambda: search.levels(search.of_run(root, reading, options)), "search")]


def of_rounds(root: Path, reading: Reading) -> list[Wanted]:
    """Chains in series and in parallel, where a run holds rounds of a strategy."""
    if reading.words.name != "budget" or not graphs.are_drawn(root):
        return []
    return [Wanted("rounds", lambda: strategies.splits(strategies.of_run(root, reading)), "rounds")]


def of_goal(root: Path) -> list[Wanted]:
    """What the rounds of a sweep with a goal came to know, where a run was drawn towards one."""
    if not (rows := decisions.read(root)):
        return []
    return [Wanted("goal", lambda: goal.frame(root, rows), "goal")]


def of_data(folder: Path | None, seed: int) -> list[Wanted]:
    """Pythia's samples on MATH, where a folder of published outcomes is given."""
    if folder is None:
        return []
    if not (folder / PYTHIA).exists():
        raise ValueError(f"{folder} has no {PYTHIA}. --data must name a folder of published outcomes.")

    def frame() -> pd.DataFrame:
        return published.frame(pd.read_parquet(folder / PYTHIA), rng=np.random.default_rng(seed))

    return [Wanted("pythia", frame, "pythia")]
