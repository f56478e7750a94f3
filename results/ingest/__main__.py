"""python -m results.ingest SOURCE RUN: the only file of this package that knows arguments."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from results.ingest import inspect_log, lm_eval, table, unused
from results.ingest.outcomes import Ingested
from results.ingest.write import Stored, write
from results.stopping import stopping_in_a_line

RUNS = Path("results/runs")
NOT_ASKED_FOR = "of a model that --models does not name"
EXAMPLE = "--map model=COLUMN prompt=COLUMN correct=COLUMN"


def main(arguments: Sequence[str] | None = None) -> int:
    """Ingest one source and return the exit status: 2, and one line on stderr, for what a user can put right."""
    options = _parser().parse_args(arguments)
    try:
        source, root = Path(options.source), _run_folder(options.run)
        found = _only(read(source, options), options.models)
        found = _with_sizes(found, dict(options.params), dict(options.pretraining_tokens))
        stored = write(root, found, source=source.name, as_counts=options.counts)
    except BrokenPipeError:
        raise
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(report(root, found, stored))
    return 0


def read(source: Path, options: argparse.Namespace) -> Ingested:
    """The outcomes of a source: a table where columns are mapped, else the logs of lm-eval or Inspect it holds."""
    if not source.exists():
        raise ValueError(f"There is no {source}.")
    if options.map:
        return table.read(
            source, dict(options.map), model=options.model, task=options.task, correct_at=options.correct_at
        )
    if lm_eval.find_logs(source):
        return lm_eval.read(
            source,
            model=options.model,
            metric=options.metric,
            filter_name=options.filter,
            correct_at=options.correct_at,
        )
    if inspect_log.find_logs(source):
        return inspect_log.read(source, model=options.model, scorer=options.metric, correct_at=options.correct_at)
    raise ValueError(f"{source} holds no lm-eval samples_*.jsonl and no Inspect log; a table needs {EXAMPLE}.")


def report(root: Path, found: Ingested, stored: Sequence[Stored]) -> str:
    """What came in, what was dropped or is not used and why, and what cannot be read from it."""
    lines = [
        f"{each.model} on {each.task}: {each.num_samples:,} samples of {each.num_prompts:,} prompts"
        + (" as counts: pass@k, no votes" if each.table == "counts" else "")
        + (", there already" if each.was_there else "")
        for each in stored
    ]
    lines += [f"Dropped {count:,}: {reason}." for reason, count in found.dropped.items() if count]
    counted = {(each.model, each.task) for each in stored if each.table == "counts"}
    lines += unused.lines(found.outcomes, counted=counted) + _unknown(found)
    return "\n".join([*lines, f"Into {root}; now `make figures RUN={root}`, or `python -m analysis summary {root}`."])


def _unknown(found: Ingested) -> list[str]:
    """A line for the sizes, one for the tokens and one for those of prompts that the source does not tell."""
    lines = []
    sizeless = [name for name, known in found.models.items() if known.num_params is None]
    if sizeless:
        lines.append(f"Size not known: {', '.join(sizeless)}. Give it as --params NAME=7e9, else FLOPs cannot be told.")
    silent = sorted({outcome.model for outcome in found.outcomes if outcome.tokens.decoded is None})
    if silent:
        is_charged = all(outcome.tokens.usd for outcome in found.outcomes)
        unit = "dollars, the mean charge of a sample" if is_charged else "samples"
        lines.append(f"Tokens not known: {', '.join(silent)}. What is spent is counted in {unit}.")
    unread = sorted({outcome.model for outcome in found.outcomes if outcome.tokens.prompt is None} - set(silent))
    if unread:
        lines.append(f"Tokens of prompts not known: {', '.join(unread)}. What is spent is counted without them.")
    return lines


def _only(found: Ingested, names: Sequence[str]) -> Ingested:
    """The outcomes of these models, all where none is named; the others are dropped and counted."""
    unknown = sorted(set(names) - set(found.models))
    if unknown:
        raise ValueError(f"No model {', '.join(unknown)} in the source; it holds {', '.join(found.models)}.")
    if not names:
        return found
    kept = replace(
        found,
        samples=[sample for sample in found.samples if sample.model in names],
        counts=[count for count in found.counts if count.model in names],
        models={name: found.models[name] for name in names},
    )
    kept.dropped[NOT_ASKED_FOR] += len(found.outcomes) - len(kept.outcomes)
    return kept


def _with_sizes(found: Ingested, params: dict[str, float], tokens: dict[str, float]) -> Ingested:
    unknown = sorted({*params, *tokens} - set(found.models))
    if unknown:
        raise ValueError(f"No model {', '.join(unknown)} in the source; it holds {', '.join(found.models)}.")
    for name, size in params.items():
        found.models[name] = replace(found.models[name], num_params=size)
    for name, count in tokens.items():
        found.models[name] = replace(found.models[name], pretraining_tokens=count)
    return found


def _run_folder(name: str) -> Path:
    """RUN as a directory: a path as it is, a bare name below results/runs."""
    return RUNS / name if Path(name).name == name else Path(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m results.ingest", description="Outcomes from elsewhere, into a run."
    )
    add = parser.add_argument
    add("source", metavar="SOURCE", help="lm-eval or Inspect logs (a file or folder), or a table with --map")
    add("run", metavar="RUN", help="the run to fill: a directory, or a name below results/runs")
    add(
        "--map",
        type=_pair,
        nargs="+",
        default=[],
        metavar="NOUN=COLUMN",
        help=f"columns of a table: {', '.join(table.NOUNS)}, dial.NAME",
    )
    add("--model", help="one name for all, where the source does not tell models apart")
    add("--models", nargs="+", default=[], metavar="NAME", help="keep these alone, where the source holds many")
    add("--task", default="outside", help="the name of a table's task, where no column is mapped")
    add("--metric", help="which metric of lm-eval or scorer of Inspect says what is correct")
    add("--filter", help="which filter of lm-eval")
    add("--correct-at", type=float, default=1.0, help="the least score that counts as correct (1)")
    add("--counts", action="store_true", help="store success counts though there are answers")
    add("--params", type=_number, nargs="+", default=[], metavar="NAME=7e9", help="a model's parameters")
    add("--pretraining-tokens", type=_number, nargs="+", default=[], metavar="NAME=2e12", help="what it was trained on")
    return parser


def _pair(text: str) -> tuple[str, str]:
    left, separator, right = text.partition("=")
    if not (left and separator and right):
        raise argparse.ArgumentTypeError(f"write {text!r} as NAME=VALUE")
    return left, right


def _number(text: str) -> tuple[str, float]:
    name, separator, value = text.rpartition("=")
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not (name and separator and 0 < number < float("inf")):
        raise argparse.ArgumentTypeError(f"write {text!r} as NAME=NUMBER, above 0")
    return name, number


if __name__ == "__main__":
    with stopping_in_a_line("Stopped; what was stored is kept, run the same command again to go on."):
        sys.exit(main())
