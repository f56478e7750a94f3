"""serve: the model and setting that are cheapest to train and serve."""

import argparse

from analysis.commands import arguments
from analysis.questions import serve
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.stats import bootstrap
from analysis.text import serve as serve_text

EXAMPLES = """\
  isoquant serve results/reference --target 0.6 --queries 1e3 1e5 1e7
  isoquant serve pilot --target 0.5 --queries 1e9 --pretraining-tokens mine=2e12
"""


def add(commands: arguments.Commands) -> None:
    text = "show which model and setting reach an accuracy at the lowest cost of training and serving together"
    command = commands.add_parser("serve", help=text, description=text, epilog=EXAMPLES)
    add = command.add_argument
    arguments.add_run(command)
    arguments.add_cluster(command)
    arguments.add_out(command)
    add("--target", type=float, required=True, help="the accuracy to serve at, 0.6 for 60%%")
    add(
        "--queries",
        type=arguments.positive,
        nargs="+",
        required=True,
        help="how many queries will be served, such as 1e6 1e9",
    )
    add(
        "--pretraining-tokens",
        type=arguments.named_tokens,
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME=2T",
        help="tokens a model was trained on, if the run does not record it: 2e12 or 2T",
    )


def run(options: argparse.Namespace) -> dict[str, object]:
    """Print the cheapest model and setting for the target at each workload; draw them into RUN/figures."""
    arguments.refuse_along(options, "Train or serve")
    root = arguments.run_folder(options.run)
    loaded = outcomes.load(
        root, task=options.task, scoring=arguments.scoring(options), along=arguments.along(options)
    )
    found = serve.serve(
        read(loaded, Choices(cluster=options.cluster), rule=options.rule, seed=options.seed),
        target=options.target,
        queries=options.queries,
        pretraining_tokens=arguments.by_model("pretraining-tokens", options.pretraining_tokens),
    )
    print(serve_text.render(found), end="\n\n")
    from analysis.figures import plan_compute as figure
    from analysis.figures.save import save

    frame = serve.frame(found)
    drawn = save(arguments.written(options, root, "figures"), "plan_compute", frame, figure.draw)
    print(drawn)
    candidates = [_candidate(each) for each in found.candidates]
    told = {"run": str(root), "target": found.target, "rule": found.rule, "figure": drawn}
    return told | {"models": candidates, "left_out": found.left_out, "switches": found.switches, "costs": frame}


def _candidate(each: serve.Candidate) -> dict[str, object]:
    """A model with what it needs a query, without replicates."""
    tokens, low, high = bootstrap.percentile_interval(each.serving.tokens)
    needed = {"tokens_a_query": tokens, "low": low, "high": high, "settings": each.settings}
    return {name: getattr(each, name) for name in ("name", "num_params", "pretraining_tokens")} | needed
