"""Accuracy against compute, a panel a bin: what each rung reaches at its best,
and above it, whose best is the best.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.text import captions, wording

STRIP_INCHES = 0.21
LAYOUT = page.Layout(panel=(3.75, 3.0), between=(0.62, 0.85 + STRIP_INCHES), above=0.5 + STRIP_INCHES)
UNDECIDED = ("#d6d6d6", "unclear")
# Intervals along each line.
NUM_WHISKERS = 6


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.frontier.frame`."""
    models = list(dict.fromkeys(frame.loc[frame["kind"] == "cell", "model"]))
    short, colours = wording.short_names(models), ink.colours(models)
    bins = list(dict.fromkeys(frame["bin"]))
    figure, panels = page.lay(len(bins), _words(frame.iloc[0]), LAYOUT)
    drawn = frame[frame["kind"] != "cell"]
    for number, (axes, name) in enumerate(zip(panels, bins, strict=True)):
        rows = drawn[drawn["bin"] == name]
        axes.set_xscale("log")
        axes.set_xlim(drawn["cost"].min() / 1.5, drawn["cost"].max() * 1.5)
        ink.percent_axis(axes, max(0.0, drawn["low"].min()), 1.0)
        ticks.log(axes, "x")
        axes.set_xlabel(f"{frame['cost_unit'].iloc[0]} per prompt, at most", fontsize=9.5)
        if number % LAYOUT.max_columns == 0:
            axes.set_ylabel("accuracy", fontsize=9.5)
        lines = {model: rows[(rows["kind"] == "frontier") & (rows["model"] == model)] for model in models}
        _draw_lines(axes, lines, colours)
        _name_rungs(axes, lines, short, colours)
        strip = _draw_strip(axes, rows[rows["kind"] == "best"], short, colours)
        page.title(strip, name, wording.prompts(rows["num_prompts"].iloc[0]))
    return figure


def _draw_lines(axes: Axes, lines: dict[str, pd.DataFrame], colours: dict[str, str]) -> None:
    """Each rung's best cell at each compute, with an interval here and there, no two rungs' at one place."""
    stride = max(len(lines), -(-max(len(line) for line in lines.values()) // NUM_WHISKERS))
    shared = sorted({cost for line in lines.values() for cost in line["cost"]})
    place = {cost: number for number, cost in enumerate(shared)}
    for number, (model, line) in enumerate(lines.items()):
        axes.plot(line["cost"], line["accuracy"], color=colours[model], linewidth=2, zorder=4)
        at = line["cost"].map(place).to_numpy(dtype=int)
        shown = line[at % stride == (number * stride) // len(lines)]
        ink.whiskers(axes, shown["cost"], shown["low"], shown["high"], colours[model])


def _draw_strip(axes: Axes, best: pd.DataFrame, short: dict[str, str], colours: dict[str, str]) -> Axes:
    """Which rung is the best at each compute, named where there is room; grey where the halves disagree."""
    box, figure = axes.get_position(), labels.sheet(axes)
    tall = figure.get_figheight()
    strip = figure.add_axes((box.x0, box.y1 + 0.04 / tall, box.width, STRIP_INCHES / tall), sharex=axes)
    strip.axis("off")
    strip.set_ylim(0, 1)
    compute = best["cost"].to_numpy()
    if len(compute) < 2:
        return strip
    half = np.sqrt(compute[1] / compute[0])
    points = labels.extent_points(strip)[0] / np.log(np.divide(*strip.get_xlim()[::-1]))
    names = best["chosen"].fillna("").to_numpy()
    starts = np.flatnonzero(np.append(True, names[1:] != names[:-1]))
    for start, end in zip(starts, np.append(starts[1:], len(names)), strict=True):
        colour, word = (colours[names[start]], short[names[start]]) if names[start] in colours else UNDECIDED
        low, high = compute[start] / half, compute[end - 1] * half
        strip.axvspan(low, high, color=colour, linewidth=0)
        if labels.width_points(word, 8.5, "bold") + 6 <= points * np.log(high / low):
            strip.annotate(word, (np.sqrt(low * high), 0.46), ha="center", va="center", fontsize=8.5,
                           fontweight="bold", color=ink.on(colour))  # fmt: skip
    return strip


def _name_rungs(
    axes: Axes, lines: dict[str, pd.DataFrame], short: dict[str, str], colours: dict[str, str]
) -> None:
    """Each rung's name at the lower end of its line."""
    named = [
        Label(short[model], line["cost"].iloc[0], line["accuracy"].iloc[0], colours[model])
        for model, line in lines.items()
        if len(line)
    ]
    labels.place(axes, named, lines=[line[["cost", "accuracy"]].to_numpy(dtype=float) for line in lines.values()])


def _words(first: pd.Series) -> page.Words:
    return page.Words(
        "Which model is the best buy for your compute?",
        "Line: the best accuracy a model reaches without spending more, with 95% intervals. Strip on top: the "
        "model that is best there; grey: unclear.",
        f"Each model with {captions.own_best(first)} ({captions.read_by(first)}), "
        "chosen on one half of the prompts and read on the other; unclear: the halves choose different models. "
        f"{captions.run(first, binned=True)}",
    )
