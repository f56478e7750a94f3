"""A few samples of the actual model, drawn before a sweep: does thinking open, close and give way to an answer?

And can its task's grader read the answers (probe_answers.py)?
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from harness.budgets import take_answer
from harness.in_flight import all_of
from harness.probe_answers import UNREAD, check_answers, grade_answers
from harness.rollouts import Rollout
from harness.traces import Context, SampleKey, follow, sample_segment
from harness.types import (
    Answer,
    CapReachedError,
    Engine,
    EngineFailedError,
    Prompt,
    RequestFailedError,
    Task,
    Trace,
)
from results.cuts import NATURAL, Caps

NUM_PROBES = 8
# A model that closes its thinking at all does so within this many tokens on one of eight prompts.
LONG_THINKING_TOKENS = 4096
SHOWN_CHARS = 160
# Of one prompt so many samples are compared, up to so many tokens; fewer tokens may be alike by themselves.
NUM_COMPARED, COMPARED_TOKENS, LEAST_ALIKE = 3, 64, 32


class Probe(NamedTuple):
    """What the probes did: of `num_probes`, how many ended, closed with the marker, and answered within the limit.

    num_graded, num_read: their answers, natural and forced, and how many of these a grader could read.
    ignores_seeds: samples of one prompt with different seeds began with the same tokens.
    """

    num_probes: int
    num_ended: int
    num_closed: int
    num_answered: int
    num_tokens: int
    max_thinking_tokens: int
    num_graded: int = 0
    num_read: int = 0
    ignores_seeds: bool = False


def is_too_short(probe: Probe, max_thinking_tokens: int) -> bool:
    """Whether this probe saw no trace close and a cap of `max_thinking_tokens` would show more."""
    enough = min(max_thinking_tokens, LONG_THINKING_TOKENS)
    return not probe.num_closed and probe.max_thinking_tokens < enough


async def probe_thinking(
    engine: Engine,
    context: Context,
    prompts: Sequence[Prompt],
    *,
    max_thinking_tokens: int,
    most_calls: int = 0,
    task: Task | None = None,
    unfenced: bool = False,
    on_probe: Callable[[], object] = lambda: None,
) -> Probe:
    """Think to the cap on each prompt, take the answer of a trace that ended, and force one half-way.

    Raises ValueError, with an example, where that shows that thinking is not opened, closed or forced as the
    configuration says, or that nearly none of the answers can be read by the task; EngineFailedError where every
    request failed; CapReachedError where not all could be sent. One that fails alone says nothing of the model.
    unfenced: as of grade_texts. on_probe: called as each prompt is done.
    """
    keys = [SampleKey(prompt, context.renderer.prompt_ids(prompt), "probe", 0) for prompt in prompts]
    tried = await asyncio.gather(
        *(_try_probe(engine, context, key, Caps(max_thinking_tokens, calls=most_calls), on_probe) for key in keys)
    )
    if reached := [each for each in tried if isinstance(each, CapReachedError)]:
        raise reached[0]
    probed = {key: done for key, done in zip(keys, tried, strict=True) if isinstance(done, tuple)}
    if not probed:
        raise EngineFailedError(
            f"All {len(keys)} probes of its thinking failed, the first with: {tried[0]} probe=false skips the "
            "probes."
        )
    traces = [trace for segments, _ in probed.values() for trace in segments]
    last = [segments[-1] for segments, _ in probed.values() if segments]
    answers = [answer for _, taken in probed.values() for answer in taken]
    forced = [answer for answer in answers if answer.budget is not None]
    _check_open(context, next(iter(probed)), traces)
    _check_close(context, last, max_thinking_tokens=max_thinking_tokens)
    _check_force(context, forced)
    graded = [] if task is None else await asyncio.to_thread(grade_answers, task, answers, unfenced=unfenced)
    check_answers(context, graded)
    _check_finished(context, forced)
    return Probe(
        num_probes=len(probed),
        num_ended=sum(trace.ended for trace in last),
        num_closed=sum(_closed(context, trace) for trace in last),
        num_answered=sum(answer.finish_reason == "stop" for answer in forced),
        num_tokens=sum(t.num_thinking_tokens for t in traces) + sum(a.num_answer_tokens for a in answers),
        max_thinking_tokens=max_thinking_tokens,
        num_graded=len(graded),
        num_read=sum(row.outcome not in UNREAD for row in graded),
        ignores_seeds=await _ignores_seeds(engine, context, prompts[0], max_thinking_tokens=max_thinking_tokens),
    )


async def _ignores_seeds(engine: Engine, context: Context, prompt: Prompt, *, max_thinking_tokens: int) -> bool:
    """Whether samples with different seeds are one and the same for LEAST_ALIKE tokens, though they are drawn."""
    if not context.sampling.temperature or max_thinking_tokens < LEAST_ALIKE:
        return False
    keys = [SampleKey(prompt, context.renderer.prompt_ids(prompt), "probe", 1 + n) for n in range(NUM_COMPARED)]
    cap = min(max_thinking_tokens, COMPARED_TOKENS)
    drawn = await all_of(_begin(engine, context, key, cap) for key in keys)
    return len(set(drawn)) == 1 and len(drawn[0]) >= LEAST_ALIKE


async def _begin(engine: Engine, context: Context, key: SampleKey, max_thinking_tokens: int) -> tuple[int, ...]:
    """The first tokens of a trace; none where the request fails."""
    try:
        trace = await sample_segment(engine, context, key, Rollout(), max_thinking_tokens=max_thinking_tokens)
        return trace.token_ids
    except RequestFailedError:
        return ()


Probed = tuple[tuple[Trace, ...], tuple[Answer, ...]]


async def _try_probe(
    engine: Engine, context: Context, key: SampleKey, caps: Caps, on_probe: Callable[[], object]
) -> Probed | RequestFailedError | CapReachedError:
    try:
        return await _probe(engine, context, key, caps)
    except (RequestFailedError, CapReachedError) as error:
        return error
    finally:
        on_probe()


async def _probe(engine: Engine, context: Context, key: SampleKey, caps: Caps) -> Probed:
    segments: tuple[Trace, ...] = ()
    rollout = Rollout()
    # Answers are forced half-way and, where it ended, taken from its end.
    while rollout.places([caps])[0] > len(rollout.written):
        may_call = len(rollout.opens) < caps.calls
        segment = await sample_segment(
            engine, context, key, rollout, max_thinking_tokens=caps.budget, may_call=may_call
        )
        rollout = follow(rollout, segment, close_id=context.renderer.close_id)
        segments += (segment,)
    places = [len(rollout.written) // 2]
    if rollout.is_closed:
        places.append(NATURAL)
    taken = (take_answer(engine, context, key, rollout=rollout, place=place) for place in places)
    return segments, tuple(await all_of(taken))


def _check_open(context: Context, key: SampleKey, traces: Sequence[Trace]) -> None:
    """A tag such as <think> stands once between the prompt's last closing tag and the first thought."""
    close = context.renderer.thinking.close
    tag = re.fullmatch(r"\s*</(\w+)>\s*", close or "")
    if tag is None:
        return
    opening = f"<{tag[1]}>"
    prompt = str(context.renderer.tokenizer.decode(list(key.prompt_ids)))
    first = str(context.renderer.tokenizer.decode(list(traces[0].token_ids))) if traces else ""
    tail = prompt.rsplit(f"</{tag[1]}>", 1)[-1]
    num_given, by_model = tail.count(opening), first.lstrip().startswith(opening)
    if num_given + by_model == 1:
        return
    what = "is not opened" if num_given + by_model == 0 else "is opened twice"
    remedy = (
        f"end with {opening}"
        if num_given + by_model == 0
        else "be empty, since the chat template or the model opens"
    )
    raise ValueError(
        f"Thinking {what}: the rendered prompt ends with {tail[-SHOWN_CHARS:]!r} and the model goes on with "
        f"{first[:SHOWN_CHARS]!r}. thinking.open should {remedy}."
    )


def _check_close(context: Context, last: Sequence[Trace], *, max_thinking_tokens: int) -> None:
    close = context.renderer.thinking.close
    if close is None or not last or any(_closed(context, trace) for trace in last):
        return
    ended = [trace for trace in last if trace.ended]
    if not ended and max_thinking_tokens < LONG_THINKING_TOKENS:
        return
    example = (ended or last)[0]
    how = "ended its text" if ended else f"thought for {max_thinking_tokens} tokens"
    raise ValueError(
        f"Thinking is never closed: in none of {len(last)} probes did the model write {close!r}. One {how}: "
        f"...{example.text[-SHOWN_CHARS:]!r}. Set thinking.close to the marker this model writes (null for a "
        "plain chain of thought), or set probe=false if this is intended."
    )


def _check_force(context: Context, answers: Sequence[Answer]) -> None:
    close = context.renderer.thinking.close
    stray = [answer for answer in answers if close is not None and close.strip() in answer.text]
    if len(stray) == len(answers):
        raise ValueError(
            f"Forcing does not end thinking: after thinking.force every probe went on thinking, as in "
            f"{stray[0].text[:SHOWN_CHARS]!r}. thinking.force must contain {close!r}."
        )


def _check_finished(context: Context, answers: Sequence[Answer]) -> None:
    if not any(answer.finish_reason == "stop" for answer in answers):
        raise ValueError(
            "No probe finished its answer within "
            f"sampling.max_answer_tokens={context.sampling.max_answer_tokens}, as in "
            f"{answers[0].text[:SHOWN_CHARS]!r}. Raise the limit, or set thinking.force to a text that leads to "
            "a short answer. probe=false skips the probes."
        )


def _closed(context: Context, trace: Trace) -> bool:
    return trace.ended and trace.token_ids[-1] == context.renderer.close_id
