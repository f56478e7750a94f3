"""Exchange rates of every pair of rungs: a dot with its interval a pair, a panel a bin, an arrow where it is never."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.figures import ink
from analysis.text import captions, wording

ROW_INCHES = 0.36
PANEL_WIDTH_INCHES = 2.9
HEAD_INCHES = 1.15
FOOT_INCHES = 1.2
LINE_INCHES = 0.16
LABEL_INCHES = 1.6
LETTER_INCHES = 0.08
# Beyond, only those against the largest are drawn.
MAX_PAIRS = 45
MAX_TICKS = 6
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.rate_rows.frame`: a row a pair and bin."""
    short = wording.short_names(list(dict.fromkeys([*frame["small"], *frame["large"]])))
    if len(frame[["small", "large"]].drop_duplicates()) > MAX_PAIRS:
        frame = frame[frame["large"] == frame["large"].iloc[-1]]
    frame = frame.assign(small=frame["small"].map(short), large=frame["large"].map(short))
    pairs = list(dict.fromkeys(zip(frame["small"], frame["large"], strict=True)))
    bins = list(dict.fromkeys(frame["bin"]))
    margin = max(LABEL_INCHES, LETTER_INCHES * max(len(f"{small} for {large}") for small, large in pairs))
    width = margin + PANEL_WIDTH_INCHES * max(len(bins), 3) + 0.1
    words = textwrap.fill(captions.exchange_rates(frame.iloc[0]), int(13.2 * width))
    foot = FOOT_INCHES + LINE_INCHES * max(0, words.count("\n") - 2)
    height = HEAD_INCHES + foot + ROW_INCHES * len(pairs)
    figure = Figure(figsize=(width, height))
    limits = _limits(frame)
    for number, name in enumerate(bins):
        left = (margin + number * PANEL_WIDTH_INCHES) / width
        box = (left, foot / height, (PANEL_WIDTH_INCHES - 0.3) / width, ROW_INCHES * len(pairs) / height)
        axes = figure.add_axes(box)
        _draw_panel(axes, frame[frame["bin"] == name], pairs, limits)
        axes.set_yticks(range(len(pairs)), [f"{small} for {large}" for small, large in pairs] if number == 0 else [])
    _write_words(figure, frame, words, (margin, foot))
    return figure


def _limits(frame: pd.DataFrame) -> tuple[float, float]:
    """Ends of the axis: all that is finite, and 1, with room for the arrows."""
    ends = frame[["exchange_rate", "low", "high"]].to_numpy().ravel()
    ends = np.append(ends[np.isfinite(ends)], (0.5, 2.0))
    return float(ends.min() / 1.4), float(ends.max() * 2.2)


def _draw_panel(axes: Axes, frame: pd.DataFrame, pairs: list[tuple[str, str]], limits: tuple[float, float]) -> None:
    ink.bare(axes)
    axes.axvline(1, color=ink.DARK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    colours = ink.colours(list(dict.fromkeys(small for small, _ in pairs)) + [pairs[-1][1]])
    for _, row in frame.iterrows():
        _draw_rate(axes, row, pairs.index((row["small"], row["large"])), colours[row["small"]], limits[1])
    ticks = [tick for tick in TICKS if limits[0] <= tick <= limits[1] / 1.5]
    axes.xaxis.set_major_locator(FixedLocator(ticks if len(ticks) <= MAX_TICKS else [0.01, 0.1, 1, 10, 100]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}x"))
    axes.set_title(
        f"{frame['bin'].iloc[0]} ({frame['num_prompts'].iloc[0]})", loc="left", fontsize=11, fontweight="bold"
    )


def _draw_rate(axes: Axes, row: pd.Series, height: int, colour: str, edge: float) -> None:
    """A dot and its interval; an end that is never runs to an arrow at the edge, an upper bound points left."""
    if np.isnan(row["exchange_rate"]):
        if row["num_prompts"]:
            axes.annotate(wording.NOTHING, (1, height), ha="center", va="center", fontsize=9, color=colour,
                          path_effects=ink.halo())  # fmt: skip
        return
    end = edge / 1.12
    if np.isfinite(row["low"]):
        axes.plot(
            [row["low"], min(row["high"], end)], [height, height], color=colour, linewidth=2, solid_capstyle="butt"
        )
    if np.isinf(row["high"]):
        axes.plot(
            end, height, ">", color=colour, markersize=8, markerfacecolor="white", markeredgewidth=1.6, clip_on=False
        )
    if np.isfinite(row["exchange_rate"]):
        axes.plot(row["exchange_rate"], height, "<" if row["at_or_below"] else "o", color=colour, markersize=7)
    else:
        axes.annotate("never", (end, height), xytext=(-8, 0 if np.isinf(row["low"]) else 8), textcoords="offset points",
                      ha="right", va="center", fontsize=9, color=colour, path_effects=ink.halo())  # fmt: skip


def _write_words(figure: Figure, frame: pd.DataFrame, words: str, corner: tuple[float, float]) -> None:
    """corner: of the lower left panel, in inches."""
    first = frame.iloc[0]
    width, height = figure.get_size_inches()
    title = "What does a smaller model pay, in compute, for a larger one's answer?"
    figure.text(0.14 / width, 1 - 0.16 / height, title, fontsize=14, fontweight="bold", va="top", color=ink.DARK)
    figure.text(0.14 / width, 1 - 0.5 / height, captions.EXCHANGE_KEY, fontsize=10, va="top", color=ink.DARK)
    figure.text(
        (corner[0] + 0.02) / width,
        (corner[1] - 0.52) / height,
        f"exchange rate ({first['cost_unit']} of the smaller over {first['cost_unit']} of the larger)",
        fontsize=9.5,
        va="center",
    )
    figure.text(0.14 / width, 0.1 / height, words, fontsize=9, va="bottom", color="#444444")
