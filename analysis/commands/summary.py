"""summary: the table of accuracy, tokens and exchange rates."""

import argparse

from analysis.commands import arguments
from analysis.questions import exchange_rates
from analysis.questions.exchange_rates import Findings
from analysis.reading import cautions
from analysis.reading.reading import Reading
from analysis.text import adaptive, headline, summary
from results import decisions
from results.progress import step

EXAMPLES = """\
  isoquant summary results/reference
  isoquant summary pilot --difficulty own --cost c3 --gpu H100
  isoquant summary pilot --json | jq .exchange_rates
"""


def add(commands: arguments.Commands) -> None:
    text = "print accuracy, tokens, and what a smaller model spends to match the largest's one answer"
    command = commands.add_parser("summary", help=text, description=text, epilog=EXAMPLES)
    command.add_argument(
        "--optimism",
        action="store_true",
        help="add how much bins made from the scored samples themselves would mislead",
    )
    command.add_argument(
        "--diversity", action="store_true", help="add distinct right answers per sample and per cost"
    )
    arguments.add_choices(command)
    arguments.add_match_at(command)


def run(options: argparse.Namespace) -> dict[str, object]:
    root = arguments.run_folder(options.run)
    reading = arguments.read(root, options)
    step("matching models")
    found = exchange_rates.measure(reading)
    print(summary.render(reading.asked, found, rule=reading.rule))
    if options.optimism:
        print(f"\n{summary.optimism(found)}")
    if options.diversity:
        print(f"\n{summary.diversity(found)}")
    for line in arguments.other_axes(reading):
        print(f"\n{line}")
    if rows := decisions.read(root):
        print(f"\n{adaptive.line(rows, options.run)}")
    return arguments.describe(root, reading) | tables(reading, found)


def tables(reading: Reading, found: Findings) -> dict[str, object]:
    """What the summary says, of the one rule that models are matched by."""
    rates, cells, named = found.exchange_rates, found.curves, reading.words.rename
    return {
        "setting": found.setting,
        "headline": headline.sentences(found, rule=reading.rule),
        "curves": named(cells[cells["rule"] == reading.rule]),
        "exchange_rates": rates[rates["rule"] == reading.rule] if len(rates) else rates,
        "cells": named(found.cells),
        "optimism": found.optimism,
        "diversity": found.diversity,
        "cautions": cautions.lines(reading.asked),
        "unfinished": reading.asked.unfinished,
    }
