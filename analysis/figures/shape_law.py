"""What the shape of a model does to its speed, or to another outcome: every model, and the law's line."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from analysis.figures import ink, labels

SIZE_INCHES = (9.0, 4.9)
TITLES = {"x": "Width: hidden size / sqrt(weights)", "r": "Weights of MLPs over those of attention"}
# Names of models beside their points where so few lines are drawn.
MOST_NAMED = 1


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `shape_laws.frame`: a panel a ratio, a colour a condition, points and a line each."""
    ratios = [name for name in TITLES if (frame["ratio"] == name).any()]
    figure = Figure(figsize=SIZE_INCHES)
    every = figure.subplots(1, len(ratios), squeeze=False, sharey=True)[0]
    figure.subplots_adjust(left=0.09, right=0.97, top=0.74, bottom=0.26, wspace=0.12)
    conditions = list(dict.fromkeys(frame["condition"]))
    colours = ink.shades(conditions)
    for axes, ratio in zip(every, ratios, strict=True):
        part = frame[frame["ratio"] == ratio]
        _lay_out(axes, ratio, part)
        for condition in conditions:
            _draw_one(axes, part[part["condition"] == condition], colours[condition])
    what = "over its mean" if frame["is_log"].iloc[0] else "less its mean"
    every[0].set_ylabel(f"{frame['outcome'].iloc[0].replace('_', ' ')} {what}", fontsize=9.5)
    _write_words(figure, frame, colours)
    return figure


def _lay_out(axes: Axes, ratio: str, part: pd.DataFrame) -> None:
    ink.bare(axes)
    axes.set_xscale("log")
    axes.set_title(TITLES[ratio], fontsize=10.5, loc="left", color=ink.DARK)
    models = part[part["shape"] != ""]
    ticks = sorted({float(f"{at:.2g}") for at in models["at"]})
    apart = [tick for at, tick in enumerate(ticks) if not at or tick > 1.12 * ticks[at - 1]]
    axes.xaxis.set_major_locator(FixedLocator(apart))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axhline(1.0 if part["is_log"].iloc[0] else 0.0, color=ink.GREY, linewidth=0.8)


def _draw_one(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    models, line = rows[rows["shape"] != ""], rows[rows["shape"] == ""]
    axes.plot(line["at"], line["relative"], color=colour, linewidth=1.6)
    axes.plot(models["at"], models["relative"], "o", color=colour, markersize=4.5, markeredgecolor="white")


def _write_words(figure: Figure, frame: pd.DataFrame, colours: dict[str, str]) -> None:
    figure.text(0.02, 0.965, "What the shape of a model does", fontsize=14, fontweight="bold", va="top",
                color=ink.DARK)  # fmt: skip
    left = 0.02
    for name, colour in colours.items():
        figure.text(left, 0.87, name, fontsize=9.5, va="top", color=colour, fontweight="bold")
        left += (labels.width_points(name, 9.5, "bold") + 14) / (72 * SIZE_INCHES[0])
    caption = (
        f"{frame['num_models'].max()} models. Points: models with what the law says of all else taken away. "
        "Lines: the law, log x and 1 / x of each ratio where both could be fitted. Where points lie off their "
        "line, something else than these ratios counts."
    )
    figure.text(0.02, 0.03, labels.wrap(caption, 8.5, 0.95 * SIZE_INCHES[0]), fontsize=8.5, va="bottom",
                color="#444444")  # fmt: skip
