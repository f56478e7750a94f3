"""What a budget buys with each verifier and with none, a panel a bin; below,
the part that goes to the verifier.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.questions.split_settings import NONE
from analysis.text import captions, wording

SHARE_INCHES, BETWEEN = 0.75, 0.2
LAYOUT = page.Layout(
    panel=(3.4, 2.5), between=(0.55, 0.95 + SHARE_INCHES + BETWEEN), below=0.72 + SHARE_INCHES + BETWEEN
)
# Intervals along each line.
NUM_WHISKERS = 5


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.splits.by_level`."""
    lines = frame[frame["kind"] == "line"]
    verifiers = [name for name in dict.fromkeys(lines["verifier"]) if name != NONE]
    short = wording.short_names(verifiers) | {NONE: "none"}
    if len(verifiers) == 1:
        short = {verifiers[0]: verifiers[0], NONE: NONE}
    colours = ink.colours(verifiers) | {NONE: ink.GREY}
    bins = list(dict.fromkeys(frame["bin"]))
    # Four would leave one by itself.
    layout = LAYOUT._replace(max_columns=2) if len(bins) == 4 else LAYOUT
    figure, panels = page.lay(len(bins), _words(frame.iloc[0], verifiers), layout)
    for number, (axes, name) in enumerate(zip(panels, bins, strict=True)):
        rows = frame[frame["bin"] == name]
        page.title(axes, name, wording.prompts(rows["num_prompts"].iloc[0]))
        ink.percent_axis(axes, max(0.0, float(frame["accuracy_low"].min())), 1.0)
        below = _add_below(axes)
        for each in (axes, below):
            each.set_xscale("log")
            each.set_xlim(frame["cost"].min() / 1.4, frame["cost"].max() * 1.4)
        axes.tick_params(labelbottom=False, which="both")
        ticks.log(below, "x")
        below.set_xlabel(f"{frame['cost_unit'].iloc[0]} per prompt, at most", fontsize=9.5)
        if number % layout.max_columns == 0:
            axes.set_ylabel("accuracy", fontsize=9.5)
            below.set_ylabel("to the\nverifier", fontsize=9.5)
        _draw_lines(axes, rows[rows["kind"] == "line"], [NONE, *verifiers], short, colours)
        _draw_share(below, rows[rows["kind"] == "split"])
    return figure


def _draw_lines(
    axes: Axes, rows: pd.DataFrame, verifiers: list[str], short: dict[str, str], colours: dict[str, str]
) -> None:
    """The best of each verifier's settings at each budget, with an interval here and there."""
    named, drawn = [], []
    for number, name in enumerate(verifiers):
        line = rows[rows["verifier"] == name]
        style = (0, (4, 2)) if name == NONE else "-"
        axes.plot(line["cost"], line["accuracy"], color=colours[name], linewidth=2, linestyle=style, zorder=4)
        stride = max(len(verifiers), len(line) // NUM_WHISKERS)
        shown = line.iloc[number::stride]
        ink.whiskers(axes, shown["cost"], shown["accuracy_low"], shown["accuracy_high"], colours[name])
        # Lines start together, at one sample; they are told apart where they lie apart.
        at = len(line) * (number + 2) // (len(verifiers) + 3)
        named.append(Label(short[name], line["cost"].iloc[at], line["accuracy"].iloc[at], colours[name]))
        drawn.append(line[["cost", "accuracy"]].to_numpy(dtype=float))
    labels.place(axes, named, lines=drawn)


def _draw_share(axes: Axes, rows: pd.DataFrame) -> None:
    """The verifier's part of what the best setting of all costs."""
    axes.plot(rows["cost"], rows["verifier_share"], color=ink.DARK, linewidth=1.6, zorder=4)
    axes.fill_between(
        rows["cost"],
        rows["verifier_share_low"],
        rows["verifier_share_high"],
        color=ink.DARK,
        alpha=0.13,
        linewidth=0,
    )
    axes.set_ylim(0, max(0.5, float(np.nanmax(rows["verifier_share_high"])) * 1.05))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _add_below(axes: Axes) -> Axes:
    """Short axes below a panel."""
    box, figure = axes.get_position(), labels.sheet(axes)
    tall = figure.get_figheight()
    below = figure.add_axes((box.x0, box.y0 - (BETWEEN + SHARE_INCHES) / tall, box.width, SHARE_INCHES / tall))
    ink.bare(below)
    return below


def _words(first: pd.Series, verifiers: list[str]) -> page.Words:
    return page.Words(
        "More samples, or a verifier that chooses among them?",
        "Line: the best accuracy with this verifier without spending more, its reading charged, over all models, "
        "numbers of samples and ways to choose; dashed: with none. Thin lines: 95% intervals. Below: the part of "
        "the cost that goes to the verifier in the best setting of all, with its interval.",
        f"Verifiers: {', '.join(verifiers)}. Settings are chosen on one half of the prompts and read on the "
        f"other. {captions.run(first, binned=True)}",
    )
