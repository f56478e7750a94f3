"""laws --rung: a rung that was never run, forecast from those that were."""

import argparse
from pathlib import Path

from analysis.commands import arguments
from analysis.questions import unrun
from analysis.reading import cautions
from analysis.reading.reading import Reading
from analysis.text import unrun as unrun_text
from analysis.text.tables import filled
from results.ingest.sizes import LEAST_PARAMS, parse_size
from results.places import write_beside


def add_option(command: argparse.ArgumentParser) -> None:
    """In the command that fits laws to a run."""
    of_rung = "instead: what a model of so many parameters would do, such as 14B"
    command.add_argument("--rung", type=parameters, metavar="SIZE", help=of_rung)


def parameters(text: str) -> float:
    """14e9 or 14B, as `isoquant ingest` reads it."""
    try:
        return parse_size(text, least=LEAST_PARAMS)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(root: Path, reading: Reading, size: float) -> dict[str, object]:
    """Print the forecast; draw it into RUN/figures, with the CSV behind it."""
    from analysis.figures import unrun as figure
    from analysis.figures.save import save

    found = unrun.forecast(reading, size)
    print(unrun_text.render(found, reading), end="\n\n")
    for line in cautions.lines(reading.asked):
        print(f"{filled(line)}\n")
    drawn = save(write_beside(root) / "figures", "rung", unrun.frame(found, reading), figure.draw)
    print(drawn)
    told = {
        "first": unrun_text.first_line(found, reading),
        "figure": drawn,
        "cautions": cautions.lines(reading.asked),
    }
    frames = {name: reading.words.rename(getattr(found, name)) for name in ("curves", "rates", "left_out")}
    return arguments.describe(root, reading) | {"rung": found.name, "size": size} | told | frames
