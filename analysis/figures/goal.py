"""How a sweep with a goal came to know: a panel a question, its interval after each round against tokens spent."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.figures import ink, never, page, ticks
from analysis.figures.never import Lane
from analysis.reading.bins import ALL_PROMPTS
from analysis.text import adaptive, wording

LAYOUT = page.Layout((2.75, 2.1), between=(0.75, 0.95), left=0.95)
ALONE = page.Layout((5.9, 2.8), left=0.95)
BAND = "#dcebf7"
OWN = "#0072b2"
UNIFORM = "#d55e00"
# What begins the names of an interval's ends in the frame.
BOUNDS = ("", "wanted_", "uniform_")


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `goals.story.frame` with what was asked, a row a question and look."""
    questions = list(dict.fromkeys(frame["question"]))
    lasts = frame.drop_duplicates("question", keep="last").set_index("question")
    names, notes = _names(lasts), {name: _note(lasts, name) for name in questions}
    layout = LAYOUT if len(questions) > 1 else ALONE
    figure, panels = page.lay(len(questions), _words(frame), layout)
    named = page.names(names, layout.panel[0], notes=list(notes.values()))
    is_mixed = lasts["quantity"].nunique() > 1
    beside = 1.25 if frame["tokens"].nunique() > 1 else 3
    limits = max(frame["tokens"].min(), 1) / beside, max(frame["tokens"].max(), 1) * beside
    for number, (axes, name) in enumerate(zip(panels, questions, strict=True)):
        rows = frame[frame["question"] == name]
        page.title(axes, named[name], notes[name])
        axes.set_xscale("log")
        axes.set_xlim(*limits)
        ticks.log(axes, "x")
        lane = _scale(axes, rows)
        _draw_question(axes, rows, lane)
        axes.set_xlabel("tokens spent", fontsize=9.5)
        if is_mixed or number % layout.max_columns == 0:
            axes.set_ylabel(adaptive.AXES[rows["quantity"].iloc[0]], fontsize=9.5)
    return figure


def _names(lasts: pd.DataFrame) -> dict[str, str]:
    """What a question's panel is called: its model, and the other one where that differs between questions."""
    models = list(dict.fromkeys([*lasts["model"], *(name for name in lasts["against"] if name)]))
    short = wording.short_names(models)
    if lasts["against"].nunique() == 1:
        return {name: short[row["model"]] for name, row in lasts.iterrows()}
    return {name: f"{short[row['model']]} for {short[row['against']]}" for name, row in lasts.iterrows()}


def _note(lasts: pd.DataFrame, name: str) -> str:
    state = "open" if lasts.loc[name, "state"] == "open" else "known"
    part = lasts.loc[name, "bin"]
    return state if set(lasts["bin"]) == {ALL_PROMPTS} else f"{part}, {state}"


def _scale(axes: Axes, rows: pd.DataFrame) -> Lane | None:
    """The limits of the y axis, its ticks, and the lane of what is never reached where a rate is."""
    ends = rows[["estimate", *(f"{name}{end}" for name in BOUNDS for end in ("low", "high"))]].to_numpy(
        dtype=float
    )
    if rows["quantity"].iloc[0] == "rate":
        return _scale_rates(axes, ends)
    finite = ends[np.isfinite(ends)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if rows["quantity"].iloc[0] == "accuracy":
        ink.percent_axis(axes, max(low, 0.0), min(high, 1.0))
        return None
    margin = 0.06 * max(high - low, 0.01)
    axes.set_ylim(low - margin, high + margin)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(_points))
    return None


def _points(share: float, _: object) -> str:
    return f"{round(100 * share, 6):+.3g}" if abs(share) > 1e-9 else "0"


def _scale_rates(axes: Axes, ends: np.ndarray) -> Lane | None:
    finite = np.append(ends[np.isfinite(ends) & (ends > 0)], 1.0)
    low, high = float(finite.min() / 1.25), float(finite.max() * 1.25)
    lane = never.beyond(low, high) if np.isinf(ends).any() else None
    axes.set_yscale("log")
    axes.set_ylim(low, lane.end if lane else high)
    ticks.log(axes, "y", form=lambda tick: f"{ticks.number(tick)}x", lane=lane)
    if lane:
        never.shade(axes, "y", lane)
    axes.axhline(1, color=ink.GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    return lane


def _draw_question(axes: Axes, rows: pd.DataFrame, lane: Lane | None) -> None:
    """Its intervals, what was wanted of them, and what a uniform grid would have had."""
    last = rows.iloc[-1]
    if last["wanted_low"] < last["wanted_high"]:
        axes.axhspan(last["wanted_low"], last["wanted_high"], color=BAND, linewidth=0, zorder=0.8)
    elif last["wanted_low"] == last["wanted_high"]:
        axes.axhline(last["wanted_low"], color=ink.DARK, linewidth=1, zorder=1)
    for end in ("uniform_low", "uniform_high"):
        axes.plot(rows["tokens"], rows[end], color=UNIFORM, linewidth=1.3, linestyle=(0, (4, 2)), zorder=3,
                  marker="_" if len(rows) == 1 else None, markersize=12)  # fmt: skip
    held: Callable[[float], float] = (lambda value: never.held(value, lane)) if lane else float
    for _, row in rows.dropna(subset="estimate").iterrows():
        _draw_look(axes, row, held, lane)
    if rows["estimate"].isna().all():
        axes.annotate(wording.NOTHING, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center", fontsize=9,
                      color=ink.DARK, path_effects=ink.halo())  # fmt: skip


def _draw_look(axes: Axes, row: pd.Series, held: Callable[[float], float], lane: Lane | None) -> None:
    """A dot with its interval, which runs into the lane where its end is never; a triangle where it is a bound."""
    if np.isfinite(row["low"]):
        ink.whiskers(axes, row["tokens"], row["low"], held(row["high"]), OWN, alpha=0.8)
        if np.isinf(row["high"]) and lane:
            axes.plot(row["tokens"], lane.middle, "^", color=OWN, markersize=5, markeredgewidth=0, zorder=4)
    axes.plot(row["tokens"], held(row["estimate"]), "v" if row["state"] == "at most" else "o", color=OWN,
              markersize=6, markerfacecolor="white" if row["state"] == "open" else OWN, zorder=5)  # fmt: skip


def _words(frame: pd.DataFrame) -> page.Words:
    return page.Words(adaptive.FIGURE_TITLE, adaptive.figure_key(frame), adaptive.caption(frame))
