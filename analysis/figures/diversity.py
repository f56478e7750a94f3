"""Distinct answers against compute, a line a model: right ones, and beside them any,
which chance alone makes many.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.text import captions, wording

LAYOUT = page.Layout((3.9, 2.9), (0.85, 1.0), max_columns=2)
TITLES = {"right": "right answers", "any": "any answers"}


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.diversity.figure_frame`."""
    models = list(dict.fromkeys(frame["model"]))
    short, colours = wording.short_names(models), ink.colours(models)
    figure, panels = page.lay(len(TITLES), _words(frame.iloc[0]), LAYOUT)
    for axes, (kind, title) in zip(panels, TITLES.items(), strict=True):
        rows = frame[frame["kind"] == kind]
        page.title(axes, title)
        axes.set_xscale("log")
        axes.set_xlim(frame["cost"].min() / 1.4, frame["cost"].max() * 1.4)
        axes.set_ylim(0, 1.08 * max(float(rows["distinct_high"].max()), 0.1))
        ticks.log(axes, "x")
        axes.set_xlabel(f"{frame['cost_unit'].iloc[0]} per prompt", fontsize=9.5)
        axes.set_ylabel("distinct answers per prompt", fontsize=9.5)
        _draw_lines(axes, rows, short, colours)
    return figure


def _draw_lines(axes: Axes, rows: pd.DataFrame, short: dict[str, str], colours: dict[str, str]) -> None:
    named, drawn = [], []
    for name, line in rows.groupby("model", sort=False):
        colour = colours[str(name)]
        axes.plot(line["cost"], line["distinct"], "o-", color=colour, linewidth=1.9, markersize=3.6, zorder=4)
        ink.whiskers(axes, line["cost"], line["distinct_low"], line["distinct_high"], colour)
        named.append(Label(short[str(name)], line["cost"].iloc[-1], line["distinct"].iloc[-1], colour))
        drawn.append(line[["cost", "distinct"]].to_numpy(dtype=float))
    labels.place(axes, named, lines=drawn, size=9)


def _words(first: pd.Series) -> page.Words:
    names = first.get("models_aside", "")
    aside = f"Left out, as their answers are not known: {names}. " if names else ""
    return page.Words(
        "Which model gives more distinct answers for its compute?",
        "Line: distinct answers of 1, 2, 4, ... samples of a model, from left to right; the higher at equal "
        "compute, the more varied. Left only right answers count; right, all that can be read, which wrong ones "
        "make many. Thin lines: 95% intervals.",
        "All prompts, at the full budget; expected number of distinct answers in a random subset of the samples "
        f"(rarefaction). {aside}{captions.run(first, binned=False)}",
    )
