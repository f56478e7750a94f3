"""The letter of the option that a text chooses."""

import re

from harness.answers.boxes import boxed
from harness.answers.phrases import ANSWER, FINAL, IS
from harness.answers.texts import MAX_ANSWER_CHARS, after_last, find_last

_WRAPPER = r"(?:\\(?:text|textbf|mathrm|mathbf)\{)?[\s*]*"
_LETTER = re.compile(_WRAPPER + r"(?:(?:[Oo]ption|[Cc]hoice)\s{1,3})?\(?([A-Ja-j])\)?[\s*]*\}?[.:]?[\s*]*")
_AT_MARKER = re.compile(
    r"[\s:*$`\"'“‘\[]*(?:\\\(|\\(?:text|textbf|mathrm|mathbf)\{)?(?:(?:the|answer|option|choice|letter)\s{1,3}){0,3}[\s*]*"
    # A and I before a word may be words themselves: "A cat", "I think".
    r"(?:\(([A-Ja-j])\)|(?<=[`'‘])([A-J])(?=[`'’](?!\w))"
    r"|(?![AI] (?!because|since|as|and|or|is|due|for|which|but|not)[a-z])([A-J])(?![\w'’])"
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
# Behind one letter a second, which is no word: A or B, (A)/(B), $A$, or maybe $B$; but (C) B cells.
_MARKS = r"(?:[\s*_$`\"'“”‘’()\[\]{}]|\\[()\[\]]|\\(?:text|textbf|mathrm|mathbf)\b)"
_JOINING = (
    r"(?:or|and|nor|maybe|perhaps|possibly|else|could|be|is|it|also|even|otherwise|alternatively|as|well|plus|then"
    r"|vs|versus)"
)
_JOINED = re.compile(
    rf"(?:{_MARKS}|[.:]){{0,6}}(?:\\?[,;/|&+\u2013-]|\b{_JOINING}\b|(?<=\))\s{{0,3}}(?=\())"
    rf"(?:{_MARKS}{{1,3}}{_JOINING}\b){{0,4}}{_MARKS}{{0,6}}(?:[A-J]|(?<=\()[a-j](?=\)))"
    r"(?=[\s*_$`\"'”’)\]}]{0,6}(?:(?:or|and)\b|[^\w\s*$`\"'”’)\]}]|$))"
    # Side by side to the text's end: A B, A. B., A) B).
    r"|(?:[.:()\s]{1,4}[A-J]){1,9}[.:)\s*]{0,4}$"
)
_LED_TWICE = re.compile(r"(?<![\w'’])[A-J][.):].*(?<![\w'’.])[A-J][.):](?:[\s*}~\\]|$)", re.DOTALL)
_LISTED = re.compile(r"\([A-J]\)(?:[\s,;/|&]|n?or|and){0,9}\((?=[A-J]\))")
_DENIED = re.compile(
    r"(?:\bnot|n['’]t|\bnever|\bcannot|\bno\slonger|\bother\sthan|\b(?:any|every)\w{0,5}\sbut|\bexcept|\brather\sthan|\binstead\sof)"
    r"(?:\sbe)?\s{1,3}\(?[A-J]\)?(?![\w'’])(?:\s{1,3}but(?=\s))?"
    # I don't think that the answer is B; (B) is the wrong answer.
    r"|(?:n['’]t|\bnot)\s(?:think|believe)\s(?:that\s)?(?:the\sanswer\sis|it\sis|it['’]s)\s\(?[A-J]\)?(?![\w'’])"
    r"|(?<![\w'’])\(?[A-J]\)?\s(?:is|seems|looks)\s(?:the\s)?(?:wrong|incorrect|false|worst)\b"
)
_ANSWER_TAG = re.compile(r"<answer>([^<]*)</answer>", re.IGNORECASE)
_BRACKETED = re.compile(r"(?<!\w)\(([A-J])\)")
# White space of its own line alone: of empty lines by the thousand each would be tried from all before it.
_LINE_START = re.compile(r"^[ \t\r\xa0*]*([A-J])(?:[.):][\s*]|[ \t\r\xa0*]*$)", re.MULTILINE)


def choice_letter(text: str) -> str | None:
    """The letter of the option that was chosen, A to J; None where a second stands beside it.

    It is boxed, tagged, called the answer or the choice, said to be right or taken, in brackets, or at a line's
    start.
    """
    tags = _ANSWER_TAG.findall(text)
    for said in (boxed(text), tags[-1] if tags else None):
        if said and (whole := _LETTER.fullmatch(said) or _LED.fullmatch(said)):
            is_hedged = _LED_TWICE.search(said[: 2 * MAX_ANSWER_CHARS]) or _JOINED.match(said, whole.end(1))
            return None if is_hedged else whole.group(1).upper()
    if whole := _LETTER.fullmatch(text.strip()[: 2 * MAX_ANSWER_CHARS]):
        return whole.group(1).upper()
    plain = _DENIED.sub("", text)
    for marker in (FINAL, ANSWER, _CHOSEN):
        rest = after_last(marker, plain)
        if rest is not None and (named := _AT_MARKER.match(rest)):
            is_hedged = _JOINED.match(rest, named.end())
            return None if is_hedged else str(named.group(named.lastindex or 0)).upper()
    return _find_unmarked(plain)


def _find_unmarked(text: str) -> str | None:
    """The letter that is said to be right or taken, or else the last in brackets or at a line's start."""
    for pattern in (_FOUND_RIGHT, _TAKEN, _BRACKETED, _LINE_START):
        found = find_last(pattern, text)
        if found is not None:
            before = any(listed.end() == found.start(1) for listed in _LISTED.finditer(text))
            return None if before or _JOINED.match(text, found.end(1)) else found.group(1)
    return None
