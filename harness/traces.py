"""Samples traces: thinking up to a cap, or its continuation from where it was cut. Knows nothing of budgets below."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.rendering import Renderer
from harness.seeds import request_seed
from harness.types import Completion, Engine, Pool, Prompt, Request, Sampling, Trace


@dataclass(frozen=True)
class Context:
    """What every request of one model and task shares. `identity` is the hash that its rows are stored under."""

    identity: str
    renderer: Renderer
    sampling: Sampling


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
) -> tuple[Completion, int]:
    """Completion of the prompt followed by `prefix_ids`, and the seed it was drawn with."""
    seed = request_seed(
        context.identity, key.prompt.prompt_id, pool=key.pool, sample=key.sample, stage=stage, start_token=start_token
    )
    stop_ids += context.renderer.eos_ids
    request = Request((*key.prompt_ids, *prefix_ids), max_tokens, seed, context.sampling, stop_ids)
    return await engine.complete(request), seed


async def sample_trace(
    engine: Engine, context: Context, key: SampleKey, *, thought_ids: Sequence[int], max_thinking_tokens: int
) -> Trace:
    """The next segment of a trace whose first tokens are `thought_ids`, up to `max_thinking_tokens` in all."""
    start = len(thought_ids)
    completion, seed = await complete(
        engine,
        context,
        key,
        prefix_ids=thought_ids,
        stage="think",
        start_token=start,
        max_tokens=max_thinking_tokens - start,
        stop_ids=(context.renderer.close_id,),
    )
    return Trace(
        prompt_id=key.prompt.prompt_id,
        pool=key.pool,
        sample=key.sample,
        start_token=start,
        token_ids=completion.token_ids,
        # Some engines say "length" of a stop token that stands exactly at the cap.
        ended=completion.token_ids[-1] in (context.renderer.close_id, *context.renderer.eos_ids),
        num_prompt_tokens=len(key.prompt_ids) + start,
        num_cached_tokens=completion.num_cached_tokens,
        finish_reason=completion.finish_reason,
        seed=seed,
        seconds=completion.seconds,
        text=context.renderer.decode(completion.token_ids),
    )
