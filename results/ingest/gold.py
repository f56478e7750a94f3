"""Whether an answer is the gold one, where that can be seen without a grader: letters and plain numbers."""

import re
from decimal import Decimal, InvalidOperation

# 1,000 and 1000, but not 1,5.
GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")


def is_gold(answer: str | None, gold: str | None) -> bool:
    """True where both are one text, one letter or one number; False where they are two, and where there is no answer.

    Raises ValueError where telling takes a grader: '\\frac12' and '0.5' are one, and no text says so.
    """
    if gold is None:
        raise ValueError("it has no gold answer")
    if answer is None or answer.strip() == gold.strip():
        return answer is not None
    numbers = [_number(answer), _number(gold)]
    if None not in numbers:
        return numbers[0] == numbers[1]
    if all(len(each.strip()) == 1 and each.strip().isalpha() for each in (answer, gold)):
        return answer.strip().upper() == gold.strip().upper()
    raise ValueError(f"{answer[:30]!r} and {gold[:30]!r} take a grader to compare; map correct=COLUMN instead of gold")


def _number(text: str) -> Decimal | None:
    bare = text.strip()
    try:
        number = Decimal(bare.replace(",", "") if GROUPED.fullmatch(bare) else bare)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
