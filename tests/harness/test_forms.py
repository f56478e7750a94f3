"""Every shipped task with every shipped way of thinking: a model that answers as it was asked is graded correct.

The model is scripted. It thinks, closes where its style closes, and writes the gold answer in the task's form: at
the end of its own text, or behind what a cut trace was led by.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from harness.answers import final_answer
from harness.forms import FORMS
from harness.grading import grade_texts
from harness.rendering import Renderer
from harness.samples import Pending, Sampled, finish_sample
from harness.traces import Context, SampleKey
from harness.types import Answer, Completion, Grade, Prompt, Request, Sampling, Task, Thinking
from results.cuts import along_budgets
from sweeps.compose import build
from tests.harness.byte_tokenizer import EOS, build_byte_tokenizer
from tests.harness.test_shipped_tasks import SHIPPED, SOURCES, make

STYLES = sorted(path.stem for path in Path("conf/thinking").glob("*.yaml") if path.stem != "auto")
THOUGHT = "First I look at what is given, and then I work it out step by step. "
TOKENIZER = build_byte_tokenizer()
EOS_ID = int(TOKENIZER.convert_tokens_to_ids(EOS))
BUDGETS = (0, 7, 40, 100, 1000)


def encode(text: str) -> tuple[int, ...]:
    return tuple(TOKENIZER.encode(text, add_special_tokens=False))


@dataclass
class Obliging:
    """Thinks THOUGHT, and answers `gold` in the form that it was asked for, or led to.

    leaves_open: whether it ends its text where the tail of the form should stand.
    """

    renderer: Renderer
    gold: str
    leaves_open: bool = False

    async def complete(self, request: Request) -> Completion:
        form, asked = self.renderer.form, TOKENIZER.decode(list(request.prompt_ids))
        whole = form.write(self.gold)
        if request.prompt_ids[-len(self.renderer.force_ids) :] == self.renderer.force_ids and form.lead in asked:
            script = encode(f"{form.gap}{self.gold}" if self.leaves_open else whole.removeprefix(form.lead))
        elif self.renderer.close_id is None:
            script = (*encode(f"{THOUGHT}{whole}"), EOS_ID)
        elif request.prompt_ids[-1] == self.renderer.close_id:
            script = (*encode(f"\n\nSo this is it. {whole}" if form.lead else whole), EOS_ID)
        else:
            script = (*encode(THOUGHT), self.renderer.close_id)
        script = script if script[-1] in request.stop_ids else (*script, EOS_ID)
        written = script[: request.max_tokens]
        return Completion(written, "stop" if written[-1] in request.stop_ids else "length", 0, 0.0)


def load_thinking(style: str) -> Thinking:
    part: dict[str, Any] = OmegaConf.to_container(OmegaConf.load(f"conf/thinking/{style}.yaml"))  # type: ignore[assignment]
    thinking: Thinking = build(part, "thinking")
    return thinking


@pytest.fixture(scope="module")
def load_task(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Task, list[Prompt]]]:
    return cache(lambda name: load_two(name, tmp_path_factory.mktemp(name)))


def load_two(name: str, folder: Path) -> tuple[Task, list[Prompt]]:
    """A shipped task with two of its problems."""
    changes: dict[str, Any] = {"size": 2}
    if name in SOURCES:
        documents = folder / "documents.jsonl"
        documents.write_text("".join(json.dumps(document) + "\n" for document in SOURCES[name].documents))
        changes["data"] = str(documents)
    return make(name, **changes)


def read_gold(prompt: Prompt) -> str:
    """The answer alone."""
    if "doc" not in prompt.reference:
        return str(prompt.reference["answer"])
    document = prompt.reference["doc"]
    return str(document.get("Answer", document.get("answer"))).rpartition("#### ")[2].removesuffix(".0")


def sample(renderer: Renderer, task: Task, prompt: Prompt, *, leaves_open: bool = False) -> Sampled:
    context = Context("identity", renderer, Sampling(max_answer_tokens=200), task.until)
    key = SampleKey(prompt, renderer.prompt_ids(prompt), "evaluation", 0)
    engine = Obliging(renderer, read_gold(prompt), leaves_open)
    return asyncio.run(finish_sample(engine, context, Pending(key, along_budgets(BUDGETS))))


Graded = list[tuple[Answer, Grade]]


@pytest.fixture(scope="module")
def grade_every_style(
    load_task: Callable[[str], tuple[Task, list[Prompt]]],
) -> Callable[[str, bool], dict[str, Graded]]:
    """By style what the obliging model answers a task's first prompt, and its grades: one call of the graders."""

    def grade_styles(name: str, leaves_open: bool) -> dict[str, Graded]:
        task, prompts = load_task(name)
        answers: list[tuple[str, Answer]] = []
        for style in ["chain_of_thought"] if leaves_open else STYLES:
            renderer = Renderer(TOKENIZER, load_thinking(style), (EOS_ID,), task.answer_form)
            sampled = sample(renderer, task, prompts[0], leaves_open=leaves_open)
            assert sampled.traces[-1].ended
            answers += [(style, answer) for answer in sampled.answers if answer.forced or not leaves_open]
        # Styles and budgets often lead to one text, and a text has one grade.
        texts = list(dict.fromkeys((answer.prompt_id, answer.text) for _, answer in answers))
        grades = dict(zip(texts, grade_texts(task, texts).grades, strict=True))
        found: dict[str, Graded] = {}
        for style, answer in answers:
            found.setdefault(style, []).append((answer, grades[answer.prompt_id, answer.text]))
        return found

    return cache(grade_styles)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", SHIPPED)
def test_an_answer_as_asked_for_is_correct_natural_and_forced_at_every_budget(
    name: str, style: str, grade_every_style: Callable[[str, bool], dict[str, Graded]]
) -> None:
    graded = grade_every_style(name, False)[style]
    assert {answer.budget for answer, _ in graded} > {None, 0, 7}
    assert {grade.outcome for _, grade in graded} == {"correct"}, graded
    assert all(grade.vote_key for _, grade in graded)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_led_answer_that_ends_without_its_tail_is_read(
    name: str, grade_every_style: Callable[[str, bool], dict[str, Graded]]
) -> None:
    (graded,) = grade_every_style(name, True).values()
    assert {grade.outcome for _, grade in graded} == {"correct"}, graded


@pytest.mark.parametrize("style", STYLES)
def test_no_style_opens_with_a_lone_space_and_no_lead_ends_in_one(style: str) -> None:
    assert not load_thinking(style).open.endswith(" ")
    assert not any(form.lead.endswith(" ") for form in FORMS.values())


@pytest.mark.parametrize(
    ("name", "text", "closed"),
    [
        ("boxed", "The final answer is \\boxed{57", "The final answer is \\boxed{57}"),
        ("boxed", "The final answer is \\boxed{\\frac{1}{2}", "The final answer is \\boxed{\\frac{1}{2}}"),
        ("boxed", "The final answer is \\boxed{57\n\n", "The final answer is \\boxed{57}"),
        ("boxed", "The final answer is \\boxed{57}.", "The final answer is \\boxed{57}."),
        ("boxed", "The final answer is \\boxed{", "The final answer is \\boxed{"),
        ("tagged", "<answer>57", "<answer>57</answer>"),
        ("tagged", "<answer>57</answer>", "<answer>57</answer>"),
        ("tagged", "<answer>\n", "<answer>\n"),
        ("letter", "The answer is (B\n", "The answer is (B)"),
        ("letter", "The answer is (B) since", "The answer is (B) since"),
        ("number", "The answer is 57", "The answer is 57."),
        ("number", "The answer is 5.7", "The answer is 5.7."),
        ("number", "The answer is 57.\n", "The answer is 57.\n"),
        ("phrase", "The final answer is 5 apples. So", "The final answer is 5 apples. So"),
        ("hashes", "#### 57", "#### 57"),
        ("whole", "57", "57"),
    ],
)
def test_an_answer_that_ended_without_its_tail_gets_it(name: str, text: str, closed: str) -> None:
    assert FORMS[name].close(text) == closed  # type: ignore[index]


@pytest.mark.parametrize("name", sorted(FORMS))
def test_what_a_form_writes_is_over_where_it_says_so_and_not_before(name: str) -> None:
    form = FORMS[name]  # type: ignore[index]
    whole = form.write("18") + "\n"
    assert form.is_over(whole) == (name not in ("whole", "hashes")) or name == "hashes"
    assert not form.is_over(form.lead)
    assert not form.is_over(form.lead + form.gap + "18")


def test_a_tasks_form_is_the_one_in_which_its_own_filter_reads_its_gold_answers(
    load_task: Callable[[str], tuple[Task, list[Prompt]]],
) -> None:
    assert load_task("lm_eval")[0].answer_form.lead == "The answer is"
    assert final_answer(FORMS["phrase"].write("18")) == "18"
