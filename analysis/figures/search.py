"""The best of a search against the best samples of the same compute, a panel a bin."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.text import captions, wording

LAYOUT = page.Layout((3.4, 2.6), between=(0.55, 1.0))
WAYS = {"sampling": "samples", "search": "search"}
COLOURS = {"sampling": ink.GREY, "search": ink.colours(["search"])["search"]}
# How far from each other two whiskers of a level stand, as a factor.
APART = 1.03


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.search.Found.levels` beside what a caption says."""
    parts = list(dict.fromkeys(zip(frame["model"], frame["bin"], strict=True)))
    layout = LAYOUT._replace(max_columns=2) if len(parts) == 4 else LAYOUT
    figure, panels = page.lay(len(parts), _words(frame), layout)
    several = frame["model"].nunique() > 1
    for number, (axes, (model, name)) in enumerate(zip(panels, parts, strict=True)):
        rows = frame[(frame["model"] == model) & (frame["bin"] == name)]
        note = wording.prompts(rows["num_prompts"].iloc[0])
        page.title(axes, f"{name}, {model}" if several else name, note)
        ink.percent_axis(axes, max(0.0, float(frame[["sampling_low", "search_low"]].min().min())), 1.0)
        axes.set_xscale("log")
        axes.set_xlim(frame["times_one"].min() / 1.4, frame["times_one"].max() * 1.4)
        ticks.log(axes, "x", form=lambda tick: f"{ticks.number(tick)}x")
        axes.set_xlabel(f"{wording.spent(rows['cost_unit'].iloc[0])} over one answer's, at most", fontsize=9.5)
        if number % layout.max_columns == 0:
            axes.set_ylabel("accuracy", fontsize=9.5)
        _draw_lines(axes, rows)
    return figure


def _draw_lines(axes: Axes, rows: pd.DataFrame) -> None:
    """The best samples, dashed, and the best search, with an interval at each level."""
    named, drawn = [], []
    for number, (way, name) in enumerate(WAYS.items()):
        colour, at = COLOURS[way], rows["times_one"] * APART ** (2 * number - 1)
        style = (0, (4, 2)) if way == "sampling" else "-"
        axes.plot(at, rows[way], color=colour, linewidth=2, linestyle=style, marker="o", markersize=3.5, zorder=4)
        ink.whiskers(axes, at, rows[f"{way}_low"], rows[f"{way}_high"], colour)
        named.append(Label(name, at.iloc[-1], rows[way].iloc[-1], colour))
        drawn.append(pd.DataFrame({"x": at, "y": rows[way]}).to_numpy(dtype=float))
    labels.place(axes, named, lines=drawn)


def _words(frame: pd.DataFrame) -> page.Words:
    first = frame.iloc[0]
    return page.Words(
        "Does search against a verifier beat samples of the same compute?",
        "Solid: the best accuracy of a search without spending more, all that it wrote and its verifier read "
        "charged. Dashed: of samples, by best of n, vote or weighted vote. Thin lines: 95% intervals.",
        f"Verifiers: {', '.join(dict.fromkeys(frame['verifier']))}. Each is chosen on one half of the prompts and "
        f"read on the other. {captions.run(first, binned=True)}",
    )
