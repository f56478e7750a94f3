"""What routing found, as the table that a person reads. Knows frames, no files."""

import numpy as np
import pandas as pd

from analysis.policies.routes import Routes
from analysis.policies.routing import Routing
from analysis.text import wording

GAIN = "gain over hull"
TITLES = {"prompts": "on prompts held out", "data sets": "on data sets held out, each fitted on the others"}
# Measures of a router at the setting that training prompts chose, and of all its settings.
TUNED = ("accuracy", "cost", GAIN, "share of oracle gap")
WHOLE = ("PerfGain", "CostSave", "CostSave at 95%", "APGR", "AIQ", "hypervolume")


def render(routes: Routes) -> str:
    """The table of every split, with what was routed over and a line that says who beats the hull."""
    foot = "\n".join([_foot(routes), *wording.together(routes.cluster)])
    return "\n\n".join([_head(routes), *(_split(found) for found in routes.splits), foot])


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
    arms = f"{len(run.menu.cells)} arms ({len(run.models)} models at every budget and {_widths(routes)})"
    dropped = f"; {run.num_dropped} prompts that an arm lacks are left out" if run.num_dropped else ""
    lines = [f"Routing {len(run.prompt_ids)} prompts{of} over {arms}, by {wording.RULES[run.rule]}{dropped}."]
    if routes.embedding is None:
        lines.append("No embeddings are stored, so that only the cheap controls are replayed: isoquant embed RUN")
    else:
        charged = "charged" if routes.is_charged else f"its cost is not known in {run.cost.unit}, not charged"
        lines.append(f"Embedding: {routes.embedding.embedder} ({routes.embedding.version}), {charged}.")
    return "\n".join(lines)


def _widths(routes: Routes) -> str:
    widths = sorted({cell.width for cell in routes.run.menu.cells})
    return f"widths {', '.join(map(str, widths))}" if len(widths) > 1 else "one sample"


def _split(found: Routing) -> str:
    title = f"Routers {TITLES[found.split]}, at the setting that training prompts chose:"
    whole = f"All settings, {TITLES[found.split]}:"
    return "\n".join([title, _table(found.measures, TUNED), "", whole, _table(found.measures, WHOLE), verdict(found)])


def _table(measures: pd.DataFrame, wanted: tuple[str, ...]) -> str:
    """A row a router, a column a measure: estimate and interval."""
    rows = measures[measures["measure"].isin(wanted)]
    cells = rows.assign(text=[_cell(row) for row in rows.itertuples()])
    order = list(dict.fromkeys(rows["router"]))
    table = cells.pivot(index="router", columns="measure", values="text")
    table = table.reindex(index=order, columns=list(wanted)).fillna("-")
    return str(table.rename_axis(index=None, columns=None).to_string())


def _cell(row: object) -> str:
    name, ends = row.measure, (row.estimate, row.low, row.high)  # type: ignore[attr-defined]
    if name == "cost":
        estimate, low, high = (f"{end:.3g}" for end in ends)
    elif name == GAIN:
        estimate, low, high = (f"{100 * end:+.1f}" for end in ends)
    elif name in ("accuracy", "PerfGain", "CostSave", "CostSave at 95%", "share of oracle gap"):
        estimate, low, high = ("none" if end == -np.inf else f"{100 * end:.1f}%" for end in ends)
    else:
        estimate, low, high = (f"{end:.3f}" for end in ends)
    return "-" if np.isnan(ends[0]) else f"{estimate} [{low}, {high}]"


def _foot(routes: Routes) -> str:
    return (
        "The hull is what random mixtures of single arms reach at the same mean cost; its gain is in points. The "
        "oracle sees the answers.\nCostSave: of the best single arm's cost, by the cheapest setting as accurate (none: "
        "no setting is). AIQ: costs from the\ncheapest arm to the best; hypervolume: from accuracy 0 at the dearest. "
        f"Means over {routes.num_seeds} seeds; 95% intervals over\nheld-out prompts (paired bootstrap, "
        f"{routes.num_replicates:,} replicates; policies are fitted once a fold)."
    )
