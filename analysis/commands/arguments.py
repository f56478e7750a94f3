"""Arguments that commands share, and what they name."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias, TypeVar

from threadpoolctl import threadpool_limits

from analysis import numerals
from analysis.costs import cost_models, roofline
from analysis.costs.shapes import PerToken
from analysis.questions import compare, split_settings
from analysis.questions.compare import Comparison
from analysis.questions.split_settings import Splits
from analysis.reading import bins, curves, reading
from analysis.reading.bins import Binning
from analysis.reading.choices import AS_KNOWN, Choices
from analysis.reading.reading import Reading
from analysis.reading.reading import read as read_outcomes
from analysis.reading.untold import UntoldError
from analysis.runs import outcomes, pairing, scores, verifiers
from analysis.runs.along import Along, Everywhere
from analysis.runs.pairing import Source
from analysis.runs.serial import ALONG, AXES, BY_NAME, HELD, AxisName
from analysis.runs.verifiers import Scoring
from analysis.stats.filtered import SHARE
from analysis.text.tables import filled
from results.ingest.sizes import LEAST_TOKENS, parse_size
from results.inspection import check
from results.places import find_run, write_beside
from results.progress import step

# What `add_subparsers` returns.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Value = TypeVar("Value")
RUN = "a run folder, or a name in results/runs"
OF_RULE = (
    "maj_at_k (majority vote, default if there are votes), pass_at_k (any correct); by a verifier's scores: "
    "best_of_n, weighted_vote, filtered_vote"
)
# Options of the rules that read a verifier's scores.
OF_SCORES = ("scorer", "steps", "verdicts", "filter_share")
OF_DIFFICULTY = (
    "bins by anchor: its held-out accuracy (default); own: each model's own; agreement: of the anchor's votes; "
    "label: a label of the prompts"
)
OF_COST = (
    "c1: FLOPs of the weights; c2: with attention; c3: roofline seconds (--gpu); c4: measured seconds; c5: "
    f"dollars (--price); tokens; samples. Default: the first of {', '.join(AS_KNOWN)} that is known"
)
OF_RATES = {
    "--throughput": "for c4: tokens a second, read and written, instead of the run's log",
    "--price": "for c5: dollars a million tokens, read and written",
}
# Options that one cost model alone reads.
RATES = {"throughput": "c4", "price": "c5", "gpu": "c3"}


def run_folder(name: str) -> Path:
    """The folder of RUN; what of it is not read is noted on stderr.

    Raises ValueError where there is none, and where what is read of it would be false.
    """
    # Tables here are small: threads of a matrix product wait for each other longer than they multiply.
    threadpool_limits(1, user_api="blas")
    root = find_run(name)
    step(f"checking the files of {root.name}")
    for note in check(root):
        print(f"note: {note}", file=sys.stderr)
    return root


def written(options: argparse.Namespace, root: Path, name: str) -> Path:
    """Where a command that draws writes: --out, else `name` in the run, or here of a run that a wheel brought.

    Along another axis than thinking budgets: figures/extensions, report_extensions.html.
    """
    given: Path | None = options.out
    if given is not None:
        return given
    if options.along != "budget":
        plain = Path(name)
        name = f"{plain.stem}_{options.along}{plain.suffix}" if plain.suffix else f"{name}/{options.along}"
    return write_beside(root) / name


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
    loaded = outcomes.load(
        root, task=options.task, anchor=options.anchor, scoring=scoring(options), along=along(options)
    )
    step("computing")
    return reading.read(loaded, choices(options), rule=options.rule, seed=options.seed)


def everywhere(root: Path, base: Reading, options: argparse.Namespace) -> Reading:
    """The run read in every setting that --at leaves, where it has further axes than the one that is read; else
    the reading itself.

    Raises UntoldError where a verifier chooses that did not read the answers of all settings.
    """
    others = base.asked.along.others
    if not others:
        return base
    held = Everywhere(dict(options.at), strategy=options.strategy)
    loaded = outcomes.load(root, task=base.asked.task, anchor=options.anchor, scoring=scoring(options), along=held)
    if base.reads_scores and not all(arm.is_scored for arm in loaded.arms):
        at = " ".join(f"{name}={base.asked.along.at[name]}" for name in others)
        raise UntoldError(
            f"Not all answers of other settings are scored. Run `isoquant score RUN`, or choose among fewer with "
            f"--at {at}."
        )
    return base.of(loaded)


def refuse_along(options: argparse.Namespace, question: str) -> None:
    """Raises ValueError where a question of thinking budgets is asked along another axis."""
    if options.along != "budget":
        raise ValueError(
            f"{question} is asked along thinking budgets, not along {options.along}. Leave --along out."
        )


def other_axes(reading: Reading) -> list[str]:
    """A line that the run has further axes than the one that is read, and how to read along them."""
    along = reading.asked.along
    if not along.others:
        return []
    told = [f"{BY_NAME[name].steps} ({', '.join(map(str, along.declared[name]))})" for name in along.others]
    ways = ["leave --along out" if name == "budget" else f"--along {name}" for name in along.others]
    return [filled(f"This run also varies {numerals.listed(told)}. To read along them: {' or '.join(ways)}.")]


def split(root: Path, reading: Reading, options: argparse.Namespace) -> Splits:
    """How a budget splits between samples and each verifier of a run, or the one that --scorer names.

    Raises UntoldError where none scored all answers of a model.
    """
    unread = reading.asked.unverified()
    base = read_outcomes(unread, reading.wanted, seed=reading.seed)
    verified = _read_verified(root, base, options)
    if not verified:
        raise UntoldError("No verifier scored all answers of a model. Run `isoquant score` to its end.")
    return split_settings.measure(base, verified)


def _read_verified(root: Path, base: Reading, options: argparse.Namespace) -> list[Reading]:
    """The run by the rule best_of_n as each verifier scored it, with the models of which
    it scored every answer.
    """
    found = []
    names = [options.scorer] if options.scorer is not None else verifiers.named(root, base.asked.task)
    for name in names:
        scoring = replace(asked_scoring(options), scorer=name)
        loaded = outcomes.scored(root, base.asked, scoring, anchor=options.anchor)
        scored = tuple(arm for arm in loaded.arms if arm.is_scored)
        if scored:
            whole = replace(loaded, arms=scored)
            found.append(read_outcomes(whole, base.wanted, rule="best_of_n", seed=base.seed))
    return found


def describe(root: Path, reading: Reading) -> dict[str, object]:
    """What is read, by which rule and counted in what: the head of what `--json` prints."""
    counted = {"cost_unit": reading.cost.unit, "cost_label": reading.cost.label}
    told = reading.setting.columns()
    beside = {name: told[name] for name in (ALONG, HELD) if name in told}
    return {"run": str(root), "task": reading.asked.task, "rule": reading.rule, **counted, **beside}


def compared(base: Source, new: Source, options: argparse.Namespace, *, is_overlap: bool = False) -> Comparison:
    """How a model compares with a ladder or one of its models, under the reader's choices."""
    paired = pairing.read(
        base,
        new,
        task=options.task,
        anchor=options.anchor,
        is_overlap=is_overlap,
        scoring=scoring(options),
        along=along(options),
    )
    return compare.compare(
        paired, reading.read(paired.outcomes, choices(options), rule=options.rule, seed=options.seed)
    )


def along(options: argparse.Namespace) -> Along:
    """The axis that is read, and what the others are held at; raises ValueError for one that is given twice."""
    names = [name for name, _ in options.at]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"--at names {', '.join(twice)} twice; give each axis once.")
    if options.along in names:
        raise ValueError(f"--at {options.along} holds the axis that is read. Leave it out.")
    return Along(options.along, dict(options.at), strategy=options.strategy)


def scoring(options: argparse.Namespace) -> Scoring | None:
    """How scores are read, None where neither the rule nor the bins read any; raises ValueError for options that
    are not used.
    """
    reads_bins = getattr(options, "difficulty", None) == "score"
    given = {name: getattr(options, name) for name in OF_SCORES if getattr(options, name) is not None}
    for name in given:
        users: tuple[str, ...] = ("filtered_vote",) if name == "filter_share" else curves.CHOSEN_RULES
        makes_bins = reads_bins and name != "filter_share"
        if options.rule not in users and not options.every_rule and not makes_bins:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"Only {' or '.join(users)} uses {option}. Add --rule {users[0]}, or leave it out.")
    return asked_scoring(options) if options.rule in curves.CHOSEN_RULES or reads_bins else None


def asked_scoring(options: argparse.Namespace) -> Scoring:
    """How the options say that scores are read."""
    given = {name: getattr(options, name) for name in OF_SCORES}
    return Scoring(**{name: value for name, value in given.items() if value is not None})


def choices(options: argparse.Namespace) -> Choices:
    """The reader's choices; raises ValueError for rates of a cost model that the command was not asked for."""
    return replace(
        unbinned(options),
        binning=Binning(options.difficulty, options.label, options.bins, tuple(options.thresholds)),
    )


def unbinned(options: argparse.Namespace) -> Choices:
    """The choices of a command that makes no bins; raises ValueError as `choices`."""
    for name, cost in RATES.items():
        if getattr(options, name) and options.cost != cost and not options.every_cost:
            raise ValueError(f"Only cost model {cost} uses --{name}. Add --cost {cost}, or leave it out.")
    return Choices(
        cost=options.cost,
        gpu=options.gpu,
        batch=options.batch,
        throughput=by_model("throughput", options.throughput),
        price=by_model("price", options.price),
        cluster=options.cluster,
        match_at=getattr(options, "match_at", None),
    )


def axis_value(text: str) -> tuple[AxisName, int]:
    """AXIS=N. Raises ArgumentTypeError."""
    name, _, value = text.partition("=")
    for axis in AXES:
        if axis == name and value.isdecimal():
            return axis, int(value)
    raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(f'{axis}=N' for axis in AXES)}")


def by_model(option: str, given: Sequence[tuple[str, Value]]) -> dict[str, Value]:
    """What an option gives for each model; raises ValueError where it names one twice."""
    names = [name for name, _ in given]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"--{option} names {', '.join(twice)} twice; give each model once.")
    return dict(given)


def add_run(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", metavar="RUN", help=RUN)
    add_reading(command)


def add_out(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--out", type=Path, metavar="FOLDER", help="folder for the figures, instead of RUN/figures"
    )


def add_reading(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--rule", choices=curves.RULES, metavar="RULE", help=OF_RULE)
    add_scoring(command)
    # Set by the command that reads by every rule.
    command.set_defaults(every_rule=False)
    _add_task(command)


def add_scored(command: argparse.ArgumentParser) -> None:
    """A run whose scores are read, by the rule best_of_n."""
    command.add_argument("run", metavar="RUN", help=RUN)
    _add_task(command)
    add_scoring(command)
    add_options(command)
    command.set_defaults(rule="best_of_n", every_rule=True)


def add_voted(command: argparse.ArgumentParser) -> None:
    """A run whose samples vote."""
    command.add_argument("run", metavar="RUN", help=RUN)
    _add_task(command)
    add_scoring(command)
    add_options(command)
    command.set_defaults(rule="maj_at_k", every_rule=False)


def add_binned(command: argparse.ArgumentParser) -> None:
    """A run whose samples are read one by one, by bin: nothing votes, and no cost is counted."""
    command.add_argument("run", metavar="RUN", help=RUN)
    _add_task(command)
    add_scoring(command)
    _add_bins(command)
    add_cluster(command)
    of_costs = {"cost": None, "gpu": None, "batch": cost_models.BATCH, "throughput": (), "price": ()}
    command.set_defaults(rule=None, every_rule=False, every_cost=False, **of_costs)


def _add_task(command: argparse.ArgumentParser) -> None:
    command.add_argument("--task", help="which task, if the run has several")
    of_along = f"the axis that is read instead of budgets: {', '.join(AXES)}"
    command.add_argument("--along", choices=AXES, default="budget", metavar="AXIS", help=of_along)
    of_at = "what the other axes are held at (the most; extensions at 0, rounds at 1)"
    command.add_argument("--at", type=axis_value, nargs="+", default=[], metavar="AXIS=N", help=of_at)
    of_strategy = "whose rounds are read, if the run has several strategies"
    command.add_argument("--strategy", default="", metavar="NAME", help=of_strategy)
    command.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the bootstrap (0)")


def add_scoring(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--scorer", metavar="NAME", help="whose scores, if several verifiers scored the run")
    of_steps = f"how scores of steps become one: {', '.join(scores.STEPS)} (default: its own)"
    add("--steps", choices=scores.STEPS, metavar="HOW", help=of_steps)
    add("--verdicts", type=int, metavar="V", help="how many verdicts of a verifier that writes are averaged (all)")
    of_share = f"share of the samples that filtered_vote drops, lowest scores first ({SHARE:g})"
    add("--filter-share", type=float, metavar="SHARE", help=of_share)


def add_choices(command: argparse.ArgumentParser) -> None:
    add_run(command)
    add_options(command)


def add_match_at(command: argparse.ArgumentParser) -> None:
    """In the commands that match a larger model's answer."""
    of_match = "where along the axis that is read a larger model is matched (its last)"
    command.add_argument("--match-at", type=axis_value, metavar="AXIS=N", help=of_match)


def add_options(command: argparse.ArgumentParser) -> None:
    """How prompts are binned and compute is counted, in every command that does either."""
    _add_bins(command)
    add_cluster(command)
    add_costs(command)


def _add_bins(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--bins", type=int, metavar="N", help="difficulty bins (3 below 200 prompts, fewer below 15, else 5)")
    of_thresholds = "fixed accuracies between bins, or shares of votes, instead of quantiles"
    add("--thresholds", type=float, nargs="+", default=(), metavar="SHARE", help=of_thresholds)
    add("--difficulty", choices=bins.DIFFICULTIES, default="anchor", metavar="KIND", help=OF_DIFFICULTY)
    add("--label", metavar="NAME", help="the label of the prompts for --difficulty label")
    add("--anchor", metavar="MODEL", help="whose held-out samples make the bins, if several models have some")


def add_costs(command: argparse.ArgumentParser) -> None:
    add, gpus, batch = command.add_argument, sorted(roofline.GPUS), cost_models.BATCH
    add("--cost", choices=cost_models.COST_NAMES, metavar="UNIT", help=OF_COST)
    add("--gpu", choices=gpus, metavar="NAME", help=f"for c3: {', '.join(gpus)}")
    add("--batch", type=int, default=batch, metavar="N", help=f"for c3: sequences decoded together ({batch})")
    for name, text in OF_RATES.items():
        add(name, type=per_token, action="extend", nargs="+", default=[], metavar="NAME=IN:OUT", help=text)
    # Set by the commands that read a run under every cost model it can tell.
    command.set_defaults(every_cost=False)


def add_cluster(command: argparse.ArgumentParser) -> None:
    command.add_argument("--cluster", metavar="NAME", help="the label whose prompts are resampled together")


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def add_pretraining_tokens(command: argparse.ArgumentParser, text: str, *, metavar: str) -> None:
    """--pretraining-tokens: by model what training costs, where the run does not hold it."""
    command.add_argument(
        "--pretraining-tokens",
        type=named_tokens,
        action="extend",
        nargs="+",
        default=[],
        metavar=metavar,
        help=text,
    )


def named_tokens(text: str) -> tuple[str, float]:
    """qwen3-8b=3.6e13 or qwen3-8b=36T, as `isoquant ingest` reads it."""
    name, _, tokens = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"write {text!r} as NAME=2e12 or NAME=2T")
    try:
        return name, parse_size(tokens, least=LEAST_TOKENS)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def named_flops(text: str) -> tuple[str, float]:
    """NAME=1e15."""
    name, _, flops = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"write {text!r} as NAME=1e15")
    return name, positive(flops)


def per_token(text: str) -> tuple[str, PerToken]:
    """NAME=IN:OUT, two numbers above 0."""
    try:
        name, figures = text.split("=")
        prompt, decoded = (float(figure) for figure in figures.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected NAME=IN:OUT, such as mine=9000:450, not {text!r}") from None
    if not (prompt > 0 and decoded > 0):
        raise argparse.ArgumentTypeError(f"both numbers of {text!r} must be above 0")
    return name, PerToken(prompt, decoded)
