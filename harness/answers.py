"""Answers in what reasoning models write: named ways to find one, what votes are counted on, when two are equal."""

import re
from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

# Whatever is longer is no answer but text around one.
MAX_ANSWER_CHARS = 500
# Nested deeper it is no answer either.
MAX_BRACKETS = 20
# Numbers with more bits are compared as they are written and never worked out.
MAX_BITS = 20_000
NUM_DIGITS = 12
PARSED_ANSWERS = 4096

_THOUGHTS = re.compile(r"<think>.*?</think>|(?<=<think>).*\Z", re.DOTALL)
# Small models forget the backslash.
_BRACES = re.compile(r"(?:\\|(?<![A-Za-z]))(?:boxed|fbox)\s*\{|\\.|[{}]", re.DOTALL)
# From a box's end: a number of its own, not the first of a sum.
_SAID = re.compile(
    r"\}(?:\s|[$*,]|\\[)\]]){0,6}(?:=|(?:which\s)?(?:is|equals)\b|is\sequal\sto\b)(?:\s|[$*]|\\[\$(\[,;: ]){0,6}"
    r"(-?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?)(?![0-9,.]*[0-9])"
    r"(?!(?:\s|\$){0,3}(?:[-+/^!×÷_(]|\*{1,2}\s?[0-9(]|\\(?:times|div|cdot|frac|sqrt)))"
)
_UNBRACED = re.compile(r"\\boxed\s{0,3}(-?[0-9]+(?:[.,][0-9]+)*)")
_IS = r"\W{0,4}(?:\s{1,3}(?:is|equals|(?:would|should|must|will)\s{1,3}be)\b|[:=])"
_FINAL = re.compile(r"final\s{1,3}answer" + _IS, re.IGNORECASE)
_ANSWER = re.compile(r"\banswer(?:\s{1,3}to\s{1,3}(?:the|this)\s{1,3}(?:question|problem))?" + _IS, re.IGNORECASE)
_SENTENCE_END = re.compile(r"\.(?=\s|\*|$)")
_NUMBER = re.compile(
    r"(?<![0-9./])[0-9]+/[0-9]+(?![0-9/])"
    r"|(?<![0-9.])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+"
)
# How LaTeX writes 1,250 and 1/2; what is raised is no number of its own: 42 m^2.
_THOUSANDS = re.compile(r"(?<=[0-9])(?:\\[,;:! ]|\{,\})(?=[0-9]{3}(?![0-9]))")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*([0-9]+)\s*\}\s*\{\s*([0-9]+)\s*\}")
_EXPONENT = re.compile(r"\^(?:\{[^{}]{0,20}\}|-?[0-9]+)")
_GOES_ON = re.compile(r"\s{0,3}(?:[-+*/x×÷]|\\times|\\div|\\cdot)\s{0,3}\$?[0-9]")
# A number, "or", and the last number.
_HEDGED = re.compile(r"[0-9][^0-9.\n]{0,20}\bor\b[^0-9.\n]{0,20}[0-9][0-9.,]*[^0-9]*$")
_POINT_ZERO = re.compile(r"(?<=[0-9])\.0+$")
_LETTER = re.compile(r"(?:\\(?:text|textbf|mathrm|mathbf)\{)?[\s*]*\(?([A-Ja-j])\)?[\s*]*\}?[.:]?[\s*]*")
_AT_MARKER = re.compile(
    r"[\s:*$\"'“‘\[]*(?:\\\(|\\(?:text|textbf|mathrm|mathbf)\{)?(?:(?:the|answer|option|choice|letter)\s{1,3}){0,3}[\s*]*"
    # A and I before a word may be words themselves: "A cat", "I think".
    r"(?:\(([A-Ja-j])\)|(?![AI] (?!because|since|as|and|or|is|due|for|which|but|not)[a-z])([A-J])(?![\w'’])"
    r"|([a-j])(?=[.)\]\"'*]|\s*$))"
)
_CHOSEN = re.compile(r"\b(?:option|choice)" + _IS, re.IGNORECASE)
_LED = re.compile(r"[\s*(]*([A-J])[.):][\s*].*", re.DOTALL)
_ANSWER_TAG = re.compile(r"<answer>([^<]*)</answer>", re.IGNORECASE)
_BRACKETED = re.compile(r"(?<!\w)\(([A-J])\)")
# White space of its own line alone: of empty lines by the thousand each would be tried from all before it.
_LINE_START = re.compile(r"^[ \t\r\xa0*]*([A-J])(?:[.):][\s*]|[ \t\r\xa0*]*$)", re.MULTILINE)
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


def after_thoughts(text: str) -> str:
    """The text without what stands in <think> tags, or behind one that is not closed: an answer in them is none."""
    return _THOUGHTS.sub("", text)


def boxed(text: str) -> str | None:
    """What the last complete \\boxed{...} that holds something holds, the innermost where one holds another.

    Without one, the number behind the last \\boxed without braces; None where there is neither.
    """
    if (found := _find_box(text)) is not None:
        return _clean(text[slice(*found)])
    unbraced = _find_last(_UNBRACED, text)
    return None if unbraced is None else _clean(unbraced.group(1))


def behind_box(text: str) -> str | None:
    """The number that the last box is said to be: 807 of \\boxed{841 - 34} = 807; None where it is said to be none."""
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


def final_answer(text: str) -> str | None:
    """What follows the last "final answer is", or else the last "answer is", to the end of its sentence or line."""
    rest = _after_last(_FINAL, text) or _after_last(_ANSWER, text)
    if rest is None:
        return None
    line = rest.strip("*:= \t\r\n").partition("\n")[0]
    sentence = _SENTENCE_END.split(line, maxsplit=1)[0]
    return boxed(line) or _clean(sentence.strip("* "))


def last_number(text: str) -> str | None:
    """The last number or fraction of numbers, in ASCII digits, without thousands separators; None where there is none.

    Exponents are none.
    """
    plain = _plain_digits(text)
    last = _find_last(_NUMBER, plain)
    return None if last is None else _read_number(last, plain)


def stated_number(text: str) -> str | None:
    """The number of what is boxed, or else of what is called the answer, or else the last of the whole text.

    Of what is boxed or called the answer, the first number behind its last sign of equality. A whole number in whatever
    notation (160.00, 320/2) is one without a point. None where it is one of two (12 or 13).
    """
    for read, said in _stated(text):
        if said and (number := read(said)):
            return None if _HEDGED.search(said) else _work_out(number)
    return None


def choice_letter(text: str) -> str | None:
    """The letter of the option that was chosen, A to J.

    It is boxed, tagged, called the answer or the choice, in brackets, or at a line's start.
    """
    tags = _ANSWER_TAG.findall(text)
    for said in (boxed(text), tags[-1] if tags else None):
        if said and (whole := _LETTER.fullmatch(said) or _LED.fullmatch(said)):
            return whole.group(1).upper()
    if whole := _LETTER.fullmatch(text.strip()[: 2 * MAX_ANSWER_CHARS]):
        return whole.group(1).upper()
    for marker in (_FINAL, _ANSWER, _CHOSEN):
        rest = _after_last(marker, text)
        if rest is not None and (named := _AT_MARKER.match(rest)):
            return str(named.group(named.lastindex or 0)).upper()
    for pattern in (_BRACKETED, _LINE_START):
        if letters := pattern.findall(text):
            return str(letters[-1])
    return None


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


def _stated(text: str) -> Iterator[tuple[Callable[[str], str | None], str | None]]:
    """Where a text may state its number, in order, and how it is read there."""
    yield _first_number, boxed(text)
    yield _first_number, final_answer(text)
    yield last_number, text


def _work_out(number: str) -> str:
    """The number as a whole one where it is one."""
    numerator, _, denominator = number.partition("/")
    if denominator.strip("0"):
        return str(Fraction(int(numerator), int(denominator)))
    return _POINT_ZERO.sub("", number)


def _first_number(said: str) -> str | None:
    """The first number behind the last sign of equality, or before where there is none; of a sum that is not worked
    out, the last.
    """
    before, _, behind = said.rpartition("=")
    for part in filter(None, (behind, before)):
        plain = _plain_digits(part)
        if first := _NUMBER.search(plain):
            return last_number(part) if _GOES_ON.match(plain, first.end()) else _read_number(first, plain)
    return None


def _plain_digits(text: str) -> str:
    """Numbers as they are typed: thousands without LaTeX's marks, fractions with a slash, no exponents."""
    return _EXPONENT.sub("", _FRACTION.sub(r"\1/\2", _THOUSANDS.sub("", text)))


def _read_number(found: re.Match[str], text: str) -> str | None:
    """The number with its sign."""
    before = text[max(found.start() - 2, 0) : found.start()].replace("\N{MINUS SIGN}", "-")
    # 5-3 ends in 3, not in -3.
    is_negative = before.endswith("-") and not (len(before) == 2 and (before[0].isalnum() or before[0] in ")]}"))
    return _clean("-" * is_negative + found.group().replace(",", ""))


def _find_last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text), maxlen=1)), None)


def _after_last(marker: re.Pattern[str], text: str) -> str | None:
    last = _find_last(marker, text)
    return None if last is None else text[last.end() : last.end() + 4 * MAX_ANSWER_CHARS]


def _clean(answer: str) -> str | None:
    stripped = answer.strip()
    return stripped if 0 < len(stripped) <= MAX_ANSWER_CHARS else None


def _read_words(answer: str) -> str | None:
    """An answer in words, in lower case; math-verify would multiply their letters."""
    plain = _TEXT.sub(r"\1", _SURROUNDINGS.sub("", answer[: MAX_ANSWER_CHARS + 1])).strip()
    return plain.lower() if len(plain) <= MAX_ANSWER_CHARS and _WORDS.fullmatch(plain) else None


def _without_unit(answer: str) -> str:
    """A number without the words set as text behind it; else the answer as it is typed."""
    typed = _CALLED.sub("", _THOUSANDS.sub("", answer))
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
