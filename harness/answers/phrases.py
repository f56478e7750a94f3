"""What a text calls its answer, in words."""

import re

from harness.answers.boxes import boxed
from harness.answers.texts import after_last, clean

IS = r"\W{0,4}(?:\s{1,3}(?:is|equals|(?:would|should|must|will)\s{1,3}be)\b|[:=])"
FINAL = re.compile(r"final\s{1,3}answer" + IS, re.IGNORECASE)
ANSWER = re.compile(r"\banswer(?:\s{1,3}to\s{1,3}(?:the|this)\s{1,3}(?:question|problem))?" + IS, re.IGNORECASE)
_SENTENCE_END = re.compile(r"\.(?=\s|\*|$)")


def final_answer(text: str) -> str | None:
    """What follows the last "final answer is", or else the last "answer is",
    to the end of its sentence or line.
    """
    rest = after_last(FINAL, text) or after_last(ANSWER, text)
    if rest is None:
        return None
    line = rest.strip("*:= \t\r\n").partition("\n")[0]
    sentence = _SENTENCE_END.split(line, maxsplit=1)[0]
    return boxed(line) or clean(sentence.strip("* "))
