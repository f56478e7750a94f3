r"""One answer of a list: a number, a word, a date, digits of another base,
or an expression, and what it is worth.
"""

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from harness.answers import exact, numeric
from harness.answers.exact import TooLargeError
from harness.answers.latex import Node, UnreadError, parse

# Decimals and digits with which a number may be the rounding of another.
ROUNDED_DIGITS = 6
# What an expression leaves to work out, by the operations that it holds.
_WORK = {
    **dict.fromkeys(("!", "!!", "binom"), "count"),
    **dict.fromkeys(("ln", "log", "lg"), "logarithm"),
    **dict.fromkeys(
        ("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"), "angle"
    ),
    **dict.fromkeys(("floor", "ceil"), "part"),
    **{"root": "root", "abs": "bars"},
}
_LEFT = "left"
_NUMBER_WORDS = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
}
_NUMBER_WORDS |= {"eleven": 11, "twelve": 12, "sixteen": 16}
_BASE = re.compile(r"\(?([0-9A-Z]+)\)?\s*_\s*(?:\{\s*\"?([0-9]{1,2}|[a-z]+)\"?\s*\}|([0-9]))")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH = r"(?P<month>" + "|".join(f"{month[:3]}(?:{month[3:]})?" for month in _MONTHS) + r"|sept)\.?"
_DAY = r"(?P<day>[0-3]?[0-9])(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"(?:{_MONTH} {_DAY}|{_DAY.replace('<day', '<day2')} {_MONTH.replace('<month', '<month2')})"
    r"(?:,? (?P<year>[0-9]{4}))?",
    re.IGNORECASE,
)
# Shorter ones are letters that are multiplied.
_WORDS = re.compile(r"(?:[A-Za-z]{3,}|[Nn]o|[Uu]p|[Oo]n)(?:[ '-]+[A-Za-z]+)*\.?")
_BARE_WORD = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{4,}")
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
# Words behind a number that make it another one, or none.
_ANOTHER = re.compile(
    r"\b(?:no|not|none|wrong|is|are|was|more|less|least|most|than|plus|minus|times|over|half|halves|third|thirds|quarters?"
    r"|fifths|sixths|sevenths|eighths|ninths|twelfths|thousandths?|millionths?|tens|ppm|lakhs?|crores?|mln|bn"
    r"|squared|cubed|factorial|mod|pi|percents?|tenths?|hundredths?|point|or|and|to|base|incorrect|false|negative"
    r"|below|doubled|tripled|quadrupled|halved|quartered|twice|thrice|gross|mills?|(?-i:[kMB])|never|unlikely|maybe"
    r"|perhaps|possibly|guess|except|unless|fewer|greater|short\s+of|in\s+debt|power|reciprocal|inverse|multiplied|divided"
    r"|increased|decreased|(?:two|three|four|five|six|ten|hundred)fold|(?:elev|twelf|\w{2,5}teen|\w{3,4}ti)e?n?ths|\w+n't)\b",
    re.IGNORECASE,
)
# Words behind a number that are the rest of it: 5 six; but 5 one-dollar bills.
_NUMBER_BEHIND = re.compile(
    rf"[\s/]*\"\s*(?:zero|one|nil|{'|'.join(_NUMBER_WORDS)}|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)"
    r"(?![\w-])",
    re.IGNORECASE,
)
_UNIT_POWER = r"(?:\s*\^\s*(?:\{\s*-?[0-9]\s*\}|-?[0-9]))?"
_TOLD_UNIT = re.compile(rf"(?:\s*/?\s*\"([^\"]*)\"{_UNIT_POWER})+\s*$")
_MEASURE = (
    r"(?:cm|mm|km|ft|in|yd|mi|lbs?|oz|kg|mg|ml|mL|mph|kmh|min|sec|hrs?|inch(?:es)?|feet|foot|yards?|miles?|"
    r"(?:centi|milli|kilo)?met(?:er|re)s?|(?:milli)?lit(?:er|re)s?|(?:kilo|milli)?grams?|pounds?|ounces?|gallons?|"
    r"seconds?|minutes?|hours?|days?|weeks?|months?|years?|dollars?|cents?|euros?|degrees?|units?|"
    r"people|persons?|students?|children|apples?|oranges?|books?|eggs?|coins?|marbles?|balls?|cards?|tickets?|pages?|ways?)"
)
_BARE_UNIT = re.compile(
    rf"(?<=[0-9}}) ])\s*(?:(?:square|cubic|sq\.?|cu\.?)\s+)?{_MEASURE}{_UNIT_POWER}"
    rf"(?:\s*(?:/|per)\s*(?:{_MEASURE}|s|h){_UNIT_POWER})?\.?$"
)
_SCALED = re.compile(rf"\b(?:{'|'.join(_SCALES)})s?\b", re.IGNORECASE)
_SCALE = re.compile(
    rf"(?<=[0-9}} ])\s*\"?({'|'.join(_SCALES)})s?\b\s*(?:[A-Za-z ]*\")?([A-Za-z ]*)$", re.IGNORECASE
)
_RATIO = re.compile(r"([0-9]+)\s*:\s*([0-9]+)")
_TIME = re.compile(r"[0-9]{1,2}:[0-5][0-9]")


@dataclass(frozen=True)
class Leaf:
    """worth: equal ones are worth the same. number: what it comes to, a fraction or a value of numeric.evaluate.

    places: its decimals where it is written as a decimal. work: what it leaves to work out.
    """

    worth: str
    number: Any = field(default=None, compare=False)
    places: int | None = None
    work: frozenset[str] = frozenset()


def read_leaf(text: str) -> Leaf:
    """Raises UnreadError, and UndefinedError for what is no number."""
    text = text.strip()
    if special := _read_base(text) or _read_words(text) or _read_ratio(text):
        return special
    plain, scale = _strip_scale(text)
    plain = strip_unit(plain)
    if not plain or '"' in plain or _BARE_WORD.search(plain):
        raise UnreadError(text)
    tree = parse(plain)
    return value_leaf(
        tree if scale == 1 else Node("*", (tree, Node("number", value=scale))), is_number=is_number(tree)
    )


def value_leaf(tree: Node, *, is_number: bool) -> Leaf:
    """What a tree is worth; is_number: whether it is written as one number,
    so that nothing is left to work out.
    """
    work = frozenset(_list_work(tree))
    try:
        fraction = exact.work_out(tree)
    except TooLargeError:
        powers = exact.list_powers(tree)
        return Leaf(
            "written " + _write(tree) if powers is None else _write_powers(powers), None, None, work | {_LEFT}
        )
    places = tree.places if tree.op == "number" else tree.args[0].places if tree.op == "neg" else None
    if fraction is not None:
        return Leaf(exact.write(fraction), fraction, places, work if is_number else work | {_LEFT})
    try:
        return _value_leaf(tree, work)
    except TooLargeError:
        return Leaf("written " + _write(tree), None, None, work)


def is_number(tree: Node) -> bool:
    r"""Whether it is one number as it is written: 5, -5.0, 5/2, 2\frac12, 5\cdot10^3."""
    match tree.op:
        case "neg":
            return tree.args[0].op != "neg" and is_number(tree.args[0])
        case "/":
            return all(
                part.op == "number" or part.op == "neg" and part.args[0].op == "number" for part in tree.args
            )
        case "*":
            number, power = tree.args
            return (
                number.op == "number"
                and power.op == "^"
                and power.args[0].value == 10
                and is_number(power.args[1])
            )
    return tree.op in ("number", "mixed")


def strip_unit(text: str) -> str:
    """A number or an expression without the unit behind it, or what else words say that it counts."""
    told = _TOLD_UNIT.search(text)
    is_another = told and (
        _ANOTHER.search(told.group()) or _SCALED.search(told.group()) or _NUMBER_BEHIND.match(told.group())
    )
    if told and told.start() and not is_another:
        return text[: told.start()].strip()
    return _BARE_UNIT.sub("", text).strip() if text[:1] not in ("", '"') else text


def _strip_scale(text: str) -> tuple[str, Fraction]:
    """A number without "million", and what that multiplies it by."""
    found = _SCALE.search(text)
    if found is None or _ANOTHER.search(found.group()) or not found.start():
        return text, Fraction(1)
    return text[: found.start()], Fraction(_SCALES[found[1].lower()])


def _value_leaf(tree: Node, work: frozenset[str]) -> Leaf:
    points = numeric.choose_points(numeric.list_letters(tree))
    if not numeric.has_letters(tree):
        return _number_leaf(numeric.evaluate(tree, points[0]), work)
    values = [numeric.evaluate(tree, point) for point in points]
    shown = [numeric.show(value) for value in values]
    if len(set(shown)) == 1:
        return _number_leaf(values[0], work)
    return Leaf(f"expression {numeric.digest(*shown)}", None, None, work)


def _number_leaf(value: Any, work: frozenset[str]) -> Leaf:
    fraction = numeric.recover(value)
    # A root or a logarithm that comes to a fraction is left to work out.
    return (
        Leaf(numeric.show(value), value, None, work)
        if fraction is None
        else Leaf(exact.write(fraction), fraction, None, work | {_LEFT})
    )


def _list_work(tree: Node) -> set[str]:
    own = {_WORK[tree.op]} if tree.op in _WORK else set()
    if tree.op == "^" and tree.args[1].op == "/":
        own = {_WORK["root"]}
    return own.union(*map(_list_work, tree.args))


def _write(tree: Node) -> str:
    """A tree as text that only the same tree has."""
    if tree.op == "number":
        return str(tree.value)
    return tree.name or f"({tree.op} {' '.join(map(_write, tree.args))})"


def _write_powers(powers: Any) -> str:
    kept = {prime: count for prime, count in powers.items() if count}
    if (number := exact.multiply(kept)) is not None:
        return exact.write(number)
    return "powers " + " ".join(f"{prime}^{exact.write(Fraction(kept[prime]))}" for prime in sorted(kept))


def read_date(text: str) -> Leaf | None:
    """A day of a month, in either order: June 20, 20 June 2024."""
    found = _DATE.fullmatch(" ".join(text.replace('"', " ").split()))
    if found is None:
        return None
    month, day = found["month"] or found["month2"], found["day"] or found["day2"]
    return Leaf(f"{month[:3].lower()} {int(day)}{' ' + found['year'] if found['year'] else ''}")


def _read_base(text: str) -> Leaf | None:
    digits, base = split_base(text)
    if base is None:
        return None
    if base < 2 or any(int(digit, 36) >= base for digit in digits):
        raise UnreadError(text)
    return Leaf(f"{digits.lstrip('0') or '0'} in base {base}")


def split_base(text: str) -> tuple[str, int | None]:
    """The digits of a number and the base that it names, 52 and 8 of 52_8;
    the text and None where it names none, 0 for a base that is no number.
    """
    found = _BASE.fullmatch(text)
    if found is None or not (found[1][0].isdigit() or len(found[1]) > 1):
        return text, None
    named = found[2] or found[3]
    return found[1], int(named) if named.isdigit() else _NUMBER_WORDS.get(named, 0)


def _read_words(text: str) -> Leaf | None:
    plain = " ".join(text.replace('"', " ").split())
    return Leaf(f"word {plain.rstrip('.').lower()}") if _WORDS.fullmatch(plain) else None


def _read_ratio(text: str) -> Leaf | None:
    found = _RATIO.fullmatch(text)
    if found is None or _TIME.fullmatch(text) or not int(found[2]):
        return None
    ratio = Fraction(int(found[1]), int(found[2]))
    return Leaf(exact.write(ratio), ratio)
