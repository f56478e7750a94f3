"""What a ladder learns from: training texts in batches. Knows no problem and no model."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from transformers import PreTrainedTokenizerFast

# Batches that are drawn and sorted together; training resumes at their multiples.
POOL = 16


class Example(NamedTuple):
    """Token ids of one training text, and which of them the loss counts."""

    ids: list[int]
    counted: list[bool]


# Endless training texts from one source of randomness.
Draw = Callable[[np.random.Generator], Iterator[Example]]


@dataclass(frozen=True)
class Course:
    """What the rungs of one ladder share: training texts, how many of their tokens a step takes, the tokenizer,
    and the longest text that they read.
    """

    draw: Draw
    tokens_per_step: int
    tokenizer: PreTrainedTokenizerFast
    vocab_size: int
    context: int


def batches(
    draw: Draw, *, tokens_per_batch: int, seed: int, first_batch: int = 0, pool: int = POOL
) -> Iterator[list[Example]]:
    """Endless batches of examples of similar length, about `tokens_per_batch` padded tokens each.

    Examples are drawn and sorted by length `pool` batches at a time; the draw depends on (seed, pool index) alone,
    so training resumes at any multiple of `pool` batches.
    """
    assert first_batch % pool == 0
    for index in itertools.count(first_batch // pool):
        rng = np.random.default_rng([seed, index])
        drawn: list[Example] = []
        num_tokens = 0
        for example in draw(rng):
            drawn.append(example)
            num_tokens += len(example.ids)
            if num_tokens >= pool * tokens_per_batch:
                break
        drawn.sort(key=lambda e: len(e.ids))
        bounds = np.searchsorted(np.cumsum([len(e.ids) for e in drawn]), np.arange(1, pool) * tokens_per_batch)
        for part in rng.permutation(pool):
            yield drawn[(0, *bounds)[part] : (*bounds, len(drawn))[part]]
