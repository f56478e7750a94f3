"""Models that lack prompts or budgets that others have: what that costs,
and ways to part with it. Knows no tables.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from results.ingest.outcomes import Count, Ingested, Sample

Outcome = TypeVar("Outcome", Sample, Count)
MOST_TOLD = 6
LEFT_OUT = "of a model that --keep left out"


class _Tally(NamedTuple):
    """Samples of a prompt and how many are right, those with a score counted as that."""

    num_samples: int
    num_correct: float


# By model, then by prompt.
Tallies = dict[str, dict[str, _Tally]]


def lines(outcomes: Iterable[Sample | Count]) -> list[str]:
    """For each task where models have unlike prompts what each lacks, and its accuracy on those that all have."""
    told = []
    for task, tallies in sorted(_tally(outcomes).items()):
        every = set().union(*tallies.values())
        shared = set.intersection(*map(set, tallies.values()))
        if len(shared) == len(every):
            continue
        told.append(f"Uneven on {task}: {len(shared):,} of {len(every):,} prompts are answered by every model.")
        lacking = sorted(tallies, key=lambda model: (len(tallies[model]), model))
        told += [_line(model, tallies[model], every, shared) for model in lacking[:MOST_TOLD]]
        if len(lacking) > MOST_TOLD:
            told.append(f"  and {len(lacking) - MOST_TOLD:,} models that lack fewer or no prompts.")
        worst, num_shared = _costliest(tallies)
        if len(tallies) > 1 and num_shared > len(shared):
            told.append(
                f"  Without {worst} it would be {num_shared:,}. --keep SHARE leaves out the models that cost "
                "most prompts."
            )
        elif not shared:
            told.append(
                "  There is nothing to compare. Leave models out with --keep SHARE, or name some with --models."
            )
    return told


def keep(found: Ingested, share: float) -> Ingested:
    """Without the models that cost most prompts, one at a time, until all share this part of a task's prompts."""
    out: set[tuple[str, str]] = set()
    notes = []
    for task, tallies in sorted(_tally(found.outcomes).items()):
        # What a model alone has is no prompt of those that stay.
        while len(tallies) > 1 and _num_shared(tallies) < share * (
            num_prompts := len(set().union(*tallies.values()))
        ):
            before = _num_shared(tallies)
            model, after = _costliest(tallies)
            del tallies[model]
            out.add((model, task))
            notes.append(
                f"Left out {model} on {task}: {after:,} of {num_prompts:,} prompts are shared, not {before:,}."
            )
    samples = [sample for sample in found.samples if (sample.model, sample.task) not in out]
    counts = [count for count in found.counts if (count.model, count.task) not in out]
    kept = replace(found, samples=samples, counts=counts, notes=[*found.notes, *notes])
    left = {outcome.model for outcome in kept.outcomes}
    models = {name: known for name, known in found.models.items() if name in left}
    num_out = len(found.outcomes) - len(kept.outcomes)
    return replace(kept, models=models, dropped=found.dropped + Counter({LEFT_OUT: num_out}))


def name_budgets(found: Ingested) -> Ingested:
    """With budgets that not every model of a task has as part of the model's name, and no budget."""
    budgets: dict[str, dict[str, set[int | None]]] = defaultdict(lambda: defaultdict(set))
    for outcome in found.outcomes:
        budgets[outcome.task][outcome.model].add(outcome.budget)
    apart = {task: _not_of_all(models.values()) for task, models in budgets.items()}
    samples = [_named(sample, apart) for sample in found.samples]
    counts = [_named(count, apart) for count in found.counts]
    named = replace(found, samples=samples, counts=counts)
    both = zip(found.outcomes, named.outcomes, strict=True)
    return replace(named, models={new.model: found.models[old.model] for old, new in both})


def _not_of_all(budgets: Iterable[set[int | None]]) -> set[int | None]:
    """The budgets that some have and not all."""
    several = list(budgets)
    return set[int | None]().union(*several) - several[0].intersection(*several[1:])


def _named(outcome: Outcome, apart: Mapping[str, set[int | None]]) -> Outcome:
    if outcome.budget is None or outcome.budget not in apart[outcome.task]:
        return outcome
    return replace(outcome, model=f"{outcome.model} ({outcome.budget} tokens)", budget=None)


def _tally(outcomes: Iterable[Sample | Count]) -> dict[str, Tallies]:
    """By task."""
    tallies: dict[str, Tallies] = defaultdict(lambda: defaultdict(dict))
    for outcome in outcomes:
        prompts = tallies[outcome.task][outcome.model]
        before = prompts.get(outcome.prompt, _Tally(0, 0))
        prompts[outcome.prompt] = (
            _Tally(before.num_samples + outcome.num_samples, before.num_correct + outcome.num_correct)
            if isinstance(outcome, Count)
            else _Tally(before.num_samples + 1, before.num_correct + _worth(outcome))
        )
    return tallies


def _worth(sample: Sample) -> float:
    return float(sample.correct) if sample.score is None else sample.score


def _line(model: str, prompts: Mapping[str, _Tally], every: set[str], shared: set[str]) -> str:
    on_shared = (
        f"{_accuracy([prompts[prompt] for prompt in shared]):.1%} on the shared prompts"
        if shared
        else ("no shared prompts")
    )
    return (
        f"  {model} lacks {len(every) - len(prompts):,}: {_accuracy(list(prompts.values())):.1%} right on its own "
        f"{len(prompts):,}, {on_shared}."
    )


def _accuracy(tallies: Sequence[_Tally]) -> float:
    return sum(tally.num_correct / tally.num_samples for tally in tallies) / len(tallies)


def _num_shared(tallies: Tallies) -> int:
    return len(set.intersection(*map(set, tallies.values())))


def _costliest(tallies: Tallies) -> tuple[str, int]:
    """The model without which most prompts are shared,
    of equals the one that lacks most, and how many those are.
    """
    num_models = Counter(prompt for prompts in tallies.values() for prompt in prompts)
    num_shared = sum(number == len(tallies) for number in num_models.values())
    nearly = [prompt for prompt, number in num_models.items() if number == len(tallies) - 1]
    gains = {
        model: (sum(prompt not in prompts for prompt in nearly), -len(prompts))
        for model, prompts in tallies.items()
    }
    worst = max(gains, key=lambda model: gains[model])
    return worst, num_shared + gains[worst][0]
