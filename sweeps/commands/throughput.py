"""probe throughput: tokens a second of shapes without weights, into a table."""

import argparse
from pathlib import Path

from results.places import RUNS
from results.shortage import writing_run
from sweeps.shape_lists import load
from sweeps.speeds import Asked, build_settings, time_missing


def run(options: argparse.Namespace) -> dict[str, object]:
    """Time what the table lacks; say how much that was and which shapes failed. Raises ValueError where all
    did.
    """
    shapes, settings = load(options.what), build_settings(options.engine)
    table = options.table or RUNS / f"throughput-{Path(options.what).stem}.csv"
    asked = Asked(shapes, options.batch, options.context, options.rounds, options.tokens, settings)
    with writing_run(table):
        found = time_missing(table, asked)
    if found.failures and not found.num_timed + found.num_known:
        name, reason = next(iter(found.failures.items()))
        raise ValueError(f"None of {len(shapes)} shapes could be timed; {name}: {reason}.")
    if found.failures:
        print(f"{len(found.failures)} of {len(shapes)} shapes are not done; the same command tries them again.")
    print(f"{found.num_timed:,} timings added to {found.num_known:,} in {table}")
    print(f"isoquant probe laws {table} fits what makes a shape fast.")
    return {"table": str(table), **found._asdict()}
