"""Our grades, math-verify's and lm-eval's on every pair, by kind:
`python -m tests.harness.audit` writes agreement.md.

With ISOQUANT_DATA naming the published files the answers of mutations.py are among them.
"""

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from harness.tasks.scoring import score_boxed
from tests.harness.mutations import LATEX, mutate
from tests.harness.pairs import Pair
from tests.harness.pairs_of_forms import MISSED, list_pairs

PAGE = Path(__file__).parent / "agreement.md"
BEGIN, END = "<!-- written by python -m tests.harness.audit -->\n", "<!-- end -->\n"
NUM_MUTATED = 500
Grader = Callable[[str, str], bool]


class Count(NamedTuple):
    """How many pairs a grader takes and should not, and how many it should take and does not."""

    num_false_positives: int
    num_false_negatives: int

    def __str__(self) -> str:
        return f"{self.num_false_positives} + {self.num_false_negatives}"


def grade_by_ours(gold: str, text: str) -> bool:
    return bool(score_boxed({"answer": gold}, [text])["exact_match"])


def grade_by_math_verify(gold: str, text: str) -> bool:
    from math_verify import parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    truth, answer = parse(f"${gold}$", parsing_timeout=None), parse(text, parsing_timeout=None)
    return bool(verify(truth, answer, timeout_seconds=None))


def grade_by_lm_eval(gold: str, text: str) -> bool:
    from lm_eval.tasks.aime.utils import process_results

    return bool(process_results({"answer": gold}, [text])["exact_match"])


GRADERS: Mapping[str, Grader] = {
    "ours": grade_by_ours,
    "math-verify": grade_by_math_verify,
    "lm-eval": grade_by_lm_eval,
}


def box(answer: str) -> str:
    return f"So $\\boxed{{{answer}}}$."


def list_mutated(data: Path) -> list[tuple[str, Pair]]:
    """The answers of mutations.py to the gold ones of MATH-500, as texts."""
    import json

    golds = [json.loads(line)["answer"] for line in data.read_text().splitlines()]
    mutated = mutate(golds, LATEX, NUM_MUTATED)
    return [(f"MATH-500: {name}", Pair(golds[at], text, is_right)) for at, name, text, is_right in mutated]


def count(pairs: Iterable[Pair], grade: Grader) -> Count:
    graded = [(pair.is_right, grade(pair.gold, pair.answer)) for pair in pairs]
    return Count(sum(got > right for right, got in graded), sum(got < right for right, got in graded))


def write_table(pairs: list[tuple[str, Pair]], graders: Mapping[str, Grader]) -> list[str]:
    """A line a kind: its pairs, and what each grader takes wrongly and misses."""
    kinds = dict.fromkeys(kind for kind, _ in pairs)
    rows = [f"| kind | pairs | {' | '.join(graders)} |", "|---|---" + "|---" * len(graders) + "|"]
    for kind in (*kinds, "all"):
        own = [pair for other, pair in pairs if kind in (other, "all")]
        counts = " | ".join(str(count(own, grade)) for grade in graders.values())
        rows.append(f"| {kind} | {len(own)} | {counts} |")
    return rows


def list_errors() -> list[Pair]:
    """The pairs that our grader gets wrong."""
    return [pair for _, pair in list_pairs() if grade_by_ours(pair.gold, box(pair.answer)) != pair.is_right]


def write_errors() -> list[str]:
    """A line for each pair that our grader gets wrong, with its reason."""
    rows = ["| gold | answer | right | ours | why |", "|---|---|---|---|---|"]
    for gold, answer, is_right in list_errors():
        words = ("yes", "wrong") if is_right else ("no", "right")
        rows.append(f"| `{gold}` | `{answer}` | {' | '.join(words)} | {MISSED.get((gold, answer), 'not known')} |")
    return rows


def main() -> None:
    pairs = [(kind, pair._replace(answer=box(pair.answer))) for kind, pair in list_pairs()]
    if folder := os.environ.get("ISOQUANT_DATA"):
        pairs += list_mutated(Path(folder) / "math" / "math500.jsonl")
    section = ["", *write_table(pairs, GRADERS), "", *write_errors(), "", ""]
    page = PAGE.read_text()
    before, after = page[: page.index(BEGIN) + len(BEGIN)], page[page.index(END) :]
    PAGE.write_text(before + "\n".join(section) + after)


if __name__ == "__main__":
    main()
