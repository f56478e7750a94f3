r"""What an answer says, as a tree: leaves in lists, sets, tuples, intervals and matrices. Knows no gold answer.

Letters that are only named are left out: x = 5 says 5, and y < 2 the numbers below 2.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from harness.answers import numeric
from harness.answers.exact import UndefinedError
from harness.answers.latex import Node, UnreadError, parse
from harness.answers.leaves import Leaf, read_date, read_leaf, split_base, strip_unit, value_leaf
from harness.answers.names import NAME, is_point
from harness.answers.notation import REMEMBERED, normalise
from harness.brackets import find_outside, is_wrapped, split_outside

SET, UNION, TUPLE = "set", "union", "()"
_JOIN = re.compile(r",|;|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])")
_COMMA = re.compile(r"[,;]")
_CUP = re.compile(r"\\cup(?![a-zA-Z])")
_ORDER = re.compile(r"\\[lg]e(?![a-zA-Z])|[<>]")
_EQUALS = re.compile(r"(?<!\\)=")
_MEMBER = re.compile(r"\\in(?![a-zA-Z])")
_EMPTY = re.compile(r"\\emptyset|\\\{\s*\\\}|\"?(?:the )?empty set\"?", re.IGNORECASE)
_REALS = re.compile(r"\\mathbb\s*\{?\s*R\s*\}?|\"?all real(?:s| numbers)\"?", re.IGNORECASE)
# A set that is told by what holds for its members.
_BUILDER = re.compile(
    r"\\\{\s*(?:[A-Za-z]|\\[a-z]+)\s*(?:\\in\s*\\mathbb\s*\{?\s*R\s*\}?\s*)?(?:\\mid(?![a-z])|[|:])(.*)\\\}"
)
_RELATES = re.compile(r"[<>=]|\\[lg]e(?![a-zA-Z])|\\in(?![a-zA-Z])")
_APPROXIMATELY = re.compile(r"\\approx(?![a-zA-Z])")
_INFINITY = re.compile(r"([-+]?)\s*\\infty")
_PLUS_MINUS = re.compile(r"\\(?:pm|mp)(?![a-zA-Z])")
_MATRIX = re.compile(r"\\begin\s*\{([pbvBV]?(?:small)?matrix|array)\}(?:\{[lcr|]*\})?(.*)\\end\s*\{\1\}")
# What would be worked out for long, and no final answer holds.
_UNFINISHED = re.compile(
    r"\\(?:i{0,3}int|oint|sum|prod|coprod|lim\w*|partial|frac\s*\{\s*d|input|include|def)(?![a-z])"
)
# What is compared as it is written: with letters, or as a time is, 3:30.
_SAYS = re.compile("[A-Za-z:]")
_SOLVED = "y"


def digits_of_base(answer: str) -> str | None:
    """The digits of a number that names its base: 52 of 52_8; None where it names none, or has not that digit."""
    digits, base = split_base(normalise(answer) or "")
    return digits if base and digits.isdecimal() and int(max(digits)) < base else None


@dataclass(frozen=True)
class Group:
    """kind: what its parts are the parts of; two groups of a kind are compared in order, or in any."""

    kind: str
    parts: tuple["Value", ...]
    is_ordered: bool = True


Value = Leaf | Group


@lru_cache(REMEMBERED)
def read_value(answer: str) -> Value | None:
    """None where it is no notation, or no number; notation of no known kind is a leaf as it is written."""
    text = normalise(answer)
    if not text or _UNFINISHED.search(text):
        return None
    try:
        return _read(text)
    except UndefinedError:
        return None
    except (UnreadError, RecursionError):
        is_balanced = text.count("{") == text.count("}") and text.count('"') % 2 == 0
        return Leaf("written " + text.replace(" ", "")) if is_balanced and _SAYS.search(text) else None


def _read(text: str) -> Value:
    text = text.strip()
    while (
        text[:1] in ("(", "{")
        and text[-1:] in (")", "}")
        and is_wrapped(text)
        and len(split_outside(_COMMA, text[1:-1])) == 1
    ):
        text = text[1:-1].strip()
    if text[:1] == "{" and is_wrapped(text):
        text = text[1:-1].strip()
    if date := read_date(text):
        return date
    if _EMPTY.fullmatch(text):
        return Group(SET, ())
    if _REALS.fullmatch(text):
        return _interval("(", Leaf("-oo"), Leaf("oo"), ")")
    if matrix := _MATRIX.fullmatch(text[1:-1].strip() if text[:1] == "[" and is_wrapped(text) else text):
        return _read_matrix(matrix[2], what="determinant" if matrix[1][0] in "vV" else "matrix")
    if len(parts := split_outside(_CUP, text)) > 1:
        return _join(UNION, [_read(part) for part in parts])
    if text[:1] in ("(", "[", "\\"):
        text = strip_unit(text)
    if (listed := _read_brackets(text)) is not None:
        return listed
    if len(parts := split_outside(_JOIN, text)) > 1:
        return _read_list(text, [part.strip() for part in parts if part.strip()])
    return _read_one(text)


def _read_one(text: str) -> Value:
    """What is no list: a relation, or a leaf."""
    if len(parts := split_outside(_MEMBER, text)) == 2 and NAME.fullmatch(parts[0].strip()):
        return _read(parts[1])
    if len(parts := split_outside(_APPROXIMATELY, text)) == 2:
        return _read_rounded(*parts)
    if len(parts := split_outside(_ORDER, text)) > 1:
        return _read_order([part.strip() for part in parts], [sign.group() for sign in find_outside(_ORDER, text)])
    if len(parts := split_outside(_EQUALS, text)) > 1:
        return _read_equation([part.strip() for part in parts])
    if _PLUS_MINUS.search(text):
        return _read_both(text)
    if infinite := _INFINITY.fullmatch(text):
        return Leaf("-oo" if infinite[1] == "-" else "oo")
    return read_leaf(text)


def _read_rounded(exactly: str, told: str) -> Value:
    r"""What is told to be about its own rounding: 2\sqrt{3} \approx 3.46."""
    value, rounded = _read(exactly), read_leaf(told)
    if not isinstance(value, Leaf) or value.number is None or not isinstance(rounded.number, Fraction):
        raise UnreadError(told)
    if not numeric.is_rounding(rounded.number, rounded.places or 0, value.number):
        raise UnreadError(told)
    return value


def _read_brackets(text: str) -> Value | None:
    r"""(1, 2) and [1, 2), which are points or intervals, and \{1, 2\}."""
    if text.startswith("\\{") and text.endswith("\\}") and is_wrapped(text[1:]):
        if (told := _BUILDER.fullmatch(text)) and _RELATES.search(told[1]):
            return _read(told[1])
        return _join(SET, [_read(part) for part in split_outside(_COMMA, text[2:-2])])
    if text[:1] not in ("(", "[") or text[-1:] not in (")", "]") or not is_wrapped(text):
        return None
    parts = [_read(part) for part in split_outside(_COMMA, text[1:-1])]
    return None if len(parts) == 1 and text[0] == "(" else Group(text[0] + text[-1], tuple(parts))


def _read_list(text: str, parts: Sequence[str]) -> Value:
    """Values in any order; or letters with their values, each by its letter; or bounds joined by "and" or "or"."""
    joints = {joint.group() for joint in find_outside(_JOIN, text)}
    names = [name for part in parts if (name := _name_of(part)) is not None]
    if names and len(set(names)) > 1:
        if len(set(names)) < len(parts):
            raise UnreadError(text)
        named = sorted(zip(names, map(_read_one, parts), strict=True))
        return Group("letters", tuple(Group(f"{name} =", (value,)) for name, value in named))
    values = [_read(part) for part in parts]
    told = [_unit_of(part) for part in parts]
    if None not in told and len(set(told)) == len(told):
        return _join("counts", [Group(f"{unit}", (value,)) for unit, value in zip(told, values, strict=True)])
    if all(map(_is_unbounded, values)):
        if joints == {"or"}:
            return _join(UNION, values)
        if joints == {"and"} and len(values) == 2:
            return _intersect(*values)
    return _join(SET, values)


def _name_of(part: str) -> str | None:
    sides = split_outside(_EQUALS, part)
    return sides[0].strip() if len(sides) > 1 and NAME.fullmatch(sides[0].strip()) else None


def _unit_of(part: str) -> str | None:
    """The unit that is told behind a number: 3 hours and 20 minutes are not 20 hours and 3 minutes."""
    unit = part.removeprefix(strip_unit(part)).replace('"', " ").strip(" .").lower()
    return unit.removesuffix("s") or None


def _join(kind: str, values: Sequence[Value]) -> Value:
    """One value for one; sets of a set as its own elements."""
    flat = [
        inner
        for value in values
        for inner in (value.parts if isinstance(value, Group) and value.kind == kind and value.parts else (value,))
    ]
    return flat[0] if len(flat) == 1 else Group(kind, tuple(flat), is_ordered=False)


def _read_both(text: str) -> Value:
    r"""1 \pm 2 as both numbers."""
    upper = _PLUS_MINUS.sub(lambda sign: "+" if sign.group() == r"\pm" else "-", text)
    lower = _PLUS_MINUS.sub(lambda sign: "-" if sign.group() == r"\pm" else "+", text)
    return Group(SET, (read_leaf(upper), read_leaf(lower)), is_ordered=False)


def _read_matrix(inside: str, *, what: str) -> Value:
    rows = [row.split("&") for row in inside.replace("\\\\", "\n").strip().split("\n")]
    if len({len(row) for row in rows}) > 1:
        raise UnreadError(inside)
    return Group(f"{what} of {len(rows)} rows", tuple(_read_one(cell.strip()) for row in rows for cell in row))


def _read_order(sides: list[str], signs: list[str]) -> Value:
    """-2 < x <= 7 and x < 7 as intervals; what else is compared, from the smaller to the larger side."""
    if all(sign in (">", "\\ge") for sign in signs):
        sides, signs = sides[::-1], ["<" if sign == ">" else "\\le" for sign in signs[::-1]]
    if any(sign in (">", "\\ge") for sign in signs) or not all(sides):
        raise UnreadError(" ".join(sides))
    left, right = ("(" if signs[0] == "<" else "["), (")" if signs[-1] == "<" else "]")
    named = [bool(NAME.fullmatch(side)) for side in sides]
    if named == [False, True, False]:
        return _interval(left, _read_one(sides[0]), _read_one(sides[2]), right)
    if named == [False, True]:
        return _interval(left, _read_one(sides[0]), Leaf("oo"), ")")
    if named == [True, False]:
        return _interval("(", Leaf("-oo"), _read_one(sides[1]), right)
    return Group(" ".join(signs), tuple(map(_read_one, sides)))


def _interval(left: str, low: Value, high: Value, right: str) -> Group:
    return Group(left + right, (low, high))


def _is_unbounded(value: Value) -> bool:
    return _end(value, 0) == "-oo" or _end(value, 1) == "oo"


def _end(value: Value, side: int) -> str:
    part = value.parts[side] if isinstance(value, Group) and len(value.parts) == 2 else None
    return part.worth if isinstance(part, Leaf) else ""


def _intersect(one: Value, other: Value) -> Value:
    """The interval above one bound and below the other."""
    assert isinstance(one, Group) and isinstance(other, Group)
    above, below = (one, other) if _end(one, 1) == "oo" else (other, one)
    if _end(above, 1) != "oo" or _end(below, 0) != "-oo":
        raise UnreadError("bounds on one side")
    return _interval(above.kind[0], above.parts[0], below.parts[1], below.kind[1])


def _read_equation(sides: list[str]) -> Value:
    """What a letter is said to be, or what all sides come to; else the equation itself, up to a factor."""
    if NAME.fullmatch(sides[-1]) and not NAME.fullmatch(sides[0]):
        sides = sides[::-1]
    if NAME.fullmatch(sides[0]) or is_point(sides[0]):
        sides = sides[1:]
    values = [_read(side) if side else _refuse(side) for side in sides]
    leaves = [value for value in values if isinstance(value, Leaf)]
    if len(values) == 1:
        return values[0]
    if len({leaf.worth for leaf in leaves}) == 1 and len(leaves) == len(values):
        return min(reversed(leaves), key=lambda leaf: len(leaf.work))
    if len(sides) > 2:
        raise UnreadError("=".join(sides))
    return _balance(*map(parse, sides))


def _refuse(side: str) -> Value:
    raise UnreadError(side)


def _balance(left: Node, right: Node) -> Leaf:
    difference = Node("+", (left, Node("neg", (right,))))
    letters = numeric.list_letters(difference)
    if not numeric.has_letters(difference):
        raise UnreadError("two numbers")
    points = numeric.choose_points(letters)
    if _SOLVED in letters and (solved := _solve(difference, points)) is not None:
        return solved
    first, *others = [numeric.evaluate(difference, point) for point in points]
    if not first:
        raise UnreadError("an equation that always holds")
    return Leaf(f"equation {numeric.digest(*(numeric.show(other / first) for other in others))}")


def _solve(difference: Node, points: Sequence[numeric.Point]) -> Leaf | None:
    """What y is, where the equation is of a line in it and has other letters."""
    at = [_put(difference, _SOLVED, Node("number", value=Fraction(number))) for number in range(3)]
    if not numeric.has_letters(at[0]):
        return None
    for point in points:
        zero, one, two = [numeric.evaluate(tree, point) for tree in at]
        if numeric.show(one - zero) != numeric.show(two - one) or not one - zero:
            return None
    slope = Node("+", (at[1], Node("neg", (at[0],))))
    return value_leaf(Node("neg", (Node("/", (at[0], slope)),)), is_number=False)


def _put(tree: Node, letter: str, number: Node) -> Node:
    if tree.op == "letter":
        return number if tree.name == letter else tree
    return Node(
        tree.op, tuple(_put(part, letter, number) for part in tree.args), tree.value, tree.places, tree.name
    )
