"""Ticks whose names lie apart, on log axes and on axes of names. Knows no figure."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from analysis.arrays import Floats
from analysis.figures.labels import extent_points, in_two_lines, width_points
from analysis.figures.never import Lane
from analysis.text import wording

NICE = (1, 2, 5)
# From this many on, a log axis is marked at powers of ten alone.
MANY_DECADES = 2.5


def number(value: float) -> str:
    """2000 -> '2,000', 3e8 -> '3×10⁸' (as mathematics), .05 -> '0.05'."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:,.12g}"
    exponent = int(np.floor(np.log10(abs(value)) + 1e-9))
    factor = value / 10.0**exponent
    head = "" if abs(factor - 1) < 1e-6 else rf"{factor:.3g}\times"
    return rf"${head}10^{{{exponent}}}$"


def log(
    axes: Axes,
    which: str,
    *,
    form: Callable[[float], str] = number,
    size: float = 9.0,
    last: float = np.inf,
    lane: Lane | None = None,
) -> None:
    """Ticks of a log axis at powers of ten, or closer where there are few,
    whose labels lie apart; none above `last`.

    Where the axis ends in a lane of what is never reached, that is named too. The limits are final.
    """
    axis, (low, high) = (axes.xaxis, axes.get_xlim()) if which == "x" else (axes.yaxis, axes.get_ylim())
    points = extent_points(axes)[0 if which == "x" else 1] / np.log(high / low)
    if lane is not None:
        last = min(last, _before(lane, which, size, points))
    num_decades = np.log10((high if lane is None else lane.start) / low)
    finer = ((NICE, 1), ((1, 3), 1)) if num_decades < MANY_DECADES else ()
    decades = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 1)
    for factors, stride in (*finer, *(((1,), stride) for stride in range(1, 20))):
        values = [factor * 10.0**decade for decade in decades if decade % stride == 0 for factor in factors]
        ticks = [value for value in values if low * 0.999 <= value <= min(high, last) * 1.001]
        if np.all(points * np.diff(np.log(ticks)) >= _needed([form(tick) for tick in ticks], which, size)):
            break
    names = [form(tick) for tick in ticks]
    if lane is not None:
        ticks, names = [*ticks, lane.middle], [*names, wording.NEVER]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FixedFormatter(names))
    axis.set_minor_locator(NullLocator())


def _needed(names: Sequence[str], which: str, size: float) -> Floats:
    """Points from the middle of each name to that of the next (N - 1,) at which they lie apart."""
    if which == "y":
        return np.full(max(len(names) - 1, 0), size * 1.7)
    widths = np.array([width_points(name, size) for name in names])
    return np.asarray((widths[1:] + widths[:-1]) / 2 + size * 0.7)


def _before(lane: Lane, which: str, size: float, points: float) -> float:
    """The last place of a number whose name stays clear of the lane's; points: of the axis, in a factor of e."""
    clear = width_points(wording.NEVER, size) + size * 0.7 if which == "x" else size * 1.7
    return min(lane.start, float(lane.middle / np.exp(clear / points)))


def named(axes: Axes, names: Mapping[float, str], *, size: float = 9.0) -> None:
    """A tick at each place on the x axis, named where names lie apart: the ends first, the others from the left.

    Names that do not all find room stand in two lines, where that shows more of them.
    """
    broken = {place: in_two_lines(name) for place, name in names.items()}
    shown, in_lines = (_apart(axes, each, size) for each in (names, broken))
    if len(in_lines) > len(shown):
        names, shown = broken, in_lines
    places = sorted(names)
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_major_formatter(FixedFormatter([names[place] if place in shown else "" for place in places]))
    axes.xaxis.set_minor_locator(NullLocator())


def _apart(axes: Axes, names: Mapping[float, str], size: float) -> list[float]:
    """The places whose names lie apart."""
    low, high = np.log(axes.get_xlim())
    places = sorted(names)
    at = {place: (np.log(place) - low) / (high - low) * extent_points(axes)[0] for place in places}
    half = {place: _width(names[place], size) / 2 + size * 0.3 for place in places}
    shown: list[float] = []
    for place in [*places[:1], *places[-1:], *places[1:-1]]:
        if place not in shown and all(abs(at[place] - at[other]) >= half[place] + half[other] for other in shown):
            shown.append(place)
    return shown


def _width(name: str, size: float) -> float:
    return max(width_points(line, size) for line in name.split("\n"))


def spaced(axes: Axes, names: Sequence[str], *, size: float = 9.0) -> None:
    """A tick at 0, 1, 2, ... of the x axis, each second or third named where all names would not fit."""
    low, high = axes.get_xlim()
    pitch = extent_points(axes)[0] / (high - low)
    widest = max(width_points(name, size) for name in names) + size * 0.6
    stride = max(1, int(np.ceil(widest / pitch)))
    shown = [name if (len(names) - 1 - place) % stride == 0 else "" for place, name in enumerate(names)]
    axes.set_xticks(range(len(names)), shown)
