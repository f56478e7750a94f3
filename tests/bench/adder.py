"""An engine that adds: sums of reasoning-gym in the embedded ladder's alphabet,
with a planted skill. No weights.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np

from harness.engines.vllm import Vllm
from harness.types import Completion, Model, Request
from ladder.tokenizer import ALPHABET, END_OF_TEXT, END_THINK, THINK

MARKERS = (END_OF_TEXT, THINK, END_THINK)
CLOSE = MARKERS.index(END_THINK)
# A trace closes after so many tokens at the latest, the same for all lengths up to it.
MAX_THINKING = 24
# Log-odds of a right answer: of a model, what a token of thinking adds, and what a character of the sum takes.
SKILLS = {"countdown-33k": 0.0, "countdown-1.1m": 1.5}
SKILL_A_TOKEN, HARD_A_CHARACTER = 0.1, 0.15
NUM_WRONG = 4


@dataclass(frozen=True)
class Adding(Vllm):
    """Vllm's settings with an `Adder` behind them: engine._target_=tests.bench.adder.Adding on a command line."""

    @contextlib.asynccontextmanager
    async def start(self, model: Model, *, max_model_len: int, reads_text: bool = False) -> AsyncIterator["Adder"]:  # type: ignore[override]
        yield Adder(SKILLS[model.name])


@dataclass
class Adder:
    """Every completion is a pure function of its request: some tokens of thinking, or a sum that may be wrong.

    skill: log-odds of a right answer to a sum of no characters without thinking.
    """

    skill: float

    async def complete(self, request: Request) -> Completion:
        rng = np.random.default_rng(request.seed)
        ids = self._answer(request, rng) if CLOSE in request.prompt_ids else self._think(rng)
        kept = tuple(ids[: request.max_tokens])
        return Completion(kept, "stop" if len(kept) == len(ids) else "length", 0, 0.0)

    def _think(self, rng: np.random.Generator) -> list[int]:
        digits = rng.integers(0, 10, rng.integers(0, MAX_THINKING))
        return [*_encode("".join(map(str, digits))), CLOSE]

    def _answer(self, request: Request, rng: np.random.Generator) -> list[int]:
        text = "".join(_decode(token) for token in request.prompt_ids)
        problem, _, rest = text.partition("=")
        log_odds = self.skill - HARD_A_CHARACTER * len(problem) + SKILL_A_TOKEN * len(rest)
        is_right = rng.random() < 1 / (1 + np.exp(-log_odds))
        total = _add(problem) + (0 if is_right else int(rng.integers(1, NUM_WRONG)))
        return [*_encode(str(total)), request.stop_ids[0]]


def _encode(text: str) -> list[int]:
    return [len(MARKERS) + ALPHABET.index(character) for character in text]


def _decode(token: int) -> str:
    return "" if token < len(MARKERS) else ALPHABET[token - len(MARKERS)]


def _add(problem: str) -> int:
    """57+87-70 -> 74."""
    return sum(map(int, problem.replace("-", "+-").strip("+").split("+")))
