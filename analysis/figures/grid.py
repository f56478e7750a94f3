"""Accuracy over thinking budget and samples, a panel a rung, with the cells that are best at what they spend."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.figures import ink, page
from analysis.reading import limits
from analysis.text import captions, wording

CELL_INCHES = (0.34, 0.27)
NUMBER_SIZE = 7.5
MAX_PANEL_INCHES = 3.6
# What names the budgets, on a panel that is as high as its words are long and on a lower one.
HIGH_LABEL, LOW_LABEL, LABEL_INCHES = "thinking tokens, at most", "thinking\ntokens", 1.7
# Shades of accuracies above this bear black numbers.
LIGHT = 0.55


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.accuracy_grid.frame`."""
    models = list(dict.fromkeys(frame["model"]))
    short, colours = wording.short_names(models), ink.colours(models)
    budgets, widths = sorted(frame["budget"].unique()), sorted(frame["width"].unique())
    panel = (min(CELL_INCHES[0] * len(widths), MAX_PANEL_INCHES), CELL_INCHES[1] * len(budgets))
    layout = page.Layout((max(panel[0], 2.2), panel[1]), (0.8, 0.95), max_columns=4)
    titles = page.names(short, layout.panel[0])
    figure, panels = page.lay(len(models), _words(frame.iloc[0]), layout)
    for number, (axes, model) in enumerate(zip(panels, models, strict=True)):
        rows = frame[frame["model"] == model]
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.set_xlim(-0.5, len(widths) - 0.5)
        axes.set_ylim(-0.5, len(budgets) - 0.5)
        axes.set_xticks(range(len(widths)), [str(width) for width in widths])
        axes.set_yticks(range(len(budgets)), [limits.short(budget) for budget in budgets])
        axes.set_xlabel("samples", fontsize=9.5)
        if number % layout.max_columns == 0:
            axes.set_ylabel(HIGH_LABEL if panel[1] >= LABEL_INCHES else LOW_LABEL, fontsize=9.5)
        page.title(axes, titles[model], colour=colours[model])
        _draw_cells(axes, rows, budgets, widths)
    return figure


def _draw_cells(axes: Axes, rows: pd.DataFrame, budgets: list[int], widths: list[int]) -> None:
    table = (
        rows.pivot(index="budget", columns="width", values="accuracy").loc[budgets, widths].to_numpy(dtype=float)
    )
    edges = [np.arange(length + 1) - 0.5 for length in (len(widths), len(budgets))]
    axes.pcolormesh(
        *edges, table, cmap="cividis", vmin=0, vmax=1, rasterized=False, linewidth=0, antialiased=False
    )
    for _, row in rows.iterrows():
        x, y = widths.index(row["width"]), budgets.index(row["budget"])
        ink_on_shade = "black" if row["accuracy"] > LIGHT else "white"
        axes.text(
            x,
            y,
            f"{100 * row['accuracy']:.0f}",
            ha="center",
            va="center",
            fontsize=NUMBER_SIZE,
            color=ink_on_shade,
        )
        if row["is_best"]:
            thickness = 0.6 + 1.4 * float(row["share_best"])
            box = Rectangle(
                (x - 0.43, y - 0.41), 0.86, 0.82, fill=False, edgecolor=ink_on_shade, linewidth=thickness
            )
            axes.add_patch(box)


def _words(first: pd.Series) -> page.Words:
    return page.Words(
        "Think longer or sample more?",
        "Number and shade: accuracy in percent, on all prompts. Box: no cell that costs less is as accurate; the "
        "thicker, the more replicates agree; none where nothing is right.",
        f"Several samples are read by {captions.read_by(first)}. Boxes are read off the prompts that are shown. "
        f"{captions.run(first, binned=False, what='Replicates are drawn')}",
    )
