"""The same conclusion under every cost model: exchange rates against the largest rung,
side by side, a panel a bin.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels, never, page, ticks
from analysis.figures.never import Lane
from analysis.runs import serial
from analysis.text import captions, wording

LANE_INCHES = 0.15
GROUP_INCHES = 0.14
PANEL_INCHES = 2.9
# Of the models' names at the left, which are made room for.
NAME_INCHES, MAX_NAME_INCHES = 1.3, 2.6
LEGEND_INCHES = 0.2
MARKERS = {"c1": "o", "c2": "s", "c3": "D", "c4": "P", "c5": "X", "tokens": "^", "samples": "v"}


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.cost_models.frame`."""
    models, large = list(dict.fromkeys(frame["small"])), frame["large"].iloc[0]
    short = wording.short_names([*models, large])
    kinds, bins = list(dict.fromkeys(frame["counted_as"])), list(dict.fromkeys(frame["bin"]))
    tones = ink.shades(kinds)
    fitted, left = _group_names({model: short[model] for model in models})
    height = len(models) * (LANE_INCHES * len(kinds) + GROUP_INCHES)
    layout = page.Layout(
        (PANEL_INCHES, height),
        (0.3, 0.95),
        left=left,
        above=0.56 + LEGEND_INCHES * -(-len(kinds) // page.LEGEND_COLUMNS),
    )
    figure, panels = page.lay(len(bins), _words(frame, short[large]), layout)
    low, lane = _limits(frame)
    for number, (axes, name) in enumerate(zip(panels, bins, strict=True)):
        rows = frame[frame["bin"] == name]
        axes.set_xscale("log")
        axes.set_xlim(low, lane.end)
        axes.set_ylim(height / LANE_INCHES, 0)
        never.shade(axes, "x", lane)
        axes.axvline(1, color=ink.DARK, linewidth=1, linestyle=(0, (4, 3)))
        ticks.log(axes, "x", form=lambda tick: f"{ticks.number(tick)}x", lane=lane)
        axes.set_xlabel(f"cost over one answer of {short[large]}", fontsize=9.5)
        page.title(axes, name, wording.prompts(rows["num_prompts"].iloc[0]))
        _draw_rates(axes, rows, models, kinds, tones, lane)
        _name_groups(axes, models if number % layout.max_columns == 0 else [], fitted, len(kinds))
    _write_legend(figure, panels[0], kinds, tones)
    return figure


def _limits(frame: pd.DataFrame) -> tuple[float, Lane]:
    """The lower end of the axis, and the lane above all that is finite."""
    ends = frame[["exchange_rate", "low", "high"]].to_numpy(dtype=float).ravel()
    ends = np.append(ends[np.isfinite(ends) & (ends > 0)], (0.5, 2.0))
    low, high = float(ends.min() / 1.5), float(ends.max() * 1.5)
    return low, never.beyond(low, high)


def _lane(number: int, kind: int, num_kinds: int) -> float:
    """Where a rung's line of one cost model lies, in lanes from the top."""
    return number * (num_kinds + GROUP_INCHES / LANE_INCHES) + kind + 0.5 + GROUP_INCHES / LANE_INCHES / 2


def _draw_rates(
    axes: Axes, rows: pd.DataFrame, models: list[str], kinds: list[str], tones: dict[str, str], lane: Lane
) -> None:
    for _, row in rows.iterrows():
        kind = str(row["counted_as"])
        at, colour = _lane(models.index(row["small"]), kinds.index(kind), len(kinds)), tones[kind]
        if np.isfinite(row["low"]):
            axes.plot(
                [row["low"], never.held(row["high"], lane)], [at, at], color=colour, linewidth=1.5, alpha=0.6
            )
        if not np.isnan(row["exchange_rate"]):
            axes.plot(never.held(row["exchange_rate"], lane), at, MARKERS[kind], color=colour, markersize=5, zorder=5,
                      markeredgewidth=1.1, markerfacecolor="white" if row["at_or_below"] else colour)  # fmt: skip
    for number, model in enumerate(models):
        of_model = rows[rows["small"] == model]
        if len(of_model) and of_model["exchange_rate"].isna().all() and of_model["num_prompts"].all():
            middle = _lane(number, 0, len(kinds)) + (len(kinds) - 1) / 2
            axes.annotate(wording.NOTHING, (1, middle), ha="center", va="center", fontsize=9, color="#555555",
                          path_effects=ink.halo())  # fmt: skip
    for number in range(1, len(models)):
        axes.axhline(
            _lane(number, 0, len(kinds)) - 0.5 - GROUP_INCHES / LANE_INCHES / 2, color="#dddddd", linewidth=0.7
        )


def _group_names(short: dict[str, str]) -> tuple[dict[str, str], float]:
    """The names as they stand at the left, and the inches that takes."""
    widest = max(labels.width_points(name, 9, "bold") for name in short.values()) / 72 + 0.25
    inches = float(np.clip(widest, NAME_INCHES, MAX_NAME_INCHES))
    return labels.fit_apart(short, 9, inches - 0.25, weight="bold"), inches


def _name_groups(axes: Axes, models: list[str], fitted: dict[str, str], num_kinds: int) -> None:
    axes.grid(False, axis="y")
    middles = [_lane(number, 0, num_kinds) + (num_kinds - 1) / 2 for number in range(len(models))]
    axes.set_yticks(middles, [fitted[model] for model in models], fontweight="bold")
    axes.tick_params(axis="y", length=0)


def _write_legend(figure: Figure, first: Axes, kinds: list[str], tones: dict[str, str]) -> None:
    """Marks and names of the cost models, in a row above the panels."""
    box = first.get_position()
    handles = [
        first.plot([], [], MARKERS[kind], color=tones[kind], markersize=5, label=wording.COUNTED[kind])[0]
        for kind in kinds
    ]
    corner = (page.EDGE_INCHES / figure.get_figwidth(), box.y1 + 0.34 / figure.get_figheight())
    page.legend(figure, handles, corner)


def _words(frame: pd.DataFrame, large: str) -> page.Words:
    first = frame.iloc[0]
    third = frame[frame["counted_as"] == "c3"]
    gpu = f" Seconds on a GPU: {third['counted_label'].iloc[0]}." if len(third) else ""
    return page.Words(
        "Does the verdict depend on what is counted?",
        f"Left of 1x a smaller model matches {wording.one_answer(large, first.get('matched', ''))} for less. Grey "
        "lane: never. Line: 95% "
        "interval. "
        "Open mark: at most so much.",
        f"The smaller model draws more samples {serial.of(first).full}, read by {captions.read_by(first)}, at "
        f"most {first['max_step']}.{gpu} {captions.run(first, binned=True, priced=False)}",
    )
