"""Cuts a trace, closes it and takes the answer: natural where it had ended, forced elsewhere."""

from collections.abc import Sequence

from harness.rollouts import Rollout
from harness.traces import Context, SampleKey, complete, find_stop
from harness.types import Answer, Engine
from results.cuts import NATURAL


async def take_answer(
    engine: Engine, context: Context, key: SampleKey, *, rollout: Rollout, place: int = NATURAL
) -> Answer:
    """The answer of a sample after `place` written tokens: its own where it had closed thinking there,
    forced elsewhere. NATURAL: that of its first close.
    """
    renderer = context.renderer
    at = rollout.closes[0] if place == NATURAL else place
    is_natural = at in rollout.closes
    if is_natural and renderer.holds_answer:
        return _own_answer(context, key, rollout, at)
    kept, spent = rollout.context(at), min(at, len(rollout.written))
    # A trace that ended with end-of-text instead of a close marker is closed for it.
    forced = not is_natural or kept[-1] != renderer.close_id
    if forced:
        has_ended = is_natural and kept[-1] in renderer.eos_ids
        kept = (kept[:-1] if has_ended else kept) + renderer.force_ids
    stop = context.ends_led if forced else context.until
    completion, seed = await complete(
        engine,
        context,
        key,
        prefix_ids=kept,
        stage="answer",
        start_token=spent,
        max_tokens=context.sampling.max_answer_tokens,
        stop=stop,
    )
    token_ids, text, is_over = _read(context, completion.token_ids, forced=forced, stop=stop)
    return Answer(
        prompt_id=key.prompt.prompt_id,
        pool=key.pool,
        sample=key.sample,
        budget=None if place == NATURAL else place,
        num_thinking_tokens=spent,
        num_answer_tokens=len(token_ids),
        forced=forced,
        num_prompt_tokens=len(key.prompt_ids) + len(kept),
        num_cached_tokens=completion.num_cached_tokens,
        finish_reason="stop" if is_over else completion.finish_reason,
        seed=seed,
        seconds=completion.seconds,
        text=text,
        certainty=completion.certainty and completion.certainty.first(len(token_ids)),
        extension=rollout.closes.index(at) or None if is_natural else None,
        num_given_tokens=rollout.num_given(at),
    )


def _read(
    context: Context, token_ids: tuple[int, ...], *, forced: bool, stop: Sequence[str]
) -> tuple[tuple[int, ...], str, bool]:
    """Of what an engine wrote, the tokens that are the answer,
    its text as it is graded, and whether it had an end.
    """
    renderer = context.renderer
    # Not every engine stops at every string.
    token_ids = token_ids[: find_stop(stop, token_ids, after=(), renderer=renderer)]
    written = renderer.decode(token_ids)
    text = renderer.form.lead + written if forced else written
    # An answer that ran on to the limit was over where one of these strings stands, or where its form is whole.
    # Some engines say "length" of an end-of-text that stands exactly at the limit.
    is_over = any(string in written for string in stop) or (forced and renderer.form.is_over(text))
    is_over = is_over or token_ids[-1] in renderer.eos_ids
    return token_ids, renderer.form.close(text) if forced and is_over else text, is_over


def _own_answer(context: Context, key: SampleKey, rollout: Rollout, place: int) -> Answer:
    """A plain chain of thought that ended there by itself, as its own answer: nothing is drawn for it."""
    return Answer(
        prompt_id=key.prompt.prompt_id,
        pool=key.pool,
        sample=key.sample,
        budget=None,
        num_thinking_tokens=place,
        num_answer_tokens=0,
        forced=False,
        num_prompt_tokens=len(key.prompt_ids) + len(rollout.context(place)),
        num_cached_tokens=None,
        finish_reason="stop",
        seed=None,
        seconds=0.0,
        text=context.renderer.decode(rollout.written[:place]),
        num_given_tokens=rollout.num_given(place),
    )
