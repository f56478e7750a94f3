"""Samples traces: thinking up to a cap, or its continuation from where it was cut or had closed.
Knows nothing of budgets below.
"""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from harness.calling import Called, Calling, Stops
from harness.rendering import Renderer
from harness.rollouts import Rollout
from harness.seeds import request_seed
from harness.types import (
    Completion,
    Engine,
    EngineFailedError,
    Pool,
    Prompt,
    Request,
    RequestFailedError,
    Sampling,
    Trace,
)

SHOWN_CHARS = 60


@dataclass(frozen=True)
class Context:
    """What every request of one model and task shares. `identity` is the hash that its rows are stored under.

    until: strings that end an answer of the task, and so a plain chain of thought, which holds its own. calling:
    the tools that the model may call while it thinks.
    """

    identity: str
    renderer: Renderer
    sampling: Sampling
    until: tuple[str, ...] = ()
    calling: Calling | None = None

    @property
    def ends_thinking(self) -> tuple[str, ...]:
        """The strings that end a trace."""
        return self.until if self.renderer.close_id is None else ()

    @property
    def ends_led(self) -> tuple[str, ...]:
        """The strings that end an answer that a trace was led to."""
        return tuple(dict.fromkeys((*self.until, *self.renderer.form.stop)))

    @property
    def reads_text(self) -> bool:
        """Whether some request has strings to stop at."""
        of_calls = (
            () if self.calling is None else [self.calling.stops(may_close=may).texts for may in (True, False)]
        )
        return any((self.until, self.ends_led, *of_calls))


@dataclass(frozen=True)
class SampleKey:
    """One sample of one prompt; `prompt_ids` is the rendered prompt with thinking opened."""

    prompt: Prompt
    prompt_ids: tuple[int, ...]
    pool: Pool
    sample: int


async def complete(
    engine: Engine,
    context: Context,
    key: SampleKey,
    *,
    prefix_ids: Sequence[int],
    stage: str,
    start_token: int,
    max_tokens: int,
    stop_ids: tuple[int, ...] = (),
    stop: tuple[str, ...] = (),
) -> tuple[Completion, int]:
    """Completion of the prompt followed by `prefix_ids`, and the seed it was drawn with.

    End-of-text stops every request. Raises RequestFailedError, also where the engine wrote nothing;
    EngineFailedError where it stopped for no reason that it was given.
    """
    seed = request_seed(
        context.identity,
        key.prompt.prompt_id,
        pool=key.pool,
        sample=key.sample,
        stage=stage,
        start_token=start_token,
    )
    stop_ids = tuple(dict.fromkeys((*stop_ids, *context.renderer.eos_ids)))
    request = Request((*key.prompt_ids, *prefix_ids), max_tokens, seed, context.sampling, stop_ids, stop)
    completion = await engine.complete(request)
    if not completion.token_ids:
        raise RequestFailedError("The engine wrote no token.")
    if completion.finish_reason == "stop" and completion.token_ids[-1] not in stop_ids:
        _check_stopped(request, completion.token_ids, context.renderer)
    return completion, seed


def _check_stopped(request: Request, token_ids: tuple[int, ...], renderer: Renderer) -> None:
    """Raise EngineFailedError where an engine says that a string ended what it wrote, and its tokens hold none.

    What it wrote behind the string is no lie, since some take several tokens at once; it is cut where it is read.
    """
    # Some tokenizers drop the space that a text begins with.
    texts = renderer.decode_whole(token_ids), renderer.decode_whole(request.prompt_ids[-1:] + token_ids)
    if not any(string in text for string in request.stop for text in texts):
        raise EngineFailedError(
            "The engine stopped a completion without one of the requested stop strings; it wrote "
            f"{texts[0][-SHOWN_CHARS:]!r}. Start it without its own stop strings."
        )


async def sample_segment(
    engine: Engine,
    context: Context,
    key: SampleKey,
    rollout: Rollout,
    *,
    max_thinking_tokens: int,
    may_call: bool = False,
) -> Trace:
    """The next segment of a sample, up to `max_thinking_tokens` written ones in all.

    Thinking that had closed goes on from the text that extends it, in place of its marker. A segment ends where it
    closes, behind a call of a tool, which is carried out, and where one begins that may not be made; one that had
    begun may. Raises RequestFailedError.
    """
    renderer, start = context.renderer, len(rollout.written)
    before, extend_ids = rollout.context(start), None
    if rollout.is_closed:
        extend_ids = renderer.extend_ids
        before = before[:-1] + extend_ids
    may_close = may_call or rollout.is_calling
    at_calls = context.calling.stops(may_close=may_close) if context.calling else Stops()
    completion, seed = await complete(
        engine,
        context,
        key,
        prefix_ids=before,
        stage="think",
        start_token=start,
        max_tokens=max_thinking_tokens - start,
        stop_ids=renderer.end_ids + at_calls.ids,
        stop=context.ends_thinking + at_calls.texts,
    )
    # What a tool brought may hold such a string, and ends nothing.
    stopped = find_stop(context.ends_thinking, completion.token_ids, after=rollout.since, renderer=renderer)
    written = Called(completion.token_ids[:stopped])
    if context.calling:
        written = await context.calling.follow(rollout, written.token_ids, may_close=may_close)
    token_ids = written.token_ids
    # Engines also stop at calls, and some say "length" of a stop token that stands exactly at the cap.
    says_end = completion.finish_reason == "stop" and not context.calling
    ended = token_ids[-1] in renderer.end_ids or len(token_ids) == stopped or says_end
    # Some models write an end of text behind each call.
    ended = ended and written.call is None
    return Trace(
        prompt_id=key.prompt.prompt_id,
        pool=key.pool,
        sample=key.sample,
        start_token=start,
        token_ids=token_ids,
        ended=ended,
        num_prompt_tokens=len(key.prompt_ids) + len(before),
        num_cached_tokens=completion.num_cached_tokens,
        finish_reason=completion.finish_reason if stopped is None else "stop",
        seed=seed,
        seconds=completion.seconds,
        text=renderer.decode(token_ids),
        certainty=completion.certainty and completion.certainty.first(len(token_ids)),
        extend_ids=extend_ids,
        opened=written.opened,
        opened_by=written.opened_by,
        call=written.call,
        observed_ids=written.observed_ids,
    )


def follow(rollout: Rollout, segment: Trace, *, close_id: int | None) -> Rollout:
    """The sample with one more segment."""
    return rollout.followed_by(
        segment.token_ids,
        ended=segment.ended,
        is_final=segment.token_ids[-1] != close_id,
        extend_ids=segment.extend_ids,
        opened=segment.opened,
        opened_by=segment.opened_by,
        observed_ids=segment.observed_ids,
    )


def find_stop(
    stop: Sequence[str], token_ids: tuple[int, ...], *, after: tuple[int, ...], renderer: Renderer
) -> int | None:
    """How many of `token_ids` it takes until the text, behind that of `after`,
    holds one of the strings; None if never.

    Engines see only what they write themselves: a string that begins before a cut and ends behind it would be
    passed over by a continuation, and found by a run that was not cut.
    """

    def holds(length: int) -> bool:
        text = renderer.decode(after + token_ids[:length])
        return any(string in text for string in stop)

    if not stop or not holds(len(token_ids)):
        return None
    return bisect.bisect_left(range(len(token_ids) + 1), True, lo=1, key=holds)
