"""python -m ladder [name ...]: train the named rungs and verifiers, all of them by default, the rungs first."""

import pickle
import sys
from multiprocessing import Pool
from pathlib import Path

from ladder import countdown, revision, search, verifiers
from ladder.countdown import TRAIN_SEEDS, Problem, load_problems, without_held_out
from ladder.rungs import LADDER, REVISION_LADDER, SEARCH_LADDER
from ladder.train import train
from ladder.verifiers import VERIFIERS

HERE = Path(__file__).parent
CACHE, CHECKPOINTS = HERE / "cache", HERE / "checkpoints"


def load_cached_problems(path: Path) -> list[Problem]:
    """The training pool, generated once (some minutes) and kept."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = [range(first, first + 5000) for first in range(TRAIN_SEEDS.start, TRAIN_SEEDS.stop, 5000)]
        with Pool() as workers:
            problems = [p for part in workers.imap(load_problems, parts) for p in part]
        path.write_bytes(pickle.dumps(without_held_out(problems)))
    pool: list[Problem] = pickle.loads(path.read_bytes())
    return pool


def main() -> None:
    known = [each.name for each in (*LADDER, *REVISION_LADDER, *SEARCH_LADDER, *VERIFIERS)]
    names = sys.argv[1:] or known
    if unknown := set(names) - set(known):
        sys.exit(f"Unknown names {sorted(unknown)}; choose from {known}.")
    for ladder, make_course in ((LADDER, countdown.make_course), (REVISION_LADDER, revision.make_course)):
        rungs = [rung for rung in ladder if rung.name in names]
        if rungs:
            course = make_course(load_cached_problems(CACHE / "problems.pkl"))
            for rung in rungs:
                train(rung, course, out=CHECKPOINTS, cache=CACHE)
    for rung in SEARCH_LADDER:
        if rung.name in names:
            train(rung, search.make_course(), out=CHECKPOINTS, cache=CACHE)
    verifying = [verifier for verifier in VERIFIERS if verifier.name in names]
    if verifying:
        verifiers.draw(CACHE / "answers")
        for verifier in verifying:
            readings = verifiers.load_readings(CACHE / "answers", verifier, CHECKPOINTS)
            verifiers.train(verifier, readings, rungs=CHECKPOINTS, out=CHECKPOINTS, cache=CACHE)


if __name__ == "__main__":
    main()
