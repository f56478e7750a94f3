"""Accuracy against compute, a panel a difficulty bin: where a smaller rung's samples reach the largest's one answer."""

import textwrap

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
FOOT_INCHES = 0.85
SIDE_INCHES = 0.75


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `findings.substitution_frame`, whose rows are cells with their bin's target and rung's crossing."""
    models = ink.ordered_models(frame["model"], frame["num_params"])
    bins = list(dict.fromkeys(frame["bin"]))
    figure, panels = _panels(len(bins), num_verdicts=len(models) - 1)
    colours = ink.colours(models)
    for axes, name in zip(panels, bins, strict=True):
        _draw_panel(axes, frame[frame["bin"] == name], colours)
    _match_axes(panels, frame)
    if frame["path"].iloc[0] == "width":
        _label_rules(panels[-1], frame[(frame["bin"] == bins[-1]) & (frame["model"] == models[0])], colours[models[0]])
    _write_words(figure, frame, models)
    return figure


def _panels(num_panels: int, *, num_verdicts: int) -> tuple[Figure, list[Axes]]:
    """Panels in rows of MAX_COLUMNS, with room below each for a line a smaller rung."""
    columns = min(num_panels, MAX_COLUMNS)
    rows = -(-num_panels // columns)
    below = 0.6 + VERDICT_INCHES * (num_verdicts + 1)
    width = max(columns, 2) * PANEL_INCHES[0] + SIDE_INCHES - 0.3
    height = HEAD_INCHES + FOOT_INCHES + rows * (PANEL_INCHES[1] + below)
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
        deployable = part[part["rule"] == "maj_at_k"]
        if first["path"] == "width":
            _draw_coverage(axes, part[part["rule"] == "pass_at_k"], colours[str(model)])
        _draw_rule(axes, deployable, colours[str(model)])
        _label_rung(axes, deployable.iloc[0], colours[str(model)])
        _mark_crossing(axes, part.iloc[0], colours[str(model)])
    axes.annotate(
        f"one answer of {first['target']}",
        (0, first["target_accuracy"]),
        xycoords=("axes fraction", "data"),
        xytext=(3, 3),
        textcoords="offset points",
        fontsize=8.5,
        color=ink.DARK,
        path_effects=ink.halo(),
        zorder=6,
    )
    axes.set_title(f"{first['bin']} ({first['num_prompts']} prompts)", loc="left", fontsize=11, fontweight="bold")
    _write_verdicts(axes, frame, colours)


def _draw_rule(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    """The deployable rule: full ink where at least two disjoint subsets exist (k <= n/2), faded beyond."""
    axes.fill_between(part["flops"], part["low"], part["high"], color=colour, alpha=0.13, linewidth=0, zorder=1)
    for piece, alpha in zip(_halves(part), (1.0, 0.4), strict=True):
        axes.plot(piece["flops"], piece["accuracy"], color=colour, alpha=alpha, linewidth=2, zorder=4)
        axes.plot(
            piece["flops"][-len(piece) :], piece["accuracy"], "o", color=colour, alpha=alpha, markersize=3.5, zorder=4
        )


def _draw_coverage(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    for piece, shade in zip(_halves(part), (colour, ink.GREY), strict=True):
        axes.plot(piece["flops"], piece["accuracy"], color=shade, alpha=0.55, linewidth=1.3, linestyle=":", zorder=3)


def _halves(part: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with k <= n/2, and from the last of them on."""
    full = int((part["width"] <= part["num_samples"] / 2).sum())
    return part.iloc[: max(full, 1)], part.iloc[max(full, 1) - 1 :]


def _label_rung(axes: Axes, start: pd.Series, colour: str) -> None:
    """The rung's name at its first cell: below a line of widths, above one of budgets, which may fall at first."""
    is_below = start["path"] == "width"
    axes.annotate(
        start["model"],
        (start["flops"], start["accuracy"]),
        xytext=(0, -6 if is_below else 5),
        textcoords="offset points",
        ha="center",
        va="top" if is_below else "bottom",
        fontsize=9.5,
        fontweight="bold",
        color=colour,
        path_effects=ink.halo(),
        zorder=6,
    )


def _label_rules(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    """What the two kinds of line are, beside the smallest rung's."""
    vote, coverage = (part[part["rule"] == rule] for rule in ("maj_at_k", "pass_at_k"))
    inner = coverage.iloc[1 : max(len(coverage) // 2, 2)] if len(coverage) > 1 else coverage
    near = inner.loc[(inner["accuracy"] - inner["target_accuracy"]).abs().idxmax()]
    places = (("any of k\ncorrect ", near, (-4, 0), "right"), ("majority of k", vote.iloc[-1], (0, -12), "center"))
    for text, row, offset, side in places:
        axes.annotate(
            text,
            (row["flops"], row["accuracy"]),
            xytext=offset,
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=8.5,
            style="italic",
            color=colour,
            path_effects=ink.halo(),
            zorder=6,
        )


def _mark_crossing(axes: Axes, row: pd.Series, colour: str) -> None:
    if np.isfinite(row["crossing_flops"]):
        axes.plot(
            row["crossing_flops"],
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
    needs = f"{wording.steps(row['step'], row['path'])}, compute " if np.isfinite(row["step"]) else ""
    return needs + wording.rate(
        exchange_rate=row["exchange_rate"],
        low=row["rate_low"],
        high=row["rate_high"],
        at_or_below=bool(row["at_or_below"]),
        axis=row["path"],
        max_step=row["max_step"],
    )


def _match_axes(panels: list[Axes], frame: pd.DataFrame) -> None:
    """One scale for all panels, so that bins compare at a glance."""
    low = min(0.95 * frame["accuracy"].min(), frame["low"].min())
    for number, axes in enumerate(panels):
        axes.set_xscale("log")
        axes.set_xlim(frame["flops"].min() / 1.6, frame["flops"].max() * 1.25)
        axes.set_ylim(max(-0.02, low - 0.09), 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlabel("FLOPs per prompt", fontsize=9.5, labelpad=1)
        if number % MAX_COLUMNS == 0:
            axes.set_ylabel("accuracy", fontsize=9.5)


def _write_words(figure: Figure, frame: pd.DataFrame, models: list[str]) -> None:
    first = frame.iloc[0]
    height = figure.get_figheight()
    spent = "How many samples let" if first["path"] == "width" else "How much thinking lets"
    title = f"{spent} a smaller model match one answer of {first['target']}? Task: {first['task']}"
    figure.text(0.012, 1 - 0.16 / height, title, fontsize=14, fontweight="bold", va="top", color=ink.DARK)
    figure.text(0.012, 1 - 0.5 / height, caption.substitution_key(first), fontsize=10, va="top", color=ink.DARK)
    letters = int(13.2 * figure.get_figwidth())
    figure.text(
        0.012,
        0.1 / height,
        textwrap.fill(caption.substitution(first, models), letters),
        fontsize=9,
        va="bottom",
        color="#444444",
    )
