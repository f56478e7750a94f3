"""Exchange rates of every pair of rungs: a dot with its interval a pair,
a panel a bin, a lane where it is never.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, never, page, ticks
from analysis.figures.never import Lane
from analysis.runs import serial
from analysis.text import captions, wording

ROW_INCHES = 0.3
PANEL_INCHES = 2.45
# Beyond, only those against the largest are drawn.
MAX_PAIRS = 45
MAX_COLUMNS = 6


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.rate_rows.frame`: a row a pair and bin."""
    short = wording.short_names(list(dict.fromkeys([*frame["small"], *frame["large"]])))
    if len(frame[["small", "large"]].drop_duplicates()) > MAX_PAIRS:
        frame = frame[frame["large"] == frame["large"].iloc[-1]]
    frame = frame.assign(small=frame["small"].map(short), large=frame["large"].map(short))
    pairs = list(dict.fromkeys(zip(frame["small"], frame["large"], strict=True)))
    named = [f"{small} for {large}" for small, large in pairs]
    bins = list(dict.fromkeys(frame["bin"]))
    beside = max(labels.width_points(name, 9) for name in named) / 72 + 0.25
    panel = (PANEL_INCHES, ROW_INCHES * len(pairs))
    layout = page.Layout(panel, (0.25, 1.0), left=max(beside, 0.85), max_columns=MAX_COLUMNS)
    figure, panels = page.lay(len(bins), _words(frame.iloc[0]), layout)
    low, lane = _limits(frame)
    for number, (axes, name) in enumerate(zip(panels, bins, strict=True)):
        rows = frame[frame["bin"] == name]
        axes.set_xscale("log")
        axes.set_xlim(low, lane.end)
        axes.set_ylim(len(pairs) - 0.5, -0.5)
        ticks.log(axes, "x", form=lambda tick: f"{ticks.number(tick)}x", lane=lane)
        axes.set_yticks(range(len(pairs)), named if number % MAX_COLUMNS == 0 else [""] * len(pairs))
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"{wording.spent(rows['cost_unit'].iloc[0])} over the larger's", fontsize=9.5)
        page.title(axes, name, wording.prompts(rows["num_prompts"].iloc[0]))
        _draw_panel(axes, rows, pairs, lane)
    return figure


def _limits(frame: pd.DataFrame) -> tuple[float, Lane]:
    """The lower end of the axis, and the lane above all that is finite, and 1."""
    ends = frame[["exchange_rate", "low", "high"]].to_numpy(dtype=float).ravel()
    ends = np.append(ends[np.isfinite(ends) & (ends > 0)], (0.5, 2.0))
    low, high = float(ends.min() / 1.3), float(ends.max() * 1.3)
    return low, never.beyond(low, high, share=0.2)


def _draw_panel(axes: Axes, frame: pd.DataFrame, pairs: list[tuple[str, str]], lane: Lane) -> None:
    axes.grid(False, axis="y")
    never.shade(axes, "x", lane)
    axes.axvline(1, color=ink.DARK, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    colours = ink.colours(list(dict.fromkeys(small for small, _ in pairs)) + [pairs[-1][1]])
    for _, row in frame.iterrows():
        _draw_rate(axes, row, pairs.index((row["small"], row["large"])), colours[row["small"]], lane)


def _draw_rate(axes: Axes, row: pd.Series, height: int, colour: str, lane: Lane) -> None:
    """A dot and its interval, which runs into the lane where its end is never;
    an upper bound is open and points left.

    The word itself stands where the rate is never.
    """
    if np.isnan(row["exchange_rate"]):
        if row["num_prompts"]:
            _write(axes, wording.NOTHING, 1, height, colour)
        return
    is_never = np.isinf(row["exchange_rate"])
    if np.isfinite(row["low"]):
        end = row["high"] if np.isfinite(row["high"]) else lane.start if is_never else lane.middle
        axes.plot(
            [row["low"], end], [height, height], color=colour, linewidth=1.6, alpha=0.55, solid_capstyle="butt"
        )
        if np.isinf(row["high"]) and not is_never:
            axes.plot(end, height, ">", color=colour, markersize=5, alpha=0.55, markeredgewidth=0)
    if is_never:
        _write(axes, wording.NEVER, lane.middle, height, colour)
    else:
        bounded = bool(row["at_or_below"])
        axes.plot(row["exchange_rate"], height, "<" if bounded else "o", color=colour, markersize=7, zorder=5,
                  markerfacecolor="white" if bounded else colour)  # fmt: skip


def _write(axes: Axes, word: str, at: float, height: int, colour: str) -> None:
    axes.annotate(word, (at, height), ha="center", va="center", fontsize=9, color=colour, zorder=6,
                  path_effects=ink.halo() if word == wording.NOTHING else None)  # fmt: skip


def _words(first: pd.Series) -> page.Words:
    how = "sampling more" if first["path"] == "width" else serial.of(first).longer
    return page.Words(
        f"What does a smaller model pay to match a larger one by {how}?",
        captions.EXCHANGE_KEY,
        captions.exchange_rates(first),
    )
