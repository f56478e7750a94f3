"""How answers to each generator of reasoning-gym are held to what its question asks,
where its scorer alone does not.

Knows entries and texts; what the scorers themselves read stands in scorers.py.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.tasks import marks
from harness.tasks.algebra import score_antiderivative, score_product
from harness.tasks.countdown import score_countdown, score_puzzle24
from harness.tasks.texts import is_json, is_list, is_plain, read_json

FULL_SCORE = 1.0
Entry = Mapping[str, Any]
Check = Callable[[str, Entry], bool]


@dataclass(frozen=True)
class Rule:
    """form: what the whole answer looks like, else it is unparsed. check: what its parts are, else it is unparsed.

    full: what full marks need beside the scorer's word. score: marks in place of the scorer's, None where
    unparsed.
    """

    form: re.Pattern[str] | None = None
    check: Check | None = None
    full: Check | None = None
    score: Callable[[str, Entry], float | None] | None = None

    @property
    def parts(self) -> tuple[Any, ...]:
        """What of it is code or a pattern, for a digest."""
        return tuple(part for part in (self.form, self.check, self.full, self.score) if part is not None)


def score_entry(scorer: Any, answer: str, entry: Entry, rule: Rule) -> float | None:
    """The marks of an answer by reasoning-gym's `scorer`, or by our own;
    None where it is not in the entry's form.
    """
    if not is_plain(answer, entry):
        return None
    if rule.score is not None:
        return rule.score(answer, entry)
    if rule.form is not None and not rule.form.fullmatch(answer):
        return None
    if rule.check is not None and not rule.check(answer, entry):
        return None
    # One scorer writes into what it is given.
    score = float(scorer.score_answer(answer=answer, entry={**entry, "metadata": dict(entry["metadata"])}))
    is_full = score >= FULL_SCORE
    return 0.0 if is_full and rule.full is not None and not rule.full(answer, entry) else score


def has_values(answer: str, entry: Entry) -> bool:
    """JSON, but for text around it, of about as many values as gold has: to compare two trees takes long."""
    return answer.count(",") <= GOLD_VALUES * str(entry["answer"]).count(",") + SPARE_VALUES


def is_board(answer: str, entry: Entry) -> bool:
    return is_json(answer) and _are_lists(read_json(answer), int)


def is_quoted_json(answer: str, entry: Entry) -> bool:
    """A JSON list of numbers, in either kind of quotes."""
    quoted = answer.replace("'", '"')
    numbers = read_json(quoted) if is_json(quoted) else None
    return isinstance(numbers, list) and all(NUMBER.fullmatch(str(number)) for number in numbers)


def is_grid(answer: str, entry: Entry) -> bool:
    """Rows of plain words, or else a list, which is all that may be evaluated."""
    return GRID.fullmatch(answer) is not None or is_list(answer)


def is_word_lists(answer: str, entry: Entry) -> bool:
    return is_json(answer) and _are_lists(read_json(answer), str)


def is_moves_of_jugs(answer: str, entry: Entry) -> bool:
    return is_json(answer) and _are(read_json(answer), POURING)


def is_moves_of_knights(answer: str, entry: Entry) -> bool:
    return answer.lower() == "no" or is_json(answer) and _are(read_json(answer), KNIGHT_MOVE)


def is_plan(answer: str, entry: Entry) -> bool:
    """Steps in which agents move boxes; a target that is moved to its box is none."""
    steps = read_json(answer) if is_json(answer) else None
    return isinstance(steps, list) and all(
        isinstance(step, dict) and _are(list(step), AGENT) and _are(list(step.values()), BOX_MOVE)
        for step in steps
    )


def is_coloring(answer: str, entry: Entry) -> bool:
    colors = read_json(answer) if is_json(answer) else None
    return isinstance(colors, dict) and all(type(color) is int for color in colors.values())


def is_assignment(answer: str, entry: Entry) -> bool:
    """A name and its role in turns, each name once: "not" would be passed over,
    and a second role behind the first.
    """
    metadata = entry["metadata"]
    names = {str(name).lower() for name in metadata["names"]}
    roles = {word for term in metadata["knight_knave_terms"].values() for word in term.lower().split()} - FILLERS
    words = [word for word in re.findall(r"[^\s.,()]+", answer.lower()) if word not in FILLERS]
    return len(set(words[::2])) == len(words[::2]) and set(words[::2]) <= names and set(words[1::2]) <= roles


def is_mapping(answer: str, entry: Entry) -> bool:
    letters = [pair.strip()[0] for pair in answer.split(",")]
    return len(letters) == len(set(letters))


def _are(values: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, str) and pattern.fullmatch(value) for value in values
    )


def _are_lists(values: Any, kind: type) -> bool:
    return isinstance(values, list) and all(
        isinstance(inner, list) and all(type(value) is kind for value in inner) for inner in values
    )


FILLERS = frozenset(("is", "a", "an", "and"))
GOLD_VALUES, SPARE_VALUES = 2, 20
NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?")
GRID = re.compile(r"[A-EQ_]+(?:\s+[Q_])*|-?[0-9]+(?:[\s,]+-?[0-9]+)*")
POURING = re.compile(r"(?:fill|empty) [A-Z]|pour [A-Z]->[A-Z]")
KNIGHT_MOVE = re.compile(r"[wB],[A-Z][0-9],[A-Z][0-9]")
AGENT = re.compile(r"Agent\[[0-9.]{1,6}, [0-9.]{1,6}\]")
BOX_MOVE = re.compile(r"move\(box_\w+, (?:target_\w+|square\[[0-9.]{1,6}, [0-9.]{1,6}\])\)", re.ASCII)
_REAL = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_ROW = r"[0-9]+(?:[ \t,]+[0-9]+)*"
_CLOCK = r"[0-9]{1,4}:[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{3})?)?"

RULES: Mapping[str, Rule] = {
    "advanced_geometry": Rule(re.compile(rf"-?{_REAL}\s*°?|\(?\s*-?{_REAL}\s*,\s*-?{_REAL}\s*\)?")),
    "binary_matrix": Rule(check=is_grid),
    "bitwise_arithmetic": Rule(re.compile(r"[-+]?(?:0[xX][0-9A-Fa-f]+|0[bB][01]+|0[oO][0-7]+|[0-9]+)")),
    "boxnet": Rule(check=is_plan),
    "calendar_arithmetic": Rule(score=marks.score_calendar),
    "chain_sum": Rule(full=marks.has_thousands),
    "codeio": Rule(check=has_values, full=marks.is_same_value),
    "coin_flip": Rule(
        re.compile(rf"[-+]?[0-9]+\s*/\s*[0-9]+|[-+]?{_REAL}(?:[eE][-+]?[0-9]{{1,2}})?"), full=marks.is_probability
    ),
    "complex_arithmetic": Rule(
        re.compile(rf"\(*\s*[-+]?\s*(?:{_REAL}|{_REAL}?\s*[ij]|{_REAL}\s*[-+]\s*{_REAL}?\s*[ij])\s*\)*")
    ),
    "countdown": Rule(score=score_countdown),
    "cryptarithm": Rule(re.compile(r"\s*[A-Z]\s*=\s*[0-9]\s*(?:,\s*[A-Z]\s*=\s*[0-9]\s*)*"), check=is_mapping),
    "decimal_arithmetic": Rule(full=marks.has_digits),
    "figlet_font": Rule(full=marks.is_same_letters),
    "fraction_simplification": Rule(
        re.compile(r"\$?\s*(?:[0-9]+\s*/\s*[0-9]+|\\d?frac\s*\{\s*[0-9]+\s*\}\s*\{\s*[0-9]+\s*\})\s*\$?")
    ),
    "game_of_life": Rule(check=is_board, full=marks.is_same_value),
    "graph_color": Rule(check=is_coloring, full=marks.is_coloring),
    "group_anagrams": Rule(check=is_word_lists),
    "gsm_symbolic": Rule(re.compile(r"-?\s*[$€£]?\s*[0-9][0-9,]*(?:\.[0-9]+)?\s*[%.]?"), full=marks.is_one_number),
    "intermediate_integration": Rule(score=score_antiderivative),
    "jugs": Rule(check=is_moves_of_jugs),
    "kakurasu": Rule(re.compile(r"[01](?:[\s,]*[01])*")),
    "knight_swap": Rule(check=is_moves_of_knights),
    "knights_knaves": Rule(check=is_assignment),
    "letter_jumble": Rule(full=marks.is_same_words),
    "n_queens": Rule(check=is_grid),
    "number_format": Rule(full=marks.is_chosen),
    "number_sorting": Rule(check=is_quoted_json, full=marks.is_same_numbers),
    "palindrome_partitioning": Rule(check=is_word_lists),
    # No real solution is written as two quotes.
    "polynomial_equations": Rule(re.compile(rf"""-?{_REAL}(?:\s*,\s*-?{_REAL})*|""|''|""")),
    "polynomial_multiplication": Rule(score=score_product),
    "pool_matrix": Rule(re.compile(rf"-?{_REAL}(?:\s+-?{_REAL})*"), full=marks.is_pooled),
    "prime_factorization": Rule(re.compile(r"[0-9]+(?:\s*×\s*[0-9]+)*")),
    "products": Rule(full=marks.has_thousands),
    "puzzle24": Rule(score=score_puzzle24),
    "quantum_lock": Rule(re.compile(r"[A-Ca-c](?:(?:\s*(?:→|->|,)\s*|\s+)[A-Ca-c])*")),
    "rubiks_cube": Rule(re.compile(r"[A-Za-z]w?'?[0-9]?(?:\s+[A-Za-z]w?'?[0-9]?)*")),
    "rush_hour": Rule(re.compile(r"[A-Z][-+][1-9](?:[\s,]+[A-Z][-+][1-9])*")),
    "simple_integration": Rule(score=score_antiderivative),
    "sokoban": Rule(re.compile(r"[UDLR](?:[\s,]*[UDLR])*")),
    "spell_backward": Rule(full=marks.is_same_words),
    "spiral_matrix": Rule(check=is_grid),
    "string_insertion": Rule(check=is_grid),
    "survo": Rule(re.compile(rf"{_ROW}(?:\s*\n\s*{_ROW})*")),
    "time_intervals": Rule(re.compile(rf"[0-9]{{1,6}}(?: days?)?|(?:[0-9]{{1,6}} days, )?{_CLOCK}")),
    "tower_of_hanoi": Rule(
        re.compile(
            r"Move disk [0-9]+ from Peg [0-9] to Peg [0-9](?:\s*\n\s*Move disk [0-9]+ from Peg [0-9] to Peg [0-9])*"
        )
    ),
    "word_sorting": Rule(full=marks.is_same_list),
}
FREE = Rule()
