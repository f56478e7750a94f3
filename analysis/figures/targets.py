"""Substitution curves: compute a smaller rung needs, over the largest's, against the accuracy both have to reach."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from analysis.figures import ink, labels, page, ticks
from analysis.figures.labels import Label
from analysis.text import captions, wording

LANE_INCHES = 0.13
LANE_SIZE = 7.5
# Of the names beside the lanes, which a panel makes room for.
NAME_INCHES, MAX_NAME_INCHES = 0.9, 2.2
PANEL = (3.1, 3.0)
MAX_COLUMNS = 3


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `questions.targets.substitution_frame`."""
    models = list(dict.fromkeys(frame["model"]))
    large = frame["large"].iloc[0]
    names = wording.short_names([*models, large])
    short, colours = names, ink.colours([*models, large])
    bins = list(dict.fromkeys(frame["bin"]))
    strip = LANE_INCHES * len(models)
    lanes_named, beside = _lane_names([short[model] for model in models])
    layout = page.Layout(PANEL, (beside + 0.45, 1.1 + strip), right=beside, above=0.5 + strip)
    figure, panels = page.lay(len(bins), _words(frame.iloc[0], names[large]), layout)
    low, high = _limits(frame)
    for number, (axes, name) in enumerate(zip(panels, bins, strict=True)):
        rows = frame[frame["bin"] == name]
        axes.set_yscale("log")
        axes.set_ylim(low, high)
        axes.set_xlim(max(0, frame["target"].min() - 0.03), 1)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        ticks.log(axes, "y", form=lambda tick: f"{ticks.number(tick)}x")
        axes.set_xlabel("accuracy to reach", fontsize=9.5)
        if number % MAX_COLUMNS == 0:
            axes.set_ylabel(f"{wording.spent(frame['cost_unit'].iloc[0])} over that of {names[large]}", fontsize=9.5)
        _draw_panel(axes, rows, models, colours)
        _name_rungs(axes, rows, models, short, colours)
        lanes = _lanes(axes, rows, models, lanes_named, colours)
        page.title(lanes, name, f"{rows['num_prompts'].iloc[0]} prompts")
    return figure


def _limits(frame: pd.DataFrame) -> tuple[float, float]:
    ends = frame[["rate", "rate_low", "rate_high"]].to_numpy(dtype=float).ravel()
    ends = np.append(ends[np.isfinite(ends) & (ends > 0)], (0.7, 1.5))
    middle = np.append(frame["rate"][np.isfinite(frame["rate"])].to_numpy(dtype=float), (0.7, 1.5))
    return max(float(ends.min()), float(middle.min()) / 4) / 1.2, min(float(ends.max()), float(middle.max()) * 4) * 1.2


def _draw_panel(axes: Axes, rows: pd.DataFrame, models: list[str], colours: dict[str, str]) -> None:
    axes.axhline(1, color=ink.DARK, linewidth=1, linestyle=(0, (4, 3)), zorder=2)
    top = axes.get_ylim()[1]
    for model in models:
        part = rows[(rows["model"] == model) & np.isfinite(rows["rate"])]
        high = part["rate_high"].clip(upper=top)
        axes.fill_between(part["target"], part["rate_low"], high, color=colours[model], alpha=0.13, linewidth=0)
        bounded = part["at_or_below"].to_numpy(dtype=bool)
        axes.plot(part["target"], part["rate"].where(~bounded), color=colours[model], linewidth=2, zorder=4)
        axes.plot(
            part["target"], part["rate"].where(bounded), color=colours[model], linewidth=1.6, linestyle=":", zorder=4
        )
        gone = rows[(rows["model"] == model) & np.isinf(rows["rate"])]
        if len(part) and len(gone) and gone["target"].max() > part["target"].max():
            last = part.iloc[-1]
            axes.plot(last["target"], last["rate"], marker="^", color=colours[model], markersize=7,
                      markerfacecolor="white", markeredgewidth=1.5, zorder=6)  # fmt: skip


def _name_rungs(
    axes: Axes, rows: pd.DataFrame, models: list[str], short: dict[str, str], colours: dict[str, str]
) -> None:
    """Each rung's name at the middle of its line."""
    lines = [rows[(rows["model"] == model) & np.isfinite(rows["rate"])] for model in models]
    named = []
    for model, line in zip(models, lines, strict=True):
        if len(line):
            middle = line.iloc[len(line) // 2]
            named.append(Label(short[model], middle["target"], middle["rate"], colours[model]))
    labels.place(axes, named, lines=[line[["target", "rate"]].to_numpy(dtype=float) for line in lines])


def _lane_names(names: list[str]) -> tuple[list[str], float]:
    """What is written beside the lanes, and the inches that takes."""
    widest = max(labels.width_points(f"{name} never", LANE_SIZE) for name in names) / 72 + 0.1
    inches = float(np.clip(widest, NAME_INCHES, MAX_NAME_INCHES))
    room = inches - 0.1 - labels.width_points(" never", LANE_SIZE) / 72
    fitted = labels.fit_apart({name: name for name in names}, LANE_SIZE, room)
    return [f"{fitted[name]} never" for name in names], inches


def _lanes(axes: Axes, rows: pd.DataFrame, models: list[str], named: list[str], colours: dict[str, str]) -> Axes:
    """A lane a rung above the panel: the darker, the more replicates never reach the accuracy below it."""
    box, figure = axes.get_position(), labels.sheet(axes)
    height = LANE_INCHES * len(models) / figure.get_figheight()
    lanes = figure.add_axes((box.x0, box.y1 + 0.06 / figure.get_figheight(), box.width, height), sharex=axes)
    lanes.set_ylim(len(models) - 0.5, -0.5)
    lanes.axis("off")
    lanes.axhspan(-0.5, len(models) - 0.5, color="#f4f4f4", zorder=0)
    for lane, model in enumerate(models):
        part = rows[rows["model"] == model]
        wide = np.diff(part["target"]).min() if len(part) > 1 else 0.025
        shades = [to_rgba(colours[model], float(share)) for share in part["share_never"]]
        lanes.bar(part["target"], 0.8, wide, lane - 0.4, color=shades, linewidth=0)
        lanes.annotate(named[lane], (1, lane), xycoords=("axes fraction", "data"), xytext=(4, 0), va="center",
                       textcoords="offset points", fontsize=LANE_SIZE, color=colours[model],
                       annotation_clip=False)  # fmt: skip
    return lanes


def _words(first: pd.Series, large: str) -> page.Words:
    return page.Words(
        f"What does a smaller model pay for the accuracy of {large}?",
        f"Line: {wording.spent(first['cost_unit'])} it needs over what {large} needs for the same accuracy, each with "
        "its own best budget and samples. Dotted: at most so much. Triangle: the last accuracy that it reaches. Lanes "
        "above: the share of replicates (white to full) in which it never gets there within the grid.",
        f"Several samples are read by {captions.read_by(first)}. Best cells are chosen on one half of the prompts and "
        f"read on the other; shown are accuracies between the cheapest and the dearest cell of {large}. Bands run to "
        f"the top where more than 2.5% never get there. {captions.run(first, binned=True)}",
    )
