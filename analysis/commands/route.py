"""route: which model, budget and width each prompt should go to, beside everything that a router has to beat."""

import argparse
from pathlib import Path

from analysis.commands import arguments
from analysis.commands.progress import Progress
from results import schema, store


def add(commands: arguments.Commands) -> None:
    command = commands.add_parser("route", help="replay routers over (model, budget, width) against mixtures of them")
    arguments.add_choices(command)
    command.add_argument("--embedder", help="whose embeddings routers read, where several are stored")
    command.add_argument("--seeds", type=int, default=5, help="replays that results are means of")
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Print every router's measures; write RUN/figures/routing.png with the CSV behind it."""
    route(arguments.run_folder(options.run), options, embedder=options.embedder, num_seeds=options.seeds)


def route(root: Path, options: argparse.Namespace, *, embedder: str | None = None, num_seeds: int = 5) -> None:
    """The same with the options of any command that has `add_choices`; raises ValueError below two seeds or arms."""
    from analysis.figures import routing as figure
    from analysis.figures.save import save
    from analysis.policies import routes
    from analysis.text import routes as routes_text

    with Progress("route") as progress:
        found = routes.route(
            root, arguments.choices(options), task=options.task, rule=options.rule, embedder=embedder,
            num_seeds=num_seeds, seed=options.seed, expect=progress.expect, tell=progress.tell,
        )  # fmt: skip
    print(routes_text.render(found), end="\n\n")
    for part in found.splits:
        name = "routing" if part.split == "prompts" else "routing_data_sets"
        print(save(root / "figures", name, routes.frame(found, split=part.split), figure.draw))
        part.measures.to_csv(root / "figures" / f"{name}_measures.csv", index=False)


def route_if_embedded(root: Path, options: argparse.Namespace) -> None:
    """The same where the run's prompts are embedded; a line that says how they are where not."""
    if store.scan(root, schema.EMBEDDINGS, columns=["prompt_id"]).num_rows:
        route(root, options)
    else:
        print(f"Routers over models, budgets and widths: `make embed RUN={root}` first, then they are replayed too.")
