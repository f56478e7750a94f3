"""A rung that was never run: its curves beside those that were run, and what it pays or is paid for."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, never, page, ticks
from analysis.figures.labels import Label
from analysis.figures.never import Lane
from analysis.reading.bins import ALL_PROMPTS
from analysis.runs import serial
from analysis.text import captions, wording

LAYOUT = page.Layout((3.1, 2.9), (0.75, 1.0), max_columns=3)
FORECAST = "#009e73"
# Points of a name, from a line's end to it, and between two of them in letters.
SIZE, OFFSET, GAP = 8.5, 7.0, 1.5
# Of the axis of rates, below the first and above the last.
ROOM = 0.6


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.unrun.frame`, of all prompts."""
    frame = frame[frame["bin"] == ALL_PROMPTS]
    cells, rates = frame[frame["kind"].isin(["forecast", "measured"])], frame[frame["kind"] == "rate"]
    paths, first = list(dict.fromkeys(cells["path"])), frame.iloc[0]
    models = list(dict.fromkeys(cells.loc[cells["kind"] == "measured", "model"]))
    colours, short = ink.colours(models) | {first["rung"]: FORECAST}, wording.short_names(models)
    short |= {first["rung"]: first["rung"]}
    figure, panels = page.lay(len(paths) + 1, _words(first), LAYOUT)
    for axes, path in zip(panels, paths, strict=False):
        _draw_curves(axes, cells[cells["path"] == path], short, colours)
        page.title(axes, "More samples" if path == "width" else serial.of(first).more.capitalize())
    _draw_rates(panels[-1], rates[rates["path"] == "width"], short, colours)
    page.title(panels[-1], "At equal accuracy, by sampling")
    return figure


def _draw_curves(axes: Axes, rows: pd.DataFrame, short: dict[str, str], colours: dict[str, str]) -> None:
    is_width = rows["path"].iloc[0] == "width"
    ink.percent_axis(axes)
    at = _places(axes, rows, is_width)
    named = []
    for (kind, model), part in rows.groupby(["kind", "model"], sort=False):
        part = part[part["accuracy"].notna()]
        if part.empty:
            continue
        colour, is_forecast = colours[str(model)], kind == "forecast"
        x = np.array([at[step] for step in part["width" if is_width else "budget"]], dtype=float)
        if is_forecast:
            axes.fill_between(x, part["low"], part["high"], color=colour, alpha=0.16, linewidth=0, zorder=1)
        axes.plot(x, part["accuracy"], color=colour, linewidth=2.2 if is_forecast else 1.6, zorder=4,
                  linestyle=(0, (4, 2)) if is_forecast else "-", marker="o", markersize=3)  # fmt: skip
        named.append(Label(short[str(model)], x[-1], float(part["accuracy"].iloc[-1]), colour))
    axes.set_ylabel("accuracy", fontsize=9.5)
    _name(axes, named)


def _name(axes: Axes, named: list[Label]) -> None:
    """The names in a column behind the longest line, each as near to the end of its own as they lie apart."""
    gap = GAP * SIZE / labels.extent_points(axes)[1] * np.ptp(axes.get_ylim())
    last = max(label.x for label in named)
    behind = 1 - axes.transAxes.inverted().transform(axes.transData.transform((last, 0)))[0]
    for label, height in zip(named, labels.spread([label.y for label in named], gap, 0, 1), strict=True):
        text = labels.fit(label.text, SIZE, behind * LAYOUT.panel[0] - OFFSET / 72, weight="bold")
        axes.annotate(text, (last, height), xytext=(OFFSET, 0), textcoords="offset points",
                      va="center", fontsize=SIZE, fontweight="bold", color=label.colour,
                      path_effects=ink.halo())  # fmt: skip


def _places(axes: Axes, rows: pd.DataFrame, is_width: bool) -> dict[int, float]:
    """Where each number of samples, or of tokens, stands; limits and ticks are set."""
    steps = sorted(rows["width" if is_width else "budget"].unique())
    if is_width:
        axes.set_xscale("log")
        axes.set_xlim(0.85, max(steps[-1], 2) ** 1.25)
        ticks.log(axes, "x", last=float(steps[-1]))
        axes.set_xlabel("samples k", fontsize=9.5)
        return {step: float(step) for step in steps}
    axes.set_xlim(-0.4, 1.25 * len(steps) - 1)
    ticks.spaced(axes, [serial.short(int(step)) for step in steps])
    axes.set_xlabel(f"{serial.of(rows.iloc[0]).steps}, at most", fontsize=9.5)
    return {step: float(place) for place, step in enumerate(steps)}


def _draw_rates(axes: Axes, rows: pd.DataFrame, short: dict[str, str], colours: dict[str, str]) -> None:
    """A line a pair, its name above it; the interval runs into the lane where its end is never."""
    ends = rows[["exchange_rate", "rate_low", "rate_high"]].to_numpy(dtype=float).ravel()
    ends = np.append(ends[np.isfinite(ends) & (ends > 0)], (0.5, 2.0))
    low = float(ends.min() / 1.3)
    lane = never.beyond(low, float(ends.max() * 1.3), share=0.2)
    axes.set_xscale("log")
    axes.set_xlim(low, lane.end)
    axes.set_ylim(len(rows) - 1 + ROOM, -ROOM)
    axes.set_yticks([])
    axes.grid(False, axis="y")
    ticks.log(axes, "x", form=lambda tick: f"{ticks.number(tick)}x", lane=lane)
    axes.set_xlabel(f"{wording.spent(rows['cost_unit'].iloc[0])} over the larger's", fontsize=9.5)
    never.shade(axes, "x", lane)
    axes.axvline(1, color=ink.DARK, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    for height, (_, row) in enumerate(rows.iterrows()):
        _draw_rate(axes, row, height, colours[row["small"]], lane)
        named = f"{short[row['small']]} for {short[row['large']]}"
        axes.annotate(named, (low, height - 0.3), xytext=(4, 0), textcoords="offset points", va="center",
                      fontsize=8.5, color=ink.DARK, path_effects=ink.halo())  # fmt: skip


def _draw_rate(axes: Axes, row: pd.Series, height: int, colour: str, lane: Lane) -> None:
    """A dot and its interval; an upper bound is open and points left."""
    rate, bottom, top = (float(row[name]) for name in ("exchange_rate", "rate_low", "rate_high"))
    if np.isnan(rate):
        axes.annotate(wording.NOTHING, (1, height), ha="center", va="center", fontsize=9, color=colour,
                      path_effects=ink.halo())  # fmt: skip
        return
    if np.isfinite(bottom):
        end = lane.start if np.isinf(rate) else never.held(top, lane)
        axes.plot([bottom, end], [height, height], color=colour, linewidth=1.8, alpha=0.6, solid_capstyle="butt")
        if np.isinf(top) and np.isfinite(rate):
            axes.plot(end, height, ">", color=colour, markersize=5, alpha=0.6, markeredgewidth=0)
    if np.isinf(rate):
        axes.annotate(wording.NEVER, (lane.middle, height), ha="center", va="center", fontsize=9, color=colour)
        return
    bounded = bool(row["at_or_below"])
    axes.plot(rate, height, "<" if bounded else "o", color=colour, markersize=7, zorder=5,
              markerfacecolor="white" if bounded else colour)  # fmt: skip


def _words(first: pd.Series) -> page.Words:
    return page.Words(
        f"What would a model of {first['rung']} parameters do that was never run?",
        f"Dashed: the forecast, with a 95% interval; lines: measured. Right: {captions.EXCHANGE_KEY[0].lower()}"
        f"{captions.EXCHANGE_KEY[1:]}",
        f"By the trend in log size of {first['num_models']} models, on all prompts, read by "
        f"{captions.read_by(first)}. The forecast's interval holds the prompts and how far models lie off the "
        f"trend. {captions.run(first, binned=False)}",
    )
