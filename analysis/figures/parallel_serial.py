"""Width against depth: accuracy over samples and thinking, and the best settings by tokens; a column a bin."""

import textwrap

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import PercentFormatter

from analysis.arrays import Floats
from analysis.figures import ink
from analysis.reading import limits
from analysis.text import wording

COLUMN_INCHES = 3.7
SURFACE_INCHES = 2.3
CURVE_INCHES = 2.3
LEFT_INCHES = 0.75
HEAD_INCHES = 1.35
FOOT_INCHES = 1.35
GAP_INCHES = 0.75
MAX_COLUMNS = 6
AXES = {"tokens in all": ("#0072b2", "o"), "tokens in series": ("#d55e00", "s")}
# Cells with room for a number.
MAX_WRITTEN = 8
# Accuracy that would be black.
WHITE_TO_BLACK = 1.35


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `replays.frontier_frame`: rows of the surface and of the frontiers over it."""
    names = list(dict.fromkeys(frame["bin"]))[:MAX_COLUMNS]
    width = max(LEFT_INCHES + COLUMN_INCHES * len(names), 7.5)
    height = HEAD_INCHES + SURFACE_INCHES + GAP_INCHES + CURVE_INCHES + FOOT_INCHES
    figure = Figure(figsize=(width, height))
    low = float(frame["accuracy_low"].min())
    ends = frame["level"].min() / 1.2, frame["level"].max() * 1.2
    for number, name in enumerate(names):
        part = frame[frame["bin"] == name]
        left = (LEFT_INCHES + COLUMN_INCHES * number) / width
        wide = (COLUMN_INCHES - 0.55) / width
        above = figure.add_axes(
            (left, (FOOT_INCHES + CURVE_INCHES + GAP_INCHES) / height, wide, SURFACE_INCHES / height)
        )
        below = figure.add_axes((left, FOOT_INCHES / height, wide, CURVE_INCHES / height))
        _draw_surface(above, part, first=number == 0)
        below.set_xscale("log")
        below.set_xlim(*ends)
        _draw_frontiers(below, part[part["part"] == "frontier"], low, first=number == 0)
    _write_words(figure, frame)
    return figure


def _draw_surface(axes: Axes, part: pd.DataFrame, *, first: bool) -> None:
    """Accuracy of every cell, curves of equal tokens, and where each frontier goes."""
    cells = part[part["part"] == "surface"]
    table, tokens = (
        cells.pivot(index="width", columns="budget", values=name) for name in ("accuracy", "tokens in all")
    )
    axes.imshow(table, origin="lower", aspect="auto", cmap="Greys", vmin=0, vmax=WHITE_TO_BLACK)
    if min(table.shape) > 1:
        axes.contour(np.log2(tokens), colors="#ffffff", linewidths=3, levels=5)
        axes.contour(np.log2(tokens), colors="#777777", linewidths=0.8, levels=5)
    if max(table.shape) <= MAX_WRITTEN:
        for (row, column), value in np.ndenumerate(table.to_numpy()):
            shade, ink_on_it = (
                matplotlib.colormaps["Greys"](value / WHITE_TO_BLACK),
                "#444444" if value < 0.55 else "#ffffff",
            )
            axes.text(column - 0.42, row - 0.4, f"{100 * value:.0f}", fontsize=7, va="bottom", color=ink_on_it,
                      path_effects=[withStroke(linewidth=2.5, foreground=shade)], zorder=4)  # fmt: skip
    for axis, (colour, mark) in AXES.items():
        path = part[part["axis"] == axis].drop_duplicates(["width", "budget"])
        x, y = (
            _positions(path[name], table_axis)
            for name, table_axis in (("budget", table.columns), ("width", table.index))
        )
        # Aside from the middle, where both frontiers may choose the same cell.
        aside = 0.14 if axis == "tokens in all" else 0.3
        axes.plot(x + aside, y + aside, linestyle="none", marker=mark, markersize=5.5, color=colour,
                  markeredgecolor="white", markeredgewidth=0.8)  # fmt: skip
    axes.set_xticks(range(len(table.columns)), [_budget(budget) for budget in table.columns])
    axes.set_yticks(range(len(table.index)), [f"{width:.0f}" for width in table.index])
    axes.tick_params(labelsize=9, colors=ink.DARK, length=0)
    head = part.iloc[0]
    axes.set_title(f"{head['bin']} ({head['num_prompts']} prompts)", loc="left", fontsize=11, fontweight="bold")
    axes.set_xlabel("thinking budget (tokens)", fontsize=9.5, labelpad=2)
    if first:
        axes.set_ylabel("samples", fontsize=9.5)


def _positions(values: pd.Series, ticks: pd.Index) -> Floats:
    """Where values lie among the ticks; between two of them where both halves of the prompts chose differently."""
    at: Floats = np.interp(values.to_numpy(dtype=float), ticks.to_numpy(dtype=float), np.arange(len(ticks)))
    return at


def _draw_frontiers(axes: Axes, rows: pd.DataFrame, low: float, *, first: bool) -> None:
    ink.bare(axes)
    for axis, (colour, mark) in AXES.items():
        part = rows[rows["axis"] == axis]
        axes.fill_between(
            part["level"], part["accuracy_low"], part["accuracy_high"], color=colour, alpha=0.12, linewidth=0
        )
        axes.plot(part["level"], part["accuracy"], color=colour, marker=mark, markersize=4, linewidth=1.8)
    axes.set_ylim(max(low - 0.05, -0.02), 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("tokens per prompt", fontsize=9.5, labelpad=2)
    if first:
        axes.set_ylabel("accuracy of the best cell", fontsize=9.5)
        for axis, height in zip(AXES, (0.13, 0.03), strict=True):
            axes.text(0.98, height, axis, color=AXES[axis][0], fontsize=9.5, fontweight="bold", ha="right",
                      transform=axes.transAxes, path_effects=ink.halo())  # fmt: skip


def _budget(budget: float) -> str:
    return "no limit" if budget >= limits.UNLIMITED else f"{budget:.0f}"


def _write_words(figure: Figure, frame: pd.DataFrame) -> None:
    first = frame.iloc[0]
    width, height = figure.get_size_inches()
    figure.text(0.14 / width, 1 - 0.16 / height, f"More samples or longer thinking? {first['model']}", fontsize=14,
                fontweight="bold", va="top", color=ink.DARK)  # fmt: skip
    key = (
        "Above: accuracy in % of every setting; grey curves join equal tokens in all. Marks: the best setting at each "
        "number of tokens (circle: in all, square: in series). Below: what it reaches."
    )
    figure.text(0.14 / width, 1 - 0.5 / height, textwrap.fill(key, int(12 * width)), fontsize=10, va="top")
    words = (
        f"Task {first['task']}, {wording.RULES[first['rule']]}. {first['total_prompts']} prompts, "
        f"{first['num_samples']} samples each. In series: the longest of the samples, which are drawn side by side. "
        "Best settings are chosen on one half of the prompts and read on the other; a mark between cells: the halves "
        f"chose differently. Bands: 95% intervals ({first['num_replicates']:,} paired bootstraps, the choice in each)."
    )
    figure.text(0.14 / width, 0.1 / height, textwrap.fill(words, int(13.2 * width)), fontsize=9, va="bottom",
                color="#444444")  # fmt: skip
