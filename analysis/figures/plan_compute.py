"""Total FLOPs of training and serving against queries served: a line a model, the cheapest one drawn out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels
from analysis.text import wording

SIZE_INCHES = (7.6, 5.0)
# Of the axes' height.
LABEL_GAP = 0.055
# Of the figure: where the axes begin and end sideways, and what the names beside them may take at most.
LEFT, RIGHT, MOST = 0.11, 0.84, 0.34


def draw(frame: pd.DataFrame) -> Figure:
    """The figure of `workloads.frame`: a row a model and workload."""
    full_names = ink.ordered_models(frame["model"], frame["num_params"])
    short, right = _named(wording.short_names(full_names))
    colours = ink.colours(full_names)
    figure = Figure(figsize=SIZE_INCHES)
    axes = figure.add_axes((LEFT, 0.25, right - LEFT, 0.57))
    ink.bare(axes)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(frame["queries"].min(), frame["queries"].max())
    reached = frame["total_flops"][np.isfinite(frame["total_flops"])]
    if len(reached):
        axes.set_ylim(reached.min() / 2, reached.max() * 2)
    for model in full_names:
        _draw_model(axes, frame[frame["model"] == model], colours[model])
    _label_ends(axes, frame, short, colours)
    axes.set_xlabel("queries served", fontsize=9.5)
    axes.set_ylabel("FLOPs, training and serving", fontsize=9.5)
    _write_words(figure, frame, short)
    return figure


def _named(short: dict[str, str]) -> tuple[dict[str, str], float]:
    """The names as they stand beside the axes, and where these end so that the longest has room, in the figure."""
    widest = max(labels.width_points(name, 9.5, "bold") for name in short.values()) / 72 / SIZE_INCHES[0] + 0.03
    right = float(np.clip(1 - widest, 1 - MOST, RIGHT))
    return labels.fit_apart(short, 9.5, (1 - right - 0.03) * SIZE_INCHES[0], weight="bold"), right


def _draw_model(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    """One model's total and its band; thick where it is the cheapest.
    Nothing where it never reaches the target.
    """
    if not np.isfinite(rows["total_flops"]).all():
        return
    axes.plot(rows["queries"], rows["total_flops"], color=colour, linewidth=1.1)
    axes.plot(rows["queries"], rows["total_flops"].where(rows["cheapest"]), color=colour, linewidth=4)
    top = rows["high"].clip(upper=axes.get_ylim()[1])
    axes.fill_between(rows["queries"], rows["low"], top, color=colour, alpha=0.1, linewidth=0)


def _label_ends(axes: Axes, frame: pd.DataFrame, short: dict[str, str], colours: dict[str, str]) -> None:
    """Names beside the lines' right ends, moved apart where two would share ink."""
    ends = frame[np.isfinite(frame["total_flops"])].groupby("model", sort=False).tail(1).sort_values("total_flops")
    lowest = -np.inf
    for _, end in ends.iterrows():
        height = max(
            axes.transAxes.inverted().transform(axes.transData.transform((1, end["total_flops"])))[1], lowest
        )
        axes.text(1.01, height, short[end["model"]], transform=axes.transAxes, va="center", fontsize=9.5,
                  fontweight="bold", color=colours[end["model"]])  # fmt: skip
        lowest = height + LABEL_GAP


def _write_words(figure: Figure, frame: pd.DataFrame, short: dict[str, str]) -> None:
    first = frame.iloc[0]
    missing = frame.groupby("model", sort=False)["total_flops"].apply(lambda total: np.isinf(total).all())
    never = [short[str(model)] for model in missing[missing].index]
    figure.text(0.02, 0.965, "Train a larger model, or serve a smaller one longer?", fontsize=14, fontweight="bold",
                va="top", color=ink.DARK)  # fmt: skip
    key = f"To serve at {100 * first['target']:g}% by {wording.RULES[first['rule']]}. Thick: the cheapest model."
    figure.text(0.02, 0.9, key + (f" Never: {', '.join(never)}." if never else ""), fontsize=10, va="top")
    caption = (
        "6ND + 2Nq(P + kT): N parameters trained on D tokens, q queries of P prompt tokens and k samples of T "
        "tokens.\n"
        "The setting (k, T) is the cheapest that reaches the target, chosen on one half of the prompts and read "
        "on the "
        "other.\nBands: 95% intervals over prompts (paired bootstrap), open above where more than 2.5% never get "
        "there."
    )
    figure.text(0.02, 0.02, caption, fontsize=8.5, va="bottom", color="#444444")
