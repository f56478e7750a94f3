"""Tool calls: every cell of budgets, calls and extensions is what a run capped there would have given."""

import asyncio
import itertools
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from harness.calling import Calling
from harness.rendering import Renderer
from harness.rollouts import Rollout
from harness.samples import Pending, Sampled, finish_sample
from harness.tools.calls import CallStyle
from harness.tools.protocol import Result
from harness.traces import Context, SampleKey, follow
from harness.types import Answer, Prompt, Sampling, Thinking
from ladder.tokenizer import build_tokenizer
from results.cuts import NATURAL, Caps
from tests.harness.greedy import Greedy

BUDGETS, CALLS, EXTENSIONS = (0, 5, 12, 30, 60), (0, 1, 2, 4), (0, 1)
CELLS = tuple(itertools.starmap(Caps, itertools.product(BUDGETS, EXTENSIONS, CALLS)))
THINKING = Thinking(open="<think>", close="</think>", force="</think>", extend=";")
RENDERER = Renderer(build_tokenizer(), THINKING, eos_ids=(0,))
STYLE = CallStyle(open="(", close=")", before="=", after=";", tool="search")
PLAIN_IDS = RENDERER.tokenizer.encode("12345", add_special_tokens=False)
OPEN_ID, CLOSE_ID = (RENDERER.tokenizer.encode(text, add_special_tokens=False)[0] for text in "()")


@dataclass
class Echo:
    """Finds every query turned round."""

    asked: list[str] = field(default_factory=list)

    @property
    def tools(self) -> dict:
        return {"search": SimpleNamespace(argument="query", max_tokens=8)}

    async def call(self, name: str, query: str) -> Result:
        self.asked.append(query)
        return Result(query[::-1], ids=(f"doc-{query}",))


def engine_of(*, often: float = 1.0) -> Greedy:
    assert RENDERER.close_id is not None
    chances = {RENDERER.eos_ids[0]: 0.005, RENDERER.close_id: 0.03, OPEN_ID: 0.1 * often, CLOSE_ID: 0.2 * often}
    return Greedy(PLAIN_IDS, chances, decode=lambda ids: RENDERER.decode_whole(tuple(ids)))


def context_of(
    caller: Echo, style: CallStyle = STYLE, renderer: Renderer = RENDERER, until: tuple[str, ...] = ()
) -> Context:
    sampling = Sampling(temperature=0.0, max_answer_tokens=4)
    return Context("identity", renderer, sampling, until, Calling(style, caller, renderer))


def key_of(sample: int) -> SampleKey:
    prompt = Prompt("countdown/00000", f"1 2 3={sample}", {})
    return SampleKey(prompt, RENDERER.prompt_ids(prompt), "evaluation", sample)


def finish(pending: Pending, engine: Greedy, caller: Echo | None = None) -> Sampled:
    return asyncio.run(finish_sample(engine, context_of(caller or Echo()), pending))


def rollout_of(*drawn: Sampled, close_id: int | None = RENDERER.close_id) -> Rollout:
    rollout = Rollout()
    for trace in itertools.chain.from_iterable(sampled.traces for sampled in drawn):
        rollout = follow(rollout, trace, close_id=close_id)
    return rollout


def answers_of(*drawn: Sampled) -> dict[int, Answer]:
    answers = [answer for sampled in drawn for answer in sampled.answers]
    found = {NATURAL if answer.budget is None else answer.budget: answer for answer in answers}
    assert len(found) == len(answers)
    return found


def seen(answer: Answer) -> tuple:
    return (
        answer.text,
        answer.num_thinking_tokens,
        answer.num_given_tokens,
        answer.num_prompt_tokens,
        answer.forced,
    )


@pytest.mark.parametrize("sample", range(60))
def test_every_cell_is_what_a_run_capped_there_from_the_start_would_have_given(sample: int) -> None:
    whole = finish(Pending(key_of(sample), CELLS), engine_of())
    answers, rollout = answers_of(whole), rollout_of(whole)
    for cell in CELLS:
        alone = finish(Pending(key_of(sample), (cell,)), engine_of())
        [place] = rollout.places([cell])
        assert [seen(answer) for answer in alone.answers] == [seen(answers[place])], cell


# Markers of several tokens, which begin before a cut and end behind it, and one that is the beginning of another.
SPELT = [
    CallStyle(open="((", close="))", before="=", after=";", tool="search"),
    CallStyle(open="(1", close=")2", before="==", after=";;", tool="search"),
    CallStyle(open="(", close="()", before="=", after=";", tool="search"),
]


@pytest.mark.parametrize("style", SPELT, ids=lambda style: f"{style.open} {style.close}")
@pytest.mark.parametrize("sample", range(25))
def test_markers_of_several_tokens_are_found_however_they_were_cut(sample: int, style: CallStyle) -> None:
    def draw(cells: tuple[Caps, ...], *before: Sampled) -> Sampled:
        stored = (rollout_of(*before), frozenset(answers_of(*before))) if before else ()
        pending, engine = Pending(key_of(sample), cells, *stored), engine_of(often=2.0)
        return asyncio.run(finish_sample(engine, context_of(Echo(), style), pending))

    whole = draw(CELLS)
    answers, rollout = answers_of(whole), rollout_of(whole)
    for cell in CELLS:
        assert [seen(answer) for answer in draw((cell,)).answers] == [seen(answers[rollout.places([cell])[0]])], (
            cell
        )
    # Grown a few tokens at a time, so that cuts fall within markers.
    steps = [draw((Caps(1, 1, 4),))]
    for budget in (*range(2, 30), 60):
        steps.append(draw((Caps(budget, 1, 4),), *steps))
    assert rollout_of(*steps) == rollout_of(draw((Caps(60, 1, 4),)))


def test_the_axes_cost_the_sum_of_their_cuts_and_calls_are_made_once() -> None:
    num_calls = 0
    for sample in range(60):
        whole = finish(Pending(key_of(sample), CELLS), engine := engine_of(), caller := Echo())
        rollout = rollout_of(whole)
        cuts = set(rollout.places(CELLS))
        assert len(engine.requests) == len(whole.traces) + len(cuts)
        assert len(cuts) <= len(BUDGETS) + len(CALLS) + len(EXTENSIONS)
        assert sum(len(trace.token_ids) for trace in whole.traces) == len(rollout.written) <= BUDGETS[-1]
        made = [trace.call for trace in whole.traces if trace.call is not None]
        assert [call.query for call in made if call.trouble is None] == caller.asked
        assert len({request.seed for request in engine.requests}) == len(engine.requests)
        num_calls += len(made)
    assert num_calls > 60


@pytest.mark.parametrize("sample", range(60))
def test_a_grid_that_grows_by_calls_draws_nothing_again(sample: int) -> None:
    small = tuple(cell for cell in CELLS if cell.calls < 2 and cell.budget < 60 and not cell.extensions)
    first = finish(Pending(key_of(sample), small), engine_of())
    pending = Pending(key_of(sample), CELLS, rollout_of(first), frozenset(answers_of(first)))
    more, at_once = finish(pending, engine_of()), finish(Pending(key_of(sample), CELLS), engine_of())
    grown = rollout_of(first, more)
    assert (grown.written, grown.closes, grown.opens) == (
        *(rollout_of(at_once).written, rollout_of(at_once).closes, rollout_of(at_once).opens),
    )
    answers, expected = answers_of(first, more), answers_of(at_once)
    assert {place: seen(answers[place]) for place in expected} == {
        place: seen(answer) for place, answer in expected.items()
    }
    drawn = sum(len(trace.token_ids) for trace in (*first.traces, *more.traces))
    assert drawn == len(rollout_of(at_once).written)


def test_what_a_tool_says_is_read_and_does_not_count() -> None:
    num_read = 0
    for sample in range(40):
        whole = finish(Pending(key_of(sample), CELLS), engine_of())
        rollout = rollout_of(whole)
        for trace in whole.traces:
            if trace.call is not None and trace.call.trouble is None:
                text = RENDERER.decode(trace.observed_ids or ())
                assert text == f"={trace.call.query[::-1][:8]};"
                assert trace.call.result_ids == (f"doc-{trace.call.query}",)
        for answer in whole.answers:
            num_taken_back = sum(close < answer.num_thinking_tokens for close in rollout.closes)
            context = rollout.context(answer.num_thinking_tokens)
            assert answer.num_given_tokens == len(context) - answer.num_thinking_tokens
            num_read += answer.num_given_tokens > num_taken_back
    assert num_read > 40


# A chain of thought that is its own answer, and a string that ends it and stands in every result as well.
CHAIN = Renderer(build_tokenizer(), Thinking(close=None, force="5"), eos_ids=(0,))
CHAIN_CELLS = tuple(cell for cell in CELLS if not cell.extensions)


@pytest.mark.parametrize("sample", range(60))
def test_a_chain_of_thought_ends_at_its_own_strings_and_reads_over_those_of_a_result(sample: int) -> None:
    def draw(cells: tuple[Caps, ...]) -> Sampled:
        engine, context = engine_of(), context_of(Echo(), renderer=CHAIN, until=("=", "33"))
        return asyncio.run(finish_sample(engine, context, Pending(key_of(sample), cells)))

    whole = draw(CHAIN_CELLS)
    answers, rollout = answers_of(whole), rollout_of(whole, close_id=None)
    boundaries = [0, *(at for at, _ in rollout.observations), len(rollout.written)]
    parts = [CHAIN.decode(rollout.written[start:end]) for start, end in itertools.pairwise(boundaries)]
    found = any("=" in part or "33" in part for part in parts)
    assert bool(rollout.closes) == (found or rollout.written[-1:] == CHAIN.eos_ids)
    for cell in CHAIN_CELLS:
        [alone] = draw((cell,)).answers
        assert seen(alone) == seen(answers[rollout.places([cell])[0]]), cell
    for answer in whole.answers:
        assert answer.num_given_tokens == rollout.num_given(answer.num_thinking_tokens)


def test_what_a_chain_of_thought_that_is_its_own_answer_read_of_tools_is_charged() -> None:
    num_read = 0
    for sample in range(60):
        context = context_of(Echo(), renderer=CHAIN, until=("33",))
        whole = asyncio.run(finish_sample(engine_of(), context, Pending(key_of(sample), CHAIN_CELLS)))
        rollout, natural = rollout_of(whole, close_id=None), answers_of(whole).get(NATURAL)
        if natural is not None:
            given = sum(len(ids) for at, ids in rollout.observations if at <= natural.num_thinking_tokens)
            assert natural.num_given_tokens == given
            assert natural.num_prompt_tokens == len(key_of(sample).prompt_ids) + len(rollout.written) + given
            num_read += given
    assert num_read > 40


def renderer_of_bytes() -> Renderer:
    """Of a tokenizer that writes rare characters as bytes, each shown as a character of
    its own until all are there.
    """
    vocab = {"<unk>": 0, **{text: at for at, text in enumerate("abc(){}", start=1)}}
    vocab |= {f"<0x{byte:02X}>": byte + len(vocab) for byte in range(256)}
    model = Tokenizer(models.BPE(vocab, [], unk_token="<unk>", byte_fallback=True))
    model.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return Renderer(PreTrainedTokenizerFast(tokenizer_object=model), Thinking(close=None, force="a"))


@pytest.mark.parametrize(("opens", "closes"), ["()", ("((", "))"), ("{", "}")])
@pytest.mark.parametrize("rare", ["\N{GRINNING FACE}", "\N{CJK UNIFIED IDEOGRAPH-5B57}", "a\N{GRINNING FACE}" * 2])
def test_a_marker_behind_a_character_of_several_tokens_stands_where_its_own_begin(
    opens: str, closes: str, rare: str
) -> None:
    renderer, style = renderer_of_bytes(), CallStyle(opens, closes, before="=", after=";", tool="search")
    calling, texts = Calling(style, Echo(), renderer), (rare, opens, rare, closes)
    parts = [tuple(renderer.tokenizer.encode(text)) for text in texts]
    for behind in ((), *(tuple(renderer.tokenizer.encode(text)) for text in ("a", rare, "abcabcabc"))):
        cut = calling.cut(Rollout(), sum((*parts, behind), ()), may_close=True)
        assert (cut.token_ids, cut.between) == (sum(parts, ()), rare)
        assert (cut.opened, cut.opened_by) == (len(parts[0]), len(parts[0]) + len(parts[1]))


def test_the_end_of_a_text_that_closes_a_call_ends_the_call_alone() -> None:
    [eos_id] = RENDERER.eos_ids
    style = CallStyle(open="(", close=RENDERER.decode_whole((eos_id,)), before="=", after=";", tool="search")
    num_calls = num_ends = 0
    for sample in range(60):
        engine = Greedy(
            PLAIN_IDS, {eos_id: 0.1, OPEN_ID: 0.1}, decode=lambda ids: RENDERER.decode_whole(tuple(ids))
        )
        whole = asyncio.run(finish_sample(engine, context_of(Echo(), style), Pending(key_of(sample), CELLS)))
        for trace in whole.traces:
            assert trace.ended == (trace.token_ids[-1] == eos_id and trace.call is None)
            num_calls, num_ends = num_calls + (trace.call is not None), num_ends + trace.ended
        rollout = rollout_of(whole)
        assert len(rollout.written) == BUDGETS[-1] or rollout.closes or len(rollout.opens) > CALLS[-1]
    assert num_calls > 30 and num_ends > 15


@pytest.mark.parametrize(("further", "texts"), [([], ()), (['{"', " {"], ("{",)), (["}"], ())])
def test_an_engine_stops_at_a_character_by_its_text_where_other_tokens_hold_it_too(
    further: list[str], texts: tuple[str, ...]
) -> None:
    vocab = {text: at for at, text in enumerate(["<unk>", "a", "{", *further])}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel(vocab, "<unk>")))
    renderer = Renderer(tokenizer, Thinking(close=None, force="a"))
    calling = Calling(CallStyle("{", "}", before="=", after=";", tool="search"), Echo(), renderer)
    assert calling.stops(may_close=False) == (tuple(tokenizer.encode("{")), texts)
