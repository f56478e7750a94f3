"""Accuracy against compute, a panel a bin: every cell, each rung's compute-optimal frontier, and the ladder's."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.text import captions, wording

LAYOUT = page.Layout(panel=(3.75, 3.2))
# Of the axes' height: the strip that shows which rung is best.
STRIP = 0.035


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.frontier.frame`."""
    models = list(dict.fromkeys(frame.loc[frame["kind"] == "cell", "model"]))
    short, colours = wording.short_names(models), ink.colours(models)
    bins = list(dict.fromkeys(frame["bin"]))
    figure, panels = page.lay(len(bins), _words(frame.iloc[0]), LAYOUT)
    drawn = frame[frame["kind"] != "cell"]
    for number, (axes, name) in enumerate(zip(panels, bins, strict=True)):
        rows = frame[frame["bin"] == name]
        axes.set_xscale("log")
        axes.set_xlim(frame["cost"].min() / 1.5, frame["cost"].max() * 1.5)
        ink.percent_axis(axes, max(0.0, drawn["low"].min() - 0.1), 1.0)
        ticks.log(axes, "x")
        page.title(axes, name, f"{rows['num_prompts'].iloc[0]} prompts")
        axes.set_xlabel(f"{frame['cost_unit'].iloc[0]} per prompt", fontsize=9.5)
        if number % LAYOUT.max_columns == 0:
            axes.set_ylabel("accuracy", fontsize=9.5)
        _draw_panel(axes, rows, models, colours)
        _name_rungs(axes, rows, models, short, colours)
    return figure


def _draw_panel(axes: Axes, rows: pd.DataFrame, models: list[str], colours: dict[str, str]) -> None:
    best = rows[rows["kind"] == "best"]
    axes.plot(best["cost"], best["accuracy"], color=ink.DARK, alpha=0.18, linewidth=8, solid_capstyle="round", zorder=1)
    # Bands of many rungs lie over one another.
    shade = min(0.12, 0.6 / len(models))
    for model in models:
        of_model = rows[rows["model"] == model]
        cells, line = (of_model[of_model["kind"] == kind] for kind in ("cell", "frontier"))
        axes.plot(cells["cost"], cells["accuracy"], "o", color=colours[model], alpha=0.3, markersize=2.4,
                  markeredgewidth=0, zorder=2)  # fmt: skip
        axes.fill_between(line["cost"], line["low"], line["high"], color=colours[model], alpha=shade, linewidth=0)
        axes.plot(line["cost"], line["accuracy"], color=colours[model], linewidth=1.8, zorder=4)
    _draw_strip(axes, best, colours)


def _draw_strip(axes: Axes, best: pd.DataFrame, colours: dict[str, str]) -> None:
    """Which rung is the best at each compute, along the lower edge; grey where the folds disagree."""
    compute = best["cost"].to_numpy()
    if len(compute) < 2:
        return
    half = np.sqrt(compute[1] / compute[0])
    names = best["chosen"].fillna("").to_numpy()
    starts = np.flatnonzero(np.append(True, names[1:] != names[:-1]))
    for start, end in zip(starts, np.append(starts[1:], len(names)), strict=True):
        colour = colours.get(names[start], "#cccccc")
        axes.axvspan(compute[start] / half, compute[end - 1] * half, 0, STRIP, color=colour, linewidth=0, zorder=3)


def _name_rungs(
    axes: Axes, rows: pd.DataFrame, models: list[str], short: dict[str, str], colours: dict[str, str]
) -> None:
    """Each rung's name at the lower end of its frontier."""
    lines = [rows[(rows["kind"] == "frontier") & (rows["model"] == model)] for model in models]
    named = [
        Label(short[model], line["cost"].iloc[0], line["accuracy"].iloc[0], colours[model])
        for model, line in zip(models, lines, strict=True)
        if len(line)
    ]
    strip = np.array([(end, axes.get_ylim()[0]) for end in axes.get_xlim()])
    curves = [line[["cost", "accuracy"]].to_numpy(dtype=float) for line in lines]
    labels.place(axes, named, lines=[*curves, strip])


def _words(first: pd.Series) -> page.Words:
    return page.Words(
        "What accuracy does compute buy, and from which model?",
        "Dot: a thinking budget and a number of samples. Line: the model's best cell that costs no more, with its 95% "
        "interval. Wide grey line: the best cell of any model; the strip below shows whose it is (grey: undecided).",
        f"Several samples are read by {captions.read_by(first)}. Best cells are chosen on one half of the prompts and "
        "read on the other: on few prompts a line may lie below dots, and the grey line below a model's own. "
        f"{captions.run(first, binned=True)}",
    )
