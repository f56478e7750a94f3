"""Which of the ingested samples nothing is read from, and why. Knows samples and counts, no tables."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from results.growth import GROWN_SHARE, num_grown
from results.ingest.outcomes import Count, Sample

# How many samples each prompt has, by budget.
Sizes = dict[int | None, dict[str, int]]


def lines(outcomes: Iterable[Sample | Count], *, counted: Collection[tuple[str, str]] = ()) -> list[str]:
    """A line for each task and reason: models are read at the same budgets, each with as many samples of all
    prompts.

    counted: models and tasks whose outcomes are stored as counts, which are read whole.
    """
    told = []
    for task, models in sorted(_sizes(outcomes).items()):
        budgets = _shared_budgets(models)
        num_apart = sum(
            sum(prompts.values())
            for sizes in models.values()
            for budget, prompts in sizes.items()
            if budget not in budgets
        )
        if num_apart:
            told.append(
                f"Unused {num_apart:,} on {task}: at a budget that not every model has on {GROWN_SHARE:.0%} of "
                "its prompts. Fewer models (--models) may share more budgets."
            )
        told += _beyond(task, models, budgets, whole={model for model, of_task in counted if of_task == task})
    return told


def _beyond(task: str, models: dict[str, Sizes], budgets: set[int | None], *, whole: set[str]) -> list[str]:
    """A line for each model's samples beyond the number that nearly all of its prompts have,
    where there are any.
    """
    if not budgets:
        return []
    models = {model: sizes for model, sizes in models.items() if model not in whole}
    if not models:
        return []
    ready = {model: _num_ready(sizes, budgets) for model, sizes in models.items()}
    grown = {
        model: num_grown(list(ready[model].values()), {n for prompts in sizes.values() for n in prompts.values()})
        for model, sizes in models.items()
    }
    beyond = {
        model: sum(
            sizes[budget][prompt] - grown[model]
            for prompt, size in ready[model].items()
            for budget in budgets
            if size >= grown[model]
        )
        for model, sizes in models.items()
    }
    return [
        f"Unused {number:,} of {model} on {task}: beyond {grown[model]:,} a prompt, since fewer than "
        f"{GROWN_SHARE:.0%} of its prompts have more. Leave prompts with few samples out of the source, and more "
        "of the others count."
        for model, number in beyond.items()
        if number
    ]


def _sizes(outcomes: Iterable[Sample | Count]) -> dict[str, dict[str, Sizes]]:
    """By task and model."""
    found: dict[str, dict[str, Sizes]] = defaultdict(dict)
    for outcome in outcomes:
        prompts = found[outcome.task].setdefault(outcome.model, {}).setdefault(outcome.budget, {})
        number = outcome.num_samples if isinstance(outcome, Count) else 1
        prompts[outcome.prompt] = prompts.get(outcome.prompt, 0) + number
    return found


def _shared_budgets(models: dict[str, Sizes]) -> set[int | None]:
    """The budgets that every model has on at least GROWN_SHARE of the prompts it has where it has most."""
    least = {model: GROWN_SHARE * max(map(len, sizes.values())) for model, sizes in models.items()}
    every = {budget for sizes in models.values() for budget in sizes}
    return {
        budget
        for budget in every
        if all(len(sizes.get(budget, ())) >= least[model] for model, sizes in models.items())
    }


def _num_ready(sizes: Sizes, budgets: set[int | None]) -> dict[str, int]:
    """The samples that each prompt has at every one of these budgets."""
    named = dict.fromkeys(prompt for budget in budgets for prompt in sizes[budget])
    return {prompt: min(sizes[budget].get(prompt, 0) for budget in budgets) for prompt in named}
