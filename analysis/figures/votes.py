"""The vote of k samples, a panel a rung: between what two samples of each prompt put it, and what was measured."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, page, ticks
from analysis.reading.bins import ALL_PROMPTS
from analysis.text import captions, wording

LAYOUT = page.Layout((2.9, 2.4), (0.62, 1.0), max_columns=4)


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.vote_bounds.frame`, of all prompts."""
    frame = frame[frame["bin"] == ALL_PROMPTS]
    models = list(dict.fromkeys(frame["model"]))
    short, colours = wording.short_names(models), ink.colours(models)
    parts = {model: frame[frame["model"] == model] for model in models}
    notes = {model: _worth(rows.iloc[0]) for model, rows in parts.items()}
    titles = page.names(short, LAYOUT.panel[0], notes=list(notes.values()))
    figure, panels = page.lay(len(models), _words(frame.iloc[0]), LAYOUT)
    low, high = float(frame["lower_low"].min()), float(frame["upper_high"].max())
    for number, (axes, model) in enumerate(zip(panels, models, strict=True)):
        axes.set_xscale("log")
        axes.set_xlim(0.85, frame["width"].max() * 1.2)
        ink.percent_axis(axes, low, high)
        ticks.log(axes, "x")
        axes.set_xlabel("votes k", fontsize=9.5)
        if number % LAYOUT.max_columns == 0:
            axes.set_ylabel("accuracy", fontsize=9.5)
        page.title(axes, titles[model], notes[model], colour=colours[model])
        _draw_panel(axes, parts[model], colours[model])
    return figure


def _draw_panel(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    axes.fill_between(rows["width"], rows["lower"], rows["upper"], color=colour, alpha=0.22, linewidth=0, zorder=2)
    for end in ("lower_low", "upper_high"):
        axes.plot(rows["width"], rows[end], color=colour, linewidth=1, linestyle=(0, (1, 1.5)), zorder=3)
    axes.axhline(rows["measured"].iloc[0], color=ink.GREY, linewidth=0.8, zorder=1)
    drawn = rows[rows["measured"].notna()]
    axes.plot(drawn["width"], drawn["voted"], color=ink.DARK, linewidth=1.3, linestyle=(0, (4, 2)), zorder=4)
    ink.whiskers(axes, drawn["width"], drawn["measured_low"], drawn["measured_high"], colour)
    axes.plot(drawn["width"], drawn["measured"], "o", color=colour, markersize=4.5, zorder=5)


def _worth(first: pd.Series) -> str:
    """'16 are worth 2.4', of the votes that were drawn."""
    votes = int(first["num_votes"])
    return "" if pd.isna(first["effective"]) else f"{votes:,} are worth {first['effective']:.1f}"


def _words(first: pd.Series) -> page.Words:
    return page.Words(
        "What two samples of each prompt tell of a vote of k",
        "Band: the vote of right against wrong lies in it, as two samples of each prompt tell; dotted: with 95% "
        "intervals. Points: that vote, measured. Dashed: the vote over answers. Grey: one answer.",
        "The vote over answers is right where one right answer has more votes than each wrong one. The band says "
        "nothing of it: there wrong answers split, and so may right ones. Worth: "
        "independent answers whose share of right ones varies as much as that of all samples. "
        f"{captions.run(first, binned=False, priced=False)}",
    )
