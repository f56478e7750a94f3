"""serve: the model and setting that are cheapest to train and serve."""

import argparse
from pathlib import Path
from typing import Any

from analysis.commands import arguments
from analysis.questions import offers, serve
from analysis.reading.reading import Reading, read
from analysis.runs import outcomes
from analysis.stats import bootstrap
from analysis.text import offers as offers_text
from analysis.text import serve as serve_text

EXAMPLES = """\
  isoquant serve results/reference --target 0.6 --queries 1e3 1e5 1e7
  isoquant serve pilot --target 0.5 --queries 1e9 --pretraining-tokens mine=2e12
  isoquant serve pilot --target 0.6 --serving-only --max-serial-tokens 4000
  isoquant serve pilot --target 0.6 --serving-only --cost c5 --price big=2:8 small=0.1:0.4
"""
# Options of one way to ask alone, and what they are when nobody gives them.
OF_SERVING: dict[str, Any] = {"cost": None, "gpu": None, "throughput": [], "price": [], "max_serial_tokens": None}
OF_TRAINING: dict[str, Any] = {"queries": [], "pretraining_tokens": [], "offline_flops": []}


def add(commands: arguments.Commands) -> None:
    text = (
        "show which model and setting reach an accuracy at the lowest cost, of training and serving or of serving"
    )
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
        default=[],
        help="how many queries will be served, such as 1e6 1e9",
    )
    of_tokens = "tokens a model was trained on, if the run does not record it: 2e12 or 2T"
    arguments.add_pretraining_tokens(command, of_tokens, metavar="NAME=2T")
    add(
        "--offline-flops",
        type=arguments.named_flops,
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME=FLOPS",
        help="FLOPs that a model spends once before any query, shared by all of them, such as 1e15",
    )
    add(
        "--serving-only",
        action="store_true",
        help="models that are there already: what a query costs, in any unit",
    )
    of_serial = "with --serving-only: settings of at most so many tokens in series, on average"
    add("--max-serial-tokens", type=arguments.positive, metavar="N", help=of_serial)
    arguments.add_costs(command)


def run(options: argparse.Namespace) -> dict[str, object]:
    """Print the cheapest model and setting for the target; of training and serving draw it into RUN/figures."""
    arguments.refuse_along(options, "Train or serve")
    _refuse_others(options)
    root = arguments.run_folder(options.run)
    loaded = outcomes.load(
        root, task=options.task, scoring=arguments.scoring(options), along=arguments.along(options)
    )
    choices = arguments.unbinned(options)
    if options.serving_only:
        return {"run": str(root)} | _serving(read(loaded, choices, rule=options.rule, seed=options.seed), options)
    return {"run": str(root)} | _both(read(loaded, choices, rule=options.rule, seed=options.seed), root, options)


def _serving(reading: Reading, options: argparse.Namespace) -> dict[str, object]:
    """What a query costs of each model, the cheapest first."""
    found = offers.find(reading, target=options.target, most_serial=options.max_serial_tokens)
    print(offers_text.render(found))
    told = {"target": found.target, "rule": found.rule, "unit": found.unit, "cost": found.cost_label}
    return told | {"first": offers_text.first_line(found), "offers": offers.frame(found)}


def _both(reading: Reading, root: Path, options: argparse.Namespace) -> dict[str, object]:
    """What training and serving cost together at each workload, with a figure."""
    found = serve.serve(
        reading,
        target=options.target,
        queries=options.queries,
        pretraining_tokens=arguments.by_model("pretraining-tokens", options.pretraining_tokens),
        offline_flops=arguments.by_model("offline-flops", options.offline_flops),
    )
    print(serve_text.render(found), end="\n\n")
    from analysis.figures import plan_compute as figure
    from analysis.figures.save import save

    frame = serve.frame(found)
    drawn = save(arguments.written(options, root, "figures"), "plan_compute", frame, figure.draw)
    print(drawn)
    candidates = [_candidate(each) for each in found.candidates]
    told = {"target": found.target, "rule": found.rule, "figure": drawn}
    return told | {"models": candidates, "left_out": found.left_out, "switches": found.switches, "costs": frame}


def _refuse_others(options: argparse.Namespace) -> None:
    """Raise ValueError where options belong to the other way to ask,
    and where training is asked for no queries.
    """
    foreign = OF_TRAINING if options.serving_only else OF_SERVING
    if given := next((name for name, usual in foreign.items() if getattr(options, name) != usual), None):
        option = f"--{given.replace('_', '-')}"
        if options.serving_only:
            raise ValueError(f"{option} is for training and serving together. Leave --serving-only or it out.")
        raise ValueError(f"Training and serving are counted in FLOPs. Add --serving-only, or leave {option} out.")
    if not options.serving_only and not options.queries:
        raise ValueError("Give --queries, how many will be served, or --serving-only for models that are there.")


def _candidate(each: serve.Candidate) -> dict[str, object]:
    """A model with what it needs a query, without replicates."""
    tokens, low, high = bootstrap.percentile_interval(each.serving.by_query)
    needed = {"tokens_a_query": tokens, "low": low, "high": high, "settings": each.settings}
    return {
        name: getattr(each, name) for name in ("name", "num_params", "pretraining_tokens", "offline_flops")
    } | needed
