"""python -m isoquant.columns: prints docs/columns.md, what every column means,
of the tables of results/reference.
"""

import csv
from pathlib import Path

from analysis.questions import answers, verifier
from analysis.text.columns import page
from isoquant.notebook import Run, load
from results.places import find_run

# Frames of the policies say what they hold in their own figures.
ASIDE = "replay_"


def tables() -> dict[str, list[str]]:
    """The columns of the frames that `load` gives, and of the CSV beside each figure;
    dials of prompts left out, and those that a verifier's scores add with them.
    """
    run = load("results/reference")
    dials = run.reading.outcomes.dials
    frames = {
        "answers": Run.answers,
        "cells": Run.cells,
        "curves": Run.curves,
        "exchange_rates": Run.exchange_rates,
        "votes": Run.votes,
        "ranks": Run.ranks,
    }
    found = {f"{name}()": [str(c) for c in frame(run) if c not in dials] for name, frame in frames.items()}
    found["answers()"] = list(dict.fromkeys([*found["answers()"], *answers.OF_VERIFIER]))
    found["verifier()"] = list(verifier.COLUMNS)
    folder = find_run("results/reference") / "figures"
    return found | {path.name: _header(path) for path in sorted(folder.glob("*.csv")) if ASIDE not in path.name}


def _header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file))


if __name__ == "__main__":
    print(page(tables()), end="")
