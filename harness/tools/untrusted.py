"""A stranger's text made harmless for a model: it can open or close nothing, and stands for no control token.

Nothing is left out of a text, so that no marker comes about where its middle is taken away: one character of each
marker becomes another, in plain view.
"""

import re
import string
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from harness.rendering import SPACE
from harness.tools.protocol import LONGEST_CHARS

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# What models of common families read as control, whether this one does or not. "<|" begins most of them.
KNOWN_MARKERS = (
    *("<|", "<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<start_of_turn>", "<end_of_turn>"),
    *("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"),
    *("<search>", "</search>", "<information>", "</information>"),
)
ALIKE = {"<": "‹", ">": "›", "[": "(", "]": ")", "{": "(", "}": ")", "|": "¦"}
# In the place of a character that looks like none of those, or that a tokenizer lacks, the first that will do.
STAND_INS = tuple("·?_.-*/+=:;," + string.digits + string.ascii_letters + " ")
# Drawn as nothing, though Unicode calls them letters or symbols.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_UNSEEN = frozenset({"Cc", "Cf", "Mn", "Me"})
# Control characters, halves of surrogate pairs, and the tags that spell ASCII unseen.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\U000e0000-\U000e007f]")
_LINE_END = re.compile("\r\n?")


@lru_cache(maxsize=1 << 16)
def fold(character: str) -> str:
    """What a character counts as in a marker, whatever its case, width or accent; nothing where it is not seen."""
    seen = "".join(part for part in unicodedata.normalize("NFKD", character) if not _is_unseen(part))
    return "".join(part for part in unicodedata.normalize("NFKD", seen.casefold()) if not _is_unseen(part))


def _is_unseen(character: str) -> bool:
    return character in _BLANK or character not in "\n\t" and unicodedata.category(character) in _UNSEEN


@dataclass(frozen=True)
class Markers:
    """Texts that a stranger's text must not hold. Those of white space alone, and what is around them,
    are left out.
    """

    texts: Sequence[str]

    @cached_property
    def folded(self) -> frozenset[str]:
        return frozenset(filter(None, ("".join(map(fold, text.strip())) for text in self.texts)))

    @cached_property
    def _tree(self) -> dict[str, Any]:
        """The folded markers by their characters; "" says that one ends there."""
        tree: dict[str, Any] = {}
        for marker in self.folded:
            branch = tree
            for character in marker:
                branch = branch.setdefault(character, {})
            branch[""] = {}
        return tree

    @cached_property
    def _characters(self) -> frozenset[str]:
        return frozenset("".join(self.folded))

    def neutralise(self, text: str, *, before: str = "", after: str = "") -> str:
        """The text without a marker, also where it stands between these two, which may hold some themselves.

        Control characters become U+FFFD, and ends of lines are \\n. A text that is harmless stays as it is.
        """
        text = _CONTROL.sub(REPLACEMENT, _LINE_END.sub("\n", text))
        whole = list(before + text + after)
        for start, end in self._find("".join(whole)):
            first = max(start, len(before))
            if first < min(end, len(before) + len(text)):
                whole[first] = self._replace(whole[first])
        return "".join(whole[len(before) : len(before) + len(text)])

    def _find(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the shortest marker begins and ends at each place, by the text's own characters.

        A marker that goes on behind a character that is replaced here is broken with it.
        """
        places = [(at, part) for at, character in enumerate(text) for part in fold(character)]
        for first, (at, _) in enumerate(places):
            branch = self._tree
            for last in range(first, len(places)):
                if (branch := branch.get(places[last][1], {})) and "" in branch:
                    yield at, places[last][0] + 1
                    break
                if not branch:
                    break

    def _replace(self, character: str) -> str:
        """A character that is part of no marker, so that none can come about with it."""
        alike = ALIKE.get(unicodedata.normalize("NFKC", character))
        return next(filter(self.lack, (alike, *STAND_INS) if alike else STAND_INS), REPLACEMENT)

    def lack(self, character: str) -> bool:
        """Whether the character is part of no marker."""
        return not self._characters & set(fold(character))


@dataclass(frozen=True)
class Guard:
    """Makes texts harmless for one tokenizer.

    encode: text -> ids, without tokens that begin or end a text. forbidden: ids that no text may become.
    """

    markers: Markers
    encode: Callable[[str], Sequence[int]]
    forbidden: frozenset[int]
    _stand_ins: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def write(self, text: str, max_tokens: int, *, before: str = "", after: str = "") -> str:
        """The text as it may stand between these two, with at most `max_tokens` tokens of its own."""
        text = self.clean(text[:LONGEST_CHARS], before=before, after=after)
        while True:
            kept = self.cut(text, max_tokens)
            # What is at its end now stands beside what comes after it.
            text = self.clean(kept, before=before, after=after)
            if text == kept:
                return text

    def clean(self, text: str, *, before: str = "", after: str = "") -> str:
        """Without markers, and without what the tokenizer puts control tokens for, such as characters it lacks."""
        text = self.markers.neutralise(text, before=before, after=after)
        if not self.forbidden.intersection(self.encode(text)):
            return text
        text = "".join(map(self._stand_in, text))
        # A tokenizer that still writes one for characters that are harmless alone is none to give a text to.
        return "" if self.forbidden.intersection(self.encode(text)) else text

    def cut(self, text: str, max_tokens: int) -> str:
        """The beginning of the text that fits, by whole characters: of a text without
        markers it has none either.
        """
        low, high = 0, min(len(text), 4 * max_tokens)
        while high < len(text) and self._fits(text[:high], max_tokens):
            low, high = high, min(len(text), 2 * high)
        if self._fits(text[:high], max_tokens):
            return text[:high]
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._fits(text[:middle], max_tokens) else (low, middle)
        return text[:low]

    def _fits(self, text: str, max_tokens: int) -> bool:
        return len(self.encode(text)) <= max_tokens

    def _stand_in(self, character: str) -> str:
        """The character, or what is written in place of one that becomes a control token."""
        if character not in self._stand_ins:
            candidates = (character, *filter(self.markers.lack, STAND_INS))
            self._stand_ins[character] = next(filter(self._is_harmless, candidates), REPLACEMENT)
        return self._stand_ins[character]

    def _is_harmless(self, character: str) -> bool:
        return not self.forbidden.intersection(self.encode(character))


def list_control_tokens(tokenizer: Any) -> dict[str, int]:
    """The tokens that a tokenizer finds in any text before it splits it, with their ids.

    Left out are those of white space alone, and plain words that are not called special.
    """
    added = tokenizer.added_tokens_decoder.items()
    control = {str(token): int(number) for number, token in added if token.special or _is_sign(str(token))}
    named = dict(zip(tokenizer.all_special_tokens, map(int, tokenizer.all_special_ids), strict=False))
    return {text: number for text, number in (control | named).items() if text.strip(string.whitespace + SPACE)}


def _is_sign(text: str) -> bool:
    """Whether a text holds more than letters, digits and white space."""
    return not all(part.isalnum() or part.isspace() or part == SPACE for part in text)


def guard_for(tokenizer: Any, markers: Sequence[str], encode: Callable[[str], Sequence[int]]) -> Guard:
    """A guard for a tokenizer, against its control tokens, these markers and those of common model families."""
    control = list_control_tokens(tokenizer)
    alone = [ids for marker in markers if len(ids := encode(marker.strip())) == 1]
    forbidden = frozenset(control.values()) | {ids[0] for ids in alone}
    return Guard(Markers((*KNOWN_MARKERS, *markers, *control)), encode, forbidden)
