"""A figure as PNG and PDF with the CSV behind it: equal rows give equal bytes. Knows no figure in particular."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from analysis.figures.drawing import BESIDE
from analysis.runs import serial
from results.terminal import show

DOTS_AN_INCH = 160
# What lines, bands and smooth letters are drawn in; a picture of so many is a third as large as one of all.
NUM_COLOURS = 256
# Nine, and filters tried out, take eight times as long for a picture a twelfth smaller.
PACKING = 6
# Another processor rounds the last digits otherwise.
DIGITS = "%.10g"
# How a cell begins that a spreadsheet computes.
COMPUTED = ("=", "+", "-", "@", "\t")
PDF_WITHOUT_DATE = {"CreationDate": None, "Producer": None, "Creator": None}


def save(folder: Path, name: str, frame: pd.DataFrame, draw: Callable[[pd.DataFrame], Figure]) -> Path:
    """Write a frame and its figure; equal frames give equal bytes. Returns the PNG's path."""
    folder.mkdir(parents=True, exist_ok=True)
    figure = draw(_change_texts(frame, as_drawn))
    table = serial.of(frame.iloc[0]).rename(_change_texts(frame, as_cell))
    _replace(folder / f"{name}.csv", lambda beside: table.to_csv(beside, index=False, float_format=DIGITS))
    _replace(folder / f"{name}.pdf", lambda beside: _write_pdf(figure, beside))
    return _replace(folder / f"{name}.png", lambda beside: _write_png(figure, beside))


def as_drawn(text: str) -> str:
    """A text that matplotlib draws as it stands: names may come from anyone, and a $ would begin mathematics."""
    return show(" ".join(text.splitlines())).replace("$", r"\$")


def as_cell(text: str) -> str:
    """A text that stays in its cell and is a text to spreadsheets:
    an apostrophe before what they would compute.
    """
    shown = show(text)
    return f"'{shown}" if shown.startswith(COMPUTED) and not _is_number(shown) else shown


def _change_texts(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    texts = frame.select_dtypes(["object", "string", "category"])
    # A column names few things, row after row.
    once = cache(change)
    changed = {name: texts[name].map(lambda cell: once(cell) if isinstance(cell, str) else cell) for name in texts}
    return frame.assign(**changed)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _write_pdf(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="pdf", metadata=PDF_WITHOUT_DATE)


def _write_png(figure: Figure, path: Path) -> None:
    inches, canvas = figure.dpi, FigureCanvasAgg(figure)
    figure.set_dpi(DOTS_AN_INCH)
    canvas.draw()  # type: ignore[no-untyped-call]
    image = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    few = image.convert("RGB").quantize(NUM_COLOURS, dither=Image.Dither.NONE)
    few.save(path, "PNG", compress_level=PACKING, dpi=(DOTS_AN_INCH, DOTS_AN_INCH))
    figure.set_dpi(inches)


def _replace(path: Path, write: Callable[[Path], None]) -> Path:
    """Write beside the path and rename, so that a reader never meets half a file."""
    beside = path.with_name(path.name + BESIDE)
    # A link of this name in a folder from elsewhere would have another file written over.
    beside.unlink(missing_ok=True)
    try:
        write(beside)
        return beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
