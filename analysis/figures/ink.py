"""Colours, names and numbers as every figure shows them. Knows matplotlib's colours and nothing of the data."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

GREY = "#8a8a8a"
DARK = "#222222"


def colours(models: Sequence[str]) -> dict[str, str]:
    """One colour a rung, smallest lightest: told apart in print and by colour-blind readers."""
    shades = matplotlib.colormaps["plasma"](np.linspace(0.74, 0.02, max(len(models), 2)))
    return {model: to_hex(shade) for model, shade in zip(models, shades, strict=False)}


def ordered_models(names: Sequence[str], num_params: Sequence[int]) -> list[str]:
    """Distinct names by size."""
    return list(dict(sorted(zip(names, num_params, strict=True), key=lambda pair: pair[1])))


def bare(axes: Axes) -> None:
    """Leave only the axes' left and lower lines and a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color="#ececec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, colors=DARK)


def halo() -> list[AbstractPathEffect]:
    """A white rim that keeps a label readable over lines."""
    return [withStroke(linewidth=3, foreground="white")]


def on(colour: str) -> str:
    """Black or white, whichever is read better on a colour."""
    red, green, blue = to_rgb(colour)
    return "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.55 else "white"


def whiskers(
    axes: Axes, at: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str, *, alpha: float = 0.5
) -> None:
    """Quiet vertical intervals, which lie over one another without mud."""
    axes.vlines(at, low, high, color=colour, linewidth=1.0, alpha=alpha, zorder=2)


def shades(names: Sequence[Any]) -> dict[Any, str]:
    """One colour a step of something ordered that is no rung (a bin, a level), the least lightest."""
    tones = matplotlib.colormaps["viridis"](np.linspace(0.8, 0.05, max(len(names), 2)))
    return {name: to_hex(tone) for name, tone in zip(names, tones, strict=False)}


def percent_axis(axes: Axes, low: float = 0.0, high: float = 1.0) -> None:
    """Accuracies between two ends as percent, with room for a line at either."""
    margin = 0.03 * max(high - low, 0.1)
    axes.set_ylim(low - margin, high + margin)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None if high - low < 0.1 else 0))
