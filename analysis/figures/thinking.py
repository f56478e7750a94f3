"""What a step to the next thinking budget turns, a panel a model: answers that come right upwards,
lost ones down.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.figures import ink, page, ticks
from analysis.reading.bins import ALL_PROMPTS
from analysis.runs import serial
from analysis.text import captions, wording

LAYOUT = page.Layout((2.9, 2.4), (0.62, 1.0), max_columns=4)
LOST = "#a98b4f"


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.thinking.steps_frame`, over all prompts."""
    frame = frame[frame["bin"] == ALL_PROMPTS]
    models = list(dict.fromkeys(frame["model"]))
    short, colours = wording.short_names(models), ink.colours(models)
    titles = page.names(short, LAYOUT.panel[0])
    figure, panels = page.lay(len(models), _words(frame.iloc[0]), LAYOUT)
    most = float(frame[["gained_high", "lost_high"]].max().max())
    least = float(-frame["lost_high"].max())
    budgets = sorted({*frame["budget"], *frame["next_budget"]})
    for number, (axes, model) in enumerate(zip(panels, models, strict=True)):
        axes.set_ylim(1.25 * least - 0.004, 1.25 * most + 0.004)
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{abs(100 * share):.3g}%"))
        axes.set_xlim(-0.2, len(budgets) - 0.8)
        ticks.spaced(axes, [serial.short(budget) for budget in budgets])
        axes.set_xlabel(f"{serial.of(frame.iloc[0]).steps}, at most", fontsize=9.5)
        if number % LAYOUT.max_columns == 0:
            axes.set_ylabel("share of samples", fontsize=9.5)
            _name_sides(axes, colours[model])
        page.title(axes, titles[model], colour=colours[model])
        _draw_steps(axes, frame[frame["model"] == model], colours[model])
    return figure


def _draw_steps(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    """A bar either way between two budgets, and what is left of both with its interval."""
    at = np.arange(len(rows)) + 0.5
    axes.bar(at, rows["gained"], width=0.62, color=colour, alpha=0.45, linewidth=0, zorder=2)
    axes.bar(at, -rows["lost"], width=0.62, color=LOST, alpha=0.6, linewidth=0, zorder=2)
    axes.axhline(0, color=ink.DARK, linewidth=0.9, zorder=3)
    axes.vlines(at, rows["change_low"], rows["change_high"], color=ink.DARK, linewidth=1.4, zorder=4)
    for is_sure, part in rows.assign(at=at).groupby(rows["direction"] != ""):
        axes.plot(part["at"], part["change"], "o", color=ink.DARK, markersize=5, zorder=5, markeredgewidth=1.2,
                  markerfacecolor=ink.DARK if is_sure else "white")  # fmt: skip


def _name_sides(axes: Axes, colour: str) -> None:
    """What the bars either way are, in corners that they leave free."""
    for text, place, side, shade in (
        ("wrong to right", 0.99, "top", colour),
        ("right to wrong", 0.01, "bottom", LOST),
    ):
        axes.text(0.99, place, text, transform=axes.transAxes, ha="right", va=side, fontsize=8.5, fontweight="bold",
                  color=shade, path_effects=ink.halo(), zorder=6)  # fmt: skip


def _words(first: pd.Series) -> page.Words:
    return page.Words(
        "What does more thinking turn?",
        "Between two budgets, of the same samples: upwards, those that turn from wrong to right; downwards, from "
        "right to wrong. Dot: what accuracy changes by, with its 95% interval; filled where it certainly rises or "
        "falls.",
        "All prompts, one sample. Certainly: by intervals that hold for all models, bins and steps at once. "
        "Thinking is cut at the budget, unless it ended before; what ended flips no more. "
        f"{captions.run(first, binned=False, priced=False)}",
    )
