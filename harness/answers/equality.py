"""When two answers are equal, and what votes on them are counted on. What they say is read in values.py.

Equal answers share a key and others do not, but for a decimal and the number that it was rounded from.
"""

from collections.abc import Sequence
from fractions import Fraction

from harness.answers.leaves import ROUNDED_DIGITS, Leaf
from harness.answers.numeric import digest, is_rounding
from harness.answers.texts import MAX_ANSWER_CHARS
from harness.answers.values import Group, Value, read_value

# Of a key that is longer than an answer may be.
SHOWN_CHARS = 60


def math_key(extracted: str) -> str | None:
    r"""What equal answers share in whatever notation (1/2, 0.5, \frac12); None where it is no mathematics.

    Numbers are exact; x = 5 counts as 5, 50% as 50. What is left to work out is part of it: 2 + 3 is not 5.
    """
    value = read_value(extracted)
    key = None if value is None else _write_key(value)
    return f"{key[:SHOWN_CHARS]}~{digest(key)}" if key is not None and len(key) > MAX_ANSWER_CHARS else key


def math_equal(extracted: str, gold: str) -> bool:
    """Whether the answer says what gold says, and leaves nothing to work out that gold does not leave."""
    return _compare(extracted, gold, with_work=True)


def same_worth(extracted: str, gold: str) -> bool:
    """Whether the answer comes to what gold says, worked out or not."""
    return _compare(extracted, gold, with_work=False)


def _compare(extracted: str, gold: str, *, with_work: bool) -> bool:
    if extracted.strip() == gold.strip():
        return bool(gold.strip())
    answer, truth = read_value(extracted), read_value(gold)
    return answer is not None and truth is not None and _is_equal(answer, truth, with_work=with_work)


def _write_key(value: Value) -> str:
    if isinstance(value, Leaf):
        return value.worth + _say_decimals(value) + (f" ({', '.join(sorted(value.work))})" if value.work else "")
    parts = [_write_key(part) for part in value.parts]
    return f"{value.kind}[{'; '.join(parts if value.is_ordered else sorted(parts))}]"


def _say_decimals(leaf: Leaf) -> str:
    """Of a decimal that could be a rounded number, with how many decimals it is written:
    0.333333 may be a third, and 0.3333330 may not.
    """
    if leaf.places is None or leaf.places < ROUNDED_DIGITS or not isinstance(leaf.number, Fraction):
        return ""
    is_short = (leaf.number * 10 ** (ROUNDED_DIGITS - 1)).denominator == 1
    return "" if is_short else f" in {leaf.places} decimals"


def _is_equal(answer: Value, truth: Value, *, with_work: bool) -> bool:
    if isinstance(answer, Leaf) and isinstance(truth, Leaf):
        is_worked_out = not with_work or answer.work <= truth.work
        return is_worked_out and (
            answer.worth == truth.worth or _is_rounded(answer, truth) or _is_rounded(truth, answer)
        )
    if not (isinstance(answer, Group) and isinstance(truth, Group)) or answer.kind != truth.kind:
        return False
    if len(answer.parts) != len(truth.parts):
        return False
    if answer.is_ordered:
        return all(
            _is_equal(one, other, with_work=with_work)
            for one, other in zip(answer.parts, truth.parts, strict=True)
        )
    return _match(answer.parts, truth.parts, with_work=with_work)


def _match(answers: Sequence[Value], truths: Sequence[Value], *, with_work: bool) -> bool:
    """Whether each answer can be given a truth of its own that it equals (augmenting paths)."""
    equal = [[_is_equal(answer, truth, with_work=with_work) for truth in truths] for answer in answers]
    taken: dict[int, int] = {}

    def place(answer: int, tried: set[int]) -> bool:
        for truth, fits in enumerate(equal[answer]):
            if fits and truth not in tried:
                tried.add(truth)
                if truth not in taken or place(taken[truth], tried):
                    taken[truth] = answer
                    return True
        return False

    return all(place(answer, set()) for answer in range(len(answers)))


def _is_rounded(decimal: Leaf, other: Leaf) -> bool:
    """Whether a decimal of enough digits is what the other, exact or with more decimals, is rounded to."""
    if decimal.places is None or decimal.places < ROUNDED_DIGITS or other.number is None:
        return False
    if other.places is not None and other.places <= decimal.places:
        return False
    assert isinstance(decimal.number, Fraction)
    has_digits = abs(decimal.number) * 10**decimal.places >= 10 ** (ROUNDED_DIGITS - 1)
    return has_digits and is_rounding(decimal.number, decimal.places, other.number)
