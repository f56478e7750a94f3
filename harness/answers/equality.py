"""When two answers are equal, and what votes on them are counted on."""

import re
from functools import lru_cache
from typing import Any

from harness.answers.numbers import THOUSANDS
from harness.answers.texts import MAX_ANSWER_CHARS

# Nested deeper it is no answer either.
MAX_BRACKETS = 20
# Numbers with more bits are compared as they are written and never worked out.
MAX_BITS = 20_000
NUM_DIGITS = 12
PARSED_ANSWERS = 4096
_WORDS = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]+)*")
_TEXT = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox)\{([^{}]*)\}")
# What would be worked out for long, and no final answer holds.
_UNFINISHED = re.compile(
    r"\\(?:i{0,3}int|oint|sum|prod|coprod|lim\w*|partial|frac\s*\{\s*d|input|include|def)(?![a-z])"
)
# Signs that are written in answers, beside ASCII.
_SIGNS = frozenset(
    "\N{MINUS SIGN}\N{MULTIPLICATION SIGN}\N{MIDDLE DOT}\N{DIVISION SIGN}\N{DEGREE SIGN}\N{SQUARE ROOT}"
    "\N{GREEK SMALL LETTER PI}\N{INFINITY}\N{PLUS-MINUS SIGN}\N{UNION}\N{POUND SIGN}\N{EURO SIGN}"
)
_SURROUNDINGS = re.compile(r"^(?:\$+|\\\(|\\\[|\s|[*`])+|(?:\$+|\\\)|\\\]|\s|[*`]|(?<!\\)[.;])+$")
_SPACE = re.compile(r"\\[,;:! ]|~|\s+")
_CALLED = re.compile(r"^(?:the )?(?:final )?answer(?: is|\s?[:=])\s*", re.IGNORECASE)
# \text{5 apples}, 60~\mathrm{km/h}: a number with a word of three letters or more that says what of.
_WITH_UNIT = re.compile(
    r"(-?)\\?\$?\s?([0-9][0-9,]*(?:\.[0-9]+)?) "
    r"(?!(?:pi|times|plus|minus|over|mod|hundred|thousand|[mb]illion|trillion|dozen|percent|sqrt|sin|cos|tan|log)\b)"
    r"(?=[A-Za-z/ ]*[A-Za-z/]{3})[A-Za-z][A-Za-z/ ]*"
)


def math_key(extracted: str) -> str | None:
    """What equal answers share in whatever notation (1/2, 0.5, \\frac12); None where it is no mathematics.

    Numbers are exact where they are rational, else rounded to 12 digits; x = 5 counts as 5, 50% as 50.
    """
    word = _read_words(extracted)
    if word is not None:
        return word
    parsed = _parse(extracted)
    try:
        return None if parsed is None else _canonical(parsed)
    except (ValueError, TypeError, ArithmeticError, AttributeError, NotImplementedError, RecursionError):
        return None


def math_equal(extracted: str, gold: str) -> bool:
    """Whether math-verify takes the answer for the gold one. Where either cannot be read, only the same words are.

    It has no time limit of its own: whoever calls it sets the clock.
    """
    from math_verify import verify

    if extracted.strip() == gold.strip():
        return bool(gold.strip())
    words = _read_words(extracted), _read_words(gold)
    if None not in words:
        return words[0] == words[1]
    answer, truth = _parse(extracted), _parse(gold)
    if answer is None or truth is None:
        return False
    if not (_is_small(answer) and _is_small(truth)):
        return math_key(extracted) == math_key(gold) is not None
    return bool(verify(truth, answer, timeout_seconds=None))


def _read_words(answer: str) -> str | None:
    """An answer in words, in lower case; math-verify would multiply their letters."""
    plain = _TEXT.sub(r"\1", _SURROUNDINGS.sub("", answer[: MAX_ANSWER_CHARS + 1])).strip()
    return plain.lower() if len(plain) <= MAX_ANSWER_CHARS and _WORDS.fullmatch(plain) else None


def _without_unit(answer: str) -> str:
    """A number without the words set as text behind it; else the answer as it is typed."""
    typed = _CALLED.sub("", THOUSANDS.sub("", answer))
    spoken = " ".join(_SPACE.sub(" ", _TEXT.sub(r" \1 ", typed)).split())
    # Bare words are no notation: they may say anything.
    with_unit = _WITH_UNIT.fullmatch(spoken) if _TEXT.search(typed) else None
    return typed if with_unit is None else with_unit.group(1) + with_unit.group(2)


@lru_cache(PARSED_ANSWERS)
def _parse(answer: str) -> Any:
    """The answer as a sympy object that is not worked out; None where it cannot be read."""
    import logging

    from math_verify import LatexExtractionConfig, parse

    # It warns that its clock, which needs signals, is off.
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    plain = _without_unit(_SURROUNDINGS.sub("", answer[: MAX_ANSWER_CHARS + 1])).rstrip("%").rstrip("\\ ")
    if not plain or not _is_notation(plain):
        return None
    reads_boxes = [LatexExtractionConfig(boxed_match_priority=0, try_extract_without_anchor=False)]
    found = parse(f"\\boxed{{{plain}}}", reads_boxes, fallback_mode="no_fallback", parsing_timeout=None)
    return found[0] if found else None


def _is_notation(plain: str) -> bool:
    """Whether it may be handed to a parser of LaTeX: short, of known signs, and not deep."""
    depth = deepest = 0
    for character in plain:
        depth += (character in "({[") - (character in ")}]")
        deepest = max(deepest, depth)
    strange = {character for character in plain if not (character.isascii() and character.isprintable())} - {"\n", "\t"}
    return (
        len(plain) <= MAX_ANSWER_CHARS
        and deepest <= MAX_BRACKETS
        and strange <= _SIGNS
        and not _UNFINISHED.search(plain)
    )


def _canonical(parsed: Any) -> str:
    """Equal objects as the same text; containers by their elements."""
    import sympy
    from sympy.core.relational import Relational

    if isinstance(parsed, sympy.Eq) and (isinstance(parsed.lhs, sympy.Symbol) or not parsed.free_symbols):
        return _canonical(parsed.rhs)
    if isinstance(parsed, (sympy.Gt, sympy.Ge)):
        return _canonical(parsed.reversed)
    if isinstance(parsed, sympy.MatrixBase):
        return f"matrix{parsed.shape}({', '.join(map(_canonical, parsed))})"
    if isinstance(parsed, (sympy.Tuple, sympy.Set, Relational)):
        parts = [_canonical(part) for part in parsed.args]
        parts = sorted(parts) if isinstance(parsed, (sympy.FiniteSet, sympy.Union, sympy.Eq)) else parts
        return f"{type(parsed).__name__}({', '.join(parts)})"
    if not isinstance(parsed, sympy.Expr) or not _is_small(parsed):
        # In the order in which it stands: to sort terms sympy works them out.
        return str(sympy.sstr(parsed, order="none"))
    return _canonical_number(parsed) if not parsed.free_symbols else str(sympy.cancel(_exact(parsed).doit()))


def _canonical_number(number: Any) -> str:
    import sympy

    value = _exact(number).doit()
    if value.has(sympy.nan, sympy.zoo):
        raise ValueError(f"{value} is no number.")
    if not value.is_Rational:
        value = sympy.nsimplify(value) if value.is_rational else value
    return str(value) if value.is_Rational or not value.is_finite else str(value.evalf(NUM_DIGITS, chop=True))


def _exact(expression: Any) -> Any:
    """Decimals as the fractions that they are written as."""
    import sympy

    return expression.xreplace({part: sympy.Rational(str(part)) for part in expression.atoms(sympy.Float)})


def _is_small(expression: Any) -> bool:
    """Whether every number in it can be worked out: 9**9**9 cannot, nor can a factorial of it."""
    try:
        return _count_bits(expression) <= MAX_BITS
    except RecursionError:
        return False


def _count_bits(expression: Any) -> float:
    """About how many bits the number that it comes to has; a symbol counts as one."""
    import sympy

    if isinstance(expression, sympy.Float):
        _, _, exponent, length = expression._mpf_
        return float(abs(exponent) + length)
    if isinstance(expression, sympy.Rational):
        return float(max(expression.p.bit_length(), expression.q.bit_length()))
    elements = expression if isinstance(expression, sympy.MatrixBase) else expression.args
    parts = [max(_count_bits(part), 1.0) for part in elements]
    if isinstance(expression, sympy.Pow):
        return float(parts[0] * 2.0 ** min(parts[1], MAX_BITS.bit_length()))
    if isinstance(expression, sympy.functions.combinatorial.factorials.CombinatorialFunction):
        return float(max(bits * 2.0 ** min(bits, MAX_BITS.bit_length()) for bits in parts))
    return sum(parts) if isinstance(expression, sympy.Mul) else max(parts, default=1.0)
