"""ingest: outcomes from elsewhere, into a run. The only file of this package that knows arguments."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from results.ingest import inspect_log, lm_eval, table, uneven, unused
from results.ingest.cells import SUFFIXES
from results.ingest.completions import without_completions
from results.ingest.inspect_files import is_marked
from results.ingest.mapping import NOUNS, OF_SCORES, Mapped
from results.ingest.outcomes import AGAIN, Ingested, tell_alike, without_twice
from results.ingest.scores import check_range, right_or_wrong, tell_fractions
from results.ingest.sizes import LEAST_PARAMS, LEAST_TOKENS, parse_size
from results.ingest.write import Stored, write
from results.places import place_run
from results.shortage import explain_refusal

NOT_ASKED_FOR = "of models that --models does not name"
EXAMPLES = """\
  isoquant ingest logs/ theirs                      a folder of lm-eval's samples_*.jsonl, or of Inspect's logs
  isoquant ingest table.csv theirs --map model=Model prompt=Id correct=Right
  isoquant ingest table.parquet theirs --map model=m prompt=p score=s --correct-at 0.5 --params a=7B b=70B
"""
EXAMPLE = "--map model=COLUMN prompt=COLUMN correct=COLUMN"
# Of a model's name.
MOST_LETTERS = 500
# How much of what is wrong is told: a line of an error, places of one kind, kinds.
MOST_CHARS, MOST_PLACES, MOST_KINDS, MOST_NAMES = 299, 2, 5, 8


def run(options: argparse.Namespace) -> dict[str, object]:
    """Ingest one source; print what came in, what was dropped or is not used and why, and what cannot be read."""
    try:
        source, root = Path(options.source), place_run(options.run)
        found = _evened(
            settle(_only(read(source, options), options.models), correct_at=options.correct_at), options
        )
        found = _with_sizes(found, dict(options.params), dict(options.pretraining_tokens))
        stored = write(root, found, source=source.name, as_counts=options.counts)
    except BrokenPipeError:
        raise
    except (ValueError, OSError) as error:
        raise ValueError(_in_a_line(explain_refusal(error, place_run(options.run)))) from error
    lines = report(root, found, stored)
    print("\n".join(lines))
    came = [each._asdict() for each in stored]
    return {"run": str(root), "stored": came, "dropped": dict(found.dropped), "notes": lines[len(stored) :]}


def read(source: Path, options: argparse.Namespace) -> Ingested:
    """The outcomes of a source: a table where columns are mapped, else the logs of lm-eval or Inspect it holds."""
    if not source.exists():
        raise ValueError(f"There is no {source}.")
    if options.scorer and not {*dict(options.map)} & {*OF_SCORES}:
        raise ValueError("--scorer names what gave scores; map them as --map verifier=COLUMN, or leave it out.")
    if options.map:
        mapped = Mapped(
            dict(options.map),
            model=options.model,
            task=options.task,
            models=options.models,
            correct_at=options.correct_at,
            scale=options.scale,
            rows_at=options.rows,
            scorer=options.scorer,
        )
        return table.read(source, mapped)
    if lm_eval.find_logs(source):
        choices = lm_eval.Choices(
            model=options.model,
            metrics=options.metric,
            filters=options.filter,
            correct_at=options.correct_at,
            regrade=options.regrade,
            seeds_are_samples=options.seeds_are_samples,
        )
        found = lm_eval.read(source, choices)
        if beside := [path.name for path in inspect_log.find_logs(source) if is_marked(path)]:
            more = f" and {len(beside) - 1:,} more" if len(beside) > 1 else ""
            found.notes.append(
                f"The source has logs of lm-eval and of Inspect, and only one kind is read at a time; not read: "
                f"{beside[0]}{more}. Give each kind in a folder of its own."
            )
        return found
    if inspect_log.find_logs(source):
        return inspect_log.read(source, model=options.model, scorers=options.metric, correct_at=options.correct_at)
    raise ValueError(
        f"{source} holds no lm-eval samples_*.jsonl and no Inspect log; a table ({', '.join(SUFFIXES)}) "
        f"needs {EXAMPLE}."
    )


def settle(found: Ingested, *, correct_at: float | None) -> Ingested:
    """What was read as it can be stored: each sample once, scores of a known range, answers that can be counted.

    Raises ValueError where most of the source could not be read, so that the mapping or the form is wrong and no
    single sample is odd.
    """
    num_odd = sum(map(len, found.odd.values()))
    if num_odd > len(found.outcomes):
        reason, places = next(iter(found.odd.items()))
        several = f"{num_odd:,} parts of the source cannot be read, such as " if num_odd > 1 else ""
        raise ValueError(f"{several}{places[0]}: {reason}")
    if long := next((name for name in found.models if len(name) > MOST_LETTERS), None):
        raise ValueError(
            f"A model's name has {len(long):,} letters ({long[:24]}...), and at most {MOST_LETTERS} are allowed. "
            "Map another column to model, or give --model NAME."
        )
    if correct_at is None:
        check_range(found.samples)
        found.notes += tell_fractions(found.samples)
    samples, num_twice = without_twice(found.samples if correct_at is None else right_or_wrong(found.samples))
    found.dropped[AGAIN] += num_twice
    samples, notes = without_completions(samples)
    notes = [*tell_alike(samples), *notes]
    return replace(found, samples=samples, notes=[*found.notes, *notes])


def _evened(found: Ingested, options: argparse.Namespace) -> Ingested:
    """With budgets in names, and without the models that cost most prompts, where that is asked for."""
    found = uneven.name_budgets(found) if options.name_budgets else found
    return found if options.keep is None else uneven.keep(found, options.keep)


def report(root: Path, found: Ingested, stored: Sequence[Stored]) -> list[str]:
    """Lines: what came in, what was dropped or is not used and why, and what cannot be read from it."""
    lines = [
        f"{each.model} on {each.task}: {each.num_samples:,} samples of {each.num_prompts:,} prompts"
        + (" as counts: pass@k, no votes" if each.table == "counts" else "")
        + (", already there" if each.was_there else "")
        for each in stored
    ]
    lines += [f"Dropped {count:,}: {reason}." for reason, count in found.dropped.items() if count]
    lines += [*_skipped(found), *found.notes]
    lines += uneven.lines(found.outcomes)
    lines += _scored(found)
    counted = {(each.model, each.task) for each in stored if each.table == "counts"}
    lines += unused.lines(found.outcomes, counted=counted) + _unknown(found)
    return [*lines, f"Stored in {root}. Next: `isoquant summary {root}`, or `isoquant figures {root}`."]


def _scored(found: Ingested) -> list[str]:
    """A line that says how many samples have a verifier's score, where any has."""
    num_scored = sum(sample.is_scored for sample in found.samples)
    if not num_scored:
        return []
    return [
        f"Scores of {found.scorer}: {num_scored:,} of {len(found.samples):,} samples have one. `isoquant "
        "verifier` says what they are worth."
    ]


def _skipped(found: Ingested) -> list[str]:
    """A line for each kind of what could not be read, and where it stands."""
    lines = []
    for reason, places in list(found.odd.items())[:MOST_KINDS]:
        more = f" and {len(places) - MOST_PLACES:,} more" if len(places) > MOST_PLACES else ""
        lines.append(f"Skipped {len(places):,}: {reason.rstrip('.')} ({', '.join(places[:MOST_PLACES])}{more}).")
    rest = list(found.odd.values())[MOST_KINDS:]
    if rest:
        lines.append(f"Skipped {sum(map(len, rest)):,} more for {len(rest):,} other reasons.")
    return lines


def _in_a_line(message: str) -> str:
    """One line that is read at a glance; the way on, which stands at its end, stays."""
    line = " ".join(message.split())
    return line if len(line) <= MOST_CHARS else f"{line[: MOST_CHARS // 2]} ... {line[-(MOST_CHARS // 2 - 5) :]}"


def _unknown(found: Ingested) -> list[str]:
    """A line for the sizes, one for the tokens and one for those of prompts that the source does not tell."""
    lines = []
    sizeless = [name for name, known in found.models.items() if known.num_params is None]
    if sizeless:
        lines.append(
            f"Size not known: {_some(sizeless)}. Give it as --params NAME=7e9; without it FLOPs are not known."
        )
    silent = sorted({outcome.model for outcome in found.outcomes if outcome.tokens.decoded is None})
    if silent:
        is_charged = all(outcome.tokens.usd for outcome in found.outcomes)
        unit = "dollars, the mean charge of a sample" if is_charged else "samples"
        lines.append(f"Tokens not known: {_some(silent)}. Cost is counted in {unit}.")
    unread = sorted({outcome.model for outcome in found.outcomes if outcome.tokens.prompt is None} - set(silent))
    if unread:
        lines.append(f"Tokens of prompts not known: {_some(unread)}. Cost is counted without them.")
    return lines


def _some(names: Sequence[str]) -> str:
    """Names in a line, of many the first."""
    more = [f"and {len(names) - MOST_NAMES:,} more"] if len(names) > MOST_NAMES else []
    return ", ".join([*names[:MOST_NAMES], *more])


def _only(found: Ingested, names: Sequence[str]) -> Ingested:
    """The outcomes of these models, all where none is named; the others are dropped and counted."""
    unknown = sorted(set(names) - set(found.models))
    if unknown:
        raise ValueError(f"No model {_some(unknown)} in the source; its models: {_some(list(found.models))}.")
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
        raise ValueError(f"No model {', '.join(unknown)} in the source; its models: {', '.join(found.models)}.")
    for name, size in params.items():
        found.models[name] = replace(found.models[name], num_params=size)
    for name, count in tokens.items():
        found.models[name] = replace(found.models[name], pretraining_tokens=count)
    return found


def add(commands: Any) -> None:
    """What the command takes."""
    text = "read lm-eval's or Inspect's logs, or a table, into a run"
    command = commands.add_parser("ingest", help=text, description=text, epilog=EXAMPLES)
    add = command.add_argument
    add("source", metavar="SOURCE", help="lm-eval or Inspect logs (a file or folder), or a table with --map")
    add("run", metavar="RUN", help="the run to fill: a folder, or a name in results/runs")
    add(
        "--map",
        type=_pair,
        nargs="+",
        default=[],
        metavar="NOUN=COLUMN",
        help=f"columns of a table: {', '.join(NOUNS)}, dial.NAME",
    )
    add("--model", help="one name for all rows, if the source does not name models")
    add("--models", nargs="+", default=[], metavar="NAME", help="keep only these models")
    add("--task", default="outside", help="the task of a table that has no task column")
    add(
        "--metric",
        nargs="+",
        default=[],
        metavar="NAME",
        help="which metric of lm-eval, or scorer of Inspect (or SCORER.KEY), decides what is correct (default: "
        "the "
        "first)",
    )
    add("--filter", nargs="+", default=[], metavar="NAME", help="which filter of lm-eval (default: the first)")
    add(
        "--regrade",
        action="store_true",
        help="score each repeat of lm-eval by the task's own filter and exact match",
    )
    add("--seeds-are-samples", action="store_true", help="read logs of lm-eval with different seeds as samples")
    add(
        "--correct-at",
        type=float,
        help="the lowest score that counts as correct (default 1, for scores from 0 to 1)",
    )
    add("--scale", type=_positive, default=1.0, help="what the scores of a table are divided by: 100 for percent")
    add("--scorer", metavar="NAME", help="what gave the scores under verifier (default: the name of their column)")
    add("--rows", metavar="PATH", help="path to the list of rows in a JSON object, such as results.examples")
    add(
        "--keep",
        type=_share,
        metavar="SHARE",
        help="leave out models until all others share this part of the prompts (.9)",
    )
    add("--name-budgets", action="store_true", help="put budgets that not every model has into the model's name")
    add("--counts", action="store_true", help="store success counts even if there are answers")
    add("--params", type=_params, nargs="+", default=[], metavar="NAME=7B", help="number of parameters of a model")
    add(
        "--pretraining-tokens",
        type=_tokens,
        nargs="+",
        default=[],
        metavar="NAME=2T",
        help="tokens that a model was trained on",
    )


def _pair(text: str) -> tuple[str, str]:
    left, separator, right = text.partition("=")
    if not (left and separator and right):
        raise argparse.ArgumentTypeError(f"write {text!r} as NAME=VALUE")
    return left, right


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share above 0 and at most 1")
    return number


def _params(text: str) -> tuple[str, float]:
    return _named_size(text, LEAST_PARAMS)


def _tokens(text: str) -> tuple[str, float]:
    return _named_size(text, LEAST_TOKENS)


def _named_size(text: str, least: float) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        if not name:
            raise ValueError(f"write {text!r} as NAME=7e9 or NAME=7B")
        return name, parse_size(value, least=least)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
