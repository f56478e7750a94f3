"""Where words go so that none covers another: wrapped lines, labels beside points. Knows no figure."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import TextToPath

from analysis.arrays import Floats
from analysis.figures import ink

LINE_FACTOR = 1.25
# Rendered letters are a little wider than their outlines, the more so at few dots an inch.
HINTING = 1.05
# Points between two labels, and points a label would rather move than cover a piece of a line.
CLEARANCE = 1.5
COVERING = 2.5
RINGS = (7, 11, 16, 22, 29, 37, 46, 56)
# From this distance on, a thin line leads from a label to its point.
LEADER = 14.0
# Shares of a shortened name that its head may take, the first that tells all names apart.
CUTS = (0.5, 0.25, 0.75, 0.0, 1.0)
# Letters of a text that are looked at: no figure has room for more.
MOST_LETTERS = 400
# Points across which labels stand in one column.
COLUMN = 12.0


class Label(NamedTuple):
    """A word beside a point, in the data's coordinates."""

    text: str
    x: float
    y: float
    colour: str


class _Box(NamedTuple):
    """Centre and half sizes, in points from the axes' lower left corner."""

    x: float
    y: float
    half_width: float
    half_height: float


@lru_cache(maxsize=4096)
def width_points(text: str, size: float, weight: str = "normal") -> float:
    """How wide a line of text is, in points."""
    font = FontProperties(size=size, weight=weight)
    is_maths = bool(is_math_text(text))
    drawn = text if is_maths else text.replace(r"\$", "$")
    return HINTING * float(TextToPath().get_text_width_height_descent(drawn, font, is_maths)[0])


def _is_wider(words: Sequence[str], size: float, weight: str, points: float, count: int) -> bool:
    """Whether so many of the words are wider than this."""
    return width_points(" ".join(words[:count]), size, weight) > points


def wrap(text: str, size: float, inches: float, *, weight: str = "normal") -> str:
    """The text with its lines broken where they would be wider; its own line breaks stay."""
    lines = []
    for paragraph in text.split("\n"):
        words = paragraph.split(" ")
        while words:
            # A line holds one word at least, and is the wider the more it holds.
            wide = partial(_is_wider, words, size, weight, 72 * inches)
            held = bisect_left(range(len(words) + 1), x=True, lo=2, key=wide) - 1 if len(words) > 1 else 1
            lines.append(" ".join(words[:held]))
            words = words[held:]
    return "\n".join(lines)


def fit(text: str, size: float, inches: float, *, weight: str = "normal", of_head: float = 0.5) -> str:
    """The text, or as much of both its ends as there is room for,
    with an ellipsis between; the head has of_head.
    """
    most = min(len(text), MOST_LETTERS)
    kept = text if most == len(text) else f"{text[: most // 2]}…{text[len(text) - most // 2 :]}"
    for num_letters in range(most - 1, 2, -1):
        if width_points(kept, size, weight) <= 72 * inches:
            break
        head = int(np.ceil(num_letters * of_head))
        kept = f"{text[:head]}…{text[len(text) - (num_letters - head) :]}"
    return kept


def fit_apart(names: Mapping[str, str], size: float, inches: float, *, weight: str = "normal") -> dict[str, str]:
    """The names as `fit` shortens them, all cut at one share of their room so that no two read alike.

    Where every cut leaves two alike they keep their whole names: a word too wide is better than a wrong one.
    """
    for of_head in CUTS:
        fitted = {key: fit(name, size, inches, weight=weight, of_head=of_head) for key, name in names.items()}
        if len(set(fitted.values())) == len(set(names.values())):
            return fitted
    return dict(names)


def in_two_lines(name: str) -> str:
    """The name broken after the mark nearest to its middle; as it is where it has none."""
    breaks = [at + 1 for at, letter in enumerate(name[:-1]) if letter in "-/ _" and at]
    if not breaks:
        return name
    at = min(breaks, key=lambda place: abs(place - len(name) / 2))
    return f"{name[:at].rstrip()}\n{name[at:]}"


def spread(places: Sequence[float], gap: float, low: float = -np.inf, high: float = np.inf) -> Floats:
    """The places, each moved as little as it takes to lie `gap` apart and between the ends; their order stays.

    Where there is no room for all within the ends, they lie closer, evenly.
    """
    wanted = np.asarray(places, dtype=float)
    if not len(wanted):
        return wanted
    if np.isfinite(high - low) and gap * (len(wanted) - 1) > high - low:
        gap = (high - low) / (len(wanted) - 1)
    order = np.argsort(wanted, kind="stable")
    steps = gap * np.arange(len(wanted))
    # Least squares with places in order: pool neighbours that would come too close, once the gaps are taken out.
    blocks: list[list[float]] = []
    for place in wanted[order] - steps:
        blocks.append([place, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, size = blocks.pop()
            blocks[-1] = [
                (blocks[-1][0] * blocks[-1][1] + mean * size) / (blocks[-1][1] + size),
                blocks[-1][1] + size,
            ]
    level = np.concatenate([np.full(int(size), mean) for mean, size in blocks])
    moved = np.empty(len(wanted))
    moved[order] = np.clip(level, low, high - steps[-1]) + steps
    return moved


def place(
    axes: Axes, labels: Sequence[Label], *, lines: Sequence[Floats] = (), size: float = 9.0, weight: str = "bold"
) -> None:
    """Write each label near its point, inside the axes,
    over no other label there and over few pieces of the lines.

    lines: arrays (N, 2) in the data's coordinates. A label that had to go far is led to its point by a thin line;
    one for which there is no room anywhere is left out. Limits, scales and the figure's size must be final.
    """
    extent = extent_points(axes)
    taken = [_box_of_text(axes, text) for text in axes.texts if text.get_text()]
    drawn = np.concatenate([_dense(_points(axes, line)) for line in lines] or [np.empty((0, 2))])
    anchors = _points(axes, np.array([[label.x, label.y] for label in labels]).reshape(-1, 2))
    tall = size * 0.62 + CLEARANCE
    for label, at, start in zip(labels, anchors, _apart(anchors, 2 * tall + 0.5), strict=True):
        half = (width_points(label.text, size, weight) / 2 + CLEARANCE, tall)
        best = _best(start, half, extent, taken, drawn)
        if best is None:
            continue
        taken.append(best)
        _write(axes, label, best, at, size=size, weight=weight)


def _apart(anchors: Floats, gap: float) -> Floats:
    """The points (N, 2), those that stand above one another spread so that labels beside them find room."""
    moved = anchors.copy()
    column = np.round(anchors[:, 0] / COLUMN).astype(int)
    for value in np.unique(column):
        here = column == value
        moved[here, 1] = spread(anchors[here, 1], gap)
    return moved


def _best(
    at: Floats, half: tuple[float, float], extent: tuple[float, float], taken: Sequence[_Box], drawn: Floats
) -> _Box | None:
    """The free box with the least distance from its point, and the fewest pieces of lines under it."""
    best, least = None, np.inf
    for distance, box in _candidates(at, half, extent):
        if distance >= least:
            continue
        if any(_overlap(box, other) for other in taken):
            continue
        inside = (np.abs(drawn[:, 0] - box.x) < box.half_width) & (np.abs(drawn[:, 1] - box.y) < box.half_height)
        cost = distance + COVERING * np.count_nonzero(inside)
        if cost < least:
            best, least = box, cost
    return best


def _candidates(at: Floats, half: tuple[float, float], extent: tuple[float, float]) -> list[tuple[float, _Box]]:
    """Boxes around a point, ring by ring, then all over the axes; each wholly inside, with its distance."""
    spots: list[tuple[float, float, float]] = []
    for ring in RINGS:
        for angle in np.arange(0, 2 * np.pi, np.pi / (4 if ring < LEADER else 8)):
            x, y = np.cos(angle), np.sin(angle)
            beside = float(at[0] + x * ring + np.sign(round(x, 6)) * half[0])
            spots.append((ring, beside, float(at[1] + y * (ring + half[1]))))
    step = (max(2 * half[0], 12), 2 * half[1])
    for x in np.arange(half[0], extent[0] - half[0], step[0]):
        for y in np.arange(half[1], extent[1] - half[1], step[1]):
            spots.append((40 + float(np.hypot(x - at[0], y - at[1])), float(x), float(y)))
    return [
        (distance, _Box(float(x), float(y), *half))
        for distance, x, y in spots
        if half[0] <= x <= extent[0] - half[0] and half[1] <= y <= extent[1] - half[1]
    ]


def _write(axes: Axes, label: Label, box: _Box, at: Floats, *, size: float, weight: str) -> None:
    is_far = np.hypot(*np.maximum(np.abs(at - (box.x, box.y)) - (box.half_width, box.half_height), 0)) > LEADER
    axes.annotate(
        label.text,
        (label.x, label.y),
        xytext=(box.x, box.y),
        textcoords="axes points",
        ha="center",
        va="center",
        color=label.colour,
        fontsize=size,
        fontweight=weight,
        path_effects=ink.halo(),
        zorder=8,
        annotation_clip=False,
        arrowprops={"arrowstyle": "-", "color": label.colour, "linewidth": 0.6, "shrinkA": 0} if is_far else None,
    )


def sheet(axes: Axes) -> Figure:
    """The figure that holds the axes."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def extent_points(axes: Axes) -> tuple[float, float]:
    """Width and height of the axes in points."""
    width, height = sheet(axes).get_size_inches() * axes.get_position().size
    return 72 * float(width), 72 * float(height)


def _points(axes: Axes, data: Floats) -> Floats:
    """Data coordinates (N, 2) as points from the axes' lower left corner."""
    shares = axes.transAxes.inverted().transform(axes.transData.transform(np.asarray(data, dtype=float)))
    return np.asarray(shares * extent_points(axes))


def _dense(line: Floats) -> Floats:
    """Points every few points along a line, those that are not finite left out."""
    line = line[np.isfinite(line).all(axis=1)]
    if len(line) < 2:
        return line
    along = np.append(0, np.cumsum(np.hypot(*np.diff(line, axis=0).T)))
    at = np.linspace(0, along[-1], 2 + int(along[-1] / 4))
    return np.column_stack([np.interp(at, along, column) for column in line.T])


def _overlap(one: _Box, other: _Box) -> bool:
    apart_x, apart_y = abs(one.x - other.x), abs(one.y - other.y)
    return apart_x < one.half_width + other.half_width and apart_y < one.half_height + other.half_height


def _box_of_text(axes: Axes, text: Text) -> _Box:
    """The box of a text that is there already."""
    # The first call puts an annotation in its place, and its box would hold its arrow as well.
    text.get_window_extent()
    bounds = Text.get_window_extent(text).transformed(axes.transAxes.inverted())
    width, height = extent_points(axes)
    return _Box(
        (bounds.x0 + bounds.x1) / 2 * width,
        (bounds.y0 + bounds.y1) / 2 * height,
        bounds.width / 2 * width,
        bounds.height / 2 * height,
    )
