"""Snell et al.'s panel for every smaller rung: accuracy against samples with the largest's stars, and R* below it."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.text import captions, wording

PANEL = (3.1, 2.7)
BAR_INCHES = 0.2
# R* is drawn within these; 0 and inf lie on the edges.
WORKLOAD_LIMITS = (0.003, 300.0)
MARKERS = "osD^vPXdp"


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.break_even.frame`."""
    models, bins = list(dict.fromkeys(frame["small"])), list(dict.fromkeys(frame["bin"]))
    large = frame["large"].iloc[0]
    short, colours = wording.short_names([*models, large]), ink.shades(bins)
    bars = BAR_INCHES * len(bins)
    columns = 3 if len(models) <= 6 else 4
    layout = page.Layout(PANEL, (0.95, 1.75 + bars), left=1.0, below=1.35 + bars, max_columns=columns)
    figure, panels = page.lay(len(models), _words(frame.iloc[0], short[large]), layout)
    drawn = frame[frame["kind"] != "break_even"]
    floor = max(0.0, float(drawn[["accuracy", "low"]].min().min()) - 0.04)
    for number, (axes, model) in enumerate(zip(panels, models, strict=True)):
        rows = frame[frame["small"] == model]
        axes.set_xscale("log")
        axes.set_xlim(0.8, 1.5 * rows["width"].max())
        ink.percent_axis(axes, floor, 1.0)
        ticks.log(axes, "x")
        axes.set_xlabel(f"samples of {short[model]}", fontsize=9.5, labelpad=2)
        if number % layout.max_columns == 0:
            axes.set_ylabel("accuracy", fontsize=9.5)
        ratio = rows.loc[rows["kind"] == "curve", "size_ratio"].iloc[0]
        page.title(axes, *_title((short[model], short[large]), ticks.number(float(f"{ratio:.3g}"))))
        _draw_curves(axes, rows, bins, colours)
        _draw_bars(axes, rows[rows["kind"] == "break_even"], bins, colours)
    return figure


def _title(names: tuple[str, str], ratio: str) -> tuple[str, str]:
    """'33k for 1.1m' with its note, or where there is no room the smaller one alone: the page names the larger."""
    notes = (f"{ratio} times smaller", f"{ratio}x smaller")
    both = (f"{names[0]} for {names[1]}", notes[0])
    told = (both, (names[0], notes[0]), (names[0], notes[1]))
    return next((title for title in told if page.has_room(*title, PANEL[0])), told[-1])


def _draw_curves(axes: Axes, rows: pd.DataFrame, bins: list[str], colours: dict[str, str]) -> None:
    lines, named = [], []
    measured = rows.loc[rows["kind"] == "curve", "width"].max()
    for marker, name in zip(MARKERS * len(bins), bins, strict=False):
        part = rows[rows["bin"] == name]
        curve, stars = part[part["kind"] == "curve"], part[part["kind"] == "star"]
        axes.fill_between(curve["width"], curve["low"], curve["high"], color=colours[name], alpha=0.12, linewidth=0)
        axes.plot(curve["width"], curve["accuracy"], color=colours[name], linewidth=1.8, marker=marker, markersize=3.4)
        axes.plot(stars["width"], stars["accuracy"], color=colours[name], linewidth=0.8, linestyle=(0, (1, 3)))
        for is_beyond, some in stars.groupby(stars["width"] > measured):
            axes.plot(some["width"], some["accuracy"], "*", color=colours[name], markersize=11, zorder=6,
                      markerfacecolor="white" if is_beyond else colours[name], markeredgewidth=1.1)  # fmt: skip
        first = curve.iloc[0]
        named.append(Label(name, first["width"], first["accuracy"], colours[name]))
        lines += [curve[["width", "accuracy"]].to_numpy(float), stars[["width", "accuracy"]].to_numpy(float)]
    stars = rows[rows["kind"] == "star"]
    named += [
        Label(
            f"R={workload:g}".replace("0.", "."),
            np.exp(np.log(part["width"]).mean()),
            part["accuracy"].min(),
            "#555555",
        )
        for workload, part in stars.groupby("workload")
    ]
    labels.place(axes, named, lines=lines, size=8.5)


def _draw_bars(above: Axes, rows: pd.DataFrame, bins: list[str], colours: dict[str, str]) -> None:
    """R* of every bin with its interval, on axes below the panel."""
    box, figure = above.get_position(), labels.sheet(above)
    tall = figure.get_figheight()
    height = BAR_INCHES * len(bins) / tall
    axes = figure.add_axes((box.x0, box.y0 - 0.78 / tall - height, box.width, height))
    ink.bare(axes)
    axes.set_xscale("log")
    axes.set_xlim(*WORKLOAD_LIMITS)
    low, high = WORKLOAD_LIMITS
    axes.set_ylim(len(bins) - 0.5, -0.5)
    for place, name in enumerate(bins):
        for _, row in rows[rows["bin"] == name].iterrows():
            estimate, *ends = (float(np.clip(row[key], low, high)) for key in ("workload", "low", "high"))
            _write_edge(axes, place, row)
            if np.isnan(estimate):
                continue
            axes.barh(place, estimate - low, left=low, height=0.62, color=colours[name], alpha=0.85)
            axes.plot(ends, [place, place], color=ink.DARK, linewidth=1.1, zorder=5)
            axes.plot(ends, [place, place], "|", color=ink.DARK, markersize=5, zorder=5, clip_on=False)
    axes.set_yticks(range(len(bins)), [labels.fit(name, 8.5, 0.8) for name in bins], fontsize=8.5)
    ticks.log(axes, "x", form=_workload)
    axes.set_xlabel("break-even workload R*", fontsize=9, labelpad=1)


def _write_edge(axes: Axes, place: int, row: pd.Series) -> None:
    """'never' or 'always', where a bar has no length or no end; that there is nothing to match where there is none."""
    workload = float(row["workload"])
    if np.isnan(workload) and row["num_prompts"]:
        at, word, side, colour = 0.02, wording.NOTHING, "left", "#555555"
    elif workload == 0:
        at, word, side, colour = 0.02, "never", "left", ink.DARK
    elif np.isinf(workload):
        at, word, side, colour = 0.98, "always", "right", "white"
    else:
        return
    axes.annotate(word, (at, place), xycoords=("axes fraction", "data"), ha=side, va="center", fontsize=8, color=colour,
                  zorder=7, path_effects=None if np.isinf(workload) else ink.halo())  # fmt: skip


def _workload(tick: float) -> str:
    return f"{tick:g}"


def _words(first: pd.Series, large: str) -> page.Words:
    edges = f"The bars' axis ends stand for never (0, left of {WORKLOAD_LIMITS[0]:g}) and always (right)."
    return page.Words(
        f"Train {large}, or sample a smaller model?",
        f"Line: the smaller model's accuracy by bin. Star: one answer of {large}, at the number of samples that costs "
        "as much in training and serving together; open: beyond what was sampled. Where a star lies above its line, "
        f"{large} is the better buy. Bar: the workload up to which the smaller model is the cheaper way to {large}'s "
        "accuracy, with its 95% interval.",
        "R: tokens served over tokens trained on, both models trained on equally many. m(R) = M + 3(M - 1)/R decoded "
        "tokens of the smaller for each of the larger, M the ratio of parameters; R* = 3(M - 1)/(k* - M) (Snell et al. "
        f"2024). {edges} Several samples are read by {captions.read_by(first)}. "
        f"{captions.run(first, binned=True, priced=False)}",
    )
