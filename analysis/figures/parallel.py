"""Serial against parallel at equal compute, a panel a rung: accuracy over the thinking budget, a line a level."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.runs import serial
from analysis.text import captions, wording

LAYOUT = page.Layout((2.9, 2.4), (0.62, 1.0), max_columns=4)


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.parallel.frame`."""
    models = list(dict.fromkeys(frame["model"]))
    short, colours = wording.short_names(models), ink.colours(models)
    budgets, multiples = sorted(frame["budget"].unique()), sorted(frame["multiple"].unique())
    shades, titles = ink.shades(multiples), page.names(short, LAYOUT.panel[0])
    figure, panels = page.lay(len(models), _words(frame.iloc[0]), LAYOUT)
    for number, (axes, model) in enumerate(zip(panels, models, strict=True)):
        rows = frame[frame["model"] == model]
        ink.percent_axis(axes, max(0.0, frame["low"].min()), 1.0)
        axes.set_xlim(-0.4, len(budgets) - 0.2)
        ticks.spaced(axes, [serial.short(budget) for budget in budgets])
        axes.set_xlabel(f"{serial.of(rows.iloc[0]).steps}, at most", fontsize=9.5)
        if number % LAYOUT.max_columns == 0:
            axes.set_ylabel("accuracy", fontsize=9.5)
        page.title(axes, titles[model], colour=colours[model])
        _draw_levels(axes, rows, budgets, shades)
    return figure


def _draw_levels(axes: Axes, rows: pd.DataFrame, budgets: list[int], shades: dict[float, str]) -> None:
    lines, named = [], []
    for multiple, part in rows.groupby("multiple", sort=True):
        colour = shades[float(multiple)]
        at = part["budget"].map(budgets.index).to_numpy(dtype=float)
        axes.fill_between(at, part["low"], part["high"], color=colour, alpha=0.12, linewidth=0)
        axes.plot(at, part["accuracy"], "o-", color=colour, linewidth=1.8, markersize=3.2)
        for _, best in part[part["is_best"]].head(1).iterrows():
            axes.plot(budgets.index(best["budget"]), best["accuracy"], "*", color=colour, markersize=12,
                      markeredgecolor="white", zorder=6)  # fmt: skip
        named.append(Label(f"{multiple:g}x", at[-1], part["accuracy"].iloc[-1], colour))
        lines.append(pd.DataFrame({"x": at, "y": part["accuracy"].to_numpy()}).to_numpy(dtype=float))
    labels.place(axes, named, lines=lines, size=8.5)


def _words(first: pd.Series) -> page.Words:
    names = first.get("models_aside", "")
    along = serial.of(first)
    aside = f"Left out, as no two of its {along.values} can spend the same: {names}. " if names else ""
    return page.Words(
        f"At equal compute: {along.one_or_many}",
        "Line: equal compute, as many times what one full answer costs as its label says; to the left it is "
        f"spent on more samples side by side, to the right on {along.more}. Star: the best split.",
        f"All prompts. Several samples are read by {captions.read_by(first)}; accuracy and samples are "
        "interpolated in log k between cells. A line ends where its compute is more than all samples drawn, or "
        f"less than one sample, would spend. {aside}{captions.run(first, binned=False)}",
    )
