"""How the tasks of lm_eval_yaml grade, in the form that lm-eval calls. Knows answers, nothing of models.

math-verify works an answer out, so that a question's own expression is worth its answer, and it adds up numbers that
stand side by side. What is boxed has to be worked out as far as gold is.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.answers import behind_box, boxed, math_equal

# Of which an answer may hold what gold holds, by family: a logarithm for a logarithm.
_WORK = (
    re.compile(r"\\(?:[dt]?binom|choose)(?![a-z])|!(?!\s*[0-9])"),
    re.compile(r"\\(?:log|ln|lg|exp)(?![a-z])"),
    re.compile(r"\\(?:arc)?(?:sin|cos|tan|cot|sec|csc)h?(?![a-z])"),
    re.compile(r"\\(?:gcd|lcm|min|max|b?mod|pmod|det|lfloor|lceil)(?![a-z])|\\operatorname"),
    re.compile(r"\\sqrt(?![a-z])"),
    re.compile(r"\\[lr]?vert(?![a-z])|\|", re.IGNORECASE),
)
_WRAPPED = re.compile(r"\\(?:text|mathrm|mathbf|mbox|textbf)\s*\{([^{}]*)\}")
# Of a number, words that make it another one or none, and a number behind it that math-verify takes for a unit.
_ANOTHER = re.compile(
    r"\\(?:text|math|mbox)[a-z]*\s*\{[^{}]*\b(?:or|not|wrong|plus|minus|times|over|hundred|thousand|(?:m|b|tr)illion|dozen"
    r"|squared|cubed)\b|[0-9](?:\s|~|\\[,;:! ])*\\(?:text|math|mbox)[a-z]*\s*\{\s*[0-9]"
)
_BASE = re.compile(r"(?<=[0-9])_\{?\s*([0-9]+)")
# Of thousands: 10{,}080 and 10,\!080.
_SEPARATOR = re.compile(r"\{,\}|,\s*(?:\\!\s*)*(?=[0-9]{3})|(?<=[0-9])(?:\\[,; ]|~|\s)+(?=[0-9]{3}(?![0-9]))")
_MARKS = re.compile(r"\\left(?![a-z])|\\right(?![a-z])|\\!|\\?\$")
_SPACES = re.compile(r"\\[,;: ]|~")
_BRACKETED = re.compile(r"\(([^()]*)\)|\{([^{}]*)\}")
_DIGITS = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
# A number as it is written: 5, 5.0, 5/2, \frac52, 2\frac12, 5\times10^3, and its unit or base.
_NUMBER = re.compile(
    rf"""\s*[-+\N{{MINUS SIGN}}]?\s*(?:
    (?P<whole>[0-9]+\s*)?(?:\\[dt]?frac\s*(?:\{{\s*-?(?P<above>{_DIGITS})\s*\}}|(?P<digit>[0-9]))\s*
        (?:\{{\s*(?P<below>{_DIGITS})\s*\}}|[0-9]) | [0-9.]+\s*/\s*[0-9.]+)
    | {_DIGITS}(?:\s*\\times\s*10\s*\^\s*(?:\{{-?[0-9]+\}}|[0-9]))?(?:_(?:[0-9]|\{{[0-9]+\}}))?
    )(?:\s*\\?%|\s*\^\s*\{{?\s*\\circ\s*\}}?|\\(?=\s)|[A-Za-z\s./\N{{DEGREE SIGN}}]
        |(?<=[A-Za-z])\^\{{?[0-9]\}}?(?![0-9]))*""",
    re.VERBOSE,
)
_SIDE = re.compile(r"\s*(-?[0-9.,]+)\s*")


def score_boxed(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, int]:
    """Whether what the last \\boxed{} holds is worked out, and math-verify takes it for the document's answer."""
    gold = str(doc["answer"] if "answer" in doc else doc["Answer"])
    extracted = boxed(results[0])
    if extracted is None or not math_equal(extracted, gold):
        return {"math_verify": 0}
    # \\boxed{841 - 34} = 807 is worked out behind its box.
    stated = behind_box(results[0]) or extracted
    is_right = is_worked_out(extracted, gold) or (math_equal(stated, gold) and is_worked_out(stated, gold))
    return {"math_verify": int(is_right)}


def is_worked_out(answer: str, gold: str) -> bool:
    """Whether an answer leaves no more to work out than gold does: for 6 neither 3+3 nor 3!, but 12/2 and 6.0."""
    if answer.strip() == gold.strip():
        return True
    if any(work.search(answer) and not work.search(gold) for work in _WORK):
        return False
    if is_number(gold) and is_another(answer, gold):
        return False
    sides = answer.split("=")
    if len({side.group(1) for side in map(_SIDE.fullmatch, sides) if side}) > 1:
        return False
    return is_number(sides[-1]) or not is_number(gold)


def is_another(answer: str, gold: str) -> bool:
    """Whether math-verify would pass over what makes a number another one: 52_7 for 52_8, 5\\text{ million} for 5."""
    bases = {*_BASE.findall(answer), *_BASE.findall(gold)}
    return len(bases) > 1 or bool(_ANOTHER.search(answer) and not _ANOTHER.search(gold))


def is_number(text: str) -> bool:
    """Whether it is one number, with its unit; a mixed one has a fraction below 1."""
    plain = _SPACES.sub(" ", _MARKS.sub("", _SEPARATOR.sub("", _WRAPPED.sub(r"\1", text)))).strip()
    while inner := _BRACKETED.fullmatch(plain):
        plain = (inner.group(1) or inner.group(2) or "").strip()
    number = _NUMBER.fullmatch(plain)
    if number is None or not number["whole"] or number["above"] is None or number["below"] is None:
        return number is not None
    return float(number["above"]) < float(number["below"])
