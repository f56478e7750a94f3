"""A scripted engine that writes steps, and a verifier that reads them. Lives under tests only."""

import zlib
from dataclasses import dataclass

import numpy as np

from harness.scorers.pooled import PooledJudge, PooledScorer
from harness.scorers.process import Process
from harness.search.strategy import Strategy
from harness.search.tree import Searcher
from harness.search.verdicts import build_verifier
from harness.traces import Context
from harness.types import Completion, Engine, Request
from ladder.tokenizer import build_tokenizer
from tests.harness.scripted_engine import ScriptedEngine
from tests.scripted_settings import Pooling, Scripted

STEP = build_tokenizer().encode(";", add_special_tokens=False)[0]
PATH = "ladder/checkpoints/step-verifier-125k"
LAYOUT = {"reads_thinking": True, "between": "<think>", "close": "</think>", "step": ";"}
SCORING = Scripted(dtype="float32")


@dataclass
class SteppingEngine(ScriptedEngine):
    """Ends a step with probability `step_chance` a token. At temperature 0 it is a function of what it reads
    alone, else of the seed too.
    """

    step_chance: float = 0.2

    async def complete(self, request: Request) -> Completion:
        if self.fail_after is not None or self.fail_seeds(request.seed):
            return await super().complete(request)
        if self.keep_requests:
            self.requests.append(request)
        seed = request.seed if request.sampling.temperature else 0
        rng = np.random.default_rng([seed, zlib.crc32(repr(request.prompt_ids).encode())])
        ids: list[int] = []
        is_over = False
        while len(ids) < request.max_tokens and not is_over:
            draw = rng.random()
            if draw < self.stop_chance:
                ids.append(request.stop_ids[0])
            elif draw < self.stop_chance + self.step_chance:
                ids.append(STEP)
            else:
                ids.append(int(rng.integers(3, self.vocab)))
            is_over = ids[-1] in request.stop_ids or (bool(request.stop) and ids[-1] == STEP)
        self.num_tokens += len(ids)
        return Completion(tuple(ids), "stop" if is_over else "length", 0, 0.0)


@dataclass
class Heard(Pooling):
    """A scripted head that counts what it reads."""

    def __init__(self, scorer: PooledScorer) -> None:
        super().__init__(SCORING, scorer.reader.context, scorer.head)
        self.texts: list[tuple[int, ...]] = []

    async def pool(self, token_ids: tuple[int, ...]):  # type: ignore[no-untyped-def]
        self.texts.append(token_ids)
        return await super().pool(token_ids)


def prepare_scorer(**changes: object) -> PooledScorer:
    return Process(PATH, **(LAYOUT | changes)).prepare(SCORING)  # type: ignore[arg-type]


def build_searcher(
    engine: Engine, strategy: Strategy, context: Context, *, budget: int = 64, scorer: PooledScorer | None = None
) -> tuple[Searcher, Heard]:
    scorer = scorer or prepare_scorer()
    heard = Heard(scorer)
    verifier = build_verifier(
        scorer, version="v", strategy=strategy, renderer=context.renderer, longest_request=scorer.reader.context
    )
    judge = PooledJudge(scorer.settings, heard)
    step_ids = strategy.step_ids(context.renderer)
    return Searcher(engine, judge, verifier, context, strategy, budget, step_ids), heard
