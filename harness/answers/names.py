"""What stands on the left of an answer and is asked for: x, f(3), AB, (x, y). Knows no values."""

import re

from harness.brackets import is_wrapped, split_outside

_SUBSCRIPT = r"(?:_(?:[A-Za-z0-9]|\{[A-Za-z0-9]{1,8}\}))?'*"
_LETTER = (
    rf"(?:[A-Za-z]|\\(?!infty|pi(?![a-z])|emptyset)[a-z]+){_SUBSCRIPT}(?:\s*\(\s*[a-z](?:\s*,\s*[a-z])*\s*\))?"
)
# f(3), P(A), f^{-1}(x): of other letters a number in brackets would be a factor.
_GIVEN = r"\s*(?:[A-Za-z]|-?[0-9]{1,4})\s*"
_APPLIED = rf"(?:[f-hp-sF-HP-S]|\\Pr){_SUBSCRIPT}(?:\^\s*(?:-1|\{{-1\}}))?\s*\({_GIVEN}(?:,{_GIVEN}){{0,4}}\)"
# AB, |AB|, \overline{AB}
_DRAWN = r"(?:\\(?:overline|overrightarrow|overleftrightarrow)|m?\s*\\(?:measured)?angle)\s*"
_SEGMENT = rf"\|?\s*(?:{_DRAWN})?\{{?\s*[A-Z]{{2,4}}\s*\}}?\s*\|?"
NAME = re.compile(rf"{_LETTER}|{_APPLIED}|{_SEGMENT}|\"[^\"]*\"")
_COMMA = re.compile(r"[,;]")
# Coordinates of a circle and of a sphere, in their order.
_ROUND = (("r", r"\theta"), ("r", r"\theta", "z"), (r"\rho", r"\theta", r"\phi"))


def is_point(side: str) -> bool:
    """Whether it is (x, y), in the order of the alphabet, or of the coordinates of a circle or a sphere."""
    names = (
        [name.strip() for name in split_outside(_COMMA, side[1:-1])]
        if side[:1] == "(" and is_wrapped(side)
        else []
    )
    is_sorted = all(len(name) == 1 and name.isalpha() for name in names) and names == sorted(names)
    return len(names) > 1 and (is_sorted or tuple(names) in _ROUND)
