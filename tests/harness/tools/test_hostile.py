"""Hundreds of hostile calls against the real tools in real workers: nothing is carried out,
nothing hangs or raises.
"""

import asyncio
import json
from pathlib import Path

import pytest

from harness.rendering import encode
from harness.tools.calculator import Calculator
from harness.tools.calls import Call, check_call, explain
from harness.tools.protocol import Result
from harness.tools.search import Search
from harness.tools.serving import Limits
from harness.tools.untrusted import guard_for
from harness.tools.worker import start_workers
from tests.harness.byte_tokenizer import build_byte_tokenizer
from tests.harness.tools.hostile import list_calls, list_texts, payloads
from tests.harness.tools.test_search import Told
from tests.harness.tools.test_untrusted import STYLES, short, smuggled, style_of


def poison(folder: Path, canary: Path) -> Path:
    """A corpus whose every document is hostile, and found by the word that all have."""
    rows = [
        {"id": f"d{at}", "title": text[:200], "text": f"river {text}"}
        for at, text in enumerate(short(list_texts(canary)))
    ]
    path = folder / "poisoned.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("style_name", STYLES)
def test_hostile_calls_to_tools_that_know_a_hostile_corpus(style_name: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    canary, told = tmp_path / "canary", Told()
    settings = {"search": Search(str(poison(tmp_path, canary)), k=5), "calculator": Calculator()}
    tools = {name: tool.prepare(tmp_path / "index", told) for name, tool in settings.items()}
    style, tokenizer = style_of(style_name), build_byte_tokenizer()
    guard = guard_for(tokenizer, (*style.markers, "<think>", "</think>"), lambda text: encode(tokenizer, text))
    calls = list_calls(canary)

    async def carry_out() -> list[Result]:
        results = []
        async with start_workers(tools, limits=Limits(seconds=2.0, patience=10.0)) as workers:

            async def one(between: str) -> Result:
                call = style.parse(between)
                if not isinstance(call, Call):
                    return Result(explain(call))
                if wrong := check_call(call, tools):
                    return Result(explain(wrong))
                first = await workers.call(call.name, call.query)
                # What a style cannot say is asked all the same: both tools meet every query.
                return first if len(call.query) % 2 else await workers.call("calculator", call.query)

            for between in [*calls, *(f"river {text}"[:1900] for text in short(list_texts(canary))[:200])]:
                results.append(await one(between))
        return results

    results = asyncio.run(asyncio.wait_for(carry_out(), 300))
    assert len(results) >= 300 and not canary.exists()
    assert {result.trouble for result in results} <= {None, "failed"}
    for result in results:
        assert smuggled(tokenizer, style, style.write(result.text, guard, 200)) == []


def test_what_they_hold_would_work_where_it_is_carried_out(tmp_path: Path) -> None:
    """The teeth of the test above: evaluated, or given to a shell, they write the canary."""
    canary = tmp_path / "canary"
    eval(payloads(canary)[0])
    assert canary.exists()
