"""Where every word of a figure lies, measured on the renderer's boxes."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

# Pixels at 100 dots an inch by which boxes may touch: they hold the letters' full height, drawn or not.
TOUCH = 0.6


def boxes(figure: Figure) -> list[tuple[str, Bbox]]:
    """Every visible text with its box: titles, labels, notes, legends,
    and the names of the ticks within the limits.
    """
    figure.set_dpi(100)
    figure.draw_without_rendering()
    of_ticks, drawn = set(), set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            of_ticks |= {
                id(label) for tick in (*axis.majorTicks, *axis.minorTicks) for label in (tick.label1, tick.label2)
            }
            if axes.axison:
                drawn |= {id(label) for tick in axis._update_ticks() for label in (tick.label1, tick.label2)}
    return [
        (text.get_text(), Text.get_window_extent(text))
        for text in figure.findobj(Text)
        if _is_seen(text) and (id(text) in drawn or id(text) not in of_ticks)
    ]


def _is_seen(text: Text) -> bool:
    axes = text.axes
    is_of_hidden_axis = axes is not None and not axes.axison and text in (axes.xaxis.label, axes.yaxis.label)
    return bool(text.get_text().strip()) and text.get_visible() and not is_of_hidden_axis


def faults(figure: Figure) -> list[str]:
    """A sentence for each pair of words that overlap,
    and each word that leaves the page; none where all is well.
    """
    found = boxes(figure)
    page = figure.bbox
    off = [
        f"{name!r} leaves the page"
        for name, box in found
        if box.x0 < page.x0 or box.x1 > page.x1 or box.y0 < page.y0 or box.y1 > page.y1
    ]
    return off + [f"{one!r} overlaps {other!r}" for one, other in _overlaps(found)]


def _overlaps(found: list[tuple[str, Bbox]]) -> list[tuple[str, str]]:
    ends = np.array([box.extents for _, box in found])
    across, along = (
        np.minimum(ends[:, None, far], ends[None, :, far]) - np.maximum(ends[:, None, near], ends[None, :, near])
        for near, far in ((0, 2), (1, 3))
    )
    pairs = np.argwhere(np.triu((across > TOUCH) & (along > TOUCH), k=1))
    return [(found[one][0], found[other][0]) for one, other in pairs]
