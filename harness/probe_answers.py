"""What the graders make of a probe's answers: whether they can be read at all, and where not, the likely cause."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from harness.grading import grade_texts
from harness.traces import Context
from harness.types import Answer, Outcome, Task

# Of answers of one kind, so many must be there, and such a share unread, to speak against how they were asked for.
MIN_ANSWERS, UNREAD_SHARE = 4, 0.85
UNREAD: tuple[Outcome, ...] = ("refused", "unparsed", "unanswered", "truncated", "timeout")
SHOWN_CHARS = 160
# What models that were trained to think write when they have.
CLOSING_TAG = re.compile(r"</(?:think|thinking|thought|reasoning)>")
SKIP = "probe=false skips the probes."


class Graded(NamedTuple):
    """An answer with what its grader made of it, and what was wrong with the grader, if anything."""

    answer: Answer
    outcome: Outcome
    trouble: str | None


def grade_answers(task: Task, answers: Sequence[Answer], *, unfenced: bool = False) -> list[Graded]:
    """The outcome of every answer, as the grading pass of a sweep would have it."""
    whole = [answer for answer in answers if answer.finish_reason != "length"]
    graded = grade_texts(
        task, [(answer.prompt_id, answer.text) for answer in whole], num_workers=1, unfenced=unfenced
    )
    cut = [Graded(answer, "truncated", None) for answer in answers if answer.finish_reason == "length"]
    return cut + [
        Graded(answer, grade.outcome, graded.troubles.get(position))
        for position, (answer, grade) in enumerate(zip(whole, graded.grades, strict=True))
    ]


def check_answers(context: Context, graded: Sequence[Graded]) -> None:
    """Raise ValueError, with an example, the likely cause and the way on, where nearly no answer can be read.

    Answers that traces came to by themselves and answers that cut ones were forced to are judged apart.
    """
    for kind, rows in (
        ("given without forcing", [row for row in graded if not row.answer.forced]),
        ("given when forced", [row for row in graded if row.answer.forced]),
    ):
        unread = [row for row in rows if row.outcome in UNREAD]
        if len(rows) >= MIN_ANSWERS and len(unread) >= UNREAD_SHARE * len(rows):
            worst = max(UNREAD, key=[row.outcome for row in unread].count)
            example = next(row for row in unread if row.outcome == worst)
            raise ValueError(
                f"Of {len(rows)} probes' answers {kind}, {len(unread)} cannot be read ({worst}), such as "
                f"{_clip(example.answer.text)!r} to {example.answer.prompt_id}. "
                f"{explain(context, example)} {SKIP}"
            )


def explain(context: Context, row: Graded) -> str:
    """The likely cause of an answer that cannot be read, and the option that mends it."""
    renderer = context.renderer
    if row.outcome in ("refused", "timeout"):
        done = "The sandbox refuses what its grader does" if row.outcome == "refused" else "Its grader fails"
        return f"{done} ({row.trouble}). Choose another task.filter or task.metric."
    tag = CLOSING_TAG.search(row.answer.text)
    if tag and renderer.close_id is None:
        return f"The model closes its thinking with {tag.group()}: set thinking.close to it, or thinking=auto."
    if not renderer.lacks_bos:
        return _explain_outcome(context, row.outcome)
    return (
        f"{_explain_outcome(context, row.outcome)} Or: the prompt does not begin with "
        f"{renderer.tokenizer.bos_token!r}, the tokenizer's beginning-of-text token, which many models need. Set "
        "thinking.bos=true."
    )


def _explain_outcome(context: Context, outcome: Outcome) -> str:
    if outcome == "truncated":
        limit = context.sampling.max_answer_tokens
        return (
            f"It is longer than sampling.max_answer_tokens={limit}. Raise it, or choose another thinking option."
        )
    if outcome == "unanswered":
        return (
            "The model ends its text at once, so thinking.chat or thinking.open do not fit it. Try thinking=auto."
        )
    example = context.renderer.form.write("...")
    # The form of a whole text writes nothing around it.
    read = (
        "reads the whole answer, so nothing else may stand in it. Does its prompt say so?"
        if example == "..."
        else f"reads answers written as {example!r}. Does its prompt ask for this form?"
    )
    return (
        f"The task {read} Set task.form and task.extract to the form in which this model answers, or choose a "
        "task whose prompt says what to write. A base model needs worked examples (task.num_fewshot=4 "
        "thinking=few_shot)."
    )


def _clip(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"...{text[-SHOWN_CHARS:]}"
