"""Prompts of large tasks and what is measured of them: computed once, kept,
and computed again for whatever changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.rendering import Renderer
from harness.tasks.reasoning_gym import ReasoningGym, render_expression, render_question
from harness.types import Prompt, Thinking
from ladder.tokenizer import build_tokenizer
from sweeps import kept
from sweeps.plan import measure

TASK = ReasoningGym("chain_sum", seed=3, size=12)
THINKING = Thinking(open="<think>", close="</think>", force="</think>")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ISOQUANT_CACHE", str(tmp_path))
    monkeypatch.setattr(kept, "MANY", 10)
    return tmp_path


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A number for each time that a task was loaded."""
    seen: list[int] = []
    load: Callable[[ReasoningGym], list[Prompt]] = ReasoningGym.load

    def count(task: ReasoningGym) -> list[Prompt]:
        seen.append(task.size)
        return load(task)

    monkeypatch.setattr(ReasoningGym, "prompts_version", property(lambda task: task.render.__name__))
    monkeypatch.setattr(ReasoningGym, "load", count)
    return seen


def told(prompts: list[Prompt]) -> list[tuple[str, str, Mapping[str, float], str]]:
    return [(prompt.prompt_id, prompt.text, dict(prompt.dials), prompt.prompt_hash) for prompt in prompts]


def test_many_prompts_are_made_once_and_are_the_same_afterwards(loads: list[int]) -> None:
    first = kept.load_prompts(TASK)
    assert told(kept.load_prompts(replace(TASK))) == told(first) and len(first) == 12
    assert loads == [12]


def test_few_prompts_are_made_each_time(loads: list[int], cache: Path) -> None:
    for _ in range(2):
        kept.load_prompts(replace(TASK, size=9))
    assert loads == [9, 9] and not list(cache.iterdir())


@pytest.mark.parametrize(
    "other", [{"seed": 4}, {"size": 11}, {"render": render_expression}, {"instructions": "!"}]
)
def test_whatever_changes_prompts_has_them_made_again(loads: list[int], other: dict[str, Any]) -> None:
    first, second = kept.load_prompts(TASK), kept.load_prompts(replace(TASK, **other))
    assert len(loads) == 2 and told(first) != told(second)


def test_a_kept_file_that_is_not_what_was_written_is_made_again(loads: list[int], cache: Path) -> None:
    first = kept.load_prompts(TASK)
    [path] = cache.glob("prompts/*.json")
    content = path.read_bytes()
    for damage in (content[:-1], content.replace(first[0].text[:4].encode(), b"what", 1), b"", b"\xff\n[]"):
        path.write_bytes(damage)
        assert told(kept.load_prompts(TASK)) == told(first)
    assert len(loads) == 5 and path.read_bytes() == content


def test_the_version_of_prompts_follows_the_code_that_renders_them() -> None:
    versions = {replace(TASK, render=render).prompts_version for render in (render_question, render_expression)}
    assert len(versions) == 2


def test_a_cache_that_cannot_be_written_is_none(loads: list[int], cache: Path) -> None:
    (cache / "prompts").write_text("a file")
    assert told(kept.load_prompts(TASK)) == told(kept.load_prompts(TASK)) and loads == [12, 12]


def test_prompts_are_rendered_once_for_each_way_of_rendering_them(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = [Prompt(f"p{index}", "1+" * index + "2=", {}) for index in range(12)]
    renderer = Renderer(build_tokenizer(), THINKING, eos_ids=(0,))
    longer = Renderer(build_tokenizer(), replace(THINKING, open="1<think>"), eos_ids=(0,))
    found = kept.measure_prompts(prompts, renderer)
    assert found == measure(prompts, renderer)
    assert kept.measure_prompts(prompts, longer).longest == found.longest + 1
    assert kept.measure_prompts([*prompts, Prompt("q", "3+" * 20, {})], renderer).longest > found.longest

    def refuse(*_: object) -> tuple[int, ...]:
        raise AssertionError("it was rendered again")

    monkeypatch.setattr(Renderer, "prompt_ids", refuse)
    assert kept.measure_prompts(prompts, renderer) == found


def test_old_files_are_removed(monkeypatch: pytest.MonkeyPatch, loads: list[int], cache: Path) -> None:
    monkeypatch.setattr(kept, "MOST_FILES", 3)
    for seed in range(6):
        kept.load_prompts(replace(TASK, seed=seed))
    assert len(list(cache.glob("prompts/*.json"))) == 3
