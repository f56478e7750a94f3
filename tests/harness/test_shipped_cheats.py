"""On every task that ships, cheats are wrong and gold is right however the task lets it be spelled."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness.answers import leaves, stated_number
from harness.fingerprint import digest_code
from harness.tasks.scoring import score_boxed
from harness.types import Prompt
from tests.harness.cheats import write_cheats
from tests.harness.test_cheats import is_spelling
from tests.harness.test_shipped_tasks import SHIPPED, SOURCES, make

SECONDS = 2.0


class Written(NamedTuple):
    """How a task's answer is marked, how its gold is found, and in what spellings it is right."""

    mark: Callable[[str], str]
    find: Callable[[Prompt], str]
    spellings: tuple[Callable[[str], str], ...]


def box(answer: str) -> str:
    return f"So \\boxed{{{answer}}}"


def tag(answer: str) -> str:
    return f"So <answer>{answer}</answer>"


def in_reference(prompt: Prompt) -> str:
    return str(prompt.reference["answer"])


def in_document(prompt: Prompt) -> str:
    document = prompt.reference["doc"]
    return str(document["answer"] if "answer" in document else document["Answer"]).rpartition("#### ")[2]


COUNTDOWN = (lambda gold: gold.replace(" ", ""), lambda gold: f" ( {gold} ) ", lambda gold: f"+{gold}")
NUMBER = (lambda gold: f"The answer is {gold}.", lambda gold: f"**{gold}**", lambda gold: f"It is ${gold} apples")
BOXED = (lambda gold: f"  {gold} ", lambda gold: f"\\left({gold}\\right)", lambda gold: f"{gold}\\text{{ cm}}")


# As SQuAD's normalisation leaves it: case, articles, signs and white space are no part of an answer.
PHRASE = (lambda gold: f" {gold.upper()}. ", lambda gold: f"the {gold}", lambda gold: f'"{gold}"')
WRITTEN = {
    **dict.fromkeys(("hotpotqa", "hotpotqa_search_r1", "browsecomp_plus"), Written(tag, in_reference, PHRASE)),
    "countdown": Written(str, in_reference, COUNTDOWN),
    "world": Written(str, in_reference, (str, lambda gold: f"  {gold} ", lambda gold: f"\n{gold}\n")),
    "countdown_chat": Written(tag, in_reference, COUNTDOWN),
    "reasoning_gym": Written(
        tag, in_reference, (lambda g: f" {int(g):,} ", lambda g: f"{int(g):+}", lambda g: f"{g}.0")
    ),
    "gsm8k": Written(str, in_document, NUMBER),
    "lm_eval": Written(
        str, in_document, (lambda g: f"The answer is {g}.",) * 2 + (lambda g: f"x\nThe answer is {g}.",)
    ),
    "svamp": Written(box, in_document, (*BOXED, lambda gold: gold.partition(".")[0], lambda gold: f"x = {gold}")),
    "math500": Written(
        box, in_document, (lambda g: f" {g} ", lambda g: g.replace(r"\frac", r"\dfrac"), lambda g: f"${g}$")
    ),
    "aime24": Written(box, in_document, (*BOXED, lambda gold: str(int(gold)), lambda gold: f"{gold}.0")),
}
# What a task's own grader could be talked round by: of a prompt's gold answer, what is not one.
OWN: dict[str, tuple[Callable[[Prompt, str], str], ...]] = {
    "countdown": (
        lambda prompt, gold: "+S.One" * prompt.reference["metadata"]["target"],
        lambda prompt, gold: str(prompt.reference["metadata"]["target"]),
        lambda prompt, gold: f"={prompt.reference['metadata']['target']}",
        lambda prompt, gold: f"{gold}={prompt.reference['metadata']['target']}",
        lambda prompt, gold: f"{gold}+0",
        lambda prompt, gold: f"{gold}*1",
        lambda prompt, gold: f"{gold}+1-1",
        lambda prompt, gold: f"({gold})**1",
        lambda prompt, gold: f"{gold}//1",
        lambda prompt, gold: f"{gold} # {gold}",
        lambda prompt, gold: f"({gold}, {gold})",
    ),
    "world": (
        lambda prompt, gold: f"{prompt.text} {gold}",
        lambda prompt, gold: " ".join(f"{gold[:3]}{digit}" for digit in range(10)),
        lambda prompt, gold: gold[:3],
        lambda prompt, gold: gold[3],
        lambda prompt, gold: gold.upper(),
        lambda prompt, gold: f"{gold[:3]} {gold[3]}",
        lambda prompt, gold: f"{gold[:3]}{int(gold[3]) + 10}",
        lambda prompt, gold: f"{gold}.",
        lambda prompt, gold: f"{gold}{gold}",
        lambda prompt, gold: "[a-z]{3}[0-9]",
        lambda prompt, gold: prompt.reference["gold_ids"][-1],
    ),
    # The numbers side by side are no answer, nor is what is left to work out.
    "boxed": (
        lambda prompt, gold: f"{int(float(gold)) - 1} 1",
        lambda prompt, gold: f"{int(float(gold)) - 1}(1)",
        lambda prompt, gold: f"({int(float(gold)) - 1})(1)",
        lambda prompt, gold: f"{int(float(gold)) - 1}\\,1",
        lambda prompt, gold: f"{int(float(gold)) - 1}+1",
        lambda prompt, gold: f"{int(float(gold)) + 1}-1",
        lambda prompt, gold: f"{gold} \\cdot 1",
        lambda prompt, gold: f"{gold}^1",
        lambda prompt, gold: f"\\binom{{{int(float(gold))}}}{{1}}",
        lambda prompt, gold: f"\\sqrt{{{int(float(gold)) ** 2}}}",
        lambda prompt, gold: f"\\log_2(2^{{{int(float(gold))}}})",
        lambda prompt, gold: f"\\sum_{{i=1}}^{{{int(float(gold))}}} 1",
        lambda prompt, gold: f"\\int_0^{{{int(float(gold))}}} 1 dx",
        lambda prompt, gold: f"7={gold}",
        lambda prompt, gold: f"{gold} \\pm 1",
        lambda prompt, gold: f"{gold}\\text{{1}}",
        lambda prompt, gold: f"{gold}~\\mathrm{{100}}",
        lambda prompt, gold: f"{gold}\\text{{ or more}}",
        lambda prompt, gold: f"{gold}\\text{{ million}}",
        lambda prompt, gold: f"{gold}\\text{{ is wrong}}",
        lambda prompt, gold: f"{gold}}} or \\boxed{{7",
    ),
}
OWN |= dict.fromkeys(
    ("hotpotqa", "hotpotqa_search_r1", "browsecomp_plus"),
    (
        lambda prompt, gold: f"{gold} {gold}",
        lambda prompt, gold: f"{gold} and others",
        lambda prompt, gold: gold[:-1],
        lambda prompt, gold: " ".join(reversed(gold.split())) + " x",
        lambda prompt, gold: f"{prompt.text} {gold}",
        lambda prompt, gold: str(prompt.reference["gold_ids"]),
        lambda prompt, gold: "".join(gold.split()) + "s",
        lambda prompt, gold: f"Doc 1(Title: {gold}) {gold}",
    ),
)
OWN |= {"countdown_chat": OWN["countdown"], "svamp": OWN["boxed"], "aime24": OWN["boxed"]}


def load(name: str, tmp_path: Path) -> tuple[Any, list[Prompt]]:
    changes: dict[str, Any] = {"size": 8}
    if name in SOURCES:
        data = tmp_path / "data.jsonl"
        data.write_text("".join(json.dumps(document) + "\n" for document in SOURCES[name].documents))
        changes["data"] = str(data)
    return make(name, **changes)


def ask(prompt: Prompt) -> str:
    """The problem's own words, without worked examples before it."""
    return prompt.text.rpartition("Q: ")[2].partition("\nA:")[0]


@pytest.mark.parametrize("name", SHIPPED)
def test_gold_is_right_in_three_spellings(name: str, tmp_path: Path) -> None:
    written = WRITTEN[name]
    task, prompts = load(name, tmp_path)
    assert len(written.spellings) >= 3
    for prompt in prompts:
        for spelled in written.spellings:
            text = written.mark(spelled(written.find(prompt)))
            assert task.grade(prompt, text).correct, text
            assert task.grade(prompt, f"<think>7 or 8</think>{text}").correct, text
            assert task.grade(prompt, f"<think>{text}</think>").outcome == "unanswered"


@pytest.mark.parametrize("name", SHIPPED)
def test_no_cheat_is_right(name: str, tmp_path: Path) -> None:
    written = WRITTEN[name]
    task, prompts = load(name, tmp_path)
    bought = []
    for prompt, neighbour in zip(prompts[:3], [*prompts[1:], prompts[0]], strict=False):
        gold, other = written.find(prompt), written.find(neighbour)
        cheats = write_cheats(ask(prompt), gold, other) + [write(prompt, gold) for write in OWN.get(name, ())]
        for cheat in cheats:
            start = time.process_time()
            grade = task.grade(prompt, written.mark(cheat))
            assert time.process_time() - start < SECONDS, cheat[:80]
            # What GSM8K's grader reads is a number, whatever stands around it.
            is_read = name == "gsm8k" and stated_number(cheat) == gold.replace(",", "")
            # A comment's signs are signs like others to SQuAD's normalisation.
            is_read |= WRITTEN[name].spellings is PHRASE and cheat == f"<!-- {gold} -->"
            if grade.correct and not is_spelling(cheat, gold) and not is_read:
                bought.append((cheat[:100], gold))
    assert bought == []


@pytest.mark.parametrize("name", ["countdown_chat", "math500"])
def test_of_several_answers_the_last_that_is_marked_is_graded(name: str, tmp_path: Path) -> None:
    task, prompts = load(name, tmp_path)
    mark, gold = WRITTEN[name].mark, WRITTEN[name].find(prompts[0])
    assert task.grade(prompts[0], f"{mark('7')} No: {mark(gold)}").correct
    assert task.grade(prompts[0], f"{mark(gold)} No: {mark('7')}").outcome == "wrong"


@pytest.mark.parametrize(
    ("answer", "gold", "is_right"),
    [
        ("52_7", "52_8", False),
        ("2516_{16}", "2516_8", False),
        ("52_{8}", "52_8", True),
        ("52", "52_8", True),
        ("52_8", "52", True),
        (r"5\text{ million}", "5", False),
        (r"5\text{million}", r"5\text{ million}", True),
        (r"5\text{ hours}", "5", True),
        (r"\text{5 hours}", "5", True),
        (r"1\text{ or }2", "1,2", True),
    ],
)
def test_a_base_and_words_of_number_are_part_of_it(answer: str, gold: str, is_right: bool) -> None:
    assert score_boxed({"answer": gold}, [rf"\boxed{{{answer}}}"]) == {"exact_match": int(is_right)}


@pytest.mark.parametrize(
    ("text", "gold", "is_right"),
    [
        (r"The final answer is \boxed{60 - 34} = 26.", "26", True),
        (r"$\boxed{60 - 34} = 26$ apples", "26", True),
        (r"\(\boxed{40 \times 40}\) = 1,600", "1600", True),
        (r"\boxed{60-34}, which is \$26.", "26", True),
        (r"**\boxed{60-34}** = **26.0**", "26", True),
        (r"\boxed{2^{10}} equals 1024", "1024", True),
        (r"\boxed{26} is 34 less than 60", "26", True),
        (r"\boxed{60 - 34}", "26", False),
        (r"\boxed{60 - 34} = 26 or 27", "26", False),
        (r"\boxed{60 - 34} = 26, or 27", "26", False),
        (r"$\boxed{60 - 34} = 26$ or $27$", "26", False),
        (r"\boxed{60 - 34} = 26\text{ or }27", "26", False),
        (r"\boxed{60 - 34} = 26, 27", "26", False),
        (r"\boxed{60 - 34} = 26; 27", "26", False),
        (r"\boxed{60 - 34} = 26 apples or so", "26", True),
        (r"\boxed{60 - 34} = 26, which is 2 more", "26", True),
        (r"\boxed{60 - 34} = 27", "26", False),
        (r"\boxed{60 - 33} = 26", "26", False),
        (r"\boxed{5} = 26", "26", False),
        (r"\boxed{60 - 34} = 60 - 34", "26", False),
        (r"\boxed{60 - 34} = 26 + 0", "26", False),
        (r"\boxed{60 - 34} = 26 \cdot 1", "26", False),
        ("\\boxed{60 - 34}\n\nx = 26", "26", False),
    ],
)
def test_what_is_left_to_work_out_in_a_box_may_be_worked_out_right_behind_it(
    text: str, gold: str, is_right: bool
) -> None:
    assert score_boxed({"answer": gold}, [text]) == {"exact_match": int(is_right)}


def test_a_shipped_grader_that_judges_otherwise_is_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = load("svamp", tmp_path)[0]
    before = task.grader_version
    # What the grader reads with, three functions down.
    monkeypatch.setattr(leaves, "_BASE", re.compile("never"))
    digest_code.cache_clear()
    del vars(task)["grader_version"]
    assert task.grader_version != before
