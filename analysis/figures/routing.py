"""Accuracy against cost: single arms, mixtures of them, routers, hindsight;
and what routers gain over the mixtures.
"""

import itertools
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, PercentFormatter

from analysis.arrays import Floats
from analysis.figures import ink
from analysis.text import wording

SIZE_INCHES = (9.6, 6.4)
COST_BOX = (0.075, 0.29, 0.5, 0.56)
GAIN_BOX = (0.735, 0.29, 0.245, 0.56)
# Told apart by colour-blind readers; controls are grey.
COLOURS = {"clusters": "#0072b2", "neighbours": "#d55e00", "predictor": "#009e73"}
Style = Literal["-", "--", ":"]
STYLES: dict[str, Style] = {"best of data set": "--", "prompt length": ":"}
CONTROL = "#777777"


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `routes.frame`: a row a point."""
    figure = Figure(figsize=SIZE_INCHES)
    axes = figure.add_axes(COST_BOX)
    _draw_costs(axes, frame)
    _draw_gains(figure.add_axes(GAIN_BOX), frame[frame["kind"] == "tuned"])
    _write_legend(figure, frame)
    _write_words(figure, frame)
    return figure


def _draw_costs(axes: Axes, frame: pd.DataFrame) -> None:
    ink.bare(axes)
    if frame["cost"].min() > 0:
        axes.set_xscale("log")
    arms = frame[frame["kind"] == "arm"]
    colours = ink.colours(str(frame["models"].iloc[0]).split("|"))
    axes.scatter(arms["cost"], arms["accuracy"], s=9, color=arms["model"].map(colours), alpha=0.75, zorder=2)
    for kind, style in (("hindsight", (0, (5, 2))), ("mixtures", "-")):
        line = frame[frame["kind"] == kind].sort_values("cost")
        axes.plot(*_mixtures(line), color=ink.DARK, linewidth=1.4, linestyle=style, zorder=3)
    for name, rows in frame[frame["kind"] == "router"].groupby("policy", sort=False):
        style = _style(str(name))
        axes.plot(*_mixtures(rows.sort_values("cost")), color=_colour(str(name)), linestyle=style, linewidth=1.6,
                  zorder=4)  # fmt: skip
    for _, row in frame[frame["kind"] == "tuned"].iterrows():
        axes.plot(row["cost"], row["accuracy"], "o", color=_colour(_router(row["policy"])), markersize=6.5,
                  markeredgecolor="white", zorder=6)  # fmt: skip
    single = frame[frame["kind"] == "single"].iloc[0]
    axes.plot(
        single["cost"], single["accuracy"], "*", color=ink.DARK, markersize=11, markeredgecolor="white", zorder=6
    )
    # Hindsight is spent long before the most expensive arm.
    axes.set_xlim(right=1.1 * arms["cost"].max())
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel(f"mean {frame['cost_unit'].iloc[0]} a prompt", fontsize=9.5)
    axes.set_ylabel("accuracy on held-out prompts", fontsize=9.5)


def _mixtures(rows: pd.DataFrame) -> tuple[Floats, Floats]:
    """A line through rows in order of cost,
    straight in cost as mixtures of two settings are, whatever the axis.
    """
    cost, accuracy = rows["cost"].to_numpy(), rows["accuracy"].to_numpy()
    steps = np.unique(
        np.concatenate([np.linspace(low, high, 12) for low, high in itertools.pairwise(cost)] + [cost])
    )
    return steps, np.interp(steps, cost, accuracy)


def _draw_gains(axes: Axes, tuned: pd.DataFrame) -> None:
    """A line a router: points of accuracy over the mixtures at its own cost, with the interval."""
    ink.bare(axes)
    axes.axvline(0, color=ink.DARK, linewidth=1)
    for place, (_, row) in enumerate(tuned.iterrows()):
        colour = _colour(_router(row["policy"]))
        axes.plot([100 * row["gain_low"], 100 * row["gain_high"]], [-place] * 2, color=colour, linewidth=2)
        axes.plot(100 * row["gain"], -place, "o", color=colour, markersize=6.5)
    axes.set_yticks(
        [-place for place in range(len(tuned))], [_router(name) for name in tuned["policy"]], fontsize=9
    )
    axes.set_ylim(-len(tuned) + 0.4, 0.6)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda points, _: f"{points:+g}" if points else "0"))
    axes.set_xlabel("points over mixtures at equal cost", fontsize=9.5)


def _write_legend(figure: Figure, frame: pd.DataFrame) -> None:
    marks = [
        Line2D([], [], color=ink.DARK, linewidth=1.4, label="random mixtures of single arms (hull)"),
        Line2D([], [], color=ink.DARK, linewidth=1.4, linestyle=(0, (5, 2)), label="hindsight (sees the answers)"),
        Line2D([], [], linestyle="", marker="*", markersize=11, color=ink.DARK, label="best single arm"),
    ]
    models = str(frame["models"].iloc[0]).split("|")
    colours, short = ink.colours(models), wording.short_names(models)
    marks += [
        Line2D([], [], color=_colour(name), linestyle=_style(name), linewidth=1.6, label=name)
        for name in dict.fromkeys(frame[frame["kind"] == "router"]["policy"])
    ]
    ends = dict.fromkeys((models[0], models[-1])) if len(models) > 6 else models
    marks += [
        Line2D(
            [], [], linestyle="", marker="o", markersize=4, color=colours[model], label=f"an arm of {short[model]}"
        )
        for model in ends
    ]
    figure.legend(handles=marks, loc="lower left", bbox_to_anchor=(0.02, 0.085), ncols=4, fontsize=8.5, frameon=False,
                  columnspacing=1.4, handlelength=2.2)  # fmt: skip


def _write_words(figure: Figure, frame: pd.DataFrame) -> None:
    first = frame.iloc[0]
    figure.text(0.02, 0.965, "Does knowing the prompt beat a coin between arms?", fontsize=14, fontweight="bold",
                va="top", color=ink.DARK)  # fmt: skip
    gains = frame[frame["kind"] == "tuned"]
    better = [_router(name) for name in gains[gains["gain_low"] > 0]["policy"]]
    said = f"Beyond chance: {', '.join(better)}." if better else "No router is beyond chance."
    key = "Lines: settings that trade accuracy for cost. Large dots: what training prompts chose, all folds."
    figure.text(0.02, 0.92, f"{said}\n{key}", fontsize=10, va="top")
    of = f" of {first['num_datasets']} data sets" if first["num_datasets"] > 1 else ""
    held_out = "data sets, each fitted on the others" if first["split"] == "data sets" else "prompts"
    embedded = "no embedding" if first["embedder"] is None else f"embedding {first['embedder']}"
    paid = ", charged" if first["is_charged"] else ", not charged" if first["embedder"] is not None else ""
    caption = (
        f"{first['num_prompts']} prompts{of}; an arm is a model, a thinking budget and a number of samples, read "
        "by "
        f"{wording.RULES[first['rule']]}. Held out: {held_out}. {embedded.capitalize()}{paid}.\nCost: "
        f"{first['cost_unit']}, {first['cost_label']}. Means over {first['num_seeds']} seeds; 95% intervals over "
        f"held-out prompts (paired bootstrap, {first['num_replicates']:,} replicates; fitted once a fold)."
    )
    figure.text(0.02, 0.02, caption, fontsize=8.5, va="bottom", color="#444444")


def _router(policy: str) -> str:
    return policy.removesuffix(", tuned")


def _colour(name: str) -> str:
    return COLOURS.get(name, CONTROL)


def _style(name: str) -> Style:
    return STYLES.get(name, "-")
