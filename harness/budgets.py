"""Cuts a trace at a budget, closes it and takes the answer: natural where it had ended, forced elsewhere."""

from collections.abc import Iterable, Sequence

from harness.traces import Context, SampleKey, complete
from harness.types import Answer, Engine


def budgets_to_answer(num_thinking_tokens: int, ended: bool, budgets: Iterable[int]) -> set[int | None]:
    """The answers that serve `budgets`: None, the natural one, for every budget the trace ended within."""
    return {None if ended and num_thinking_tokens <= budget else budget for budget in budgets}


async def take_answer(
    engine: Engine, context: Context, key: SampleKey, *, thought_ids: Sequence[int], budget: int | None
) -> Answer:
    """The answer after the first `budget` thinking tokens of a trace, or after all of a trace that ended by itself."""
    renderer = context.renderer
    kept = tuple(thought_ids if budget is None else thought_ids[:budget])
    # A trace that ended with end-of-text instead of a close marker is closed for it.
    forced = budget is not None or kept[-1] != renderer.close_id
    spent = len(kept)
    if forced:
        kept = (kept if budget is not None else kept[:-1]) + renderer.force_ids
    completion, seed = await complete(
        engine,
        context,
        key,
        prefix_ids=kept,
        stage="answer",
        start_token=spent,
        max_tokens=context.sampling.max_answer_tokens,
    )
    text = renderer.decode(completion.token_ids)
    # Engines stop at tokens alone: an answer that ran on to the limit was over where its task's `until` stands. Some
    # say "length" of an end-of-text that stands exactly at the limit.
    is_over = any(stop in text for stop in context.until) or completion.token_ids[-1] in renderer.eos_ids
    return Answer(
        prompt_id=key.prompt.prompt_id,
        pool=key.pool,
        sample=key.sample,
        budget=budget,
        num_thinking_tokens=spent,
        num_answer_tokens=len(completion.token_ids),
        forced=forced,
        num_prompt_tokens=len(key.prompt_ids) + len(kept),
        num_cached_tokens=completion.num_cached_tokens,
        finish_reason="stop" if is_over else completion.finish_reason,
        seed=seed,
        seconds=completion.seconds,
        text=text,
    )
