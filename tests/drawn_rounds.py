"""Jobs that draw rounds of strategies on a scripted engine, which keeps what it was asked."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from harness.graphs import Graph
from harness.types import Completion, EngineFailedError, Model, Request
from ladder.tokenizer import build_tokenizer
from sweeps.compose import build_job
from sweeps.configs import compose_words
from sweeps.job import Job, run_job
from tests.harness.scripted_engine import ScriptedEngine
from tests.scripted_settings import Scripted

TOKENIZER = build_tokenizer()
REQUESTS: list[Request] = []
# A debate, a text that is voted on, and an answer of all, in the few letters of the embedded ladder.
GROUP = Graph(
    "group",
    {
        "look": {"prompt": "{prompt};{answer}", "text_tokens": 5},
        "vote": {"prompt": "{prompt};{look}", "by": "one", "votes": 3, "text_tokens": 3, "chooses": "look"},
        "again": {"prompt": "{prompt};{others};{chosen}"},
        "end": {"prompt": "{prompt};{again}", "by": "one"},
    },
    agents=2,
    each=";{text}",
    read_tokens=6,
)


@dataclass(frozen=True)
class Recording(Scripted):
    """Keeps what it was asked; after `fail_after` requests of one start it fails."""

    fail_after: int | None = None

    @contextlib.asynccontextmanager
    async def start(self, model: Model, *, max_model_len: int, reads_text: bool = False) -> AsyncIterator[Any]:  # type: ignore[override]
        yield Kept(max_model_len, self.fail_after)


class Kept(ScriptedEngine):
    def __init__(self, max_model_len: int, fail_after: int | None) -> None:
        super().__init__(vocab=20, stop_chance=0.1)
        self.max_model_len, self.left = max_model_len, fail_after

    async def complete(self, request: Request) -> Completion:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise EngineFailedError("scripted failure")
        assert len(request.prompt_ids) + request.max_tokens <= self.max_model_len
        REQUESTS.append(request)
        return await super().complete(request)


def make(root: Path, *words: str, group: bool = False) -> Job:
    """A job of an embedded rung; group: whose samples work in GROUP as well."""
    job = _compose(*words)
    job = replace(job, run=root, config={**job.config, "run": str(root)})
    return replace(job, graphs=(GROUP, *job.graphs)) if group else job


@cache
def _compose(*words: str) -> Job:
    """Of a run somewhere."""
    return build_job(
        compose_words(
            [
                "experiment=embedded",
                "model=countdown-33k",
                "task.size=3",
                "grid.budgets=[0,12]",
                "grid.reference_budget=12",
                "grid.bin_samples=2",
                "grid.widths=[1,4]",
                "sampling.max_answer_tokens=12",
                "probe=false",
                "engine._target_=tests.drawn_rounds.Recording",
                "run=somewhere",
                *words,
            ]
        )
    )


def draw(root: Path, *words: str, group: bool = False, fail_after: int | None = None) -> list[Request]:
    """Run a job, whose engine may fail after so many requests; the requests that it made."""
    REQUESTS.clear()
    job = make(root, *words, group=group)
    assert isinstance(job.engine, Recording)
    run_job(replace(job, engine=replace(job.engine, fail_after=fail_after)))
    return list(REQUESTS)
