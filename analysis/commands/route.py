"""route: which model, budget and width each prompt should go to, beside everything that a router has to beat."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.commands import arguments
from results import schema, store
from results.progress import Progress
from results.whole import write_text

if TYPE_CHECKING:
    from analysis.policies.replays import At

EXAMPLES = """\
  isoquant embed pilot && isoquant route pilot
  isoquant route pilot --embedder all-MiniLM-L6-v2 --out figures
  isoquant route pilot --at-accuracy 0.9     what each router saves at 90% of the hull's best
"""


def add(commands: arguments.Commands) -> None:
    text = "replay routers over models, budgets and widths against mixtures of them; `isoquant embed` comes first"
    command = commands.add_parser("route", help=text, description=text, epilog=EXAMPLES)
    arguments.add_out(command)
    arguments.add_choices(command)
    command.add_argument("--embedder", help="whose embeddings routers read, if several are stored")
    add_at(command, "hull")
    command.add_argument("--seeds", type=int, default=5, help="number of replays; results are means over them")


def run(options: argparse.Namespace) -> dict[str, object]:
    """Print every router's measures; write RUN/figures/routing.png with the CSV behind it."""
    arguments.refuse_along(options, "Routing")
    root = arguments.run_folder(options.run)
    return {"run": str(root)} | route(root, options, embedder=options.embedder, num_seeds=options.seeds)


def route(
    root: Path, options: argparse.Namespace, *, embedder: str | None = None, num_seeds: int = 5
) -> dict[str, object]:
    """The same with the options of any command that has `add_choices`;
    raises ValueError below two seeds or arms.
    """
    from analysis.figures import routing as figure
    from analysis.figures.save import save
    from analysis.policies import routes
    from analysis.text import routes as routes_text

    at = asked_at(options)
    with Progress("route") as progress:
        found = routes.route(
            root, arguments.choices(options), task=options.task, rule=options.rule,
            scoring=arguments.scoring(options), along=arguments.along(options), embedder=embedder,
            num_seeds=num_seeds, seed=options.seed,
            expect=progress.expect, tell=progress.tell,
        )  # fmt: skip
    print(routes_text.render(found, at), end="\n\n")
    folder = arguments.written(options, root, "figures")
    drawn = []
    for part in found.splits:
        name = "routing" if part.split == "prompts" else "routing_data_sets"
        drawn.append(save(folder, name, routes.frame(found, split=part.split), figure.draw))
        write_text(folder / f"{name}_measures.csv", part.measures.to_csv(index=False))
    print(*drawn, sep="\n")
    told: dict[str, object] = {"figures": drawn, "splits": found.splits}
    if at is not None:
        unit = found.run.cost.unit
        told["first"] = [routes_text.first_line(part, at, unit) for part in found.splits]
        told["at_point"] = {part.split: routes_text.at_point(part, at) for part in found.splits}
    return told


def add_at(command: argparse.ArgumentParser, line: str) -> None:
    """Where policies are compared with the line of what looks at no prompt."""
    where = command.add_mutually_exclusive_group()
    of_cost = f"compare at this share of the {line}'s highest cost"
    where.add_argument("--at-cost", type=float, metavar="SHARE", help=of_cost)
    of_accuracy = "compare the cheapest at this share of its best accuracy"
    where.add_argument("--at-accuracy", type=float, metavar="SHARE", help=of_accuracy)


def asked_at(options: argparse.Namespace) -> "At | None":
    """Where policies are compared, None where nothing is asked. Raises ValueError for an impossible share."""
    from analysis.policies.replays import At

    if options.at_cost is not None:
        return At("cost", options.at_cost)
    return None if options.at_accuracy is None else At("accuracy", options.at_accuracy)


def route_if_embedded(root: Path, options: argparse.Namespace) -> dict[str, object] | None:
    """The same where the run's prompts are embedded; a line that says how they are where not."""
    if store.scan(root, schema.EMBEDDINGS, columns=["prompt_id"]).num_rows:
        return route(root, options)
    print(f"Routers over models, budgets and widths: `isoquant embed {root}` first, to replay them too.")
    return None
