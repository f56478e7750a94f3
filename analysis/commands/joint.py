"""laws --joint: one law for size, training tokens and samples, of a run or of a table of losses."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.commands import arguments
from analysis.questions import joint, joint_losses
from analysis.reading import cautions
from analysis.text import joint_table
from analysis.text.tables import filled
from results.places import write_beside

TABLES = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
# Options of the joint law alone, and what they are when nobody gives them.
OF_JOINT: dict[str, Any] = {"budgets": [], "queries": [], "pretraining_tokens": []}


def add_options(command: argparse.ArgumentParser) -> None:
    """In the command that fits laws to a run."""
    add = command.add_argument
    of_joint = "instead: one law of size, training tokens and samples; of a table of losses too"
    add("--joint", action="store_true", help=of_joint)
    of_budgets = "with --joint: total FLOPs to be split between size, training and samples"
    add("--budgets", type=arguments.positive, nargs="+", default=[], metavar="FLOPS", help=of_budgets)
    of_queries = "with --budgets: how many queries will be served"
    add("--queries", type=arguments.positive, nargs="+", default=[], metavar="N", help=of_queries)
    of_tokens = "with --joint: what a model was trained on, if the run does not say"
    arguments.add_pretraining_tokens(command, of_tokens, metavar="M=2T")


def refuse_options(options: argparse.Namespace) -> None:
    """Raise ValueError for an option that the joint law alone reads."""
    if given := next((name for name, usual in OF_JOINT.items() if getattr(options, name) != usual), None):
        raise ValueError(f"Only the joint law uses --{given.replace('_', '-')}. Add --joint, or leave it out.")


def run(options: argparse.Namespace) -> dict[str, object]:
    """Print the joint law, and how budgets split by it; of these draw a figure into RUN/figures."""
    if Path(options.run).suffix in TABLES and Path(options.run).is_file():
        return _losses(options)
    if options.rule not in (None, "pass_at_k"):
        raise ValueError("The joint law is of coverage, any of k samples right. Leave --rule out.")
    if bool(options.budgets) != bool(options.queries):
        raise ValueError("A budget is split between training and serving: give --budgets and --queries together.")
    options.rule = "pass_at_k"
    root = arguments.run_folder(options.run)
    reading = arguments.read(root, options)
    given = arguments.by_model("pretraining-tokens", options.pretraining_tokens)
    found = joint.fit(reading, pretraining_tokens=given)
    splits = joint.split(found, budgets=options.budgets, queries=options.queries) if options.budgets else []
    print(joint_table.render(found, splits))
    for line in (said := cautions.lines(reading.asked)):
        print(f"\n{filled(line)}")
    law = {"law": found.fit.law, "converged": found.fit.optimum.converged, "dropped": found.fit.dropped}
    tables = law | {"parameters": found.parameters, "forecasts": found.forecasts, "left_out": found.left_out}
    drawn = _draw(splits, found, root) if splits else {}
    return arguments.describe(root, reading) | tables | drawn | {"cautions": said}


def _losses(options: argparse.Namespace) -> dict[str, object]:
    """Print the joint law of a table of losses."""
    if options.budgets or options.queries or options.pretraining_tokens:
        raise ValueError(
            "A table of losses does not tell what a query takes, so no budget is split by it. Leave --budgets, "
            "--queries and --pretraining-tokens out."
        )
    table = TABLES[Path(options.run).suffix](options.run)
    found = joint_losses.fit(table, seed=options.seed)
    print(joint_table.render_losses(found))
    law = {"law": found.fit.law, "converged": found.fit.optimum.converged, "dropped": found.fit.dropped}
    ends = {"parameters": found.intervals.parameters, "gains": found.intervals.gains}
    return {"table": options.run} | law | ends | {"forecasts": found.forecasts}


def _draw(splits: list[joint.Split], found: joint.Joint, root: Path) -> dict[str, object]:
    from analysis.figures import joint_splits as figure
    from analysis.figures.save import save

    frame = joint.frame(splits, found)
    drawn = save(write_beside(root) / "figures", "joint_splits", frame, figure.draw)
    print(f"\n{drawn}")
    return {"figure": drawn, "splits": frame}
