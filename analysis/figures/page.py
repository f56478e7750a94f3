"""A page of panels between its words: title and key above, caption below, each wrapped to the width there is."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import ink, labels

EDGE_INCHES = 0.14
TITLE_SIZE = 14.0
KEY_SIZE = 10.0
CAPTION_SIZE = 9.0
MIN_WIDTH_INCHES = 7.2
LEGEND_COLUMNS = 4


class Words(NamedTuple):
    """What a figure asks, what its marks are, and what was matched with what."""

    title: str
    key: str
    caption: str


class Layout(NamedTuple):
    """Inches: of a panel's axes, between two panels, and around all of them beside the words."""

    panel: tuple[float, float]
    between: tuple[float, float] = (0.62, 0.85)
    left: float = 0.85
    right: float = 0.35
    above: float = 0.42
    below: float = 0.62
    max_columns: int = 3


def lay(num_panels: int, words: Words, layout: Layout) -> tuple[Figure, list[Axes]]:
    """A figure with its words written and `num_panels` empty axes, row by row."""
    columns = min(num_panels, layout.max_columns)
    rows = -(-num_panels // columns)
    wide, tall = layout.panel
    inner = columns * wide + (columns - 1) * layout.between[0]
    width = max(layout.left + inner + layout.right, MIN_WIDTH_INCHES)
    head, foot = _head(words, width), _foot(words, width)
    height = (
        head[-1].bottom
        + layout.above
        + rows * tall
        + (rows - 1) * layout.between[1]
        + layout.below
        + _inches(foot, CAPTION_SIZE)
        + EDGE_INCHES
    )
    figure = Figure(figsize=(width, height))
    for line in head:
        figure.text(
            EDGE_INCHES / width, 1 - line.top / height, line.text, va="top", fontsize=line.size, fontweight=line.weight,
            color=ink.DARK, linespacing=labels.LINE_FACTOR,
        )  # fmt: skip
    figure.text(EDGE_INCHES / width, EDGE_INCHES / height, foot, va="bottom", fontsize=CAPTION_SIZE, color="#444444",
                linespacing=labels.LINE_FACTOR)  # fmt: skip
    panels = []
    for number in range(num_panels):
        row, column = divmod(number, columns)
        left = layout.left + column * (wide + layout.between[0])
        top = head[-1].bottom + layout.above + row * (tall + layout.between[1])
        panels.append(figure.add_axes((left / width, 1 - (top + tall) / height, wide / width, tall / height)))
        ink.bare(panels[-1])
    return figure, panels


def title(
    axes: Axes,
    text: str,
    note: str = "",
    *,
    colour: str = ink.DARK,
    size: float = 11.0,
    inches: float | None = None,
) -> None:
    """A panel's name in bold above its left end, shortened where it is too long, and a note after it.

    inches: the room for both, where it is more than the panel is wide.
    """
    inches = inches or labels.sheet(axes).get_figwidth() * axes.get_position().width
    name = labels.fit(text, size, _room(note, inches, size), weight="bold")
    # At a place that is given matplotlib looks for no better one, tick by tick.
    axes.set_title(name, loc="left", y=1.0, fontsize=size, fontweight="bold", color=colour)
    if note:
        shift = labels.width_points(name, size, "bold") + 7
        axes.annotate(note, (0, 1), xycoords="axes fraction", xytext=(shift, 6), textcoords="offset points",
                      fontsize=size - 1.5, color="#555555", annotation_clip=False)  # fmt: skip


def has_room(text: str, note: str, inches: float, *, size: float = 11.0) -> bool:
    """Whether a title fits whole beside its note above a panel so wide."""
    return labels.width_points(text, size, "bold") <= 72 * _room(note, inches, size)


def names(
    short: Mapping[str, str], inches: float, *, notes: Sequence[str] = (), size: float = 11.0
) -> dict[str, str]:
    """Names for the titles of panels so wide, told apart where they are shortened;
    notes: what stands after them.
    """
    room = min((_room(note, inches, size) for note in notes), default=inches)
    return labels.fit_apart(short, size, room, weight="bold")


def _room(note: str, inches: float, size: float) -> float:
    """Inches that a note leaves to the title before it."""
    return max(inches - (labels.width_points("  " + note, size - 1.5) / 72 if note else 0), 0.6)


def legend(figure: Figure, handles: Sequence[Any], corner: tuple[float, float]) -> None:
    """Marks and their names in rows of LEGEND_COLUMNS, from a lower left corner in shares of the figure."""
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=corner,
        ncols=LEGEND_COLUMNS,
        frameon=False,
        fontsize=9,
        borderaxespad=0,
        borderpad=0,
        handlelength=1.3,
        handletextpad=0.5,
        columnspacing=1.2,
    )


class _Line(NamedTuple):
    text: str
    size: float
    weight: str
    top: float
    bottom: float


def _head(words: Words, width: float) -> list[_Line]:
    """Title and key with their distances from the upper edge, in inches."""
    lines, top = [], EDGE_INCHES
    for text, size, weight, after in (
        (words.title, TITLE_SIZE, "bold", 0.1),
        (words.key, KEY_SIZE, "normal", 0.0),
    ):
        wrapped = labels.wrap(text, size, width - 2 * EDGE_INCHES, weight=weight)
        lines.append(_Line(wrapped, size, weight, top, top + _inches(wrapped, size)))
        top = lines[-1].bottom + after
    return lines


def _foot(words: Words, width: float) -> str:
    return labels.wrap(words.caption, CAPTION_SIZE, width - 2 * EDGE_INCHES)


def _inches(text: str, size: float) -> float:
    """How tall lines of text are."""
    return (1 + text.count("\n")) * size * labels.LINE_FACTOR * 1.1 / 72
