"""Pythia on MATH: coverage against samples, and the samples a smaller model needs to match the largest."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.text import wording

LAYOUT = page.Layout((4.6, 3.9), (0.95, 0.9), max_columns=2)
ROOM = 2.2


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.published.frame`."""
    models, largest = list(dict.fromkeys(frame["model"])), frame["largest"].iloc[0]
    short, colours = wording.short_names(models), ink.colours(models)
    figure, (left, right) = page.lay(2, _words(frame.iloc[0], short[largest]), LAYOUT)
    # Room for the names: after the lines on the left, before them on the right.
    for axes, ends in ((left, (0.8, 30)), (right, (0.2, 1.3))):
        axes.set_xscale("log")
        axes.set_xlim(ends[0], frame["k"].max() * ends[1])
        ticks.log(axes, "x", last=frame["k"].max())
    _draw_coverage(left, frame[frame["kind"] == "coverage"], models, short, colours)
    _draw_needs(right, frame[frame["kind"] == "needs"], models[:-1], short, colours)
    left.set_ylabel("coverage: any of k correct", fontsize=9.5)
    left.set_xlabel("samples k", fontsize=9.5)
    right.set_ylabel("samples k* that the smaller model needs", fontsize=9.5)
    right.set_xlabel(f"samples k of {short[largest]}", fontsize=9.5)
    page.title(left, "Coverage", "with the exponent b of exp(-a / k^b)")
    page.title(right, f"Matching {short[largest]}")
    return figure


def _draw_coverage(
    axes: Axes, rows: pd.DataFrame, models: list[str], short: dict[str, str], colours: dict[str, str]
) -> None:
    ink.percent_axis(axes)
    lines, named = [], []
    for model in models:
        part = rows[rows["model"] == model]
        axes.fill_between(part["k"], part["low"], part["high"], color=colours[model], alpha=0.1, linewidth=0)
        axes.plot(part["k"], part["coverage"], color=colours[model], linewidth=1.8)
        last = part.iloc[-1]
        text = f"{short[model]}  b = {last['exponent']:.2f}"
        named.append(Label(text, last["k"], last["coverage"], colours[model]))
        lines.append(part[["k", "coverage"]].to_numpy(dtype=float))
    labels.place(axes, named, lines=lines, size=8.5)


def _draw_needs(
    axes: Axes, rows: pd.DataFrame, models: list[str], short: dict[str, str], colours: dict[str, str]
) -> None:
    top = rows["k"].max() * ROOM
    axes.set_yscale("log")
    axes.set_ylim(0.8, top * 1.4)
    ticks.log(axes, "y")
    ends = (1, rows["k"].max())
    axes.plot(ends, ends, color=ink.DARK, linewidth=1, linestyle=(0, (4, 3)))
    lines, named = [np.array([[ends[0], ends[0]], [ends[1], ends[1]]])], []
    for model in models:
        part = rows[rows["model"] == model]
        told = part[np.isfinite(part["k_star"])]
        gone = part[np.isinf(part["k_star"])]
        axes.fill_between(told["k"], told["low"], told["high"].clip(upper=top), color=colours[model], alpha=0.15,
                          linewidth=0)  # fmt: skip
        axes.plot(told["k"], told["k_star"], color=colours[model], linewidth=1.8)
        if len(gone):
            axes.plot(gone["k"].iloc[0], top, "^", color=colours[model], markersize=8, clip_on=False)
            pair = [told["k"].iloc[-1], gone["k"].iloc[0]], [told["k_star"].iloc[-1], top]
            axes.plot(*pair, color=colours[model], linewidth=1, linestyle=(0, (1, 2)))
        named.append(Label(short[model], told["k"].iloc[0], told["k_star"].iloc[0], colours[model]))
        lines.append(told[["k", "k_star"]].to_numpy(dtype=float))
    labels.place(axes, named, lines=lines, size=8.5)


def _words(first: pd.Series, largest: str) -> page.Words:
    return page.Words(
        f"How many samples of a smaller Pythia solve as many MATH problems as {largest}?",
        "Right: the dashed line is as many samples as the largest draws. Triangle: from here on never within "
        f"{first['num_samples']:,} samples. Bands: 90% intervals over problems.",
        "This is coverage, inflated by lucky guesses: MATH answers are short, a wrong solution can end in the "
        "right number, and picking the right one of k needs an oracle. Samples, not compute, are counted. "
        f"{first['num_problems']} MATH problems, the same for all models, {first['num_samples']:,} samples each "
        "(Brown et al. 2024, arXiv 2407.21787; counts of Schaeffer et al. 2025, arXiv 2502.17578). Paired "
        f"bootstrap, {first['num_replicates']:,} replicates.",
    )
