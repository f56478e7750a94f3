"""Accuracy against compute, a panel a difficulty bin:
where a smaller rung's samples reach the largest's one answer.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import numerals
from analysis.arrays import Floats
from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.reading.choices import MOST_SAMPLES
from analysis.reading.curves import CHOSEN_RULES
from analysis.runs import serial
from analysis.text import captions, wording

PANEL = (3.8, 3.2)
VERDICT_INCHES = 0.2
VERDICT_SIZE = 9.0
VERDICT_ROOM = PANEL[0] + 0.45
# Of accuracy: what a label beside the target takes.
LABEL_ROOM = 0.05


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.curve_rows.frame`,
    whose rows are cells with their bin's target and rung's crossing.
    """
    full_names = ink.ordered_models(frame["model"], frame["num_params"])
    short = wording.short_names(full_names)
    models, bins = list(short.values()), list(dict.fromkeys(frame["bin"]))
    words = _words(frame, full_names)
    frame = frame.assign(model=frame["model"].map(short), target=frame["target"].map(short))
    below = 0.75 + VERDICT_INCHES * len(models)
    figure, panels = page.lay(len(bins), words, page.Layout(PANEL, (0.62, below + 0.45), below=below))
    colours = ink.colours(models)
    for number, (axes, name) in enumerate(zip(panels, bins, strict=True)):
        part = frame[frame["bin"] == name]
        _scale(axes, frame, is_left=number % page.Layout(PANEL).max_columns == 0)
        _draw_panel(axes, part, colours)
        _label_rungs(axes, part, colours)
    if frame["path"].iloc[0] == "width" and solid_rule(frame) != "pass_at_k":
        _label_coverage(panels[-1], frame[frame["bin"] == bins[-1]], colours)
    return figure


def solid_rule(frame: pd.DataFrame) -> str:
    """The rule that is drawn out: a verifier's where one is asked for,
    else the vote, or coverage without votes.
    """
    if (chosen := frame["rate_rule"].iloc[0]) in CHOSEN_RULES:
        return str(chosen)
    return "maj_at_k" if (frame["rule"] == "maj_at_k").any() else "pass_at_k"


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
    page.title(axes, first["bin"], wording.prompts(first["num_prompts"]))
    _write_verdicts(axes, frame, colours)


def _label_target(axes: Axes, first: pd.Series) -> None:
    """On the side of the dashed line that curves leave free:
    right of all votes that reach it, left of all budgets.
    """
    at_right = first["path"] == "width"
    low, high = axes.get_ylim()
    # Over an axis' end it would cover the words there.
    is_below = first["target_accuracy"] > (low + LABEL_ROOM if at_right else high - LABEL_ROOM)
    axes.annotate(
        "to match",
        (1 if at_right else 0, first["target_accuracy"]),
        xycoords=("axes fraction", "data"),
        xytext=(-3 if at_right else 3, -3 if is_below else 3),
        textcoords="offset points",
        ha="right" if at_right else "left",
        va="top" if is_below else "bottom",
        fontsize=8.5,
        color=ink.DARK,
        path_effects=ink.halo(),
        zorder=6,
    )


def _draw_rule(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    """The deployable rule: full ink where at least two disjoint subsets exist (k <= n/2), faded beyond."""
    for piece, alpha in zip(_halves(part), (1.0, 0.4), strict=True):
        ink.whiskers(axes, piece["cost"], piece["low"], piece["high"], colour, alpha=0.5 * alpha)
        axes.plot(piece["cost"], piece["accuracy"], "o-", color=colour, alpha=alpha, linewidth=2, markersize=3.5,
                  zorder=4)  # fmt: skip


def _draw_coverage(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    for piece, shade in zip(_halves(part), (colour, ink.GREY), strict=True):
        axes.plot(piece["cost"], piece["accuracy"], color=shade, alpha=0.5, linewidth=1.1, linestyle=":", zorder=3)


def _halves(part: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with k <= n/2, and from the last of them on."""
    full = int((part["width"] <= _own_samples(part) / 2).sum())
    return part.iloc[: max(full, 1)], part.iloc[max(full, 1) - 1 :]


def _own_samples(part: pd.DataFrame) -> pd.Series:
    """The samples a prompt of the rung whose rows these are."""
    own = part["width"].max() if MOST_SAMPLES in part else part["num_samples"]
    return pd.Series(own, index=part.index)


def _label_rungs(axes: Axes, frame: pd.DataFrame, colours: dict[str, str]) -> None:
    """Each rung's name beside the first cell of its line of widths, or the last of its line of budgets."""
    drawn = frame[frame["rule"] == solid_rule(frame)]
    lines = [part for _, part in drawn.groupby("model", sort=False)]
    at = 0 if frame["path"].iloc[0] == "width" else -1
    ends = [line.iloc[at] for line in lines]
    named = [Label(end["model"], end["cost"], end["accuracy"], colours[end["model"]]) for end in ends]
    labels.place(axes, named, lines=[*map(_points, lines), _target(axes, frame)], size=9.5)


def _points(part: pd.DataFrame) -> Floats:
    return np.asarray(part[["cost", "accuracy"]], dtype=float)


def _target(axes: Axes, frame: pd.DataFrame) -> Floats:
    """The dashed line."""
    return np.array([(end, frame["target_accuracy"].iloc[0]) for end in axes.get_xlim()])


def _label_coverage(axes: Axes, frame: pd.DataFrame, colours: dict[str, str]) -> None:
    """What a dotted line is, beside the one that lies highest over its vote, and off the target."""
    within = frame[frame["width"] <= _own_samples(frame) / 2]
    if within.empty:
        return
    by_rule = within.pivot_table(index=["model", "width"], columns="rule", values="accuracy")
    gap = (by_rule["pass_at_k"] - by_rule[solid_rule(frame)]).dropna()
    if gap.empty:
        return
    model, width = gap.idxmax()
    at = within[(within["model"] == model) & (within["width"] == width) & (within["rule"] == "pass_at_k")].iloc[0]
    lines = [_points(line) for _, line in frame.groupby(["model", "rule"], sort=False)]
    note = Label("any of k correct", at["cost"], at["accuracy"], colours[model])
    labels.place(axes, [note], lines=[*lines, _target(axes, frame)], size=8.5, weight="normal")


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
    lines = [
        (f"To match one answer of {first['target']} ({numerals.percent(first['target_accuracy'])}):", ink.DARK)
    ]
    lines += [
        (_named(str(model), _verdict(part.iloc[0])), colours[str(model)])
        for model, part in frame.groupby("model", sort=False)
        if model != first["target"]
    ]
    for number, (line, colour) in enumerate(lines):
        axes.annotate(
            labels.fit(line, VERDICT_SIZE, VERDICT_ROOM),
            (0, 0),
            xycoords="axes fraction",
            xytext=(0, -40 - 72 * VERDICT_INCHES * number),
            textcoords="offset points",
            va="top",
            fontsize=VERDICT_SIZE,
            color=colour,
        )


def _named(model: str, verdict: str) -> str:
    """'33k: never within 15 samples'; a name too long for the line is shortened,
    and no number of the verdict is.
    """
    room = VERDICT_ROOM - labels.width_points(f": {verdict}", VERDICT_SIZE) / 72
    return f"{labels.fit(model, VERDICT_SIZE, max(room, 0.6))}: {verdict}"


def _verdict(row: pd.Series) -> str:
    needs = f"{wording.steps(row['step'], row['path'])}, " if np.isfinite(row["step"]) else ""
    return needs + wording.rate(
        exchange_rate=row["exchange_rate"],
        low=row["rate_low"],
        high=row["rate_high"],
        at_or_below=bool(row["at_or_below"]),
        target_accuracy=row["target_accuracy"],
        axis=row["path"],
        max_step=row["max_step"],
        unit=row["cost_unit"],
    )


def _scale(axes: Axes, frame: pd.DataFrame, *, is_left: bool) -> None:
    """One scale for all panels, so that bins compare at a glance."""
    axes.set_xscale("log")
    axes.set_xlim(frame["cost"].min() / 1.6, frame["cost"].max() * 1.6)
    ink.percent_axis(axes, max(0.0, min(0.95 * frame["accuracy"].min(), frame["low"].min()) - 0.07), 1.0)
    ticks.log(axes, "x")
    axes.set_xlabel(f"{frame['cost_unit'].iloc[0]} per prompt", fontsize=9.5, labelpad=1)
    if is_left:
        axes.set_ylabel("accuracy", fontsize=9.5)


def _words(frame: pd.DataFrame, models: list[str]) -> page.Words:
    first = frame.iloc[0]
    spent = "How many samples let" if first["path"] == "width" else serial.of(first).how
    return page.Words(
        f"{spent} a smaller model match one answer of {wording.short_names(models)[models[-1]]}?",
        captions.substitution_key(first, solid_rule(frame)),
        captions.substitution(first),
    )
