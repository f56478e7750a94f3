"""Isoquants: for each accuracy, the model sizes and inference compute that give it, a panel a bin."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.arrays import Floats
from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.text import captions, wording

LAYOUT = page.Layout(panel=(3.75, 3.4))
# A contour that is never reached ends in a triangle this far below the upper edge, in log units of the axis.
ROOM = 0.06


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.targets.isoquant_frame`."""
    sizes = frame.drop_duplicates("model").set_index("model")["num_params"]
    short = wording.short_names(list(sizes.index))
    bins = list(dict.fromkeys(frame["bin"]))
    colours = ink.shades(sorted(frame["target"].unique()))
    figure, panels = page.lay(len(bins), _words(frame.iloc[0]), LAYOUT)
    low, high = _limits(frame)
    for number, (axes, name) in enumerate(zip(panels, bins, strict=True)):
        rows = frame[frame["bin"] == name]
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(sizes.min() / 1.7, sizes.max() * 2.4)
        axes.set_ylim(low, high)
        ticks.named(axes, dict(zip(sizes, [short[name] for name in sizes.index], strict=True)))
        ticks.log(axes, "y")
        page.title(axes, name, f"{rows['num_prompts'].iloc[0]} prompts")
        axes.set_xlabel("model, by its parameters", fontsize=9.5)
        if number % LAYOUT.max_columns == 0:
            axes.set_ylabel(f"{frame['cost_unit'].iloc[0]} per prompt", fontsize=9.5)
        _draw_panel(axes, rows, colours)
    return figure


def _limits(frame: pd.DataFrame) -> tuple[float, float]:
    ends = frame[["cost", "cost_low"]].to_numpy(dtype=float).ravel()
    ends = ends[np.isfinite(ends)]
    return float(ends.min() / 1.6), float(ends.max() * 4)


def _draw_panel(axes: Axes, rows: pd.DataFrame, colours: dict[float, str]) -> None:
    low, high = axes.get_ylim()
    ceiling = np.exp(np.log(high) - ROOM * np.log(high / low))
    lines, named = [], []
    for number, (target, part) in enumerate(rows.groupby("target", sort=True)):
        colour = colours[float(target)]
        sizes = part["num_params"].to_numpy(dtype=float) * (1 + 0.03 * (number - 2))
        compute = part["cost"].to_numpy(dtype=float)
        told = np.isfinite(compute)
        axes.plot(sizes, np.where(told, compute, np.nan), color=colour, linewidth=2, zorder=4)
        _draw_points(axes, sizes, part, colour, ceiling)
        _join_never(axes, sizes, compute, colour, ceiling)
        least = int(np.nanargmin(np.where(told, compute, np.inf)))
        axes.plot(sizes[least], compute[least], "*", color=colour, markersize=13, markeredgecolor="white", zorder=7)
        last = int(np.flatnonzero(told)[-1])
        named.append(Label(f"{100 * float(target):.0f}%", sizes[last], compute[last], colour))
        lines.append(np.column_stack([sizes[told], compute[told]]))
    labels.place(axes, named, lines=lines)


def _draw_points(axes: Axes, sizes: Floats, part: pd.DataFrame, colour: str, ceiling: float) -> None:
    """A dot with its interval, which runs to a triangle where more than 2.5% of replicates never get there."""
    cost, low, high = (part[name].to_numpy(dtype=float) for name in ("cost", "cost_low", "cost_high"))
    told, bounded = np.isfinite(cost), part["at_or_below"].to_numpy(dtype=bool)
    ranged = np.isfinite(low)
    axes.vlines(sizes[ranged], low[ranged], np.minimum(high, ceiling)[ranged], color=colour, linewidth=1, alpha=0.55)
    for which, height, marker, fill in (
        (np.isinf(high) & ~told, ceiling, "^", colour),
        (np.isinf(high) & told, ceiling, "^", "white"),
        (told & ~bounded, cost, "o", colour),
        (told & bounded, cost, "v", "white"),
    ):
        heights = np.broadcast_to(height, cost.shape)[which]
        axes.plot(sizes[which], heights, marker, color=colour, markersize=5, markerfacecolor=fill, zorder=5)


def _join_never(axes: Axes, sizes: Floats, compute: Floats, colour: str, ceiling: float) -> None:
    """A faint line from the last size that never gets there to the first that does."""
    for here in range(len(sizes) - 1):
        pair = compute[here : here + 2]
        if np.isinf(pair).sum() == 1:
            axes.plot(sizes[here : here + 2], np.minimum(pair, ceiling), color=colour, linewidth=1,
                      linestyle=(0, (1, 2)), zorder=3)  # fmt: skip


def _words(first: pd.Series) -> page.Words:
    return page.Words(
        "Which mixes of model size and inference compute give the same accuracy?",
        "Line: equal accuracy. Star: the size that gives it for least. Bar: 95% interval. Open triangle down: the "
        "cheapest cell is there already, so it takes at most this. Filled triangle up: never within the grid; open, "
        "never in over 2.5% of replicates.",
        "Each model with its own best budget and samples, chosen on one half of the prompts and read on the other; "
        f"several samples are read by {captions.read_by(first)}. Lines of one panel are set a little apart sideways. "
        f"{captions.run(first, binned=True)}",
    )
