"""What every cell is made of, a panel a rung: bars of right,
wrong and missing answers over the thinking budget.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.figures import ink, page, ticks
from analysis.runs import serial
from analysis.text import captions, wording

LAYOUT = page.Layout((2.6, 2.3), (0.62, 1.0), max_columns=4)
# Told apart by lightness alone too, and the answers that are missing by hatching.
INKS = {
    "correct": ("#1f4e79", ""),
    "wrong": ("#e3c16f", ""),
    "unparsed": ("#b5651d", "////"),
    "unanswered": ("#8c8c8c", "...."),
    "truncated": ("#5b3a63", "xxxx"),
    "timeout": ("#222222", ""),
    "refused": ("#c2185b", "\\\\\\\\"),
}
NOUNS = {"timeout": "timed out in grading", "refused": "refused by the grader"}


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.outcome_shares.frame`."""
    models = list(dict.fromkeys(frame["model"]))
    short, colours = wording.short_names(models), ink.colours(models)
    budgets, titles = sorted(frame["budget"].unique()), page.names(short, LAYOUT.panel[0])
    shown = [name for name in INKS if (frame.loc[frame["outcome"] == name, "share"] > 0).any()]
    layout = LAYOUT._replace(above=0.56 + 0.2 * -(-len(shown) // page.LEGEND_COLUMNS))
    figure, panels = page.lay(len(models), _words(frame.iloc[0]), layout)
    for number, (axes, model) in enumerate(zip(panels, models, strict=True)):
        rows = frame[frame["model"] == model]
        ink.percent_axis(axes)
        axes.set_ylim(0, 1)
        axes.set_xlim(-0.6, len(budgets) - 0.4)
        ticks.spaced(axes, [serial.short(budget) for budget in budgets])
        axes.set_xlabel(f"{serial.of(rows.iloc[0]).steps}, at most", fontsize=9.5)
        if number % LAYOUT.max_columns == 0:
            axes.set_ylabel("share of samples", fontsize=9.5)
        page.title(axes, titles[model], colour=colours[model])
        _draw_bars(axes, rows, shown, budgets)
    _write_legend(figure, panels[0], shown)
    return figure


def _draw_bars(axes: Axes, rows: pd.DataFrame, shown: list[str], budgets: list[int]) -> None:
    table = rows.pivot(index="budget", columns="outcome", values="share").loc[budgets]
    below = pd.Series(0.0, index=table.index)
    for name in shown:
        colour, hatch = INKS[name]
        axes.bar(range(len(budgets)), table[name], bottom=below, width=0.74, color=colour, hatch=hatch,
                 edgecolor="white", linewidth=0)  # fmt: skip
        below += table[name]
    ends = rows.drop_duplicates("budget").set_index("budget").loc[budgets]
    for name, style in (("forced_share", "o:"), ("cut_share", "o-")):
        axes.plot(range(len(budgets)), ends[name], color="white", linewidth=3.4, zorder=4)
        axes.plot(range(len(budgets)), ends[name], style, color="black", linewidth=1.3, markersize=3.5, zorder=5,
                  clip_on=False)  # fmt: skip


def _write_legend(figure: Figure, first: Axes, shown: list[str]) -> None:
    """A row of patches above the panels."""
    box = first.get_position()
    handles = [
        Patch(
            facecolor=INKS[name][0],
            hatch=INKS[name][1],
            edgecolor="white",
            linewidth=0,
            label=NOUNS.get(name, name),
        )
        for name in shown
    ]
    page.legend(figure, handles, (box.x0, box.y1 + 0.34 / figure.get_figheight()))


def _words(first: pd.Series) -> page.Words:
    return page.Words(
        "What are the answers made of?",
        "Bars: how single samples ended. Black line: the share whose thinking was cut, still going "
        f"{serial.of(first).cut_at}. "
        "Dotted: whose answer was forced; where no dotted line is seen, the same.",
        f"Task {first['task']}. {first['total_prompts']} prompts, the same for every model, "
        f"{captions.samples_each(first)}. Unparsed: no answer could be read; unanswered: none was given; "
        "truncated: the answer hit its token limit; refused: the grader was not let do what it wanted. All of "
        f"these count as not correct.{captions.cautions(first)}",
    )
