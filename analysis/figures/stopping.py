"""Accuracy against the mean number of samples: the same number for all, and rules that stop prompt by prompt."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.text import captions, wording

LAYOUT = page.Layout((5.6, 3.0))
# Colours of rules in the order of their rows, the same number for all first.
COLOURS = (ink.DARK, "#0072b2", "#d55e00")
SHOWN_LEVEL = 0.95


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `replays.stopping_frame`: a row a number of samples, or a rule and its level."""
    figure, (axes,) = page.lay(1, _words(frame), LAYOUT)
    page.title(axes, str(frame["model"].iloc[0]), wording.prompts(frame["total_prompts"].iloc[0]))
    ink.percent_axis(axes, float(frame["accuracy_low"].min()), float(frame["accuracy_high"].max()))
    axes.set_xscale("log")
    axes.set_xlim(frame["samples"].min() / 1.1, frame["samples"].max() * 1.1)
    ticks.log(axes, "x")
    axes.set_xlabel("mean samples per prompt", fontsize=9.5)
    axes.set_ylabel("accuracy", fontsize=9.5)
    _draw_rules(axes, frame)
    return figure


def _draw_rules(axes: Axes, frame: pd.DataFrame) -> None:
    named, lines = [], []
    for colour, (name, rows) in zip(COLOURS, frame.groupby("rule", sort=False), strict=True):
        axes.plot(rows["samples"], rows["accuracy"], "o-", color=colour, linewidth=2, markersize=3.5, zorder=4)
        ink.whiskers(axes, rows["samples"], rows["accuracy_low"], rows["accuracy_high"], colour)
        shown = rows[rows["level"] == SHOWN_LEVEL]
        axes.plot(shown["samples"], shown["accuracy"], "o", color=colour, markersize=9, fillstyle="none", zorder=5)
        middle = rows.iloc[len(rows) // 2]
        named.append(Label(str(name), middle["samples"], middle["accuracy"], colour))
        lines.append(rows[["samples", "accuracy"]].to_numpy(dtype=float))
    labels.place(axes, named, lines=lines)


def _words(frame: pd.DataFrame) -> page.Words:
    first = frame.iloc[0]
    levels = sorted(frame["level"].dropna().unique())
    return page.Words(
        "When are a prompt's samples enough?",
        f"Dots of a rule: from {100 * levels[0]:g}% to {100 * levels[-1]:g}% sure; the ring is at "
        f"{100 * SHOWN_LEVEL:g}%. Thin lines: 95% intervals.",
        f"Samples are drawn one after another, at most {first['most']}, and read by {wording.RULES['maj_at_k']}. "
        "Certified: the chance that an answer is ever certified that another one is likelier than is at most what "
        "is missing to 100%. Votes agree: judged anew after every sample, without such a bound. Task "
        f"{first['task']}, {first['total_prompts']} prompts, {captions.samples_each(first)}, "
        f"{first['num_replicates']:,} paired bootstraps of prompts.",
    )
