"""Substitution curves: compute a smaller rung needs, over the largest's,
against the accuracy both have to reach.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from analysis.arrays import Floats
from analysis.figures import ink, labels, never, page, ticks
from analysis.figures.labels import Label
from analysis.figures.never import Lane
from analysis.text import captions, wording

LAYOUT = page.Layout((3.75, 3.2))
# Of the axis, with so much for each rung.
LANE_SHARE, RUNG_SHARE, MAX_LANE_SHARE = 0.08, 0.025, 0.35
NUM_WHISKERS = 6
# Of accuracy, left of all lines.
NAME_ROOM = 0.08
# An interval may reach this many times beyond all lines; where it goes further the axis' end cuts it.
MAX_REACH = 4.0


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.targets.substitution_frame`."""
    models = list(dict.fromkeys(frame["model"]))
    large = frame["large"].iloc[0]
    short, colours = wording.short_names([*models, large]), ink.colours([*models, large])
    bins = list(dict.fromkeys(frame["bin"]))
    figure, panels = page.lay(len(bins), _words(frame.iloc[0], short[large]), LAYOUT)
    low, lane = _limits(frame, len(models))
    for number, (axes, name) in enumerate(zip(panels, bins, strict=True)):
        rows = frame[frame["bin"] == name]
        axes.set_yscale("log")
        axes.set_ylim(low, lane.end)
        axes.set_xlim(max(0, frame["target"].min() - NAME_ROOM), 1)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        ticks.log(axes, "y", form=lambda tick: f"{ticks.number(tick)}x", lane=lane)
        axes.set_xlabel("accuracy to reach", fontsize=9.5)
        if number % LAYOUT.max_columns == 0:
            axes.set_ylabel(
                f"{wording.spent(frame['cost_unit'].iloc[0])} over that of {short[large]}", fontsize=9.5
            )
        page.title(axes, name, wording.prompts(rows["num_prompts"].iloc[0]))
        never.shade(axes, "y", lane)
        axes.axhline(1, color=ink.DARK, linewidth=1, linestyle=(0, (4, 3)), zorder=2)
        heights = {model: lane.at((place + 1) / (len(models) + 1)) for place, model in enumerate(reversed(models))}
        lines = {model: _line(rows[rows["model"] == model], heights[model]) for model in models}
        _draw_lines(axes, rows, lines, colours, heights)
        _name_rungs(axes, lines, short, colours)
    return figure


def _limits(frame: pd.DataFrame, num_models: int) -> tuple[float, Lane]:
    """The lower end of the axis, and the lane above all lines and what is near of their intervals."""
    ends = frame[["exchange_rate", "rate_low", "rate_high"]].to_numpy(dtype=float).ravel()
    ends = np.append(ends[np.isfinite(ends) & (ends > 0)], (0.7, 1.5))
    lines = np.append(
        frame["exchange_rate"][np.isfinite(frame["exchange_rate"])].to_numpy(dtype=float), (0.7, 1.5)
    )
    low = max(float(ends.min()), float(lines.min()) / MAX_REACH) / 1.2
    high = min(float(ends.max()), float(lines.max()) * MAX_REACH) * 1.2
    return low, never.beyond(low, high, share=min(LANE_SHARE + RUNG_SHARE * num_models, MAX_LANE_SHARE))


def _line(part: pd.DataFrame, height: float) -> Floats:
    """Targets and rates (T, 2), those never reached at the rung's height in the lane."""
    rate = part["exchange_rate"].to_numpy(dtype=float)
    return np.column_stack([part["target"].to_numpy(dtype=float), np.where(np.isinf(rate), height, rate)])


def _draw_lines(
    axes: Axes, rows: pd.DataFrame, lines: dict[str, Floats], colours: dict[str, str], heights: dict[str, float]
) -> None:
    """Each rung's rates, dotted where they are upper bounds and on the way to never,
    with intervals here and there.
    """
    shared = sorted(rows["target"].unique())
    stride = max(len(lines), -(-len(shared) // NUM_WHISKERS))
    for number, (model, line) in enumerate(lines.items()):
        part, colour = rows[rows["model"] == model], colours[model]
        gone = np.isinf(part["exchange_rate"].to_numpy(dtype=float))
        bounded = part["at_or_below"].to_numpy(dtype=bool)
        axes.plot(*line.T, color=colour, linewidth=1.2, linestyle=(0, (1, 1.6)), zorder=4)
        for piece, mark in ((~gone & ~bounded, ""), (gone, "s")):
            axes.plot(line[:, 0], np.where(piece, line[:, 1], np.nan), mark + "-", color=colour, linewidth=2.2,
                      markersize=2.2, markeredgewidth=0, zorder=5, solid_capstyle="butt")  # fmt: skip
        at = part["target"].map(shared.index).to_numpy(dtype=int)
        low, high = (part[name].to_numpy(dtype=float) for name in ("rate_low", "rate_high"))
        high = np.where(np.isinf(high), heights[model], high)
        shown = (at % stride == (number * stride) // len(lines)) & np.isfinite(low)
        ink.whiskers(axes, line[shown, 0], low[shown], high[shown], colour)


def _name_rungs(axes: Axes, lines: dict[str, Floats], short: dict[str, str], colours: dict[str, str]) -> None:
    """Each rung's name at the lower end of its line."""
    named = []
    for model, line in lines.items():
        if len(line):
            target, rate = line[0]
            named.append(Label(short[model], target, rate, colours[model]))
    labels.place(axes, named, lines=list(lines.values()))


def _words(first: pd.Series, large: str) -> page.Words:
    return page.Words(
        f"What does a smaller model pay for the accuracy of {large}?",
        f"Below 1x the smaller model is cheaper than {large} at equal accuracy. In the grey lane it never gets "
        "there. "
        "Thin lines: 95% intervals. Dotted: at most so much.",
        f"Each model with {captions.own_best(first)} ({captions.read_by(first)}), "
        f"chosen on one half of the prompts and read on the other. {captions.run(first, binned=True)}",
    )
