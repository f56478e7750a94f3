"""The best split of a total budget by the joint law: size, training tokens, samples and what they reach."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from analysis import numerals
from analysis.figures import ink

SIZE_INCHES = (9.0, 6.2)
TITLES = {
    "size": "Size, parameters",
    "training tokens": "Training tokens",
    "share of training": "Share of the budget for training",
    "samples": "Samples a query",
    "accuracy": "Coverage: any sample right",
}
SHARES = ("accuracy", "share of training")


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `joint.frame`: a panel a quantity, a line a number of queries."""
    figure = Figure(figsize=SIZE_INCHES)
    every = figure.subplots(2, 2, sharex=True)
    figure.subplots_adjust(left=0.08, right=0.97, top=0.80, bottom=0.20, hspace=0.32, wspace=0.24)
    queries = sorted(frame["queries"].unique())
    colours = ink.colours([_count(each) for each in queries])
    for axes, name in zip(every.flat, _quantities(frame), strict=True):
        part = frame[frame["quantity"] == name]
        _lay_out(axes, name, lowest=float(np.nanmin(part["low"], initial=1)))
        for each in queries:
            _draw_line(axes, part[part["queries"] == each], colours[_count(each)])
    for axes in every[1]:
        axes.set_xlabel("total FLOPs, training and serving", fontsize=9.5)
    _write_words(figure, frame, colours)
    return figure


def _quantities(frame: pd.DataFrame) -> list[str]:
    """Where the run does not tell what training tokens do, the share of training stands in their place."""
    aside = "share of training" if frame["is_length_told"].iloc[0] else "training tokens"
    return [name for name in TITLES if name != aside]


def _count(queries: float) -> str:
    return f"{queries:,.0f}" if queries < 1e6 else f"{queries:.3g}"


def _lay_out(axes: Axes, name: str, lowest: float) -> None:
    """lowest: the least low end of a share."""
    ink.bare(axes)
    axes.set_xscale("log")
    axes.set_title(TITLES[name], fontsize=10.5, loc="left", color=ink.DARK)
    if name in SHARES:
        axes.set_ylim(np.floor(10 * min(lowest, 0.95)) / 10, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    else:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numerals.parameters(value)))


def _draw_line(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    """The best amount and its band; points where it lies at an end of what was asked."""
    axes.fill_between(rows["total_flops"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0)
    axes.plot(rows["total_flops"], rows["estimate"], color=colour, linewidth=1.8, clip_on=False)
    edge = rows[rows["at_edge"] & np.isfinite(rows["estimate"])]
    axes.plot(edge["total_flops"], edge["estimate"], "o", color=colour, markersize=4, markerfacecolor="white",
              clip_on=False, zorder=3)  # fmt: skip


def _write_words(figure: Figure, frame: pd.DataFrame, colours: dict[str, str]) -> None:
    figure.text(0.02, 0.965, "How to split a budget between size, data and samples", fontsize=14,
                fontweight="bold", va="top", color=ink.DARK)  # fmt: skip
    figure.text(0.02, 0.9, "Queries served:", fontsize=10, va="top")
    left = 0.15
    for name, colour in colours.items():
        figure.text(left, 0.9, name, fontsize=10, va="top", color=colour, fontweight="bold")
        left += 0.03 + 0.012 * len(name)
    first = frame.iloc[0]
    length = "" if first["is_length_told"] else " D is the run's: it does not tell its effect."
    tokens = f"P = {first['prompt_tokens']:.0f} prompt tokens and k samples of T = {first['sample_tokens']:.0f}"
    caption = (
        "By the joint law, within the sizes and training tokens of the run and ten times its samples. Cost: 6ND + "
        f"2Nq(P + kT), for\nN parameters trained on D tokens, q queries of {tokens}.{length}\n"
        "Bands: 95% intervals over prompts (paired bootstrap). Rings: at an end of these ranges, so that a better "
        "split may lie beyond."
    )
    figure.text(0.02, 0.02, caption, fontsize=8.5, va="bottom", color="#444444")
