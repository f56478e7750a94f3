"""Up to what workload each smaller rung is the cheaper buy, and below it why: Snell et al.'s panel."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.text import captions, wording

BAR_INCHES = 0.24
# Of a bar's axis, and of the words beside it at least.
WIDE, BESIDE = 2.0, 1.2
WORD_SIZE = 9.0
# Of the curves, from the bars to them, and from them to what stands below.
CURVES_INCHES, BETWEEN, BELOW = 2.3, 0.78, 0.6
# R* is drawn within these; 0 and inf lie on the edges.
WORKLOAD_LIMITS = (0.003, 300.0)
# In log units of the axis, between two bins' intervals at one number of samples.
APART = 0.012


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.break_even.frame`."""
    models, bins = list(dict.fromkeys(frame["small"])), list(dict.fromkeys(frame["bin"]))
    large = frame["large"].iloc[0]
    short, colours = wording.short_names([*models, large]), ink.shades(bins)
    named = [labels.fit(name, 9, 0.8) for name in bins]
    beside = _beside(frame[frame["kind"] == "break_even"])
    below = BETWEEN + CURVES_INCHES + BELOW
    layout = page.Layout((WIDE, BAR_INCHES * len(bins)), (beside + 0.85, below + 0.4), left=1.0, right=beside + 0.15,
                         below=below)  # fmt: skip
    figure, panels = page.lay(len(models), _words(frame.iloc[0], short[large]), layout)
    drawn = frame[frame["kind"] != "break_even"]
    floor = max(0.0, float(drawn[["accuracy", "low"]].min().min()) - 0.04)
    for number, (axes, model) in enumerate(zip(panels, models, strict=True)):
        rows = frame[frame["small"] == model]
        ratio = rows.loc[rows["kind"] == "curve", "size_ratio"].iloc[0]
        _write_title(axes, short[model], ticks.number(float(f"{ratio:.3g}")), WIDE + beside)
        _draw_bars(axes, rows[rows["kind"] == "break_even"], bins, named, colours)
        curves = _add_below(axes, WIDE + beside)
        curves.set_xscale("log")
        curves.set_xlim(0.8, 1.5 * rows["width"].max())
        ink.percent_axis(curves, floor, 1.0)
        ticks.log(curves, "x")
        curves.set_xlabel(f"samples of {short[model]}", fontsize=9.5, labelpad=2)
        if number % layout.max_columns == 0:
            curves.set_ylabel("accuracy", fontsize=9.5)
        _draw_curves(curves, rows, bins, colours)
    return figure


def _beside(rows: pd.DataFrame) -> float:
    """Inches that the words beside the bars take."""
    points = [labels.width_points(_verdict(row), WORD_SIZE) for _, row in rows.iterrows()]
    return max(BESIDE, max(points, default=0.0) / 72 + 0.1)


def _write_title(axes: Axes, name: str, ratio: str, inches: float) -> None:
    """The smaller model, and how much smaller it is as far as there is room beside it."""
    notes = (f"{ratio} times smaller", f"{ratio}x smaller", "")
    note = next(note for note in notes if not note or page.has_room(name, note, inches))
    page.title(axes, name, note, inches=inches)


def _draw_bars(axes: Axes, rows: pd.DataFrame, bins: list[str], named: list[str], colours: dict[str, str]) -> None:
    """R* of every bin with its interval, and in words beside it."""
    low, high = WORKLOAD_LIMITS
    axes.grid(False, axis="y")
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(len(bins) - 0.5, -0.5)
    for place, name in enumerate(bins):
        for _, row in rows[rows["bin"] == name].iterrows():
            estimate, *ends = (float(np.clip(row[key], low, high)) for key in ("workload", "low", "high"))
            axes.annotate(_verdict(row), (1, place), xycoords=("axes fraction", "data"), xytext=(5, 0), va="center",
                          textcoords="offset points", fontsize=WORD_SIZE, annotation_clip=False)  # fmt: skip
            if np.isnan(estimate):
                continue
            axes.barh(place, estimate - low, left=low, height=0.62, color=colours[name], alpha=0.75, linewidth=0)
            axes.plot(ends, [place, place], color=ink.DARK, linewidth=1.1, alpha=0.7, zorder=5, clip_on=False)
    axes.set_yticks(range(len(bins)), named)
    axes.tick_params(axis="y", length=0)
    ticks.log(axes, "x", form=lambda tick: f"{tick:g}")
    axes.set_xlabel("R: tokens served per training token", fontsize=9, labelpad=1)


def _verdict(row: pd.Series) -> str:
    """'up to 5.8 [2, always]', 'never', 'always [2.7, always]', or why there is none."""
    if np.isnan(row["workload"]):
        return wording.NOTHING if row["num_prompts"] else ""
    estimate, low, high = (_workload(float(row[key])) for key in ("workload", "low", "high"))
    if estimate == low == high:
        return estimate
    return (
        f"{estimate} [{low}, {high}]" if estimate in ("never", "always") else f"up to {estimate} [{low}, {high}]"
    )


def _workload(value: float) -> str:
    if np.isinf(value):
        return "always"
    return wording.NEVER if value == 0 else ticks.number(float(f"{value:.2g}"))


def _add_below(axes: Axes, inches: float) -> Axes:
    """Empty axes below a panel of bars, so wide."""
    box, figure = axes.get_position(), labels.sheet(axes)
    wide, tall = figure.get_size_inches()
    below = figure.add_axes(
        (box.x0, box.y0 - (BETWEEN + CURVES_INCHES) / tall, inches / wide, CURVES_INCHES / tall)
    )
    ink.bare(below)
    return below


def _draw_curves(axes: Axes, rows: pd.DataFrame, bins: list[str], colours: dict[str, str]) -> None:
    """Accuracy of each bin, with stars of the larger one on a line for every workload."""
    lines, named = [], []
    measured = rows.loc[rows["kind"] == "curve", "width"].max()
    apart = (axes.get_xlim()[1] / axes.get_xlim()[0]) ** APART
    for number, name in enumerate(bins):
        part = rows[rows["bin"] == name]
        curve, stars = part[part["kind"] == "curve"], part[part["kind"] == "star"]
        if curve.empty:
            continue
        aside = curve["width"] * apart ** (number - (len(bins) - 1) / 2)
        ink.whiskers(axes, aside, curve["low"], curve["high"], colours[name])
        axes.plot(curve["width"], curve["accuracy"], color=colours[name], linewidth=2, zorder=4)
        for is_beyond, some in stars.groupby(stars["width"] > measured):
            axes.plot(some["width"], some["accuracy"], "*", color=colours[name], markersize=9, zorder=6,
                      markerfacecolor="white" if is_beyond else colours[name], markeredgewidth=1)  # fmt: skip
        named.append(Label(name, curve["width"].iloc[0], curve["accuracy"].iloc[0], colours[name]))
        lines += [curve[["width", "accuracy"]].to_numpy(float), stars[["width", "accuracy"]].to_numpy(float)]
    stars = rows[rows["kind"] == "star"]
    for workload, part in stars.groupby("workload"):
        at = float(np.exp(np.log(part["width"]).mean()))
        axes.axvline(at, color="#bbbbbb", linewidth=1, linestyle=(0, (1, 2)), zorder=1)
        named.append(Label(f"R={workload:g}".replace("0.", "."), at, axes.get_ylim()[0], "#555555"))
    labels.place(axes, named, lines=lines, size=8.5)


def _words(first: pd.Series, large: str) -> page.Words:
    return page.Words(
        f"Train {large}, or sample a smaller model?",
        f"Bar: the workload up to which the smaller model is the cheaper way to {large}'s accuracy, with its "
        f"95% interval. Below: accuracy of the smaller model. Star: one answer of {large}, where both cost the "
        f"same at the workload R; above the line, {large} is the better buy.",
        "Cost: training, on equally many tokens, and serving (Snell et al. 2024). Open star: more samples than "
        f"were drawn. Several samples are read by {captions.read_by(first)}. "
        f"{captions.run(first, binned=True, priced=False)}",
    )
