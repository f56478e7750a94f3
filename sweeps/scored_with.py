"""What a sweep is scored with once it is drawn and graded: the scorers that its config names."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from harness.types import EngineFailedError
from results.places import place_run
from results.shortage import writing_run
from sweeps.compose import Scoring, build_scoring
from sweeps.configs import compose_words
from sweeps.mistakes import compose_single
from sweeps.repair import repair
from sweeps.score import score_run

# Where these start jobs, an engine starts as well.
HERE = ("processes",)
ROOT = "score"


class Awaited(NamedTuple):
    """A run that is drawn, what is to score it, the words of those that cannot start here,
    and with which options its figures are drawn.
    """

    root: Path
    scorings: list[Scoring]
    elsewhere: list[str]
    reading: list[str]


def prepare_scorers(words: Sequence[str]) -> Awaited:
    """The run of these words and its `scorers`, checked, on the engine that draws it.

    Each is a name in conf/scorer, with words of `isoquant score` behind it where there are any; one that knows
    other tasks alone is left out. Raises ValueError for one that cannot be used.
    """
    config = compose_single(words)
    awaited = Awaited(place_run(str(config.run)), [], [], shlex.split(str(config.get("reading") or "")))
    is_here = config.hydra.runtime.choices["hydra/launcher"] in HERE
    for told in config.get("scorers") or ():
        if not is_here:
            awaited.elsewhere.append(f"scorer={told}")
            continue
        asked = compose_words(f"scorer={told}".split(), root=ROOT)
        asked.engine = config.engine
        scoring = build_scoring(asked)
        if not scoring.scorer.tasks or (config.get("task") or {}).get("name") in scoring.scorer.tasks:
            awaited.scorings.append(scoring)
    return awaited


def score_sweep(awaited: Awaited) -> None:
    """Score a run that is drawn and graded; where jobs ran elsewhere, say which commands do it there."""
    for words in awaited.elsewhere:
        print(f"Score it where the jobs ran: isoquant score {awaited.root} {words}", flush=True)
    for scoring in awaited.scorings:
        with writing_run(awaited.root):
            score(awaited.root, scoring)


def score(root: Path, scoring: Scoring) -> dict[str, object]:
    """Append what is missing and say so in a line."""
    repair(root)
    name = scoring.scorer.name
    try:
        done = score_run(root, scoring.scorer, pools=scoring.pools, flush_seconds=scoring.flush_seconds)
    except EngineFailedError as error:
        raise ValueError(f"{name}: {error}") from error
    written = f", {done.num_written:,} written" if done.num_written else ""
    verdicts = "answers" if scoring.scorer.num_verdicts == 1 else "verdicts"
    why = f" ({done.refusal})" if done.refusal else ""
    print(
        f"{done.num_scored:,} {verdicts} scored and {done.num_refused:,} refused{why} by {name} in {root}; "
        f"{done.num_tokens:,} tokens read of {done.num_needed:,} needed{written}",
        flush=True,
    )
    return done._asdict()
