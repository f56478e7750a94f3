"""Policies against their reference line: accuracy above, gain at equal mean cost below; a column a study."""

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FuncFormatter,
    LogFormatterSciNotation,
    LogLocator,
    MaxNLocator,
    NullFormatter,
)

from analysis.figures import ink
from analysis.text import wording

FIGURES = {
    "replay_allocation": ("allocation",),
    "replay_choices": ("thinking", "cascades"),
    "replay_scores": ("stopping on scores", "cascades on scores"),
}
COLUMN_INCHES = 5.0
HEIGHTS_INCHES = (2.7, 2.0)
HEAD_INCHES = 1.25
FOOT_INCHES = 0.85
LEGEND_ROW_INCHES = 0.172
LEFT_INCHES = 0.95
GAP_INCHES = 0.85
# Policies that can be deployed, in this order of colours; told apart by colour-blind readers.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5b3a8c")
# Kinds of policies in the order of the legend.
STYLES = {
    "line": (0, ()),
    "oracle": (0, (5, 2)),
    "half": (0, (5, 2, 1, 2)),
    "policy": (0, ()),
    "placebo": (0, (1, 1.6)),
}
TITLES = {
    "allocation": "How many samples for each prompt?",
    "thinking": "Think about it or not?",
    "cascades": "Ask the next only if in doubt?",
    "stopping on scores": "Stop at a high score?",
    "cascades on scores": "Ask the next if scores are low?",
}


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `replays.policies_frame`: a row a study, model, rule, policy and setting."""
    panels = [part for _, part in frame.groupby(["study", "model", "rule"], sort=False)]
    legend_rows = max(part[part["kind"] != "arms"]["policy"].nunique() for part in panels)
    legend = LEGEND_ROW_INCHES * legend_rows
    width = LEFT_INCHES + COLUMN_INCHES * len(panels)
    height = HEAD_INCHES + sum(HEIGHTS_INCHES) + GAP_INCHES + legend + FOOT_INCHES
    figure = Figure(figsize=(width, height))
    for number, part in enumerate(panels):
        left = (LEFT_INCHES + COLUMN_INCHES * number) / width
        boxes, top = [], height - HEAD_INCHES
        for tall in HEIGHTS_INCHES:
            boxes.append((left, (top - tall) / height, (COLUMN_INCHES - 0.75) / width, tall / height))
            top -= tall + 0.18
        _draw_panel([figure.add_axes(box) for box in boxes], part, first=number == 0)
        _write_legend(figure, part, left, (FOOT_INCHES + legend) / height)
    _write_words(figure, frame)
    return figure


def _draw_panel(axes: list[Axes], part: pd.DataFrame, *, first: bool) -> None:
    above, below = axes
    styles = _styles(part)
    for axis in axes:
        ink.bare(axis)
        axis.set_xscale("log")
    for policy, rows in part[part["cost"] > 0].groupby("policy", sort=False):
        rows, kind = rows.sort_values("cost"), rows["kind"].iloc[0]
        if kind == "arms":
            above.plot(rows["cost"], rows["accuracy"], ".", color="#cccccc", markersize=4, zorder=1)
            continue
        look = styles[str(policy)]
        above.plot(rows["cost"], rows["accuracy"], **look)
        if kind == "line":
            continue
        compared = rows[rows["gain"].notna()]
        below.plot(compared["cost"], compared["gain"], **look)
        if kind == "policy":
            below.fill_between(compared["cost"], compared["gain_low"], compared["gain_high"], color=look["color"],
                               alpha=0.12, linewidth=0)  # fmt: skip
    _scale(above, below, part, first=first)


def _scale(above: Axes, below: Axes, part: pd.DataFrame, *, first: bool) -> None:
    head = part.iloc[0]
    below.axhline(0, color=ink.DARK, linewidth=1.4)
    drawn = part[(part["kind"] != "arms") & (part["cost"] > 0)]
    ends = drawn["cost"].min() / 1.15, drawn["cost"].max() * 1.15
    for axis in (above, below):
        axis.set_xlim(*ends)
    above.tick_params(labelbottom=False, which="both")
    low, high = drawn["accuracy"].min(), drawn["accuracy"].max()
    margin = 0.06 * (high - low) or 0.005
    above.set_ylim(low - margin, high + margin)
    shown = drawn[drawn["kind"] != "line"]["gain"].dropna()
    room = 0.15 * (max(shown.max(), 0) - min(shown.min(), 0)) + 0.005
    below.set_ylim(max(min(shown.min(), 0), -0.15) - room, max(shown.max(), 0) + room)
    above.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(100 * value, 6):g}%"))
    below.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{round(100 * value, 6):+g}" if value else "0")
    )
    for axis in (above, below):
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if ends[1] < 30 * ends[0] else (1,)))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    below.xaxis.set_major_formatter(
        LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(np.inf, np.inf))
    )
    below.set_xlabel(f"mean {head['cost_unit']} per prompt", fontsize=9.5, labelpad=2)
    if first:
        above.set_ylabel("accuracy", fontsize=9.5)
        below.set_ylabel("points over mixtures\nof the reference", fontsize=9.5)
    read = "one answer" if head["study"] == "thinking" else wording.RULES[head["rule"]]
    above.set_title(TITLES[head["study"]], loc="left", fontsize=11, fontweight="bold", pad=19)
    above.text(0, 1.025, f"{head['model']}, {read}", transform=above.transAxes, fontsize=9.5, color=ink.DARK)


def _styles(part: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Lines of a panel: the reference and oracle black, placebos grey, policies in colours."""
    kinds = part[part["kind"] != "arms"].drop_duplicates("policy").set_index("policy")["kind"]
    colours = iter(COLOURS * 2)
    looks: dict[str, dict[str, Any]] = {}
    for policy, kind in sorted(kinds.items(), key=lambda pair: list(STYLES).index(pair[1])):
        colour = {"placebo": ink.GREY}.get(kind) or (next(colours) if kind == "policy" else ink.DARK)
        looks[str(policy)] = {
            "color": colour,
            "linestyle": STYLES[kind],
            "linewidth": 2.0 if kind != "placebo" else 1.4,
        }
        if kind == "policy" and len(part[part["policy"] == policy]) < 15:
            looks[str(policy)] |= {"marker": "o", "markersize": 3}
    return looks


def _write_legend(figure: Figure, part: pd.DataFrame, left: float, top: float) -> None:
    kinds = part.drop_duplicates("policy").set_index("policy")["kind"]
    words = {
        "line": " (reference line)",
        "oracle": " (sees the samples it is read on)",
        "half": " (read on the other half)",
        "placebo": " (placebo)",
    }
    handles = [
        Line2D([], [], label=name + words.get(kinds[name], ""), **look) for name, look in _styles(part).items()
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(left - 0.004, top + 0.008), fontsize=8.5,
                  frameon=False, labelspacing=0.25, borderpad=0, handlelength=2.6)  # fmt: skip


def _write_words(figure: Figure, frame: pd.DataFrame) -> None:
    first = frame.iloc[0]
    width, height = figure.get_size_inches()
    figure.text(0.14 / width, 1 - 0.16 / height, "Who should get the compute?", fontsize=14, fontweight="bold",
                va="top", color=ink.DARK)  # fmt: skip
    key = (
        "Above: accuracy against mean compute. Below: what a policy gains, at equal mean compute, on random "
        "mixtures of the reference line."
    )
    figure.text(0.14 / width, 1 - 0.5 / height, key, fontsize=10, va="top", color=ink.DARK)
    words = (
        f"Task {first['task']}. {first['total_prompts']} prompts, {first['num_samples']} samples each. Every "
        f"policy is fitted on {first['num_folds'] - 1} of {first['num_folds']} folds of prompts and read on the "
        f"last; what it looks at is charged. Bands: 95% intervals ({first['num_replicates']:,} paired bootstraps "
        f"of held-out prompts; fits are not resampled). Cost in {first['cost_unit']}, {first['cost_label']}."
    )
    figure.text(0.14 / width, 0.1 / height, textwrap.fill(words, int(13.2 * width)), fontsize=9, va="bottom",
                color="#444444")  # fmt: skip
