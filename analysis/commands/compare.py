"""compare: a new model against a ladder or one of its models, on the same prompts."""

import argparse
import json
from pathlib import Path

from analysis import numerals
from analysis.commands import arguments
from analysis.questions.compare import Comparison
from analysis.text import verdict


def add(commands: arguments.Commands) -> None:
    text = "print what a new model gains and loses on the same prompts, and its place on the ladder"
    command = commands.add_parser("compare", help=text)
    add = command.add_argument
    add("base", metavar="BASE", help="RUN, its whole ladder, or RUN:MODEL")
    add("new", metavar="NEW", help="RUN:MODEL, or a RUN of one model")
    add("--overlap", action="store_true", help="compare the prompts of equal text where the runs are not alike")
    add("--json", type=Path, metavar="PATH", help="write every number there; NaN is null, what is not reached 'never'")
    add("--html", type=Path, metavar="PATH", help="write the comparison there as a page that opens by itself")
    arguments.add_reading(command)
    arguments.add_options(command)
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Print the comparison; write it as JSON and HTML where asked to."""
    if options.seed < 0:
        raise ValueError(f"--seed must not be negative; got {options.seed}.")
    base, new = arguments.source(options.base), arguments.source(options.new)
    found = arguments.compared(base, new, options, is_overlap=options.overlap)
    print(verdict.render(found))
    if options.json is not None:
        _write(options.json, _as_json(found))
    if options.html is not None:
        from analysis.report import compare as section
        from analysis.report import page

        lead = f"{new} against {base}, on the same {numerals.prompts(found.num_prompts)}."
        _write(options.html, page.render([section.draw(found)], title=section.title(found), lead=lead))


def _as_json(found: Comparison) -> str:
    from analysis.report.html import encode

    fields = {name: getattr(found, name) for name in found.__dataclass_fields__}
    frames = {name: value.to_dict("records") for name, value in fields.items() if hasattr(value, "to_dict")}
    cost = {"label": found.cost.label, "unit": found.cost.unit}
    return json.dumps(json.loads(encode(fields | frames | {"cost": cost})), indent=1) + "\n"


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    # A link of this name in a folder from elsewhere would have another file written over.
    partial.unlink(missing_ok=True)
    partial.write_text(text)
    partial.replace(path)
    print(f"\n{path}")
