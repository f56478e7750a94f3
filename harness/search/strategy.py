"""How a search goes: how many paths, how many ways each goes on, where a step ends, what the verifier is asked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from harness.rendering import Renderer, encode_behind

Aggregate = Literal["last", "min", "product", "mean"]
AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)


@dataclass(frozen=True)
class Strategy:
    """Each of `width` paths goes on in `expansions` ways at every step, and a verifier chooses.

    together: the best of all paths' ways stay, as many as there are paths still going (beam search); else of each
    path its best one (diverse verifier tree search), so that paths know nothing of each other. scorer: a process
    scorer of conf/scorer, with words of `isoquant score` behind it where there are any. A step ends behind the
    text `step`, or the one token `step_token`, of which one is given; at `max_step_tokens`; and where thinking
    does. A path ends with its thinking, at the budget, and behind `max_steps`. aggregate: what the verifier's
    scores of a path's steps become.
    """

    width: int
    expansions: int
    together: bool
    scorer: str
    step: str | None = None
    step_token: str | None = None
    max_steps: int = 32
    max_step_tokens: int = 256
    aggregate: Aggregate = "last"

    def __post_init__(self) -> None:
        for name in ("width", "expansions", "max_steps", "max_step_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"strategy.{name} must be at least 1; got {getattr(self, name)}.")
        if bool(self.step) == bool(self.step_token):
            raise ValueError(
                "Give one of strategy.step, the text that ends a step, and strategy.step_token, one token that "
                "does."
            )
        if self.aggregate not in AGGREGATES:
            raise ValueError(f"strategy.aggregate is one of {', '.join(AGGREGATES)}; got {self.aggregate!r}.")

    @property
    def name(self) -> str:
        """What the search is called beside the model: paths of a beam are one search, subtrees a search each."""
        return f"beam of {self.width}" if self.together else "dvts"

    def identity_parts(self, scorer_version: str) -> dict[str, Any]:
        """All of it that shapes a path. Subtrees do not: m of them are those of a search of m."""
        told = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "scorer"}
        shaping = {name: value for name, value in told.items() if value is not None}
        if not self.together:
            del shaping["width"]
        return {**shaping, "scorer": scorer_version}

    def step_ids(self, renderer: Renderer) -> tuple[int, ...]:
        """The token that ends a step, where one does; raises ValueError where it is not one token."""
        if not self.step_token:
            return ()
        ids = encode_behind(renderer.tokenizer, self.step_token)
        if len(ids) != 1:
            raise ValueError(
                f"strategy.step_token {self.step_token!r} is {len(ids)} tokens for this tokenizer; give it as "
                "strategy.step, and set strategy.step_token=null."
            )
        return ids

    @property
    def step_texts(self) -> tuple[str, ...]:
        return (self.step,) if self.step else ()


def aggregated(step_scores: Sequence[float], how: Aggregate) -> float:
    """One score of a path's steps, of which there is at least one."""
    if how == "last":
        return step_scores[-1]
    if how == "min":
        return min(step_scores)
    return math.prod(step_scores) if how == "product" else math.fsum(step_scores) / len(step_scores)
