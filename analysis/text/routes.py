"""What routing found, as the table that a person reads. Knows frames, no files."""

import numpy as np
import pandas as pd

from analysis.policies.measures import HULL
from analysis.policies.replays import At
from analysis.policies.routes import Routes
from analysis.policies.routing import Routing
from analysis.text import operating, wording
from analysis.text.tables import aligned, filled

GAIN = "gain over hull"
TITLES = {"prompts": "on held-out prompts", "data sets": "on held-out data sets, fitted on the others"}
# Measures of a router at the setting that training prompts chose, and of all its settings.
TUNED = ("accuracy", "cost", GAIN, "share of oracle gap")
WHOLE = ("PerfGain", "CostSave", "CostSave at 95%", "APGR", "AIQ", "hypervolume")


def render(routes: Routes, at: At | None = None) -> str:
    """The table of every split, with what was routed over and a line that says who beats the hull; at: where
    routers are compared beside that, the first lines and a table for each split.
    """
    foot = "\n".join([_foot(routes), *wording.together(routes.cluster)])
    parts = [_head(routes), *(_split(found) for found in routes.splits), foot]
    if at is not None:
        unit = routes.run.cost.unit
        lines = [f"Routers {TITLES[found.split]}. {first_line(found, at, unit)}" for found in routes.splits]
        asked = [_asked(found, at, unit) for found in routes.splits]
        parts = ["\n".join(lines), parts[0], *asked, *parts[1:]]
    return filled("\n\n".join(parts))


def first_line(found: Routing, at: At, unit: str) -> str:
    """Which router is best at the cost or accuracy that was asked for, and what it saves there."""
    return operating.first_line(*_routers(found), at, unit)


def at_point(found: Routing, at: At) -> pd.DataFrame:
    """Of each router its setting at the cost or accuracy that was asked for."""
    return operating.chosen(*_routers(found), at)


def _routers(found: Routing) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the routers' settings, and those of the mixtures."""
    rows = found.settings
    return rows[rows["alpha"].notna()], rows[rows["policy"] == HULL]


def _asked(found: Routing, at: At, unit: str) -> str:
    """A row a router, at the point that was asked for."""
    table = [["", "cost", "accuracy", "gain over hull", "saves"]]
    for _, row in at_point(found, at).iterrows():
        accuracy = f"{100 * row['accuracy']:.1f}% [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
        gain = wording.of_row(row, "gain", "{:+.1f}", 100)
        table.append([str(row["policy"]), f"{row['cost']:.3g}", accuracy, gain, operating.saves_cell(row)])
    place = operating.where(_routers(found)[1], at, unit)
    how = "the setting nearest to it" if at.by == "cost" else "the cheapest setting that reaches it"
    title = f"At {place}, {how} {TITLES[found.split]}; saves: of what mixtures pay for the same accuracy."
    if len(table) == 1:
        return f"{title}\nNo router reaches it."
    return f"{title}\n{aligned(table, num_text=1, is_last_text=False)}"


def verdict(found: Routing) -> str:
    """Which routers beat the mixtures of single arms at equal cost, by their intervals."""
    gains = found.measures[(found.measures["measure"] == GAIN) & (found.measures["router"] != "best single")]
    better, worse = (list(gains["router"][sign]) for sign in (gains["low"] > 0, gains["high"] < 0))
    lines = [f"Beats the hull: {', '.join(better) or 'no router'}."]
    return " ".join(lines + ([f"Worse than the hull: {', '.join(worse)}."] if worse else []))


def _head(routes: Routes) -> str:
    run = routes.run
    datasets = np.unique(run.datasets)
    of = f" of {len(datasets)} data sets" if len(datasets) > 1 else ""
    arms = f"{len(run.menu.cells)} settings ({len(run.models)} models at every budget and {_widths(routes)})"
    dropped = f"; {run.num_dropped} prompts are left out because a setting lacks them" if run.num_dropped else ""
    lines = [f"Routing {len(run.prompt_ids)} prompts{of} over {arms}, by {wording.RULES[run.rule]}{dropped}."]
    if routes.embedding is None:
        lines.append(
            "No embeddings are stored, so only the cheap controls are replayed. Run `isoquant embed RUN` "
            "first to add the routers."
        )
    else:
        charged = "charged" if routes.is_charged else f"not charged (its cost is not known in {run.cost.unit})"
        lines.append(f"Embedding: {routes.embedding.embedder} ({routes.embedding.version}), {charged}.")
    return "\n".join(lines)


def _widths(routes: Routes) -> str:
    widths = sorted({cell.width for cell in routes.run.menu.cells})
    return f"widths {', '.join(map(str, widths))}" if len(widths) > 1 else "one sample"


def _split(found: Routing) -> str:
    title = f"Routers {TITLES[found.split]}, at the setting chosen on training prompts:"
    whole = f"All settings, {TITLES[found.split]}:"
    return "\n".join(
        [title, _table(found.measures, TUNED), "", whole, _table(found.measures, WHOLE), verdict(found)]
    )


def _table(measures: pd.DataFrame, wanted: tuple[str, ...]) -> str:
    """A row a router, a column a measure: estimate and interval."""
    rows = measures[measures["measure"].isin(wanted)]
    cells = {(row.router, row.measure): _cell(row) for row in rows.itertuples()}
    routers = dict.fromkeys(rows["router"])
    body = [[router, *(cells.get((router, measure), "-") for measure in wanted)] for router in routers]
    return aligned([["", *wanted], *body], num_text=1, is_last_text=False)


def _cell(row: object) -> str:
    name, ends = row.measure, (row.estimate, row.low, row.high)  # type: ignore[attr-defined]
    if name == "cost":
        estimate, low, high = (f"{end:.3g}" for end in ends)
    elif name == GAIN:
        estimate, low, high = (f"{100 * end:+z.1f}" for end in ends)
    elif name in ("accuracy", "PerfGain", "CostSave", "CostSave at 95%", "share of oracle gap"):
        estimate, low, high = ("none" if end == -np.inf else f"{100 * end:z.1f}%" for end in ends)
    else:
        estimate, low, high = (f"{end:z.3f}" for end in ends)
    return "-" if np.isnan(ends[0]) else f"{estimate} [{low}, {high}]"


def _foot(routes: Routes) -> str:
    return (
        "The hull: what random mixtures of single settings reach at the same mean cost; gains over it are in "
        "points. The oracle sees the answers.\nCostSave: the share of the best single setting's cost that the "
        "cheapest equally accurate setting saves (none: no setting is as accurate).\nAIQ: mean accuracy over "
        "costs "
        "from the cheapest setting to the best. Hypervolume: from accuracy 0 at the cost of the most expensive "
        f"setting.\nMeans over {routes.num_seeds} seeds. Brackets: 95% intervals over held-out prompts (paired "
        f"bootstrap, {routes.num_replicates:,} replicates; policies are fitted once a fold)."
    )
