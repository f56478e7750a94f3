"""Accuracy over two axes of the grid, a panel a rung, with the cells that are best at what they spend."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.figures import ink, page
from analysis.runs import serial
from analysis.text import captions, wording

CELL_INCHES = (0.34, 0.27)
NUMBER_SIZE = 7.5
MAX_PANEL_INCHES = 3.6
# A panel on which what names the rows is as long as it is high.
LABEL_INCHES = 1.7
# Shades of accuracies above this bear black numbers.
LIGHT = 0.55


class _Axis(NamedTuple):
    """A side of the panels: the column whose values it has, and its words, also where there is little room."""

    column: str
    label: str
    low_label: str
    ask: str
    tick: Callable[[int], str]


def _axes(first: pd.Series) -> tuple[_Axis, _Axis]:
    """What goes up, and what to the right."""
    if serial.DOWN not in first:
        return _serial(serial.of(first), "budget"), _Axis("width", "samples", "samples", "sample more", str)
    down, across = (serial.BY_NAME[first[side]] for side in (serial.DOWN, serial.ACROSS))
    return _serial(down, down.name), _serial(across, across.name)


def _serial(axis: serial.Axis, column: str) -> _Axis:
    return _Axis(column, f"{axis.steps}, at most", axis.steps.replace(" ", "\n"), axis.ask, serial.short)


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.accuracy_grid.frame` and `across`."""
    models = list(dict.fromkeys(frame["model"]))
    short, colours = wording.short_names(models), ink.colours(models)
    down, across = _axes(frame.iloc[0])
    steps, places = sorted(frame[down.column].unique()), sorted(frame[across.column].unique())
    panel = (min(CELL_INCHES[0] * len(places), MAX_PANEL_INCHES), CELL_INCHES[1] * len(steps))
    layout = page.Layout((max(panel[0], 2.2), panel[1]), (0.8, 0.95), max_columns=4)
    titles = page.names(short, layout.panel[0])
    figure, panels = page.lay(len(models), _words(frame.iloc[0]), layout)
    for number, (axes, model) in enumerate(zip(panels, models, strict=True)):
        rows = frame[frame["model"] == model]
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.set_xlim(-0.5, len(places) - 0.5)
        axes.set_ylim(-0.5, len(steps) - 0.5)
        axes.set_xticks(range(len(places)), [across.tick(place) for place in places])
        axes.set_yticks(range(len(steps)), [down.tick(step) for step in steps])
        axes.set_xlabel(across.label, fontsize=9.5)
        if number % layout.max_columns == 0:
            axes.set_ylabel(down.label if panel[1] >= LABEL_INCHES else down.low_label, fontsize=9.5)
        page.title(axes, titles[model], colour=colours[model])
        _draw_cells(axes, rows.rename(columns={down.column: "step", across.column: "place"}), steps, places)
    return figure


def _draw_cells(axes: Axes, rows: pd.DataFrame, steps: list[int], places: list[int]) -> None:
    table = rows.pivot(index="step", columns="place", values="accuracy").loc[steps, places].to_numpy(dtype=float)
    edges = [np.arange(length + 1) - 0.5 for length in (len(places), len(steps))]
    axes.pcolormesh(
        *edges, table, cmap="cividis", vmin=0, vmax=1, rasterized=False, linewidth=0, antialiased=False
    )
    for _, row in rows.iterrows():
        x, y = places.index(row["place"]), steps.index(row["step"])
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
    down, across = _axes(first)
    read_by = f"Several samples are read by {captions.read_by(first)}."
    return page.Words(
        f"{down.ask.capitalize()} or {across.ask}?",
        "Number and shade: accuracy in percent, on all prompts. Box: no cell that costs less is as accurate; the "
        "thicker, the more replicates agree; none where nothing is right.",
        f"{read_by if across.column == 'width' else 'One sample.'} Boxes are read off the prompts that are shown. "
        f"{captions.run(first, binned=False, what='Replicates are drawn')}",
    )
