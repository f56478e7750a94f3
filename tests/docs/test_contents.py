"""README and docs: the README is a page, what they name is there, and what there is has its place in them."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from omegaconf import OmegaConf

from harness.forms import FORMS
from harness.readers import FUNCTIONS
from harness.tasks.lm_eval import LmEval
from harness.types import Outcome
from isoquant.table import GROUPS
from tests.docs.pages import PAGES, README, ROOT, blocks, name, prose, read

CONF = ROOT / "conf"
ROOMS = ("conf", "sweeps", "harness", "results", "analysis", "ladder", "tests", "docs", "isoquant")
NAMED = re.compile(rf"`((?:{'|'.join(ROOMS)})/[\w./-]*)`")
# Made by commands, in a checkout that has run them.
MADE = ("results/runs", "ladder/cache")
# Words that a reader who is no native speaker reads twice.
HARD = re.compile(
    r"\b(told|lent|dearest|minded|borne in mind|strangers are|does not part|by another name|by a dial of)\b",
    re.IGNORECASE,
)
KINDS = {"sh", "text", "python", "json", "yaml", "bibtex", "sql"}


def test_the_readme_is_one_page() -> None:
    lines = read(README).splitlines()
    assert len(lines) <= 150 and max(map(len, lines)) <= 120


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_is_in_plain_words_and_lines(page: Path) -> None:
    text = prose(page)
    assert not HARD.findall(text)
    # Tables and pictures take the width they need.
    assert not [line for line in text.splitlines() if len(line) > 120 and not line.startswith(("|", "!["))]
    assert {block.kind for block in blocks(page)} <= KINDS
    assert not re.search(r"^    (make|isoquant|python|vllm) ", text, re.MULTILINE), "commands stand in sh blocks"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_a_page_names_of_the_project_is_there(page: Path) -> None:
    named = [place for place in NAMED.findall(prose(page)) if not place.startswith(MADE)]
    assert [place for place in named if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_what_a_tree_names_is_there(page: str) -> None:
    [tree] = [block.text for block in blocks(ROOT / page) if "Makefile  " in block.text]
    above, lacking = ROOT, []
    for line in tree.splitlines():
        names = re.split(r" {2,}", line.strip())[0].split()
        if not line.startswith(" "):
            above = ROOT / names[0]
        places = [ROOT / each if not line.startswith(" ") else above / each for each in names]
        lacking += [str(place) for place in places if not place.exists()]
    assert not lacking and len(tree.splitlines()) > 10


@pytest.mark.parametrize(
    ("room", "page"),
    [
        ("experiment", "sweeps"),
        ("task", "tasks"),
        ("thinking", "models"),
        ("engine", "engines"),
        ("scorer", "verifiers"),
        ("strategy", "search strategies"),
        ("tools", "tools"),
        ("calls", "tools"),
        ("goal", "goals"),
    ],
)
def test_every_choice_has_its_place(room: str, page: str) -> None:
    text = "".join(read(ROOT / "docs" / f"{each}.md") for each in page.split())
    lacking = [path.stem for path in (CONF / room).glob("*.yaml") if not re.search(rf"[`=]{path.stem}\b", text)]
    assert not lacking


def test_every_command_has_its_place() -> None:
    every = "".join(map(read, PAGES))
    listed = [command for group in GROUPS.values() for command in group]
    assert len(listed) > 10 and [command for command in listed if f"isoquant {command}" not in every] == []


def test_the_glossary_has_the_words_that_are_hard_to_guess() -> None:
    words = ("rung", "anchor", "bin", "cell", "pool", "setting", "path", "frontier", "hull", "never")
    assert not [word for word in words if f"**{word}**" not in read(ROOT / "docs" / "architecture.md")]


def test_every_kind_of_model_has_commands() -> None:
    text = read(ROOT / "docs" / "models.md")
    for kind in ("chat model", "reasoning model", "base model", "fine-tune", "server"):
        _, _, rest = text.partition(f"**A {kind}.**")
        assert "isoquant plan" in rest.split("\n**")[0], kind


def test_the_task_of_the_page_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {block.kind: block.text for block in blocks(ROOT / "docs" / "tasks.md")}
    folder = tmp_path / "my_tasks"
    folder.mkdir()
    (folder / "mine.yaml").write_text(kinds["yaml"])
    (folder / "problems.jsonl").write_text(kinds["json"])
    gold = json.loads(kinds["json"])["answer"]
    monkeypatch.chdir(tmp_path)
    task = LmEval(name="mine", size=1, include_path="my_tasks")
    [prompt] = task.load()
    right, wrong = (
        task.grade(prompt, text) for text in (f"3 + 4 = {gold}. The answer is {gold}.", "The answer is 8.")
    )
    assert right.correct and not wrong.correct and right.vote_key != wrong.vote_key


def test_the_page_of_trust_gives_the_words_that_a_run_may_be_graded_with() -> None:
    words = re.findall(r"isoquant grade pilot (task\.\w+)=", read(ROOT / "docs" / "trust.md"))
    assert set(words) <= {f"task.{each}" for each in (*FUNCTIONS, "trust")} and len(words) == 2
    assert "trust" in {field.name for field in fields(LmEval)}


def rows_of(page: str) -> list[list[str]]:
    lines = read(ROOT / "docs" / page).splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]


def test_the_page_of_answers_gives_every_forms_lead_and_every_tasks_form() -> None:
    rows = rows_of("answers.md")
    leads = {row[0].strip("`"): row[1].strip("`") for row in rows if len(row) == 4 and row[0].strip("`") in FORMS}
    assert leads == {each: form.lead or "nothing" for each, form in FORMS.items()}
    given = {task: row[1].strip("`") for row in rows if len(row) == 2 for task in re.findall(r"`(\w+)`", row[0])}
    for path in (CONF / "task").glob("*.yaml"):
        assert given[path.stem] == (OmegaConf.load(path).form or given["lm_eval"]), path.stem


def test_the_page_of_answers_names_every_style_and_every_outcome() -> None:
    named = {found for row in rows_of("answers.md") for found in re.findall(r"`(\w+)`", row[0])}
    assert named >= {path.stem for path in (CONF / "thinking").glob("*.yaml")} - {"auto"}
    assert named >= set(get_args(Outcome))
