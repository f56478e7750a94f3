"""Search against a verifier on a scripted engine: what is kept, what is charged, and how every path ends."""

import asyncio
import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from harness.samples import Pending, Sampled
from harness.scorers.process import Process, read_beginning
from harness.scorers.protocol import Item, Read, RefusedError
from harness.search.searches import finish_searches
from harness.search.strategy import AGGREGATES, Strategy, aggregated
from harness.search.tree import Path, choose
from harness.search.verdicts import Verdict, build_verifier
from harness.traces import Context
from harness.types import Completion, EngineFailedError, Prompt, Request, Sampling, Search, Trace
from results.cuts import along_budgets
from tests.harness.stepping_engine import STEP, SteppingEngine, build_searcher, prepare_scorer
from tests.harness.test_samples import CONTEXT, RENDERER, sample_key

DVTS = Strategy(width=4, expansions=3, together=False, scorer="s", step_token=";", max_step_tokens=16)
BEAM = dataclasses.replace(DVTS, together=True)
COLD = Context("identity", RENDERER, Sampling(temperature=0, max_answer_tokens=8))
KINDS = [DVTS, BEAM, dataclasses.replace(DVTS, step_token=None, step=";")]


def run(
    strategy: Strategy, engine: Any = None, *, context: Context = CONTEXT, width: int | None = None, **more: Any
) -> tuple[list[Sampled], Any, Any]:
    """What the searches of one prompt bring, the engine and the verifier's head."""
    engine = engine or SteppingEngine()
    searcher, heard = build_searcher(engine, strategy, context, **more)
    keys = [sample_key(sample) for sample in range(width or strategy.width)]
    found: list[Sampled] = []
    work = [[Pending(key, along_budgets((searcher.budget,))) for key in keys]]
    asyncio.run(finish_searches(searcher, work, samples_in_flight=64, on_sample=found.append))
    return found, engine, heard


def rows(found: Sequence[Sampled]) -> dict[int, tuple[Search, tuple[Trace, ...], Any]]:
    """By path its cost, its segments and its answer."""
    answers = {answer.sample: answer for sampled in found for answer in sampled.answers}
    traces = [trace for sampled in found for trace in sampled.traces]
    searches = {search.sample: search for sampled in found for search in sampled.searches}
    return {
        sample: (search, tuple(trace for trace in traces if trace.sample == sample), answers[sample])
        for sample, search in sorted(searches.items())
    }


@pytest.mark.parametrize("context", [CONTEXT, COLD])
def test_subtrees_of_a_search_are_those_of_any_other_number(context: Context) -> None:
    many, few = (rows(run(DVTS, context=context, width=width)[0]) for width in (7, 3))
    assert len(many) == 7 and len(few) == 3
    for sample, (search, traces, answer) in few.items():
        wide_search, wide_traces, wide_answer = many[sample]
        assert [trace.token_ids for trace in traces] == [trace.token_ids for trace in wide_traces]
        assert [trace.seed for trace in traces] == [trace.seed for trace in wide_traces]
        assert answer == dataclasses.replace(wide_answer, seconds=answer.seconds)
        assert search == dataclasses.replace(wide_search, seconds=search.seconds)


@pytest.mark.parametrize("strategy", KINDS)
def test_every_token_that_was_written_or_read_is_charged_once(strategy: Strategy) -> None:
    found, engine, heard = run(strategy)
    searches = [search for sampled in found for search in sampled.searches]
    assert sum(search.num_written_tokens for search in searches) == engine.num_tokens
    assert sum(sampled.num_tokens for sampled in found) == engine.num_tokens
    assert sum(search.num_read_tokens for search in searches) == sum(map(len, heard.texts))
    for search, traces, answer in rows(found).values():
        assert sum(search.expansion_tokens) + answer.num_answer_tokens == search.num_written_tokens
        assert sum(search.reading_tokens) == search.num_read_tokens
        assert len(search.expansion_steps) == len(search.expansion_starts) == search.num_expansions
        kept = sum(trace.num_thinking_tokens for trace in traces)
        assert kept == answer.num_thinking_tokens and len(traces) == search.num_steps
    dropped = sum(search.num_written_tokens for search in searches)
    assert dropped > 2 * sum(answer.num_thinking_tokens for sampled in found for answer in sampled.answers)


def test_of_each_path_the_best_way_on_is_kept() -> None:
    found, engine, heard = run(DVTS)
    searcher, _ = build_searcher(engine, DVTS, CONTEXT)
    prompt = sample_key().prompt
    for _, traces, _ in rows(found).values():
        before: tuple[int, ...] = ()
        for trace in traces:
            requests = [
                request
                for request in engine.requests
                if request.prompt_ids == (*sample_key().prompt_ids, *before) and STEP in request.stop_ids
            ]
            drawn = [asyncio.run(SteppingEngine().complete(request)).token_ids for request in requests]
            reads = [searcher.verifier.read_path(prompt, before + ids) for ids in drawn]
            said = {}
            for ids, read in zip(drawn, reads, strict=True):
                assert not isinstance(read, Verdict) or read.score is None
                if not isinstance(read, Verdict):
                    pooled = asyncio.run(heard.pool(read.token_ids))
                    said[ids] = searcher.verifier.judge(
                        searcher.verifier.scorer.settings.judge(pooled.labels, read)
                    ).score
            # Where several paths have one beginning, as they all have at first, each keeps the best of its own.
            assert trace.token_ids in drawn
            if len(requests) == DVTS.expansions and said:
                assert said[trace.token_ids] == max(said.values())
            before += trace.token_ids


def test_a_beam_keeps_the_best_of_all_and_none_twice() -> None:
    found, _, _ = run(BEAM)
    assert len(found) == 1 and list(rows(found)) == [0, 1, 2, 3]
    last = Counter(traces[-1].seed for _, traces, _ in rows(found).values())
    assert max(last.values()) == 1, "no two paths end with one draw"
    ways = [Path(verdict=Verdict(score)) for score in (0.5, None, 0.5, 2.0, -1.0)]
    assert choose(ways, 3) == [ways[3], ways[0], ways[2]]
    assert choose(ways, 9) == [ways[3], ways[0], ways[2], ways[4], ways[1]]


def test_a_beam_of_one_is_one_subtree() -> None:
    beam, subtree = (rows(run(strategy, width=1)[0])[0] for strategy in (BEAM, DVTS))
    assert [trace.token_ids for trace in beam[1]] == [trace.token_ids for trace in subtree[1]]
    assert beam[0] == dataclasses.replace(subtree[0], seconds=beam[0].seconds)


@pytest.mark.parametrize("strategy", KINDS)
def test_segments_of_a_path_follow_each_other_and_its_answer_ends_it(strategy: Strategy) -> None:
    num_natural = 0
    for search, traces, answer in rows(run(strategy, width=8)[0]).values():
        starts = [trace.start_token for trace in traces]
        lengths = [trace.num_thinking_tokens for trace in traces]
        assert starts == [sum(lengths[:at]) for at in range(len(lengths))]
        assert all(not trace.ended for trace in traces[:-1])
        assert answer.budget == search.budget == (None if traces[-1].ended else 64)
        assert answer.forced == (not traces[-1].ended)
        num_natural += traces[-1].ended
    assert num_natural


class Repeating:
    """An engine that writes one token again and again, whatever it is asked for."""

    def __init__(self, token: int) -> None:
        self.token, self.num_tokens = token, 0

    async def complete(self, request: Request) -> Completion:
        stops = self.token in request.stop_ids
        ids = (self.token,) * (1 if stops else request.max_tokens)
        self.num_tokens += len(ids)
        return Completion(ids, "stop" if stops else "length", 0, 0.0)


def test_delimiters_alone_end_at_the_limit_of_steps_with_the_reason() -> None:
    strategy = dataclasses.replace(DVTS, max_steps=5)
    found, engine, heard = run(strategy, Repeating(STEP))
    for search, traces, answer in rows(found).values():
        assert [trace.token_ids for trace in traces] == [(STEP,)] * 5
        assert answer.budget == 64 and answer.num_thinking_tokens == 5
        # The answer, of which there is one, is a step.
        assert search.num_expansions == 15
    assert sum(search.num_written_tokens for sampled in found for search in sampled.searches) == engine.num_tokens
    read = build_searcher(engine, strategy, CONTEXT)[0].verifier.read_path(sample_key().prompt, (STEP,) * 3)
    assert read == Verdict(None, refusal="no step that is not blank")


def test_a_step_without_an_end_is_cut_at_its_limit_and_the_path_at_the_budget() -> None:
    for search, traces, answer in rows(run(DVTS, Repeating(7))[0]).values():
        assert [trace.num_thinking_tokens for trace in traces] == [16, 16, 16, 16]
        assert answer.budget == 64 and answer.num_thinking_tokens == 64 and search.num_steps == 4


def test_what_the_verifier_cannot_read_ends_in_a_row_that_says_why() -> None:
    # The embedded tokenizer's opening marker steers the verifier, and a model may write it.
    marker = RENDERER.tokenizer.convert_tokens_to_ids("<think>")
    for search, traces, _ in rows(run(DVTS, Repeating(marker))[0]).values():
        assert search.score is None and "control token" in str(search.refusal)
        assert search.num_read_tokens == 0 and search.num_written_tokens > 0 and len(traces) == 4
    scorer = prepare_scorer()
    scorer.reader.context = 20
    for search, traces, _ in rows(run(DVTS, Repeating(7), scorer=scorer)[0]).values():
        assert search.score is None and "tokens with its prompt" in str(search.refusal)
        assert len(traces) == 4 and search.reading_tokens == ()


def test_a_path_whose_labels_are_no_numbers_is_the_last_choice_and_says_why() -> None:
    scorer = prepare_scorer()

    class Overflown(Process):
        """A head that some texts drive beyond its range."""

        def judge(self, labels: Sequence[Sequence[float]], read: Read) -> tuple[float, ...]:
            scores = super().judge(labels, read)
            return (*scores[:-1], math.inf) if read.token_ids[-1] % 3 else scores

    settings = Overflown(**vars(scorer.settings))
    found, _, _ = run(DVTS, width=12, scorer=dataclasses.replace(scorer, settings=settings))
    searches = [search for search, _, _ in rows(found).values()]
    assert {None, "its score is inf"} <= {search.refusal for search in searches}
    assert all((search.score is None) == (search.refusal is not None) for search in searches)


def test_equal_ways_on_are_written_each_and_read_once() -> None:
    found, engine, heard = run(DVTS, context=COLD, width=1)
    [(search, _, _)] = rows(found).values()
    assert search.num_expansions == 3 * search.num_steps
    assert len(search.reading_tokens) == search.num_steps + 1 == len(heard.texts)


@pytest.mark.parametrize("strategy", [DVTS, BEAM])
def test_a_search_with_a_request_that_fails_is_left_out_whole(strategy: Strategy) -> None:
    found, _, _ = run(strategy, SteppingEngine(fail_seeds=lambda seed: seed % 40 == 0), width=12)
    failed = [sampled for sampled in found if sampled.failure]
    assert failed and all(not (each.traces or each.answers or each.searches) for each in failed)
    with pytest.raises(EngineFailedError, match="scripted failure"):
        run(strategy, SteppingEngine(fail_after=0))


def test_the_beginning_of_a_path_is_read_as_it_will_stand_before_its_answer() -> None:
    scorer = prepare_scorer()
    prompt = Prompt("p/0", "1 2 3=6", {})
    for thinking in ("1+2=3+3=6", "1+2=3;3*2=6;", ";;1+2=3;", "1+2=3; ;3"):
        begun = read_beginning(scorer.settings, scorer.reader, Item(prompt, thinking, ""))
        whole = scorer.read(Item(prompt, thinking, "1+2+3"))
        assert whole.token_ids[: len(begun.token_ids)] == begun.token_ids
        assert whole.step_ends[:-1] == begun.step_ends
    for wrong in ("", "  ", "1<think>2"):
        with pytest.raises(RefusedError):
            read_beginning(scorer.settings, scorer.reader, Item(prompt, wrong, ""))


def test_scores_of_steps_become_one() -> None:
    steps = (0.5, 0.25, 0.75)
    assert [aggregated(steps, how) for how in AGGREGATES] == [0.75, 0.25, 0.09375, 0.5]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 0}, "strategy.width"),
        ({"expansions": 0}, "strategy.expansions"),
        ({"max_steps": 0}, "strategy.max_steps"),
        ({"step": "\n\n"}, "Give one of"),
        ({"step_token": None}, "Give one of"),
        ({"aggregate": "median"}, "strategy.aggregate"),
    ],
)
def test_a_strategy_that_cannot_be_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(DVTS, **changes)


def test_a_scorer_that_cannot_judge_steps_is_refused() -> None:
    def build(strategy: Strategy = DVTS, **changes: Any) -> None:
        scorer = prepare_scorer(**changes)
        build_verifier(scorer, version="v", strategy=strategy, renderer=RENDERER, longest_request=64)

    with pytest.raises(ValueError, match="reads no thinking"):
        build(reads_thinking=False)
    with pytest.raises(ValueError, match="only chances"):
        build(dataclasses.replace(DVTS, aggregate="product"))
    with pytest.raises(ValueError, match="is 2 tokens"):
        dataclasses.replace(DVTS, step_token=";;").step_ids(RENDERER)


def test_only_what_shapes_a_path_is_its_identity() -> None:
    assert DVTS.identity_parts("v") == dataclasses.replace(DVTS, width=9, scorer="t").identity_parts("v")
    assert DVTS.identity_parts("v") != DVTS.identity_parts("w")
    assert BEAM.identity_parts("v") != dataclasses.replace(BEAM, width=9).identity_parts("v")
    changes = {"expansions": 2, "max_steps": 3, "max_step_tokens": 5, "aggregate": "min", "step_token": "<"}
    parts = [dataclasses.replace(DVTS, **{name: value}).identity_parts("v") for name, value in changes.items()]
    assert all(part != DVTS.identity_parts("v") for part in parts)
