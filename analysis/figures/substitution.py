"""Accuracy against compute, a panel a difficulty bin: where a smaller rung's samples reach the largest's one answer."""

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from analysis import wording
from analysis.figures import caption, ink

MAX_COLUMNS = 3
PANEL_INCHES = (4.3, 3.5)
VERDICT_INCHES = 0.2
HEAD_INCHES = 1.05
LINE_INCHES = 0.17
SIDE_INCHES = 0.75
LETTER_POINTS = 7.0


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `findings.substitution_frame`, whose rows are cells with their bin's target and rung's crossing."""
    full_names = ink.ordered_models(frame["model"], frame["num_params"])
    short = wording.short_names(full_names)
    models, bins = list(short.values()), list(dict.fromkeys(frame["bin"]))
    width = max(min(len(bins), MAX_COLUMNS), 2) * PANEL_INCHES[0] + SIDE_INCHES - 0.3
    words = textwrap.fill(caption.substitution(frame.iloc[0], full_names), int(13.2 * width))
    frame = frame.assign(model=frame["model"].map(short), target=frame["target"].map(short))
    figure, panels = _panels(len(bins), width, num_verdicts=len(models) - 1, num_lines=1 + words.count("\n"))
    colours = ink.colours(models)
    for axes, name in zip(panels, bins, strict=True):
        _draw_panel(axes, frame[frame["bin"] == name], colours)
    _match_axes(panels, frame)
    for axes, name in zip(panels, bins, strict=True):
        _label_rungs(axes, frame[frame["bin"] == name], colours)
    if frame["path"].iloc[0] == "width" and solid_rule(frame) != "pass_at_k":
        _label_coverage(
            panels[-1], frame[(frame["bin"] == bins[-1]) & (frame["model"] == models[0])], colours[models[0]]
        )
    key = caption.substitution_key(frame.iloc[0], solid_rule(frame))
    _write_words(figure, frame.iloc[0], full_names[-1], key, words)
    return figure


def solid_rule(frame: pd.DataFrame) -> str:
    """The rule that is drawn out: the vote, or coverage where outcomes hold no votes."""
    return "maj_at_k" if (frame["rule"] == "maj_at_k").any() else "pass_at_k"


def _panels(num_panels: int, width: float, *, num_verdicts: int, num_lines: int) -> tuple[Figure, list[Axes]]:
    """Panels in rows of MAX_COLUMNS, with room below each for a line a smaller rung."""
    columns = min(num_panels, MAX_COLUMNS)
    rows = -(-num_panels // columns)
    below = 0.6 + VERDICT_INCHES * (num_verdicts + 1)
    height = HEAD_INCHES + 0.2 + LINE_INCHES * num_lines + rows * (PANEL_INCHES[1] + below)
    figure = Figure(figsize=(width, height))
    panels = []
    for number in range(num_panels):
        row, column = divmod(number, columns)
        bottom = height - HEAD_INCHES - (row + 1) * PANEL_INCHES[1] - row * below
        pitch = (width - SIDE_INCHES + 0.3) / columns
        box = (SIDE_INCHES + column * pitch, bottom, pitch - 0.5, PANEL_INCHES[1] - 0.3)
        panels.append(figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height)))
    return figure, panels


def _draw_panel(axes: Axes, frame: pd.DataFrame, colours: dict[str, str]) -> None:
    ink.bare(axes)
    first = frame.iloc[0]
    axes.axhline(first["target_accuracy"], color=ink.DARK, linewidth=1, linestyle=(0, (4, 3)), zorder=2)
    for model, part in frame.groupby("model", sort=False):
        deployable = part[part["rule"] == solid_rule(frame)]
        if first["path"] == "width" and solid_rule(frame) != "pass_at_k":
            _draw_coverage(axes, part[part["rule"] == "pass_at_k"], colours[str(model)])
        _draw_rule(axes, deployable, colours[str(model)])
        _mark_crossing(axes, part.iloc[0], colours[str(model)])
    _label_target(axes, first)
    axes.set_title(f"{first['bin']} ({first['num_prompts']} prompts)", loc="left", fontsize=11, fontweight="bold")
    _write_verdicts(axes, frame, colours)


def _label_target(axes: Axes, first: pd.Series) -> None:
    """On the side of the dashed line that curves leave free: right of all votes that reach it, left of all budgets."""
    at_right = first["path"] == "width"
    axes.annotate(
        f"one answer of {first['target']}",
        (1 if at_right else 0, first["target_accuracy"]),
        xycoords=("axes fraction", "data"),
        xytext=(-3, -3) if at_right else (3, 3),
        textcoords="offset points",
        ha="right" if at_right else "left",
        va="top" if at_right else "bottom",
        fontsize=8.5,
        color=ink.DARK,
        path_effects=ink.halo(),
        zorder=6,
    )


def _draw_rule(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    """The deployable rule: full ink where at least two disjoint subsets exist (k <= n/2), faded beyond."""
    axes.fill_between(part["cost"], part["low"], part["high"], color=colour, alpha=0.13, linewidth=0, zorder=1)
    for piece, alpha in zip(_halves(part), (1.0, 0.4), strict=True):
        axes.plot(piece["cost"], piece["accuracy"], color=colour, alpha=alpha, linewidth=2, zorder=4)
        axes.plot(
            piece["cost"][-len(piece) :], piece["accuracy"], "o", color=colour, alpha=alpha, markersize=3.5, zorder=4
        )


def _draw_coverage(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    for piece, shade in zip(_halves(part), (colour, ink.GREY), strict=True):
        axes.plot(piece["cost"], piece["accuracy"], color=shade, alpha=0.55, linewidth=1.3, linestyle=":", zorder=3)


def _halves(part: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with k <= n/2, and from the last of them on."""
    full = int((part["width"] <= part["num_samples"] / 2).sum())
    return part.iloc[: max(full, 1)], part.iloc[max(full, 1) - 1 :]


def _label_rungs(axes: Axes, frame: pd.DataFrame, colours: dict[str, str]) -> None:
    """Each rung's name below the first cell of its line of widths, or above the last of its line of budgets.

    Lines that all begin at one compute (as samples do) are named beside their ends. A name that would cover one to its
    left is moved further off.
    """
    lines = frame[frame["rule"] == solid_rule(frame)].groupby("model", sort=False)
    apart = np.ptp(np.log(lines.head(1)["cost"])) > 0
    cells, away = (lines.head(1), -1) if frame["path"].iloc[0] == "width" and apart else (lines.tail(1), 1)
    beside, start, side = (0, 12.0, "center") if apart else (7, 0.0, "left")
    placed: list[tuple[float, float, float]] = []
    for _, cell in cells.iterrows():
        x, y = axes.transData.transform((cell["cost"], cell["accuracy"])) * 72 / axes.figure.dpi
        half = LETTER_POINTS * len(cell["model"]) / 2
        offset = away * start
        while any(abs(x - other) < half + wide and abs(y + offset - level) < 12 for other, level, wide in placed):
            offset += away * 3
        placed.append((x, y + offset, half))
        _write(axes, cell["model"], cell, (beside, offset), colours[cell["model"]], ha=side, weight="bold", size=9.5)


def _label_coverage(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    """What a dotted line is, beside the smallest rung's and off the target."""
    cells = part[(part["rule"] == "pass_at_k") & (part["width"] <= part["num_samples"] / 2)]
    apart = cells[(cells["accuracy"] - cells["target_accuracy"]).abs() > 0.1]
    if len(apart):
        _write(axes, "any of k\ncorrect", apart.iloc[-1], (-4, 0), colour, ha="right", style="italic", size=8.5)


def _write(axes: Axes, text: str, cell: pd.Series, offset: tuple[float, float], colour: str, **font: Any) -> None:
    axes.annotate(
        text,
        (cell["cost"], cell["accuracy"]),
        xytext=offset,
        textcoords="offset points",
        va="center",
        color=colour,
        path_effects=ink.halo(),
        zorder=6,
        **font,
    )


def _mark_crossing(axes: Axes, row: pd.Series, colour: str) -> None:
    if np.isfinite(row["crossing_cost"]):
        axes.plot(
            row["crossing_cost"],
            max(row["target_accuracy"], row["accuracy"]) if row["at_or_below"] else row["target_accuracy"],
            "o",
            markersize=9,
            markerfacecolor="white",
            markeredgecolor=colour,
            markeredgewidth=2,
            zorder=7,
        )


def _write_verdicts(axes: Axes, frame: pd.DataFrame, colours: dict[str, str]) -> None:
    """Below the panel: the accuracy to match, and what each smaller rung needs for it."""
    first = frame.iloc[0]
    lines = [(f"To match one answer of {first['target']} ({wording.percent(first['target_accuracy'])}):", ink.DARK)]
    lines += [
        (f"{model}: {_verdict(part.iloc[0])}", colours[str(model)])
        for model, part in frame.groupby("model", sort=False)
        if model != first["target"]
    ]
    for number, (line, colour) in enumerate(lines):
        axes.annotate(
            line,
            (0, 0),
            xycoords="axes fraction",
            xytext=(0, -40 - 72 * VERDICT_INCHES * number),
            textcoords="offset points",
            va="top",
            fontsize=9,
            color=colour,
        )


def _verdict(row: pd.Series) -> str:
    needs = f"{wording.steps(row['step'], row['path'])}, " if np.isfinite(row["step"]) else ""
    return needs + wording.rate(
        exchange_rate=row["exchange_rate"],
        low=row["rate_low"],
        high=row["rate_high"],
        at_or_below=bool(row["at_or_below"]),
        axis=row["path"],
        max_step=row["max_step"],
        unit=row["cost_unit"],
    )


def _match_axes(panels: list[Axes], frame: pd.DataFrame) -> None:
    """One scale for all panels, so that bins compare at a glance."""
    low = min(0.95 * frame["accuracy"].min(), frame["low"].min())
    for number, axes in enumerate(panels):
        axes.set_xscale("log")
        axes.set_xlim(frame["cost"].min() / 1.6, frame["cost"].max() * 1.6)
        axes.set_ylim(max(-0.02, low - 0.09), 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlabel(f"{frame['cost_unit'].iloc[0]} per prompt", fontsize=9.5, labelpad=1)
        if number % MAX_COLUMNS == 0:
            axes.set_ylabel("accuracy", fontsize=9.5)


def _write_words(figure: Figure, first: pd.Series, target: str, key: str, words: str) -> None:
    height = figure.get_figheight()
    spent = "How many samples let" if first["path"] == "width" else "How much thinking lets"
    title = f"{spent} a smaller model match one answer of {target}?"
    figure.text(0.012, 1 - 0.16 / height, title, fontsize=14, fontweight="bold", va="top", color=ink.DARK)
    figure.text(0.012, 1 - 0.5 / height, key, fontsize=10, va="top", color=ink.DARK)
    figure.text(0.012, 0.1 / height, words, fontsize=9, va="bottom", color="#444444")
