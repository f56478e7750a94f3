"""Searches on the real engines: subtrees are subsets, token for token,
and every token that is written is charged.
"""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from harness.samples import Pending, Sampled
from harness.search.searches import finish_searches
from harness.search.strategy import Strategy
from harness.traces import SampleKey
from harness.types import Prompt
from results.cuts import along_budgets
from sweeps.counted import Counted
from tests.borrowed import Elsewhere
from tests.conftest import Running
from tests.harness.stepping_engine import build_searcher
from tests.harness.test_search import rows

STRATEGY = Strategy(width=3, expansions=3, together=False, scorer="s", step_token=";", max_step_tokens=48)
KINDS = [
    STRATEGY,
    replace(STRATEGY, step_token=None, step=";"),
    replace(STRATEGY, together=True),
]
PROMPTS = [Prompt(f"p/{number}", text, {}) for number, text in enumerate(("1 2 3=6", "9 8 2=34", "20 3 11 7=99"))]


@pytest.fixture(params=["vllm", pytest.param("server", marks=pytest.mark.server)])
def served(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue({"vllm": "running", "server": "serving"}[request.param])
    return running


def run(
    served: Running, strategy: Strategy, *, temperature: float, at_once: int = 1
) -> tuple[list[Sampled], Counted, Any]:
    """The searches of all prompts, by default one at a time: what is in a batch shows in the last digits."""
    engine = Counted(Elsewhere(served), num_known=len(served.renderer.tokenizer))
    searcher, heard = build_searcher(engine, strategy, served.context(temperature=temperature), budget=128)
    found: list[Sampled] = []
    work = [
        [
            Pending(
                SampleKey(prompt, served.renderer.prompt_ids(prompt), "evaluation", number), along_budgets((128,))
            )
            for number in range(strategy.width)
        ]
        for prompt in PROMPTS
    ]
    asyncio.run(finish_searches(searcher, work, samples_in_flight=at_once, on_sample=found.append))
    return found, engine, heard


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_subtrees_of_a_search_are_those_of_any_other_number_token_for_token(
    served: Running, temperature: float
) -> None:
    paths = []
    for width in (3, 2):
        found, _, _ = run(served, replace(STRATEGY, width=width), temperature=temperature)
        paths.append(
            {
                (sampled.key.prompt.prompt_id, sample): (
                    [trace.token_ids for trace in traces],
                    answer.text,
                    search.expansion_tokens,
                    search.reading_tokens,
                )
                for sampled in found
                for sample, (search, traces, answer) in rows([sampled]).items()
            }
        )
    many, few = paths
    assert len(many) == 9 and len(few) == 6
    assert all(many[key] == path for key, path in few.items())


@pytest.mark.parametrize("strategy", KINDS)
def test_tokens_charged_are_those_that_the_engine_wrote(served: Running, strategy: Strategy) -> None:
    found, engine, heard = run(served, strategy, temperature=1.0, at_once=64)
    assert not any(sampled.failure for sampled in found)
    searches = [search for sampled in found for search in sampled.searches]
    assert len(searches) == 9
    assert sum(search.num_written_tokens for search in searches) == engine.num_tokens
    assert sum(search.num_read_tokens for search in searches) == sum(map(len, heard.texts))
    kept = sum(answer.num_thinking_tokens for sampled in found for answer in sampled.answers)
    assert kept < engine.num_tokens
    ended = [trace for sampled in found for trace in sampled.traces if not trace.ended]
    assert ended and all(
        trace.text.endswith(";") or trace.num_thinking_tokens == 48 or trace.finish_reason == "length"
        for trace in ended
    )
