"""What one thinking budget for all loses by being too small or too large for some prompts, a panel a model."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.reading.bins import ALL_PROMPTS
from analysis.runs import serial
from analysis.text import captions, wording

LAYOUT = page.Layout((2.9, 2.4), (0.62, 1.0), max_columns=4)
LINES = {"under": ("too little", "#1f6f8b", "-"), "over": ("too long", "#b5482a", (0, (5, 2)))}


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.thinking.budgets_frame`, over all prompts."""
    frame = frame[frame["bin"] == ALL_PROMPTS]
    models = list(dict.fromkeys(frame["model"]))
    short, colours = wording.short_names(models), ink.colours(models)
    titles = page.names(short, LAYOUT.panel[0])
    figure, panels = page.lay(len(models), _words(frame.iloc[0]), LAYOUT)
    budgets = sorted(frame["budget"].unique())
    low, high = (float(getattr(frame[[f"{name}_{end}" for name in LINES]], how)().agg(how))
                 for end, how in (("low", "min"), ("high", "max")))  # fmt: skip
    for number, (axes, model) in enumerate(zip(panels, models, strict=True)):
        ink.percent_axis(axes, min(low, 0.0), max(high, 0.01))
        axes.set_xlim(-0.3, len(budgets) - 0.5)
        ticks.spaced(axes, [serial.short(budget) for budget in budgets])
        axes.set_xlabel(f"{serial.of(frame.iloc[0]).steps}, at most", fontsize=9.5)
        if number % LAYOUT.max_columns == 0:
            axes.set_ylabel("accuracy lost", fontsize=9.5)
        page.title(axes, titles[model], colour=colours[model])
        _draw_lines(axes, frame[frame["model"] == model])
    return figure


def _draw_lines(axes: Axes, rows: pd.DataFrame) -> None:
    at = np.arange(len(rows), dtype=float)
    axes.axhline(0, color=ink.DARK, linewidth=0.9, zorder=2)
    named, drawn = [], []
    for name, (text, colour, style) in LINES.items():
        axes.fill_between(at, rows[f"{name}_low"], rows[f"{name}_high"], color=colour, alpha=0.16, linewidth=0)
        axes.plot(
            at, rows[name], color=colour, linewidth=1.9, linestyle=style, marker="o", markersize=3.4, zorder=4
        )
        place = 1 if name == "under" else (len(rows) - 1) // 2
        named.append(Label(text, at[place], float(rows[name].iloc[place]), colour))
        drawn.append(np.column_stack([at, rows[name]]).astype(float))
    labels.place(axes, named, lines=drawn, size=9)


def _words(first: pd.Series) -> page.Words:
    return page.Words(
        "What does one thinking budget for all lose?",
        "Accuracy below that of the budget which suits each prompt: solid, where that one is larger (too little "
        "thinking); dashed, where it is smaller (too long). Shade: 95% intervals.",
        "All prompts, one sample. Half of a prompt's samples say which budget suits it, and the other half is "
        "read, so that chance alone loses nothing; below 0 such a choice would do harm. "
        f"{captions.run(first, binned=False, priced=False)}",
    )
