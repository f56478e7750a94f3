"""plan-compute: the model and setting that are cheapest to train and serve."""

import argparse

from analysis.commands import arguments
from analysis.questions import serve
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.text import serve as serve_text


def add(commands: arguments.Commands) -> None:
    command = commands.add_parser("plan-compute", help="split a budget between training and serving")
    command.set_defaults(command=run)
    add = command.add_argument
    arguments.add_run(command)
    arguments.add_cluster(command)
    add("--target", type=float, required=True, help="the accuracy to serve at, 0.6 for 60%%")
    add("--queries", type=arguments.positive, nargs="+", required=True, help="how many queries will be served, 1e6 1e9")
    add(
        "--pretraining-tokens",
        type=arguments.named_tokens,
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME=TOKENS",
        help="tokens a model was trained on, where the run does not say",
    )


def run(options: argparse.Namespace) -> None:
    """Print the cheapest model and setting for the target at each workload; draw them into RUN/figures."""
    root = arguments.run_folder(options.run)
    loaded = outcomes.load(root, task=options.task)
    found = serve.serve(
        read(loaded, Choices(cluster=options.cluster), rule=options.rule, seed=options.seed),
        target=options.target,
        queries=options.queries,
        pretraining_tokens=arguments.by_model("pretraining-tokens", options.pretraining_tokens),
    )
    print(serve_text.render(found), end="\n\n")
    from analysis.figures import plan_compute as figure
    from analysis.figures.save import save

    print(save(root / "figures", "plan_compute", serve.frame(found), figure.draw))
