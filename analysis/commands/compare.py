"""compare: a new model against a ladder or one of its models, on the same prompts."""

import argparse
from pathlib import Path

from analysis import numerals
from analysis.commands import arguments
from analysis.questions.compare import Comparison
from analysis.text import verdict
from results.whole import write_text

EXAMPLES = """\
  isoquant compare results/reference mine:my-model
  isoquant compare pilot:qwen3-4b mine:my-model --html compare.html
  isoquant compare pilot mine:my-model --json > compare.json
"""


def add(commands: arguments.Commands) -> None:
    text = "print what a new model gains and loses on the same prompts, and its place on the ladder"
    command = commands.add_parser("compare", help=text, description=text, epilog=EXAMPLES)
    add = command.add_argument
    add("base", metavar="BASE", help="RUN, its whole ladder, or RUN:MODEL")
    add("new", metavar="NEW", help="RUN:MODEL, or a RUN of one model")
    add("--overlap", action="store_true", help="if the runs differ, compare only the prompts with the same text")
    add("--html", type=Path, metavar="FILE", help="also write the comparison as one HTML file")
    arguments.add_reading(command)
    arguments.add_options(command)


def run(options: argparse.Namespace) -> dict[str, object]:
    """Print the comparison; write it as HTML where asked to."""
    if options.seed < 0:
        raise ValueError(f"--seed must not be negative; got {options.seed}.")
    base, new = arguments.source(options.base), arguments.source(options.new)
    found = arguments.compared(base, new, options, is_overlap=options.overlap)
    print(verdict.render(found))
    if options.html is not None:
        from analysis.report import compare as section
        from analysis.report import page

        lead = f"{new} against {base}, on the same {numerals.prompts(found.num_prompts)}."
        text = page.render([section.draw(found)], title=section.title(found), lead=lead)
        print(f"\n{write_text(options.html, text)}")
    return _said(found)


def _said(found: Comparison) -> dict[str, object]:
    """Every number of the comparison."""
    fields: dict[str, object] = {
        name: getattr(found, name) for name in found.__dataclass_fields__ if name != "words"
    }
    tables = {name: found.words.rename(getattr(found, name)) for name in ("differences", "sizes")}
    return fields | tables | {"cost": {"label": found.cost.label, "unit": found.cost.unit}}
