"""Arguments that commands share, and what they name."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

from analysis.costs import cost_models, roofline
from analysis.costs.shapes import PerToken
from analysis.questions import compare
from analysis.questions.compare import Comparison
from analysis.reading import bins, curves, reading
from analysis.reading.bins import Binning
from analysis.reading.choices import AS_KNOWN, Choices
from analysis.reading.reading import Reading
from analysis.runs import outcomes, pairing
from analysis.runs.pairing import Source
from results.folder import find_visible
from results.inspection import check
from results.travel.unpacking import opened

# What `add_subparsers` returns.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Value = TypeVar("Value")
RUNS = Path("results/runs")
# Options that one cost model alone reads.
RATES = {"throughput": "c4", "price": "c5", "gpu": "c3"}


def run_folder(name: str) -> Path:
    """RUN as a directory: a path as it is, a bare name below results/runs, a packed run as it is opened; what of it is
    not read is noted on stderr.

    Raises ValueError where there is none, and where what is read of it would be false.
    """
    name = os.path.expanduser(name)
    if os.path.exists(name) and not os.path.isdir(name):
        packed, name = name, str(opened(Path(name)))
        print(f"note: {packed} is packed; it is read, and drawn into, as {name}.", file=sys.stderr)
    is_bare = Path(name).name == name
    for root in (RUNS / name, Path(name)) if is_bare else (Path(name),):
        if root.is_dir():
            for note in check(root):
                print(f"note: {note}", file=sys.stderr)
            return root
    known = [path.name for path in find_visible(RUNS, "*")] if RUNS.is_dir() else []
    listed = ", ".join(known) or "none"
    raise ValueError(f"No run {name!r}; runs here: {listed}. Run `make sweep`, or point RUN at results/reference.")


def source(text: str) -> Source:
    """RUN or RUN:MODEL. Raises ValueError where there is no such run."""
    name, colon, model = text.partition(":")
    if not colon or Path(text).is_dir():
        return Source(run_folder(text), None)
    return Source(run_folder(name), model)


def read(root: Path, options: argparse.Namespace) -> Reading:
    """The reading of a run under the reader's choices."""
    if options.seed < 0:
        raise ValueError(f"--seed must not be negative; got {options.seed}.")
    loaded = outcomes.load(root, task=options.task, anchor=options.anchor)
    return reading.read(loaded, choices(options), rule=options.rule, seed=options.seed)


def compared(base: Source, new: Source, options: argparse.Namespace, *, is_overlap: bool = False) -> Comparison:
    """How a model compares with a ladder or one of its models, under the reader's choices."""
    paired = pairing.read(base, new, task=options.task, anchor=options.anchor, is_overlap=is_overlap)
    return compare.compare(
        paired, reading.read(paired.outcomes, choices(options), rule=options.rule, seed=options.seed)
    )


def choices(options: argparse.Namespace) -> Choices:
    """The reader's choices; raises ValueError for rates of a cost model that the command was not asked for."""
    for name, cost in RATES.items():
        if getattr(options, name) and options.cost != cost and not options.every_cost:
            raise ValueError(f"--{name} is read by cost model {cost} alone; add --cost {cost} or leave it out.")
    return Choices(
        binning=Binning(options.difficulty, options.label, options.bins, tuple(options.thresholds)),
        cost=options.cost,
        gpu=options.gpu,
        batch=options.batch,
        throughput=by_model("throughput", options.throughput),
        price=by_model("price", options.price),
        cluster=options.cluster,
    )


def by_model(option: str, given: Sequence[tuple[str, Value]]) -> dict[str, Value]:
    """What an option gives for each model; raises ValueError where it names one twice."""
    names = [name for name, _ in given]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"--{option} names {', '.join(twice)} twice; give each model once.")
    return dict(given)


def add_run(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", metavar="RUN", help="a run directory, or a name below results/runs")
    add_reading(command)


def add_reading(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "--rule",
        choices=curves.RULES,
        help="how several samples are read where models are matched; by default maj_at_k where there are votes",
    )
    add("--task", help="which task, where the run holds several")
    add("--seed", type=int, default=0, help="seed of the bootstrap")


def add_choices(command: argparse.ArgumentParser) -> None:
    add_run(command)
    add_options(command)


def add_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--bins", type=int, help="number of difficulty bins (3 below 200 prompts, fewer below 15, else 5)")
    add(
        "--thresholds",
        type=float,
        nargs="+",
        default=(),
        help="fixed accuracies (agreement: shares of votes) between bins, instead of quantiles",
    )
    add(
        "--difficulty",
        choices=bins.DIFFICULTIES,
        default="anchor",
        help="the anchor's held-out accuracy, each model's own, agreement of the anchor's votes, or a label: a bin a "
        f"value, quantiles of a number with more than {bins.MAX_LABELS} values; other labels have at most as many",
    )
    add("--label", help="the dial of the prompts that --difficulty label reads")
    add_cluster(command)
    add(
        "--cost",
        choices=cost_models.COST_NAMES,
        help="c1 parameters only, c2 with attention, c3 roofline seconds (--gpu), c4 measured "
        "device-seconds (of the run's own log, or --throughput), c5 dollars (--price), tokens, samples; by default the "
        f"first of {', '.join(AS_KNOWN)} that the run can tell",
    )
    add("--gpu", choices=sorted(roofline.GPUS), help="the GPU of c3")
    add("--batch", type=int, default=cost_models.BATCH, help="sequences that c3 decodes together")
    add(
        "--throughput",
        type=per_token,
        action="extend",
        nargs="+",
        default=[],
        metavar="MODEL=IN:OUT",
        help="tokens a device-second, read and written, instead of what the run logged",
    )
    add(
        "--price",
        type=per_token,
        action="extend",
        nargs="+",
        default=[],
        metavar="MODEL=IN:OUT",
        help="dollars a million tokens",
    )
    # Set by the commands that read a run under every cost model it can tell.
    command.set_defaults(every_cost=False)
    add("--anchor", help="whose held-out samples make the bins, where several models have some")


def add_cluster(command: argparse.ArgumentParser) -> None:
    command.add_argument("--cluster", help="the dial whose prompts are resampled together")


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def named_tokens(text: str) -> tuple[str, float]:
    """qwen3-8b=3.6e13."""
    name, _, tokens = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"write {text!r} as NAME=TOKENS")
    return name, positive(tokens)


def per_token(text: str) -> tuple[str, PerToken]:
    """MODEL=IN:OUT, two numbers above 0."""
    try:
        name, figures = text.split("=")
        prompt, decoded = (float(figure) for figure in figures.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected MODEL=IN:OUT, such as mine=9000:450, not {text!r}") from None
    if not (prompt > 0 and decoded > 0):
        raise argparse.ArgumentTypeError(f"both figures of {text!r} must be above 0")
    return name, PerToken(prompt, decoded)
