"""Series against parallel from one set of chains, a panel a chain: accuracy over the rounds, a line a bin."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.text import captions

LAYOUT = page.Layout((3.0, 2.5), between=(0.55, 1.0), max_columns=4)


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.strategies.splits_of`, without all prompts where there are bins."""
    parts = list(dict.fromkeys(zip(frame["model"], frame["strategy"], strict=True)))
    figure, panels = page.lay(len(parts), _words(frame.iloc[0]), LAYOUT)
    shades = ink.shades(list(dict.fromkeys(frame["bin"])))
    several = frame["model"].nunique() > 1
    low, high = (
        float(frame[["accuracy_low", "last_accuracy"]].min().min()),
        float(frame[["accuracy_high", "last_accuracy"]].max().max()),
    )
    for number, (axes, (model, name)) in enumerate(zip(panels, parts, strict=True)):
        rows = frame[(frame["model"] == model) & (frame["strategy"] == name)]
        page.title(axes, f"{name}, {model}" if several else name, f"{rows['answers'].iloc[0]} answers")
        ink.percent_axis(axes, max(0.0, low), min(1.0, high))
        _draw_lines(axes, rows, shades)
        if number % LAYOUT.max_columns == 0:
            axes.set_ylabel("accuracy of the vote", fontsize=9.5)
    return figure


def _draw_lines(axes: Axes, rows: pd.DataFrame, shades: dict[str, str]) -> None:
    """Accuracy over how many rounds stand in series, with its interval: solid the vote of all,
    dashed of the last.
    """
    splits = rows.drop_duplicates("series").sort_values("series")
    axes.set_xlim(-0.3, len(splits) - 0.4)
    names = [f"{row['series']} x {row['parallel']}" for _, row in splits.iterrows()]
    ticks.spaced(axes, names)
    axes.set_xlabel("rounds in series x chains in parallel", fontsize=9.5)
    named, drawn = [], []
    for name, own in rows.groupby("bin", sort=False):
        own, colour = own.sort_values("series"), shades[str(name)]
        at = np.arange(len(own), dtype=float)
        axes.fill_between(at, own["accuracy_low"], own["accuracy_high"], color=colour, alpha=0.12, linewidth=0)
        axes.plot(at, own["accuracy"], "o-", color=colour, linewidth=1.9, markersize=3.5, zorder=4)
        axes.plot(at, own["last_accuracy"], color=colour, linewidth=1.3, linestyle=(0, (4, 2)), zorder=3)
        named.append(Label(str(name), at[-1], own["accuracy"].iloc[-1], colour))
        drawn += [np.column_stack([at, own[column]]).astype(float) for column in ("accuracy", "last_accuracy")]
    labels.place(axes, named, lines=drawn, size=8.5)


def _words(first: pd.Series) -> page.Words:
    return page.Words(
        "The same number of answers in series or in parallel?",
        "Solid: vote of all answers. Dashed: vote of the last answer of each chain. To the left samples side by "
        "side, to the right fewer chains of more rounds. Shade: 95% intervals of the solid line.",
        "Answers that read others cost more than samples do: `isoquant strategies` compares at equal cost. "
        f"{captions.run(first, binned=True, priced=False)}",
    )
