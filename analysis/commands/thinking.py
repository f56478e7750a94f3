"""thinking: whether models think well, from the same samples at every budget."""

import argparse
from pathlib import Path

import pandas as pd

from analysis.commands import arguments
from analysis.questions import inflation, thinking
from analysis.reading import cautions
from analysis.reading.reading import Reading
from analysis.runs.texts import whole_prompts
from analysis.text import thinking as words
from analysis.text.tables import filled

EXAMPLES = """\
  isoquant thinking results/reference
  isoquant thinking pilot --against qwen3-8b         what a quantized one of its size writes beside it
  isoquant thinking pilot --out tables               the same, and more, as CSV files
"""


def add(commands: arguments.Commands) -> None:
    text = "print whether models think well: answers that flip, what budgets lose, own stops, lengths"
    command = commands.add_parser("thinking", help=text, description=text, epilog=EXAMPLES)
    arguments.add_binned(command)
    of_against = "add what other models of this one's size write beside it, such as quantized ones"
    command.add_argument("--against", metavar="MODEL", help=of_against)
    command.add_argument("--out", type=Path, metavar="FOLDER", help="folder for a CSV file a table")


def run(options: argparse.Namespace) -> dict[str, object]:
    arguments.refuse_along(options, "Whether models think well")
    root = arguments.run_folder(options.run)
    reading = arguments.read(root, options)
    tables = measure(root, reading, options.against)
    print(words.render(list(words.shown(tables)), words.said(tables), reading))
    for line in cautions.lines(reading.asked):
        print(f"\n{filled(line)}")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        for name, frame in tables.items():
            frame.to_csv(options.out / f"{name}.csv", index=False)
    head = {"run": str(root), "task": reading.asked.task}
    return head | tables | {"cautions": cautions.lines(reading.asked)}


def measure(root: Path, reading: Reading, against: str | None) -> dict[str, pd.DataFrame]:
    """Every table of the question, by name; against: whose tokens those of others of its
    size are compared with.
    """
    # Loads scikit-learn, which takes a second.
    from analysis.policies.studies import stops

    thinking.require_same_samples(reading)
    beside = {} if against is None else {"inflation": inflation.frame(reading, against)}
    texts = whole_prompts(root, reading.asked.task, reading.asked.prompt_ids)
    return {
        "steps": thinking.steps(reading),
        "budgets": thinking.budgets(reading),
        "stops": stops.frame(reading, texts=texts),
        "lengths": thinking.trace_lengths(reading),
        **beside,
        "prompts": thinking.prompts(reading),
    }
