"""figures: every figure of a run, as PNG, PDF and the CSV behind it."""

import argparse
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import curves, frames, summary
from analysis.commands import arguments
from analysis.curves import PathName
from analysis.findings import Findings
from analysis.frames import cells
from analysis.frames.cells import Cells
from analysis.untold import UntoldError
from results.inspection import check_folders

PATHS: dict[PathName, str] = {"width": "", "budget": "_thinking"}
PYTHIA = "monkeys/pythia_math_10k.parquet"


class Wanted(NamedTuple):
    """A figure's file name, the table it draws, and how."""

    name: str
    frame_of: Callable[[], pd.DataFrame]
    draw: Callable[[pd.DataFrame], Any]


def add(commands: arguments.Commands) -> None:
    command = commands.add_parser("figures", help="write RUN/figures: PNG, PDF and the CSV behind each")
    command.add_argument("--summary", action="store_true", help="print the summary first")
    command.add_argument("--data", type=Path, help=f"a folder of published outcomes: adds Pythia's, from its {PYTHIA}")
    arguments.add_choices(command)
    command.set_defaults(command=run, every_cost=True)


def run(options: argparse.Namespace) -> None:
    """Draw every figure of a run into RUN/figures; print the paths of the PNGs, and why any is not drawn."""
    root = arguments.run_folder(options.run)
    check_folders(root)
    loaded, found = arguments.read(root, options)
    rule = curves.choose_rule(loaded.arms, options.rule)
    if options.summary:
        print(summary.render(loaded, found, rule=rule), end="\n\n")
    measured = cells.measure(loaded, arguments.choices(options), rule=rule, seed=options.seed)
    from analysis.figures.save import remove, save

    wanted = [
        *of_findings(found, measured),
        *of_cells(measured, seed=options.seed),
        *of_data(options.data, options.seed),
    ]
    untold: dict[str, list[str]] = {}
    for name, frame_of, draw in wanted:
        try:
            frame = frame_of()
        except UntoldError as reason:
            untold.setdefault(str(reason), []).append(name)
            remove(root / "figures", name)
            continue
        print(save(root / "figures", name, frame, draw))
    for told, names in untold.items():
        print(f"{', '.join(names)}: not drawn. {told}")


def of_findings(found: Findings, measured: Cells) -> list[Wanted]:
    """Curves and exchange rates along each path that has more than one cell, and the rates by what is counted."""
    from analysis.figures import cost_models, exchange_rates, substitution

    along = [
        Wanted(name + suffix, partial(frame_of, found, rule=measured.rule, axis=axis), draw)
        for axis, suffix in PATHS.items()
        if axis == "width" or len(measured.outcomes.budgets) > 1
        for name, frame_of, draw in (
            ("substitution", frames.substitution.frame, substitution.draw),
            ("exchange_rates", frames.exchange_rates.frame, exchange_rates.draw),
        )
    ]
    by_cost = partial(frames.cost_models.frame, found, rule=measured.rule)
    return [*along, Wanted("cost_models", by_cost, cost_models.draw)]


def of_cells(measured: Cells, *, seed: int) -> list[Wanted]:
    """What the whole grid says."""
    from analysis.figures import (
        break_even,
        coverage,
        frontier,
        grid,
        isoquants,
        outcomes,
        parallel,
        targets,
    )

    # Two figures read it, and it is the dearest table.
    needed = cache(partial(frames.needs.needs, measured))
    return [
        Wanted("frontier", partial(frames.frontier.frame, measured), frontier.draw),
        Wanted("targets", lambda: frames.needs.substitution_frame(needed()), targets.draw),
        Wanted("isoquants", lambda: frames.needs.isoquant_frame(needed()), isoquants.draw),
        Wanted("break_even", partial(frames.break_even.frame, measured, seed=seed), break_even.draw),
        Wanted("grid", partial(frames.grid.frame, measured), grid.draw),
        Wanted("parallel", partial(frames.parallel.frame, measured), parallel.draw),
        Wanted("coverage", partial(frames.coverage.frame, measured, seed=seed), coverage.draw),
        Wanted("outcomes", partial(frames.outcomes.frame, measured), outcomes.draw),
    ]


def of_data(folder: Path | None, seed: int) -> list[Wanted]:
    """Pythia's samples on MATH, where a folder of published outcomes is given."""
    if folder is None:
        return []
    if not (folder / PYTHIA).exists():
        raise ValueError(f"No {PYTHIA} in {folder}; --data names a folder of published outcomes.")
    from analysis.figures import pythia

    def frame() -> pd.DataFrame:
        return frames.pythia.frame(pd.read_parquet(folder / PYTHIA), rng=np.random.default_rng(seed))

    return [Wanted("pythia", frame, pythia.draw)]
