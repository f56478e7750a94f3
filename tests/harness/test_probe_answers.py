"""The probe grades its answers: a model that cannot be read as it is asked is stopped, with cause and way on."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from harness.answers import boxed
from harness.forms import FORMS, Form
from harness.probe import Probe, probe_thinking
from harness.rendering import Renderer
from harness.traces import Context
from harness.types import Completion, Grade, Prompt, Request, Sampling, Thinking
from tests.harness.byte_tokenizer import BOS, EOS, build_byte_tokenizer

TOKENIZER = build_byte_tokenizer(chat=False)
EOS_ID = int(TOKENIZER.convert_tokens_to_ids(EOS))
PROMPTS = [Prompt(f"p/{i}", f"What is {i} plus 1?", {"gold": str(i + 1)}) for i in range(8)]
PLAIN = Thinking(close=None, force="\n", bos=True)


@dataclass(frozen=True)
class Sums:
    """A task with boxed answers. evaluates: its grader asks for what the sandbox refuses."""

    evaluates: bool = False
    name: str = "sums"
    size: int = 8
    grader: str = "sums"
    grader_version: str = "1"
    until: tuple[str, ...] = ()
    answer_form: Form = FORMS["boxed"]

    @property
    def identity(self) -> Mapping[str, Any]:
        return {}

    def load(self) -> list[Prompt]:
        return PROMPTS

    def grade(self, prompt: Prompt, text: str) -> Grade:
        if self.evaluates:
            exec("getattr")
        if not text.strip():
            return Grade(None, None, False, 0.0, "unanswered")
        found = boxed(text)
        correct = found == prompt.reference["gold"]
        return Grade(
            found, found, correct, float(correct), "correct" if correct else "wrong" if found else "unparsed"
        )


@dataclass
class Says:
    """Writes `text` and ends, whatever it is asked. needs:
    the token that a prompt must begin with to be understood.
    """

    text: str
    needs: int | None = None
    ends: bool = True

    async def complete(self, request: Request) -> Completion:
        is_understood = self.needs is None or request.prompt_ids[0] == self.needs
        text = self.text if is_understood else "xq" * 200
        ids = tuple(TOKENIZER.encode(text, add_special_tokens=False))
        script = (*ids, EOS_ID) if self.ends else ids * request.max_tokens
        written = script[: request.max_tokens]
        return Completion(written, "stop" if written[-1] in request.stop_ids else "length", 0, 0.0)


def probe(engine: Says, thinking: Thinking = PLAIN, task: Sums | None = None, *, longest: int = 200) -> Probe:
    task = task or Sums()
    renderer = Renderer(TOKENIZER, thinking, (EOS_ID,), task.answer_form)
    context = Context("identity", renderer, Sampling(max_answer_tokens=40), task.until)
    return asyncio.run(probe_thinking(engine, context, PROMPTS, max_thinking_tokens=longest, task=task))


def test_answers_that_can_be_read_pass_right_or_wrong() -> None:
    found = probe(Says("3}. It is \\boxed{3}."))
    assert (found.num_graded, found.num_read) == (16, 16)


@pytest.mark.parametrize(
    ("engine", "thinking", "task", "message"),
    [
        (
            Says("It is 19."),
            PLAIN,
            Sums(),
            r"Of 8 probes' answers given without forcing, 8 cannot be read \(unparsed\), such as 'It is 19.' to p/0"
            r".* written as 'The final answer is \\\\boxed\{...\}'\. .* Set task.form and task.extract .* probe=false",
        ),
        (
            Says("3}. \\boxed{3}", needs=int(TOKENIZER.convert_tokens_to_ids(BOS))),
            replace(PLAIN, bos=False),
            Sums(),
            "does not begin with '<bos>', the tokenizer's beginning-of-text token, .* Set thinking.bos=true",
        ),
        (Says("2+2</think> is 4"), PLAIN, Sums(), "closes its thinking with </think>: set thinking.close to it"),
        (
            Says("3}. \\boxed{3}"),
            PLAIN,
            Sums(evaluates=True),
            r"The sandbox refuses what its grader does \(refused: exec",
        ),
        (
            Says("It is 19."),
            PLAIN,
            Sums(answer_form=FORMS["whole"]),
            r"unparsed.* The task reads the whole answer, so nothing else may stand in it\. Does its prompt say so\? "
            ".* or choose a task whose prompt says what to write",
        ),
        (Says(""), PLAIN, Sums(), r"\(unanswered\).* The model ends its text at once"),
    ],
    ids=["wrong form", "no beginning of text", "wrong marker", "refused grader", "no form", "nothing said"],
)
def test_answers_that_cannot_be_read_stop_the_sweep_with_the_cause(
    engine: Says, thinking: Thinking, task: Sums, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        probe(engine, thinking, task)


def test_a_model_that_runs_on_behind_the_answer_limit_is_told_so() -> None:
    closing = Thinking(open="<think>", close="</think>", force="</think>")
    with pytest.raises(ValueError, match="longer than sampling.max_answer_tokens=40. Raise it"):
        probe(Says("la la ", ends=False), closing)


def test_traces_that_are_all_cut_are_judged_by_their_forced_answers_alone() -> None:
    found = probe(Says("7}. " * 500), longest=50)
    assert (found.num_ended, found.num_graded, found.num_read) == (0, 8, 8)
