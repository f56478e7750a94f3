"""What full marks need beside a scorer's own word, for scorers of reasoning-gym that can be talked round."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from harness.tasks.texts import read_json, same_json

Entry = Mapping[str, Any]
# coin_flip's own tolerance, and what an error may be beside a probability that is smaller than that.
TOLERANCE, RELATIVE = Fraction(1, 10_000), Fraction(1, 20)
# What an error may be beside a number that the question asks for to twelve digits.
RELATIVE_OF_DIGITS = Fraction(1, 1000)
# Two decimals, as the question asks, wherever they were rounded to.
HUNDREDTH = Decimal("0.0101")
THOUSANDS = re.compile(r"\s*[-+]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?\s*")
COUNTED = ("count_business_days", "count_days", "recurring_event_day")
# The scorer's: how fast a wrong number loses marks, and what a weekday that is wrong, or in lower case, is worth.
DECAY, WRONG_DAY, LOWER_DAY = 5, 0.1, 0.05
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def is_same_words(answer: str, entry: Entry) -> bool:
    """The scorer gives full marks for gold with words behind it."""
    return answer.lower().split() == str(entry["answer"]).lower().split()


def is_same_letters(answer: str, entry: Entry) -> bool:
    """The scorer gives full marks for the first ten letters of a longer text."""
    return answer.replace(" ", "").strip().lower() == str(entry["answer"]).strip().lower()


def is_same_list(answer: str, entry: Entry) -> bool:
    """The scorer gives full marks for gold with words behind it."""
    words: list[str] = entry["metadata"]["sorted_words"]
    return [word.strip() for word in re.split(r",\s*", answer)] == words


def is_same_value(answer: str, entry: Entry) -> bool:
    """The scorers take true for 1, "1" for 1, [] for {}, and rows that are too many."""
    if answer.strip() == str(entry["answer"]).strip():
        return True
    try:
        return same_json(read_json(answer), read_json(entry["answer"]))
    except ValueError:
        return False


def is_same_numbers(answer: str, entry: Entry) -> bool:
    """The scorer lets each number be off by one, and takes a list of nan for any other."""
    gold = [Decimal(number) for number in entry["metadata"]["sorted_numbers"]]
    return [Decimal(str(number)) for number in read_json(answer.replace("'", '"'))] == gold


def is_probability(answer: str, entry: Entry) -> bool:
    """The scorer gives full marks for the first digits of gold, such as 0, and for 0 where gold is below 1e-4."""
    found, gold = Fraction(answer.replace(",", "")), Fraction(entry["answer"])
    is_certain = gold in (0, 1)
    return found == gold if is_certain else 0 < found < 1 and abs(found - gold) <= min(TOLERANCE, RELATIVE * gold)


def is_one_number(answer: str, entry: Entry) -> bool:
    """The scorer reads no sign, and of 1,200 the 1."""
    return Decimal(re.sub(r"[^-0-9.]", "", answer).rstrip(".")) == Decimal(entry["answer"])


def has_thousands(answer: str, entry: Entry) -> bool:
    """The scorer drops all commas: 2,1,4 is 214 to it."""
    return "," not in answer or THOUSANDS.fullmatch(answer) is not None


def has_digits(answer: str, entry: Entry) -> bool:
    """The scorer takes any number within a unit of the last decimal
    that the question's own have, as 0 for 0.07.
    """
    found, gold = Fraction(Decimal(answer)), Fraction(Decimal(entry["answer"]))
    return abs(found - gold) <= RELATIVE_OF_DIGITS * abs(gold)


def is_chosen(answer: str, entry: Entry) -> bool:
    """The scorer lets the number be off by a hundredth,
    and others of those to choose from may be closer than that.
    """
    found, metadata = float(answer.replace(",", "")), entry["metadata"]
    error = abs(found - metadata["solution"])
    return has_thousands(answer, entry) and all(error <= abs(found - other) for other in metadata["candidates"])


def is_pooled(answer: str, entry: Entry) -> bool:
    """The scorer lets each number be off by a hundredth of itself."""
    pairs = zip(answer.split(), str(entry["answer"]).split(), strict=True)
    return all(abs(Decimal(number) - Decimal(truth)) <= HUNDREDTH for number, truth in pairs)


def is_coloring(answer: str, entry: Entry) -> bool:
    """The scorer takes vertices that the graph has not."""
    return set(read_json(answer)) == {str(vertex) for vertex in entry["metadata"]["puzzle"]["vertices"]}


def score_calendar(answer: str, entry: Entry) -> float | None:
    """The scorer's own marks, but for gold below 0, where it takes any number for right."""
    gold, is_count = str(entry["answer"]), entry["metadata"]["task"] in COUNTED
    if is_count and not re.fullmatch(r"[-+]?[0-9]{1,9}", answer):
        return None
    if is_count:
        error = abs(int(answer) - int(gold))
        return 1.0 if error == 0 else math.exp(-DECAY * error / int(gold)) if int(gold) > 0 else 0.0
    if gold not in DAYS:
        return float(answer.lower() == gold.lower())
    return 1.0 if answer == gold else WRONG_DAY if answer in DAYS else LOWER_DAY if answer.title() in DAYS else 0.0
