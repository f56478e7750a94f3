"""The probe lets a model through that thinks as configured and refuses each way
of not doing so, with an example.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest

from harness.probe import Probe, is_too_short, probe_thinking
from harness.rendering import Renderer
from harness.traces import Context
from harness.types import Completion, EngineFailedError, Prompt, Request, RequestFailedError, Sampling, Thinking
from ladder.tokenizer import build_tokenizer

TAGS = Thinking(open="<think>", close="</think>", force="</think>")
PROMPTS = [Prompt(f"p/{i}", f"{i} 2 3=6", {}) for i in range(8)]
TOKENIZER = build_tokenizer()
EOS = 0


def ids(text: str) -> tuple[int, ...]:
    return tuple(TOKENIZER.encode(text, add_special_tokens=False))


@dataclass
class Scripted:
    """Thinks `thought`, then answers `answer`; either without an end where it does not end in a stop token."""

    thought: tuple[int, ...] = (*ids("2+3=5"), *ids("</think>"))
    answer: tuple[int, ...] = (*ids("2*3"), EOS)

    async def complete(self, request: Request) -> Completion:
        is_answer = request.max_tokens == 8
        script = self.answer if is_answer else self.thought
        written = (script * request.max_tokens)[: request.max_tokens]
        for position, token in enumerate(written):
            if token in request.stop_ids:
                return Completion(written[: position + 1], "stop", None, 0.0)
        return Completion(written, "length", None, 0.0)


def probe(engine: Scripted, thinking: Thinking = TAGS, *, max_thinking_tokens: int = 5000) -> Probe:
    context = Context("i", Renderer(TOKENIZER, thinking, (EOS,)), Sampling(max_answer_tokens=8))
    return asyncio.run(probe_thinking(engine, context, PROMPTS, max_thinking_tokens=max_thinking_tokens))


def test_a_model_that_thinks_as_configured_passes() -> None:
    found = probe(Scripted())
    assert (found.num_probes, found.num_ended, found.num_closed, found.num_answered) == (8, 8, 8, 8)
    # An answer of the trace that ended, and one that is forced half-way.
    assert found.num_tokens == 8 * (len(Scripted().thought) + 2 * len(Scripted().answer))


def test_a_chain_of_thought_that_ends_with_the_text_passes() -> None:
    found = probe(Scripted(thought=(*ids("2+3"), EOS)), Thinking(close=None, force="="))
    assert (found.num_ended, found.num_closed) == (8, 0)


def test_no_thinking_at_all_needs_an_answer_only() -> None:
    assert probe(Scripted(), max_thinking_tokens=0).num_answered == 8


@pytest.mark.parametrize(
    ("engine", "thinking", "message"),
    [
        (Scripted(), replace(TAGS, open=""), "Thinking is not opened: .*thinking.open should end with <think>"),
        (
            Scripted(),
            replace(TAGS, open="<think><think>"),
            "Thinking is opened twice: .*<think><think>' and the model goes on with '2\\+3=5<",
        ),
        (Scripted(thought=(*ids("2+3"), EOS)), TAGS, "never closed: in none of 8 .* One ended its text: .*2\\+3"),
        (Scripted(thought=ids("2+")), TAGS, "never closed: .* One thought for 5000 tokens"),
        (
            Scripted(answer=(*ids("2+</think>3"), EOS)),
            TAGS,
            "Forcing does not end thinking: .*must contain '</think>'",
        ),
        (
            Scripted(answer=ids("2")),
            TAGS,
            "No probe finished its answer within sampling.max_answer_tokens=8.*'22222222'",
        ),
    ],
    ids=[
        "not opened",
        "opened twice",
        "ends without closing",
        "never ends",
        "force does not close",
        "answer runs on",
    ],
)
def test_what_is_not_as_configured_is_refused_with_an_example(
    engine: Scripted, thinking: Thinking, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        probe(engine, thinking)


def test_a_small_cap_alone_is_no_ground_for_refusal() -> None:
    assert probe(Scripted(thought=ids("2+")), max_thinking_tokens=64).num_closed == 0


class Refusing(Scripted):
    """Refuses the first `num_refused` requests, as an endpoint refuses what its filter does not like."""

    def __init__(self, num_refused: int) -> None:
        super().__init__()
        self.num_refused, self.num_asked = num_refused, 0

    async def complete(self, request: Request) -> Completion:
        self.num_asked += 1
        if self.num_asked <= self.num_refused:
            raise RequestFailedError("content filter.")
        return await super().complete(request)


def test_a_prompt_that_is_refused_says_nothing_of_the_model() -> None:
    found = probe(Refusing(3))
    assert (found.num_probes, found.num_closed) == (5, 5)


class Seeded(Scripted):
    """Thinks for ever, from the seed on where it heeds it."""

    def __init__(self, *, heeds: bool) -> None:
        super().__init__()
        self.heeds = heeds

    async def complete(self, request: Request) -> Completion:
        if request.max_tokens == 8:
            return await super().complete(request)
        first = request.seed % 7 if self.heeds else 0
        return Completion(tuple(3 + (first + n) % 7 for n in range(request.max_tokens)), "length", None, 0.0)


@pytest.mark.parametrize("heeds", [True, False])
def test_samples_that_are_alike_whatever_their_seed_are_found(heeds: bool) -> None:
    assert probe(Seeded(heeds=heeds), max_thinking_tokens=64).ignores_seeds is not heeds


def test_short_samples_that_are_alike_say_nothing_of_seeds() -> None:
    assert not probe(Scripted()).ignores_seeds
    assert not probe(Seeded(heeds=False), max_thinking_tokens=16).ignores_seeds


def test_where_every_prompt_is_refused_the_reason_and_the_way_on_are_told() -> None:
    with pytest.raises(
        EngineFailedError, match="All 8 probes .* failed, the first with: content filter. probe=false"
    ):
        probe(Refusing(8))


@pytest.mark.parametrize(
    ("num_closed", "capped_at", "deepest", "again"),
    [(0, 16, 64, True), (0, 64, 64, False), (1, 16, 64, False), (0, 4096, 16384, False)],
)
def test_a_probe_is_repeated_where_a_deeper_one_can_show_more(
    num_closed: int, capped_at: int, deepest: int, again: bool
) -> None:
    before = probe(Scripted())._replace(num_closed=num_closed, max_thinking_tokens=capped_at)
    assert is_too_short(before, deepest) == again


def test_a_real_model_passes_with_its_markers_and_is_refused_without_its_opening(running: Any) -> None:
    prompts = [
        Prompt(f"p/{i}", text, {}) for i, text in enumerate(("3 4 5=17", "2 6 7=20", "8 9 3=24", "5 5 2=12"))
    ]
    context = running.context(temperature=1.0, identity="probe")
    found = running.run(probe_thinking(running.engine, context, prompts, max_thinking_tokens=256))
    assert found.num_closed > 0 and found.num_answered > 0
    unopened = replace(context, renderer=replace(context.renderer, thinking=replace(TAGS, open="")))
    with pytest.raises(ValueError, match="Thinking is not opened"):
        running.run(probe_thinking(running.engine, unopened, prompts, max_thinking_tokens=256))
