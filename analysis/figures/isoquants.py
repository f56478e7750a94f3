"""Isoquants: for each accuracy, the model sizes and inference compute that give it, a panel a bin."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.arrays import Floats
from analysis.figures import ink, labels, never, page, ticks
from analysis.figures.labels import Label
from analysis.figures.never import Lane
from analysis.text import captions, wording

LAYOUT = page.Layout(panel=(3.75, 3.4))
# Of a bin's contours so many are drawn, the lowest and the highest among them.
MAX_DRAWN = 4
# Sideways, between two contours at one size, in log units.
APART = 0.05


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.targets.isoquant_frame`."""
    sizes = frame.drop_duplicates("model").set_index("model")["num_params"]
    short = wording.short_names(list(sizes.index))
    bins = list(dict.fromkeys(frame["bin"]))
    frame = pd.concat([_thinned(part) for _, part in frame.groupby("bin", sort=False)])
    colours = ink.shades(sorted(frame["target"].unique()))
    figure, panels = page.lay(len(bins), _words(frame.iloc[0]), LAYOUT)
    low, lane = _limits(frame)
    for number, (axes, name) in enumerate(zip(panels, bins, strict=True)):
        rows = frame[frame["bin"] == name]
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(sizes.min() / 1.7, sizes.max() * 2.4)
        axes.set_ylim(low, lane.end)
        ticks.named(axes, dict(zip(sizes, [short[name] for name in sizes.index], strict=True)))
        ticks.log(axes, "y", lane=lane)
        page.title(axes, name, wording.prompts(rows["num_prompts"].iloc[0]))
        axes.set_xlabel("model, by its parameters", fontsize=9.5)
        if number % LAYOUT.max_columns == 0:
            axes.set_ylabel(f"{frame['cost_unit'].iloc[0]} per prompt", fontsize=9.5)
        never.shade(axes, "y", lane)
        _draw_panel(axes, rows, colours, lane)
    return figure


def _thinned(part: pd.DataFrame) -> pd.DataFrame:
    """The rows of at most MAX_DRAWN targets of a bin, evenly among them."""
    targets = sorted(part["target"].unique())
    at = np.linspace(0, len(targets) - 1, min(len(targets), MAX_DRAWN)).round().astype(int)
    return part[part["target"].isin([targets[place] for place in at])]


def _limits(frame: pd.DataFrame) -> tuple[float, Lane]:
    """The lower end of the axis, and the lane above every cost that is told."""
    ends = frame[["cost", "cost_low", "cost_high"]].to_numpy(dtype=float).ravel()
    ends = ends[np.isfinite(ends)]
    low, high = float(ends.min() / 1.6), float(ends.max() * 1.4)
    return low, never.beyond(low, high, share=0.13)


def _draw_panel(axes: Axes, rows: pd.DataFrame, colours: dict[float, str], lane: Lane) -> None:
    lines, named = [], []
    targets = sorted(rows["target"].unique())
    for number, target in enumerate(targets):
        part, colour = rows[rows["target"] == target], colours[target]
        aside = np.exp(APART * (number - (len(targets) - 1) / 2))
        sizes = part["num_params"].to_numpy(dtype=float) * aside
        compute = part["cost"].to_numpy(dtype=float)
        told = np.isfinite(compute)
        # Higher accuracies lie higher in the lane, too.
        gone = lane.at((number + 1) / (len(targets) + 1))
        heights = np.where(told, compute, gone)
        axes.plot(sizes, heights, color=colour, linewidth=1, linestyle=(0, (1, 2)), zorder=3)
        axes.plot(sizes, np.where(told, compute, np.nan), color=colour, linewidth=2.2, zorder=4)
        _draw_points(axes, sizes, part, colour, gone)
        least = int(np.nanargmin(np.where(told, compute, np.inf)))
        axes.plot(
            sizes[least], compute[least], "*", color=colour, markersize=14, markeredgecolor="white", zorder=7
        )
        last = int(np.flatnonzero(told)[-1])
        named.append(Label(f"{100 * target:.0f}%", sizes[last], compute[last], colour))
        lines.append(np.column_stack([sizes, heights]))
    labels.place(axes, named, lines=lines, size=9.5)


def _draw_points(axes: Axes, sizes: Floats, part: pd.DataFrame, colour: str, gone: float) -> None:
    """A dot with its interval, which runs into the lane where more than 2.5% of replicates never get there."""
    cost, low, high = (part[name].to_numpy(dtype=float) for name in ("cost", "cost_low", "cost_high"))
    told, bounded = np.isfinite(cost), part["at_or_below"].to_numpy(dtype=bool)
    ranged = np.isfinite(low)
    ink.whiskers(axes, sizes[ranged], low[ranged], np.where(np.isinf(high), gone, high)[ranged], colour)
    for which, marker, fill in (
        (~told, "o", colour),
        (told & ~bounded, "o", colour),
        (told & bounded, "v", "white"),
    ):
        heights = np.where(told, cost, gone)[which]
        axes.plot(sizes[which], heights, marker, color=colour, markersize=4.5, markerfacecolor=fill, zorder=5)


def _words(first: pd.Series) -> page.Words:
    return page.Words(
        "Which model reaches an accuracy with the least compute?",
        "Line: equal accuracy, as its label says. Star: the model that gives it for least. In the grey lane a "
        "model never reaches it. Thin lines: 95% intervals. Open triangle: at most so much.",
        f"Each model with {captions.own_best(first)} ({captions.read_by(first)}), "
        f"chosen on one half of the prompts and read on the other. {captions.run(first, binned=True)}",
    )
