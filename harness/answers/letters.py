"""The letter of the option that a text chooses."""

import re

from harness.answers.boxes import boxed
from harness.answers.phrases import ANSWER, FINAL, IS
from harness.answers.texts import MAX_ANSWER_CHARS, after_last

_WRAPPER = r"(?:\\(?:text|textbf|mathrm|mathbf)\{)?[\s*]*"
_LETTER = re.compile(_WRAPPER + r"(?:(?:[Oo]ption|[Cc]hoice)\s{1,3})?\(?([A-Ja-j])\)?[\s*]*\}?[.:]?[\s*]*")
_AT_MARKER = re.compile(
    r"[\s:*$\"'“‘\[]*(?:\\\(|\\(?:text|textbf|mathrm|mathbf)\{)?(?:(?:the|answer|option|choice|letter)\s{1,3}){0,3}[\s*]*"
    # A and I before a word may be words themselves: "A cat", "I think".
    r"(?:\(([A-Ja-j])\)|(?![AI] (?!because|since|as|and|or|is|due|for|which|but|not)[a-z])([A-J])(?![\w'’])"
    r"|([a-j])(?=[.)\]\"'*]|\s*$))"
)
_CHOSEN = re.compile(r"\b(?:option|choice)" + IS, re.IGNORECASE)
_LED = re.compile(_WRAPPER + r"[\s*(]*([A-J])[.):][\s*}~\\].*", re.DOTALL)
# Option D is correct, (C) is the answer.
_FOUND_RIGHT = re.compile(
    r"(?<!nor )(?<!or )(?<!and )(?<!either )(?<!Neither )(?<![\w'’])\(?([A-J])\)?[*\s]{1,3}"
    r"(?:is|would\sbe|must\sbe)\s{1,3}(?:the\s{1,3})?"
    r"(?:(?:correct|right)(?![\w-])|(?:answer|option|choice)\b)"
)
_TAKEN = re.compile(
    r"\b(?:choose|select|pick|chose)\s{1,3}(?:the\s{1,3})?(?:(?:option|choice|answer)\s{1,3})?\(?([A-J])\)?(?![\w'’])"
)
_ANSWER_TAG = re.compile(r"<answer>([^<]*)</answer>", re.IGNORECASE)
_BRACKETED = re.compile(r"(?<!\w)\(([A-J])\)")
# White space of its own line alone: of empty lines by the thousand each would be tried from all before it.
_LINE_START = re.compile(r"^[ \t\r\xa0*]*([A-J])(?:[.):][\s*]|[ \t\r\xa0*]*$)", re.MULTILINE)


def choice_letter(text: str) -> str | None:
    """The letter of the option that was chosen, A to J.

    It is boxed, tagged, called the answer or the choice, said to be right or taken, in brackets, or at a line's start.
    """
    tags = _ANSWER_TAG.findall(text)
    for said in (boxed(text), tags[-1] if tags else None):
        if said and (whole := _LETTER.fullmatch(said) or _LED.fullmatch(said)):
            return whole.group(1).upper()
    if whole := _LETTER.fullmatch(text.strip()[: 2 * MAX_ANSWER_CHARS]):
        return whole.group(1).upper()
    for marker in (FINAL, ANSWER, _CHOSEN):
        rest = after_last(marker, text)
        if rest is not None and (named := _AT_MARKER.match(rest)):
            return str(named.group(named.lastindex or 0)).upper()
    for pattern in (_FOUND_RIGHT, _TAKEN, _BRACKETED, _LINE_START):
        if letters := pattern.findall(text):
            return str(letters[-1])
    return None
