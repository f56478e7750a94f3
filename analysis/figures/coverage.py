"""Coverage against samples, a panel a rung: what laws fitted to few samples forecast,
and what all of them show.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, page, ticks
from analysis.text import captions, wording

LAYOUT = page.Layout((2.9, 2.4), (0.62, 1.0), max_columns=4)
STYLES = {"scaled_beta": "-", "power_law": (0, (5, 2)), "nonparametric": (0, (1, 1.5))}


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.coverage.frame`."""
    models = list(dict.fromkeys(frame["model"]))
    short, colours = wording.short_names(models), ink.colours(models)
    notes = [_miss(rows.iloc[-1]) for _, rows in frame.groupby("model", sort=False)]
    titles = page.names(short, LAYOUT.panel[0], notes=notes)
    figure, panels = page.lay(len(models), _words(frame.iloc[0]), LAYOUT)
    for number, (axes, model) in enumerate(zip(panels, models, strict=True)):
        rows = frame[frame["model"] == model]
        axes.set_xscale("log")
        axes.set_xlim(0.85, rows["width"].max() * 1.2)
        ink.percent_axis(axes, max(0.0, float(frame["low"].min())), 1.0)
        ticks.log(axes, "x")
        axes.set_xlabel("samples k", fontsize=9.5)
        if number % LAYOUT.max_columns == 0:
            axes.set_ylabel("any of k correct", fontsize=9.5)
        page.title(axes, titles[model], _miss(rows.iloc[-1]), colour=colours[model])
        _draw_panel(axes, rows, colours[model])
    return figure


def _draw_panel(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    axes.axvspan(rows["num_drawn"].iloc[0], axes.get_xlim()[1], color="#f2f2f2", linewidth=0, zorder=0)
    for name, style in STYLES.items():
        axes.plot(rows["width"], rows[name], color=ink.DARK, linewidth=1.2, linestyle=style, zorder=3)
    points = rows[rows["is_point"]]
    axes.vlines(points["width"], points["low"], points["high"], color=colour, linewidth=1, alpha=0.6, zorder=4)
    for held_out, part in points.groupby("is_held_out"):
        axes.plot(part["width"], part["coverage"], "o", color=colour, markersize=5, zorder=5, markeredgewidth=1.3,
                  markerfacecolor="white" if held_out else colour)  # fmt: skip


def _miss(last: pd.Series) -> str:
    """'forecast -1.4 points', of the scaled beta at the largest width."""
    return "no forecast" if np.isnan(last["last_miss"]) else f"off by {100 * last['last_miss']:+z.1f} points"


def _words(first: pd.Series) -> page.Words:
    drawn = first["num_drawn"]
    return page.Words(
        "Do a few samples tell what many will solve?",
        f"Points: coverage of all samples, with 95% intervals; open: more than the {drawn} samples that the "
        "forecasts know. Forecasts: solid, a scaled beta with a share never solved; dashed, a power law; "
        "dotted, any shape.",
        f"Forecasts from {drawn} samples a prompt, drawn without replacement. Off by: the scaled beta's "
        "forecast at the largest k less what is seen there. Coverage needs an oracle and counts lucky guesses "
        f"of short answers. {captions.run(first, binned=False, priced=False)}",
    )
