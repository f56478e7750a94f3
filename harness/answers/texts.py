"""What every reader of texts shares: thoughts are left out, and an answer is of a bounded length."""

import re
from collections import deque

# Whatever is longer is no answer but text around one.
MAX_ANSWER_CHARS = 500
_THOUGHTS = re.compile(r"<think>.*?</think>|(?<=<think>).*\Z", re.DOTALL)


def after_thoughts(text: str) -> str:
    """The text without what stands in <think> tags, or behind one that is not closed:
    an answer in them is none.
    """
    return _THOUGHTS.sub("", text)


def find_last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text), maxlen=1)), None)


def after_last(marker: re.Pattern[str], text: str) -> str | None:
    last = find_last(marker, text)
    return None if last is None else text[last.end() : last.end() + 4 * MAX_ANSWER_CHARS]


def clean(answer: str) -> str | None:
    stripped = answer.strip()
    return stripped if 0 < len(stripped) <= MAX_ANSWER_CHARS else None
