"""probe laws, probe ratio: which shape is best, from a table of speeds or of other outcomes."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.commands.joint import TABLES
from analysis.questions import best_share, shape_laws
from analysis.stats.turning_points import Best
from analysis.text import shape_laws as text


def run(options: argparse.Namespace) -> dict[str, object]:
    """Print the law of shapes, or the best share."""
    table = _read(options.what)
    return _ratio(options, table) if options.way == "ratio" else _laws(options, table)


def _laws(options: argparse.Namespace, table: pd.DataFrame) -> dict[str, object]:
    found = shape_laws.fit(table, outcome=options.outcome, best="lowest" if options.lowest else None)
    print(text.render(found))
    drawn: dict[str, object] = {}
    if options.figure is not None:
        from analysis.figures import shape_law as figure
        from analysis.figures.save import save

        drawn = {"figure": save(options.figure, "shape_law", shape_laws.frame(found), figure.draw)}
        print(f"\n{drawn['figure']}")
    return {"table": options.what, "laws": found} | drawn


def _ratio(options: argparse.Namespace, table: pd.DataFrame) -> dict[str, object]:
    if options.ratio is None or options.outcome is None:
        raise ValueError("Say which columns: --ratio for the share, --outcome for what is fitted.")
    best: Best = "lowest" if options.lowest else shape_laws.best_of(options.outcome)
    columns: dict[str, Any] = {"ratio": options.ratio, "outcome": options.outcome, "by": options.by}
    found = best_share.fit(table, **columns, best=best)
    print(text.render_shares(found, **columns, best=best))
    return {"table": options.what, "best": best, "shares": found}


def _read(name: str) -> pd.DataFrame:
    """A CSV or Parquet table. Raises ValueError where there is none that can be read."""
    path = Path(name)
    if path.suffix not in TABLES or not path.is_file():
        raise ValueError(f"There is no table {name}. Give a .csv or .parquet file.")
    try:
        table: pd.DataFrame = TABLES[path.suffix](path)
    except (ValueError, OSError) as error:
        raise ValueError(f"{name} cannot be read as a table ({' '.join(str(error).split())}).") from None
    if table.empty:
        raise ValueError(f"{name} has no rows.")
    return table
