"""python -m analysis COMMAND: the only file of this room that knows arguments and output paths."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from analysis import (
    bins,
    costs,
    curves,
    findings,
    health,
    laws,
    matches,
    outcomes,
    planning,
    roofline,
    summary,
    workloads,
)
from analysis.arms import StoredRun
from analysis.bins import Binning
from analysis.bootstrap import LEVEL
from analysis.choices import AS_KNOWN, Choices
from analysis.findings import Findings
from analysis.outcomes import Outcomes
from analysis.power import POWER, Variances
from analysis.validation import report
from analysis.validation.checks import FULL_DATASETS

RUNS = Path("results/runs")
VALIDATION = Path("results/validation/validation.md")
PATHS: dict[curves.PathName, str] = {"width": "", "budget": "_thinking"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 2, and one line on stderr, for what a user can put right."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def read(root: Path, options: argparse.Namespace) -> tuple[Outcomes, Findings]:
    """A run's outcomes and findings under the reader's choices."""
    if options.seed < 0:
        raise ValueError(f"--seed must not be negative; got {options.seed}.")
    loaded = outcomes.load(root, task=options.task, anchor=options.anchor)
    return loaded, findings.find(loaded, _choices(options), rng=np.random.default_rng(options.seed))


def _choices(options: argparse.Namespace) -> Choices:
    return Choices(
        binning=Binning(options.difficulty, options.label, options.bins, tuple(options.thresholds)),
        cost=options.cost,
        gpu=options.gpu,
        batch=options.batch,
        throughput=dict(options.throughput),
        price=dict(options.price),
        cluster=options.cluster,
    )


def run_folder(name: str) -> Path:
    """RUN as a directory: a path as it is, a bare name below results/runs. Raises ValueError where there is none."""
    is_bare = Path(name).name == name
    for root in (RUNS / name, Path(name)) if is_bare else (Path(name),):
        if root.is_dir():
            return root
    known = sorted(path.name for path in RUNS.glob("*")) if RUNS.is_dir() else []
    listed = ", ".join(known) or "none"
    raise ValueError(f"No run {name!r}; runs here: {listed}. Run `make sweep`, or point RUN at results/reference.")


def print_summary(options: argparse.Namespace) -> None:
    loaded, found = read(run_folder(options.run), options)
    print(summary.render(loaded, found, rule=curves.choose_rule(loaded.arms, options.rule)))
    if options.optimism:
        print(f"\n{summary.optimism(found)}")
    if options.diversity:
        print(f"\n{summary.diversity(found)}")


def print_health(options: argparse.Namespace) -> None:
    print(health.render(StoredRun(run_folder(options.run), task=options.task)))


def write_figures(options: argparse.Namespace) -> None:
    """Draw every figure of a run into RUN/figures, as PNG, PDF and the CSV behind it; print the paths of the PNGs."""
    root = run_folder(options.run)
    loaded, found = read(root, options)
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


def print_plan(options: argparse.Namespace) -> None:
    """How many prompts and samples tell two models of a run apart, or two arms of given variances."""
    if (options.run is None) == (options.variances is None):
        raise ValueError("Name a RUN and two --models of it, or give --variances DIFFERENCE WITHIN_A WITHIN_B.")
    goal = planning.Goal(options.effect, options.power, options.level)
    if options.variances is not None:
        print(planning.render(Variances(*options.variances), goal))
        return
    loaded = outcomes.load(run_folder(options.run), task=options.task)
    print(planning.render_run(planning.two_arms(loaded, options.models), goal))


def validate(options: argparse.Namespace) -> None:
    """Run every proof obligation, print it as it finishes and keep the table; raise ValueError where a bound fails."""
    started, found = time.time(), {}
    for name, checks in report.run(options.datasets, seed=options.seed, num_jobs=options.jobs):
        found[name] = checks
        seen = ", ".join(f"{check.observed:.3f}{'' if check.holds else ' FAILS'}" for check in checks)
        print(f"{name}: {seen}", flush=True)
    text = report.render(found, num_datasets=options.datasets, seed=options.seed, started=started)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text)
    print(f"Table in {options.out}.")
    failed = [f"{check.claim}, {check.case}" for checks in found.values() for check in checks if not check.holds]
    if failed:
        raise ValueError(f"{len(failed)} bounds do not hold: {'; '.join(failed)}.")


def print_matches(options: argparse.Namespace) -> None:
    """Print what each smaller model needs to match the largest, against its one answer and against its frontier."""
    loaded = outcomes.load(run_folder(options.run), task=options.task, anchor=options.anchor)
    rule = curves.choose_rule(loaded.arms, options.rule)
    found, cost = matches.find(loaded, _choices(options), rule=rule, rng=np.random.default_rng(options.seed))
    widths = curves.width_path(len(loaded.budgets), loaded.num_samples, rule).widths
    print(matches.render(found, cost, rule=rule, max_width=widths[-1]))


def print_laws(options: argparse.Namespace) -> None:
    """Print which curves and laws the outcomes follow, and how far each is to be trusted."""
    loaded = outcomes.load(run_folder(options.run), task=options.task, anchor=options.anchor)
    rule = curves.choose_rule(loaded.arms, options.rule)
    found = laws.find(loaded, _choices(options), rule=rule, rng=np.random.default_rng(options.seed))
    print(laws.render(found, rule=rule))


def plan_compute(options: argparse.Namespace) -> None:
    """Print the cheapest model and setting for the target at each workload; draw them into RUN/figures."""
    root = run_folder(options.run)
    loaded = outcomes.load(root, task=options.task)
    found = workloads.find(
        loaded,
        target=options.target,
        queries=options.queries,
        rule=curves.choose_rule(loaded.arms, options.rule),
        pretraining_tokens=dict(options.pretraining_tokens),
        rng=np.random.default_rng(options.seed),
    )
    print(workloads.render(found), end="\n\n")
    from analysis.figures import plan_compute as figure
    from analysis.figures.save import save

    print(save(root / "figures", "plan_compute", workloads.frame(found), figure.draw))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Read a stored run; needs no model.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    figures = commands.add_parser("figures", help="write RUN/figures: PNG, PDF and the CSV behind each")
    figures.add_argument("--summary", action="store_true", help="print the summary first")
    figures.set_defaults(command=write_figures)
    table = commands.add_parser("summary", help="print the table of accuracy, tokens and exchange rates")
    table.add_argument("--optimism", action="store_true", help="add what same-pool bins would read")
    table.add_argument("--diversity", action="store_true", help="add distinct right answers per sample and per cost")
    table.set_defaults(command=print_summary)
    match = commands.add_parser("match", help="print what a smaller model needs to match the largest, two references")
    match.set_defaults(command=print_matches)
    law = commands.add_parser("laws", help="print which curves and laws accuracy follows, with their held-out errors")
    law.set_defaults(command=print_laws)
    for command in (figures, table, match, law):
        _add_choices(command)
    cells = commands.add_parser(
        "health", help="print what every cell is made of: cut, forced, unparsed, tokens, seconds"
    )
    cells.add_argument("run", metavar="RUN", help="a run directory, or a name below results/runs")
    cells.add_argument("--task", help="which task, where the run holds several")
    cells.set_defaults(command=print_health)
    _add_power(commands.add_parser("power", help="how many prompts and samples tell two arms apart"))
    proof = commands.add_parser("validate", help="simulate known truths and see how often the statistics find them")
    proof.add_argument("--datasets", type=int, default=FULL_DATASETS, help="simulated data sets a line")
    proof.add_argument("--seed", type=int, default=0)
    proof.add_argument("--jobs", type=int, default=1, help="processes; the figures are the same for any number")
    proof.add_argument("--out", type=Path, default=VALIDATION, help="where the table goes")
    proof.set_defaults(command=validate)
    _add_plan_compute(commands.add_parser("plan-compute", help="split a budget between training and serving"))
    return parser


def _add_power(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("run", metavar="RUN", nargs="?", help="a run directory, or a name below results/runs")
    add("--models", nargs=2, metavar=("A", "B"), help="two models of the run (its two largest)")
    add("--task", help="which task, where the run holds several")
    add(
        "--variances",
        type=float,
        nargs=3,
        metavar=("DIFFERENCE", "WITHIN_A", "WITHIN_B"),
        help="instead of a run: variance of the true difference between prompts, and of one sample of each arm",
    )
    add("--effect", type=float, default=0.03, help="the smallest difference in accuracy worth finding")
    add("--power", type=float, default=POWER, help="how often it shall be found")
    add("--level", type=float, default=LEVEL, help="of the interval that finds it")
    command.set_defaults(command=print_plan)


def _add_plan_compute(command: argparse.ArgumentParser) -> None:
    command.set_defaults(command=plan_compute)
    add = command.add_argument
    _add_run(command)
    add("--target", type=float, required=True, help="the accuracy to serve at, 0.6 for 60%%")
    add("--queries", type=_positive, nargs="+", required=True, help="how many queries will be served, 1e6 1e9")
    add(
        "--pretraining-tokens",
        type=_named_tokens,
        nargs="+",
        default=[],
        metavar="NAME=TOKENS",
        help="tokens a model was trained on, where the run does not say",
    )


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _named_tokens(text: str) -> tuple[str, float]:
    """qwen3-8b=3.6e13."""
    name, _, tokens = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"write {text!r} as NAME=TOKENS")
    return name, _positive(tokens)


def _add_choices(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    _add_run(command)
    add("--bins", type=int, help="number of difficulty bins (3 below 200 prompts, else 5)")
    add("--thresholds", type=float, nargs="+", default=(), help="fixed accuracies between bins, instead of quantiles")
    add(
        "--difficulty",
        choices=bins.DIFFICULTIES,
        default="anchor",
        help="the anchor's held-out accuracy, each model's own, agreement of the anchor's votes, or a label",
    )
    add("--label", help="the dial of the prompts that --difficulty label reads")
    add("--cluster", help="the dial whose prompts are resampled together")
    add(
        "--cost",
        choices=costs.COST_NAMES,
        help="c1 parameters only, c2 with attention, c3 roofline seconds (--gpu), c4 measured GPU-seconds "
        "(--throughput), c5 dollars (--price), tokens, samples; by default the first of "
        f"{', '.join(AS_KNOWN)} that the run can tell",
    )
    add("--gpu", choices=sorted(roofline.GPUS), help="the GPU of c3")
    add("--batch", type=int, default=costs.BATCH, help="sequences that c3 decodes together")
    add("--throughput", type=_per_token, nargs="+", default=(), metavar="MODEL=IN:OUT", help="tokens a GPU-second")
    add("--price", type=_per_token, nargs="+", default=(), metavar="MODEL=IN:OUT", help="dollars a million tokens")
    add("--anchor", help="whose held-out samples make the bins, where several models have some")


def _add_run(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("run", metavar="RUN", help="a run directory, or a name below results/runs")
    add(
        "--rule",
        choices=curves.RULES,
        help="how several samples are read where models are matched; by default maj_at_k where there are votes",
    )
    add("--task", help="which task, where the run holds several")
    add("--seed", type=int, default=0, help="seed of the bootstrap")


def _per_token(text: str) -> tuple[str, costs.PerToken]:
    """MODEL=IN:OUT, two numbers above 0."""
    try:
        name, figures = text.split("=")
        prompt, decoded = (float(figure) for figure in figures.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected MODEL=IN:OUT, such as mine=9000:450, not {text!r}") from None
    if not (prompt > 0 and decoded > 0):
        raise argparse.ArgumentTypeError(f"both figures of {text!r} must be above 0")
    return name, costs.PerToken(prompt, decoded)


if __name__ == "__main__":
    sys.exit(main())
