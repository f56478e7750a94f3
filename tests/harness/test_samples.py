"""The nested grid on a scripted engine: what is asked for, what is reused, what is never asked twice."""

import asyncio
import dataclasses

import pytest

from harness.forms import Form
from harness.rendering import Renderer
from harness.rollouts import Rollout
from harness.samples import Pending, Sampled, finish_sample, finish_samples
from harness.traces import Context, SampleKey, follow
from harness.types import Completion, EngineFailedError, Prompt, Request, Sampling, Thinking
from ladder.tokenizer import build_tokenizer
from results.cuts import NATURAL, along_budgets
from tests.harness.scripted_engine import ScriptedEngine

BUDGETS = (0, 4, 8, 16, 32)
RENDERER = Renderer(build_tokenizer(), Thinking(open="<think>", close="</think>", force="</think>"), eos_ids=(0,))
CONTEXT = Context("identity", RENDERER, Sampling(max_answer_tokens=8))


def sample_key(sample: int = 0, pool: str = "evaluation") -> SampleKey:
    prompt = Prompt("countdown/00000", "1 2 3=6", {})
    return SampleKey(prompt, RENDERER.prompt_ids(prompt), pool, sample)


def finish(pending: Pending, engine: ScriptedEngine) -> Sampled:
    return asyncio.run(finish_sample(engine, CONTEXT, pending))


def stored_of(sampled: Sampled) -> tuple[Rollout, frozenset[int]]:
    """What a job finds of it at the next start."""
    rollout = Rollout()
    for trace in sampled.traces:
        rollout = follow(rollout, trace, close_id=RENDERER.close_id)
    return rollout, frozenset(NATURAL if answer.budget is None else answer.budget for answer in sampled.answers)


def traced(
    num_samples: int = 40, budgets: tuple[int, ...] = BUDGETS
) -> list[tuple[Pending, Sampled, ScriptedEngine]]:
    rows = []
    for sample in range(num_samples):
        engine, pending = ScriptedEngine(), Pending(sample_key(sample), along_budgets(budgets))
        rows.append((pending, finish(pending, engine), engine))
    return rows


def test_every_budget_is_served_exactly_once() -> None:
    for pending, sampled, _ in traced():
        (trace,) = sampled.traces
        length, budgets = trace.num_thinking_tokens, [cell.budget for cell in pending.cells]
        wanted = {None if trace.ended and length <= budget else budget for budget in budgets}
        assert sorted(map(str, (answer.budget for answer in sampled.answers))) == sorted(map(str, wanted))


def test_a_trace_costs_one_request_and_a_budget_one_forced_answer() -> None:
    for _, sampled, engine in traced():
        assert len(engine.requests) == 1 + len(sampled.answers)
        assert sampled.traces[0].num_thinking_tokens <= max(BUDGETS)


def test_an_ended_trace_answers_every_budget_it_fits_in_with_one_natural_answer() -> None:
    ended = [sampled for _, sampled, _ in traced() if sampled.traces[0].ended]
    assert ended
    for sampled in ended:
        natural = [answer for answer in sampled.answers if answer.budget is None]
        assert len(natural) == 1
        assert natural[0].num_thinking_tokens == sampled.traces[0].num_thinking_tokens
        assert all(
            answer.budget < sampled.traces[0].num_thinking_tokens
            for answer in sampled.answers
            if answer.budget is not None
        )


def test_a_forced_answer_continues_the_first_tokens_of_its_trace() -> None:
    for pending, sampled, engine in traced():
        trace = sampled.traces[0]
        prompts = {request.prompt_ids for request in engine.requests}
        for budget in (cell.budget for cell in pending.cells if cell.budget < trace.num_thinking_tokens):
            assert (*pending.key.prompt_ids, *trace.token_ids[:budget], *RENDERER.force_ids) in prompts


def test_no_two_requests_share_a_seed() -> None:
    seeds = [request.seed for _, _, engine in traced() for request in engine.requests]
    seeds += [request.seed for request in _requests_of(sample_key(0, "bins"))]
    assert len(set(seeds)) == len(seeds)


def test_a_continuation_and_a_forced_answer_never_restart_their_samples_noise() -> None:
    short = next(row for row in traced(budgets=(0, 4)) if not row[1].traces[0].ended)
    pending, sampled, engine = short
    longer = Pending(
        pending.key, along_budgets((0, 4, 64)), Rollout(sampled.traces[0].token_ids), frozenset({0, 4})
    )
    again = ScriptedEngine()
    finish(longer, again)
    assert not {request.seed for request in engine.requests} & {request.seed for request in again.requests}


def test_a_deeper_budget_continues_the_stored_tokens_and_keeps_the_answers() -> None:
    pending, sampled, _ = next(row for row in traced(budgets=(0, 4)) if not row[1].traces[0].ended)
    stored = sampled.traces[0].token_ids
    longer = Pending(pending.key, along_budgets((0, 4, 64)), Rollout(stored), frozenset({0, 4}))
    more = finish(longer, ScriptedEngine())
    assert more.traces[0].start_token == 4
    assert all(answer.budget not in (0, 4) for answer in more.answers)


def test_a_new_budget_between_old_ones_draws_no_thinking() -> None:
    pending, sampled, _ = next(row for row in traced() if row[1].traces[0].num_thinking_tokens > 8)
    between = Pending(pending.key, along_budgets((*BUDGETS, 6)), *stored_of(sampled))
    more = finish(between, ScriptedEngine())
    assert more.traces == ()
    assert [answer.budget for answer in more.answers] == [6]


def test_a_finished_sample_asks_for_nothing() -> None:
    for pending, sampled, _ in traced(5):
        rollout, answered = stored_of(sampled)
        done = dataclasses.replace(pending, rollout=rollout, answered=answered)
        assert not done.unreached(rollout) and not done.lacking_answers(rollout)
        engine = ScriptedEngine()
        assert finish(done, engine) == Sampled(done.key)
        assert engine.requests == []


def test_a_trace_that_ends_without_its_close_marker_is_closed_for_it() -> None:
    ended = Rollout((5, 6, RENDERER.eos_ids[0]), closes=(3,), is_final=True)
    pending = Pending(sample_key(), along_budgets((8,)), ended)
    (answer,) = finish(pending, engine := ScriptedEngine()).answers
    assert answer.forced and answer.budget is None
    assert engine.requests[0].prompt_ids[-3:] == (5, 6, RENDERER.close_id)


def test_what_finished_before_an_engine_died_was_handed_over() -> None:
    finished: list[Sampled] = []
    prompts = [[Pending(sample_key(sample), along_budgets((0, 4)))] for sample in range(50)]
    with pytest.raises(EngineFailedError, match="scripted failure"):
        asyncio.run(
            finish_samples(
                ScriptedEngine(fail_after=40), CONTEXT, prompts, samples_in_flight=4, on_sample=finished.append
            )
        )
    assert 5 < len(finished) < 50


PLAIN = Context(
    "identity",
    Renderer(build_tokenizer(), Thinking(close=None, force="="), (0,), Form("24", tail=")", stop=(")",))),
    Sampling(max_answer_tokens=8),
    until=("++",),
)


def test_a_plain_chain_of_thought_that_ended_by_itself_is_its_own_answer_and_draws_none() -> None:
    ended = 0
    for sample in range(20):
        engine = ScriptedEngine()
        sampled = asyncio.run(finish_sample(engine, PLAIN, Pending(sample_key(sample), along_budgets((0, 32)))))
        (trace,) = sampled.traces
        natural = [answer for answer in sampled.answers if answer.budget is None]
        assert len(natural) == trace.ended
        for answer in natural:
            assert (answer.text, answer.num_thinking_tokens) == (trace.text, trace.num_thinking_tokens)
            assert (answer.num_answer_tokens, answer.forced, answer.finish_reason) == (0, False, "stop")
            assert answer.num_prompt_tokens == len(sample_key().prompt_ids) + trace.num_thinking_tokens
        # One request for the trace, and one for each budget that cut it.
        assert len(engine.requests) == 1 + len(sampled.answers) - len(natural)
        ended += trace.ended
    assert 0 < ended < 20


def test_a_cut_chain_of_thought_is_led_to_an_answer_in_the_tasks_form_and_the_lead_is_part_of_its_text() -> None:
    engine = ScriptedEngine()
    sampled = asyncio.run(finish_sample(engine, PLAIN, Pending(sample_key(), along_budgets((0,)))))
    (answer,) = sampled.answers
    lead = tuple(build_tokenizer().encode("=24", add_special_tokens=False))
    assert engine.requests[0].prompt_ids == (*sample_key().prompt_ids, *lead)
    assert engine.requests[0].stop == ("++", ")")
    assert answer.forced and answer.text.startswith("24") and not answer.text.startswith("=")


@dataclasses.dataclass
class Dictated:
    """Writes what it is told, a request at a time; says that it stopped at a string never, or always."""

    texts: list[str]
    says_stop: bool = False

    async def complete(self, request: Request) -> Completion:
        written = tuple(build_tokenizer().encode(self.texts.pop(0), add_special_tokens=False))[
            : request.max_tokens
        ]
        ended = self.says_stop or written[-1] in request.stop_ids
        return Completion(written, "stop" if ended else "length", None, 0.0)


@pytest.mark.parametrize("texts", [["1+2=3++4*5"], ["1+2=3+", "+4*5"], ["1+2", "=3", "++", "4*5"]])
def test_a_chain_of_thought_ends_where_its_tasks_until_stands_however_it_was_cut(texts: list[str]) -> None:
    thought: tuple[int, ...] = ()
    for text in texts:
        pending = Pending(sample_key(), along_budgets((len(thought) + len(text),)), Rollout(thought))
        sampled = asyncio.run(finish_sample(Dictated([text, "0)"]), PLAIN, pending))
        (trace,) = sampled.traces
        thought += trace.token_ids
        if trace.ended:
            break
    assert PLAIN.renderer.decode(thought) == "1+2=3++"
    assert trace.ended and trace.finish_reason == "stop" and sampled.answers[-1].text == "1+2=3++"


@pytest.mark.parametrize("text", ["1+2=3+", "1", "(((", "1 +"])
def test_an_engine_that_says_it_stopped_at_a_string_and_wrote_none_is_not_believed(text: str) -> None:
    engine = Dictated([text], says_stop=True)
    with pytest.raises(EngineFailedError, match=r"without one of the requested stop strings; it wrote '") as told:
        asyncio.run(finish_sample(engine, PLAIN, Pending(sample_key(), along_budgets((32,)))))
    assert str(told.value).isprintable()


@pytest.mark.parametrize("behind", ["", "4", "4*5)"])
def test_what_an_engine_wrote_behind_the_string_that_it_stopped_at_is_cut(behind: str) -> None:
    engine = Dictated([f"1+2=3++{behind}", f"0){behind}"], says_stop=True)
    sampled = asyncio.run(finish_sample(engine, PLAIN, Pending(sample_key(), along_budgets((4, 32)))))
    assert sampled.traces[0].text == "1+2=3++" and sampled.traces[0].ended
    assert [answer.text for answer in sampled.answers if answer.forced] == ["240)"]


def test_a_marker_that_closes_thinking_is_alone_in_ending_it() -> None:
    context = dataclasses.replace(CONTEXT, until=("++",))
    sampled = asyncio.run(
        finish_sample(Dictated(["1++2</think>", "3++4"]), context, Pending(sample_key(), along_budgets((9,))))
    )
    assert sampled.traces[0].text == "1++2</think>" and sampled.answers[0].finish_reason == "stop"


def test_a_request_that_fails_costs_its_own_sample_and_no_other() -> None:
    finished: list[Sampled] = []
    prompts = [[Pending(sample_key(sample), along_budgets((0, 4)))] for sample in range(20)]
    engine = ScriptedEngine(fail_seeds=lambda seed: seed % 5 == 0)
    asyncio.run(finish_samples(engine, CONTEXT, prompts, samples_in_flight=4, on_sample=finished.append))
    failed = [sampled for sampled in finished if sampled.failure]
    assert len(finished) == 20 and 0 < len(failed) < 20
    for sampled in failed:
        assert sampled.failure == "scripted refusal"
        assert len(sampled.answers) < 2
    # A trace that was drawn is kept although one of its answers failed.
    assert any(sampled.traces for sampled in failed) and not all(sampled.traces for sampled in failed)


def test_an_answer_whose_end_of_text_stands_at_the_limit_is_over() -> None:
    class SaysLength(ScriptedEngine):
        async def complete(self, request: Request) -> Completion:
            return dataclasses.replace(await super().complete(request), finish_reason="length")

    answers = finish(Pending(sample_key(), along_budgets((0,))), SaysLength(stop_chance=1.0)).answers
    assert [answer.finish_reason for answer in answers] == ["stop"]


def _requests_of(key: SampleKey) -> list:
    engine = ScriptedEngine()
    finish(Pending(key, along_budgets(BUDGETS)), engine)
    return engine.requests


def test_an_answer_that_runs_on_past_a_string_that_ends_it_is_cut_there() -> None:
    """Servers take four such strings and no more."""
    engine = Dictated(["2)3=4++"])
    (answer,) = asyncio.run(finish_sample(engine, PLAIN, Pending(sample_key(), along_budgets((0,))))).answers
    assert (answer.text, answer.num_answer_tokens, answer.finish_reason) == ("242)", 2, "stop")
