"""Width against depth: the samples and the thinking that are best by tokens,
and what they reach; a column a bin.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from analysis.arrays import Floats
from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.runs import serial
from analysis.text import captions, wording

MAX_COLUMNS = 6
LAYOUT = page.Layout((2.75, 1.35), (0.35, 0.22), left=1.0, max_columns=MAX_COLUMNS)
# What counts, with its colour and its name in the figure.
AXES = {"tokens in all": ("#0072b2", "all tokens count"), "tokens in series": ("#d55e00", "the longest counts")}
ROWS = ("width", "budget", "accuracy")
# Of an axis of settings, between two lines on one of them.
APART = 0.14


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `replays.frontier_frame`: rows of the frontiers over the surface of settings."""
    bins = list(dict.fromkeys(frame["bin"]))[:MAX_COLUMNS]
    best = frame[frame["part"] == "frontier"]
    steps = {name: sorted(frame.loc[frame["part"] == "surface", name].unique()) for name in ("width", "budget")}
    figure, panels = page.lay(len(ROWS) * len(bins), _words(frame.iloc[0]), LAYOUT._replace(max_columns=len(bins)))
    names = ("samples", serial.of(frame.iloc[0]).steps, "accuracy")
    floor = max(0.0, float(best["accuracy_low"].min()))
    for number, axes in enumerate(panels):
        row, column = divmod(number, len(bins))
        rows = best[best["bin"] == bins[column]]
        axes.set_xscale("log")
        axes.set_xlim(best["level"].min() / 1.3, best["level"].max() * 1.3)
        ticks.log(axes, "x")
        if ROWS[row] == "accuracy":
            ink.percent_axis(axes, floor, 1.0)
            axes.set_xlabel("tokens per prompt", fontsize=9.5)
        else:
            axes.tick_params(labelbottom=False)
            _scale_steps(axes, steps[ROWS[row]])
        if column == 0:
            axes.set_ylabel(names[row], fontsize=9.5)
        else:
            axes.tick_params(labelleft=False)
        if row == 0:
            page.title(axes, bins[column], wording.prompts(rows["num_prompts"].iloc[0]))
        lines = _draw_lines(axes, rows, ROWS[row], steps.get(ROWS[row], []))
        if number == 0:
            _name_lines(axes, lines)
    return figure


def _scale_steps(axes: Axes, steps: list[float]) -> None:
    """A place for each setting, the same from one to the next, named where there is room."""
    axes.set_ylim(-0.5, len(steps) - 0.5)
    stride = max(1, int(np.ceil(len(steps) * 9 * 1.5 / labels.extent_points(axes)[1])))
    names = [
        serial.short(int(step)) if (len(steps) - 1 - at) % stride == 0 else "" for at, step in enumerate(steps)
    ]
    axes.yaxis.set_major_locator(FixedLocator(range(len(steps))))
    axes.yaxis.set_major_formatter(FixedFormatter(names))
    axes.yaxis.set_minor_locator(NullLocator())


def _draw_lines(axes: Axes, rows: pd.DataFrame, name: str, steps: list[float]) -> dict[str, Floats]:
    """The best setting or its accuracy along each axis of tokens; between two settings where the halves differ."""
    lines = {}
    for side, (axis, (colour, _)) in zip((-0.5, 0.5), AXES.items(), strict=True):
        part = rows[rows["axis"] == axis]
        middle, low, high = (part[f"{name}{end}"].to_numpy(dtype=float) for end in ("", "_low", "_high"))
        if steps:
            places = np.arange(len(steps))
            middle, low, high = (np.interp(end, steps, places) + side * APART for end in (middle, low, high))
        ink.whiskers(axes, part["level"], low, high, colour)
        axes.plot(part["level"], middle, "o-", color=colour, linewidth=2, markersize=3.5, zorder=4)
        lines[axis] = np.column_stack([part["level"], middle])
    return lines


def _name_lines(axes: Axes, lines: dict[str, Floats]) -> None:
    """What counts, beside the middle of each line."""
    middles = {axis: line[len(line) // 2] for axis, line in lines.items() if len(line)}
    named = [Label(AXES[axis][1], x, y, AXES[axis][0]) for axis, (x, y) in middles.items()]
    labels.place(axes, named, lines=list(lines.values()))


def _words(first: pd.Series) -> page.Words:
    return page.Words(
        f"More samples or {serial.of(first).more}? The best setting of {first['model']}",
        "Blue: all tokens count, as a bill does. Orange: only the longest sample counts, as waiting does when "
        "samples are drawn side by side. Thin lines: 95% intervals.",
        f"Samples are read by {wording.RULES[first['rule']]}. Best settings are chosen on one half of the "
        "prompts and read on the other; a dot between two settings: the halves chose differently. Task "
        f"{first['task']}, {first['total_prompts']} prompts, {captions.samples_each(first)}, "
        f"{first['num_replicates']:,} paired bootstraps, the choice in each.",
    )
