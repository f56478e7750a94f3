"""Thinking that is made to go on: every cell of budgets and extensions is what a run
capped there would have given.
"""

import asyncio
import itertools

import pytest

from harness.rendering import Renderer
from harness.rollouts import Rollout
from harness.samples import Pending, Sampled, finish_sample
from harness.traces import Context, SampleKey, follow
from harness.types import Answer, Prompt, Sampling, Thinking
from ladder.tokenizer import build_tokenizer
from results.cuts import NATURAL, Caps, along_budgets
from tests.harness.greedy import Greedy

BUDGETS, EXTENSIONS = (0, 3, 8, 13, 40), (0, 1, 2)
CELLS = tuple(itertools.starmap(Caps, itertools.product(BUDGETS, EXTENSIONS)))
THINKING = Thinking(open="<think>", close="</think>", force="</think>", extend="++")
RENDERER = Renderer(build_tokenizer(), THINKING, eos_ids=(0,))
CONTEXT = Context("identity", RENDERER, Sampling(temperature=0.0, max_answer_tokens=5))
PLAIN_IDS = RENDERER.tokenizer.encode("123456789+-*", add_special_tokens=False)


def engine_of(close_chance: float = 0.15, end_chance: float = 0.02, fails_from: int | None = None) -> Greedy:
    assert RENDERER.close_id is not None
    often = {RENDERER.eos_ids[0]: end_chance, RENDERER.close_id: close_chance}
    return Greedy(PLAIN_IDS, often, fails_from)


def key_of(sample: int) -> SampleKey:
    prompt = Prompt("countdown/00000", f"1 2 3={sample}", {})
    return SampleKey(prompt, RENDERER.prompt_ids(prompt), "evaluation", sample)


def finish(pending: Pending, engine: Greedy) -> Sampled:
    return asyncio.run(finish_sample(engine, CONTEXT, pending))


def rollout_of(*drawn: Sampled) -> Rollout:
    rollout = Rollout()
    for trace in itertools.chain.from_iterable(sampled.traces for sampled in drawn):
        rollout = follow(rollout, trace, close_id=RENDERER.close_id)
    return rollout


def answers_of(*drawn: Sampled) -> dict[int, Answer]:
    """The answers of one sample by where they stand; none stands twice."""
    answers = [answer for sampled in drawn for answer in sampled.answers]
    found = {NATURAL if answer.budget is None else answer.budget: answer for answer in answers}
    assert len(found) == len(answers)
    return found


def served(cell: Caps, *drawn: Sampled) -> Answer:
    [place] = rollout_of(*drawn).places([cell])
    return answers_of(*drawn)[place]


def seen(answer: Answer) -> tuple[str, int, int, int, bool]:
    """What of an answer does not say by which grid it was drawn."""
    return (
        *(answer.text, answer.num_thinking_tokens, answer.num_given_tokens, answer.num_prompt_tokens),
        answer.forced,
    )


@pytest.mark.parametrize("sample", range(60))
def test_every_cell_is_what_a_run_capped_there_from_the_start_would_have_given(sample: int) -> None:
    whole = finish(Pending(key_of(sample), CELLS), engine_of())
    for cell in CELLS:
        alone = finish(Pending(key_of(sample), (cell,)), engine_of())
        assert seen(served(cell, whole)) == seen(served(cell, alone)), cell
        assert len(alone.answers) == 1


@pytest.mark.parametrize("sample", range(20))
def test_what_is_drawn_is_the_longest_trace_and_one_answer_a_cut(sample: int) -> None:
    whole = finish(Pending(key_of(sample), CELLS), engine := engine_of())
    longest = finish(Pending(key_of(sample), CELLS[-1:]), engine_of())
    assert rollout_of(whole) == rollout_of(longest)
    cuts = set(rollout_of(whole).places(CELLS))
    assert len(engine.requests) == len(whole.traces) + len(cuts)
    assert len(cuts) <= len(BUDGETS) + len(EXTENSIONS)
    assert len({request.seed for request in engine.requests}) == len(engine.requests)


@pytest.mark.parametrize("sample", range(30))
def test_a_grid_that_grows_by_extensions_draws_nothing_again(sample: int) -> None:
    first = finish(Pending(key_of(sample), along_budgets(BUDGETS)), engine_of())
    pending = Pending(key_of(sample), CELLS, rollout_of(first), frozenset(answers_of(first)))
    more = finish(pending, grown := engine_of())
    at_once = finish(Pending(key_of(sample), CELLS), engine := engine_of())
    assert rollout_of(first, more) == rollout_of(at_once)
    assert {place: seen(answer) for place, answer in answers_of(first, more).items()} == {
        place: seen(answer) for place, answer in answers_of(at_once).items()
    } | {place: seen(answer) for place, answer in answers_of(first).items()}
    drawn = sum(len(trace.token_ids) for trace in (*first.traces, *more.traces))
    assert drawn == sum(len(trace.token_ids) for trace in at_once.traces)
    assert grown.num_written <= engine.num_written


def test_a_marker_that_was_taken_back_is_in_no_prefix_and_counts_as_written() -> None:
    whole = [finish(Pending(key_of(sample), CELLS), engine := engine_of()) for sample in range(20)]
    extended = [trace for sampled in whole for trace in sampled.traces if trace.extend_ids is not None]
    assert len(extended) > 10 and all(trace.extend_ids == RENDERER.extend_ids for trace in extended)
    for sampled in whole:
        rollout = rollout_of(sampled)
        for answer in sampled.answers:
            context = rollout.context(answer.num_thinking_tokens)
            assert RENDERER.close_id not in context[:-1]
            assert len(context) == answer.num_thinking_tokens + answer.num_given_tokens
    assert engine.requests


def test_a_trace_that_closes_at_the_very_cap_is_not_extended_and_one_that_ended_its_text_never() -> None:
    closing, ending = engine_of(close_chance=1.0, end_chance=0.0), engine_of(close_chance=0.0, end_chance=1.0)
    at_cap = finish(Pending(key_of(0), (Caps(1, 2),)), closing)
    assert [len(trace.token_ids) for trace in at_cap.traces] == [1] and at_cap.answers[0].budget is None
    further = finish(Pending(key_of(0), (Caps(9, 2),)), closing)
    assert [trace.start_token for trace in further.traces] == [0, 1, 2]
    [answer] = further.answers
    assert (answer.budget, answer.extension, answer.forced) == (3, 2, False)
    ended = finish(Pending(key_of(0), (Caps(9, 2),)), ending)
    assert len(ended.traces) == 1 and ended.answers[0].forced and ended.answers[0].budget is None


def test_a_failure_in_an_extension_keeps_the_segments_before_it() -> None:
    pending = next(
        pending
        for pending in (Pending(key_of(sample), CELLS[-1:]) for sample in range(99))
        if len(finish(pending, engine_of()).traces) == 3
    )
    whole = finish(pending, engine_of())
    failed = finish(pending, engine_of(fails_from=2))
    assert failed.failure and failed.traces == whole.traces[:2]
    resumed = Pending(pending.key, pending.cells, rollout_of(failed))
    assert finish(resumed, engine_of()).traces == whole.traces[2:]
