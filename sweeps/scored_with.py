"""What a sweep is scored with once it is drawn and graded: the scorers that its config names."""

from collections.abc import Sequence
from pathlib import Path

from harness.types import EngineFailedError
from results.places import place_run
from results.shortage import writing_run
from sweeps.compose import Scoring, build_scoring
from sweeps.mistakes import compose_single, compose_words
from sweeps.repair import repair
from sweeps.score import score_run

# Where these start jobs, an engine starts as well.
HERE = ("processes",)
ROOT = "score"


def score_sweep(words: Sequence[str]) -> None:
    """Score the run of these words by each of its `scorers`, on the engine that drew it.

    Each is a name in conf/scorer, with words of `isoquant score` behind it where there are any. Where jobs run
    elsewhere, say which commands do it there. Raises ValueError for a scorer that cannot be used.
    """
    config = compose_single(words)
    root = place_run(str(config.run))
    launcher = config.hydra.runtime.choices["hydra/launcher"]
    for told in config.get("scorers") or ():
        given = f"scorer={told}".split()
        if launcher not in HERE:
            print(f"Score it where the jobs ran: isoquant score {root} {' '.join(given)}", flush=True)
            continue
        asked = compose_words(given, root=ROOT)
        asked.engine = config.engine
        with writing_run(root):
            score(root, build_scoring(asked))


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
    print(
        f"{done.num_scored:,} {verdicts} scored and {done.num_refused:,} refused by {name} in {root}; "
        f"{done.num_tokens:,} tokens read of {done.num_needed:,} needed{written}",
        flush=True,
    )
    return done._asdict()
