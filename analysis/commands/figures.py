"""figures: every figure of a run, as PNG, PDF and the CSV behind it."""

import argparse

from analysis import curves, findings, summary
from analysis.commands import arguments

PATHS: dict[curves.PathName, str] = {"width": "", "budget": "_thinking"}


def add(commands: arguments.Commands) -> None:
    command = commands.add_parser("figures", help="write RUN/figures: PNG, PDF and the CSV behind each")
    command.add_argument("--summary", action="store_true", help="print the summary first")
    arguments.add_choices(command)
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Draw every figure of a run into RUN/figures; print the paths of the PNGs."""
    root = arguments.run_folder(options.run)
    loaded, found = arguments.read(root, options)
    rule = curves.choose_rule(loaded.arms, options.rule)
    if options.summary:
        print(summary.render(loaded, found, rule=rule), end="\n\n")
    from analysis.figures import exchange_rates, substitution
    from analysis.figures.save import save

    for axis, suffix in PATHS.items():
        if axis == "budget" and len(loaded.budgets) == 1:
            continue
        for frame_of, draw, name in (
            (findings.substitution_frame, substitution.draw, "substitution"),
            (findings.exchange_frame, exchange_rates.draw, "exchange_rates"),
        ):
            frame = frame_of(found, rule=rule, axis=axis)
            print(save(root / "figures", name + suffix, frame, draw))
