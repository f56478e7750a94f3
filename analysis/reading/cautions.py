"""What a reader has to bear in mind before any number of a run: what cuts it, who was asked otherwise, the unread.

Knows outcomes, no results.
"""

from collections.abc import Iterator
from typing import NamedTuple

from analysis import numerals
from analysis.reading import unread
from analysis.runs import asked
from analysis.runs.outcomes import Outcomes
from analysis.runs.samples import Samples


class Caution(NamedTuple):
    """What it is about, and a sentence."""

    about: str
    text: str


def read(outcomes: Outcomes) -> list[Caution]:
    """The cautions of these outcomes, none where all models have the same samples,
    budgets and settings and answer.
    """
    return [
        *_samples(outcomes),
        *_budgets(outcomes),
        *_asked(outcomes),
        *_unread(outcomes),
        *_voteless(outcomes),
        *_scored(outcomes),
        *_verified(outcomes),
    ]


def text(outcomes: Outcomes) -> str:
    """All of them in one paragraph, "" where there are none."""
    return " ".join(caution.text for caution in read(outcomes))


def lines(outcomes: Outcomes) -> list[str]:
    """A line each, with what it is about."""
    return [f"{caution.about}. {caution.text}" for caution in read(outcomes)]


def _samples(outcomes: Outcomes) -> Iterator[Caution]:
    numbers = {arm.rung.name: number for arm, number in zip(outcomes.arms, outcomes.num_grown, strict=False)}
    least = min(numbers.values(), default=0)
    others = [number for number in numbers.values() if number > least]
    if others:
        short = [name for name, number in numbers.items() if number == least]
        span = f"{min(others):,}" if min(others) == max(others) else f"{min(others):,} to {max(others):,}"
        yield Caution(
            "Unequal numbers of samples",
            f"{numerals.listed(short)} {_has(short)} {numerals.samples(least)} a prompt and the others have "
            f"{span}: each model's curve uses all its samples; tables of cells use {numerals.samples(least)}.",
        )


def _budgets(outcomes: Outcomes) -> Iterator[Caution]:
    for budget, lacking in outcomes.budgets_aside:
        yield Caution(
            outcomes.along.words.left_out,
            f"Answers {outcomes.along.told(budget)} are left out of every model, because "
            f"{numerals.listed(list(lacking))} {_has(lacking)} too few of them.",
        )


def _asked(outcomes: Outcomes) -> Iterator[Caution]:
    if phrases := asked.apart([arm.rung for arm in outcomes.arms]):
        yield Caution("Different settings", f"Not all models got the same settings: {'; '.join(phrases)}.")


def _unread(outcomes: Outcomes) -> Iterator[Caution]:
    if lines := unread.lines(outcomes.arms, outcomes.along):
        yield Caution(
            "Mostly unread answers",
            "Most answers could not be graded as right or wrong, so accuracy shows how answers end, not whether "
            f"they are right: {'; '.join(lines)}.",
        )


def _voteless(outcomes: Outcomes) -> Iterator[Caution]:
    names = [arm.rung.name for arm in outcomes.arms if not arm.rung.has_votes]
    if names and outcomes.most_samples > 1:
        of = _named(names, outcomes, every="any model")
        yield Caution(
            "No votes",
            f"The answers of {of} are not known, so samples are read by any of k correct: this needs an oracle "
            "that knows the right answer; if a task offers few answers, guessing alone raises it.",
        )


def _scored(outcomes: Outcomes) -> Iterator[Caution]:
    names = [
        arm.rung.name for arm in outcomes.arms if isinstance(arm.stored, Samples) and arm.stored.score is not None
    ]
    if names:
        of = _named(names, outcomes, every="all models")
        yield Caution(
            "Scores from 0 to 1",
            f"Answers of {of} have scores between 0 and 1. Accuracy is their mean; a vote counts with the score "
            "of its answer, and any of k with the best score. Laws, coverage, power, lost prompts, shares of "
            "outcomes and policies count only the full score as right.",
        )


def _verified(outcomes: Outcomes) -> Iterator[Caution]:
    """Who chose among the samples, and how many answers it refused."""
    named = {arm.verifier.in_words for arm in outcomes.arms if arm.verifier is not None}
    if not named:
        return
    scored = [arm.scores for arm in outcomes.arms if arm.verifier is not None]
    refused, total = (sum(int(getattr(each, name).sum()) for each in scored) for name in ("refused", "known"))
    told = f"; {refused:,} of {total:,} answers were refused: they count as the lowest of their prompt and do not vote"
    yield Caution(
        "A verifier",
        f"Samples are chosen by scores of {numerals.listed(sorted(named))}{told if refused else ''}.",
    )


def _named(names: list[str], outcomes: Outcomes, *, every: str) -> str:
    return every if len(names) == len(outcomes.arms) else numerals.listed(names)


def _has(names: list[str] | tuple[str, ...]) -> str:
    return "has" if len(names) == 1 else "have"
