"""Answers in boxes: what \\boxed{} holds, and the number that a box is said to be."""

import re

from harness.answers.texts import clean, find_last

# Small models forget the backslash.
_BRACES = re.compile(r"(?:\\|(?<![A-Za-z]))(?:boxed|fbox)\s*\{|\\.|[{}]", re.DOTALL)
# From a box's end: a number of its own, neither the first of a sum nor one of two.
_SAID = re.compile(
    r"\}(?:\s|[$*,]|\\[)\]]){0,6}(?:=|(?:which\s)?(?:is|equals)\b|is\sequal\sto\b)(?:\s|[$*]|\\[\$(\[,;: ]){0,6}"
    r"(-?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?)(?![0-9,.]*[0-9])"
    r"(?!(?:\s|[$*]){0,3},?(?:\s|\\text\{){0,3}or\b|(?:\s|\$){0,3}[,;]\s{1,3}[$\\]{0,2}-?[0-9])"
    r"(?!(?:\s|\$){0,3}(?:[-+/^!×÷_(]|\*{1,2}\s?[0-9(]|\\(?:times|div|cdot|frac|sqrt)))"
)
_UNBRACED = re.compile(r"\\boxed\s{0,3}(-?[0-9]+(?:[.,][0-9]+)*)")


def boxed(text: str) -> str | None:
    """What the last complete \\boxed{...} that holds something holds, the innermost where one holds another.

    Without one, the number behind the last \\boxed without braces; None where there is neither.
    """
    if (found := _find_box(text)) is not None:
        return clean(text[slice(*found)])
    unbraced = find_last(_UNBRACED, text)
    return None if unbraced is None else clean(unbraced.group(1))


def behind_box(text: str) -> str | None:
    """The number that the last box is said to be: 807 of \\boxed{841 - 34} = 807;
    None where it is said to be none.
    """
    found = _find_box(text)
    said = found and _SAID.match(text, found[1])
    return said.group(1) if said else None


def _find_box(text: str) -> tuple[int, int] | None:
    opened: list[tuple[bool, int]] = []
    found: tuple[int, int] | None = None
    for brace in _BRACES.finditer(text):
        token = brace.group()
        if token.endswith("{") and token != r"\{":
            opened.append((token != "{", brace.end()))
        elif token == "}" and opened:
            is_box, start = opened.pop()
            # Instructions that are repeated hold empty boxes: this is within \\boxed{}.
            if is_box and (found is None or found[0] < start) and text[start : brace.start()].strip():
                found = (start, brace.start())
    return found
