"""Whether an answer is the gold one, where that can be seen without a grader: letters, words and plain numbers."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from results.ingest.cells import text
from results.ingest.lists import as_list
from results.ingest.outcomes import Ingested

# 1,000 and 1000, but not 1,5.
GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
# A choice as it is named: B, (B), [B], B) and B.
LETTER = re.compile(r"[(\[]?([^\W\d_])[)\].:]?")
WORD = re.compile(r"[^\W\d_]{2,}")
# Of a model's answers on a task, the part that may take a grader; with more nothing is said of the others.
MOST_UNGRADED = 0.01


class UngradedError(ValueError):
    """It takes a grader to tell whether the answer is the gold one."""


def compare(cell: Any, gold: Any, ungraded: list[str]) -> bool | list[bool]:
    """Whether an answer, or each of a list of them, is the gold one.

    False where that takes a grader, and then `ungraded` holds why: leave_out_ungraded says what becomes of it.
    """

    def is_right(answer: Any) -> bool:
        try:
            return is_gold(text(answer), text(gold))
        except UngradedError as error:
            ungraded.append(str(error))
            return False

    answers = as_list(cell)
    return is_right(cell) if answers is None else [is_right(answer) for answer in answers]


def leave_out_ungraded(found: Ingested, ungraded: Mapping[tuple[str, str], Sequence[str]]) -> None:
    """Leave out the models and tasks of which too many answers take a grader; of the others tell how many do.

    The answers that can be compared do not stand for all: most of them are right, since the same text is. Raises
    ValueError where nothing is left.
    """
    totals = Counter((sample.model, sample.task) for sample in found.samples)
    out = set()
    for (model, task), reasons in ungraded.items():
        told = f"{len(reasons):,} of {totals[model, task]:,} answers, such as {reasons[0]}" if reasons else ""
        if len(reasons) > MOST_UNGRADED * totals[model, task]:
            out.add((model, task))
            found.skip(f"{told}; map correct=COLUMN instead of gold", f"{model} on {task}")
        elif reasons:
            found.notes.append(f"{model} on {task}: {told}. They count as wrong.")
    if out and len(out) == len(totals):
        raise ValueError(next(reason for reason in found.odd if "instead of gold" in reason))
    found.samples = [sample for sample in found.samples if (sample.model, sample.task) not in out]
    found.models = {outcome.model: found.models[outcome.model] for outcome in found.outcomes}


def is_gold(answer: str | None, gold: str | None) -> bool:
    """True where both are one text, letter, word or number; False where they are two,
    and where there is no answer.

    Raises UngradedError where telling takes a grader: '\\frac12' and '0.5' are one, and no text says so.
    """
    if gold is None:
        raise ValueError("it has no gold answer")
    if answer is None or answer.strip() == gold.strip():
        return answer is not None
    numbers = [_number(answer), _number(gold)]
    if None not in numbers:
        return numbers[0] == numbers[1]
    for kind in (LETTER, WORD):
        both = [kind.fullmatch(each.strip()) for each in (answer, gold)]
        if both[0] and both[1]:
            return both[0][kind.groups].upper() == both[1][kind.groups].upper()
    raise UngradedError(f"{answer[:30]!r} and {gold[:30]!r} need a grader to compare")


def _number(text: str) -> Decimal | None:
    bare = text.strip()
    try:
        number = Decimal(bare.replace(",", "") if GROUPED.fullmatch(bare) else bare)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
