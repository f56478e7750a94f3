"""python -m ladder [name ...]: train the named rungs and verifiers, all of them by default, the rungs first.

python -m ladder NAME ... --lengths STEPS ...: train rungs of countdown to these numbers of steps, as NAME-STEPS.
"""

import argparse
import pickle
import sys
from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path

from ladder import countdown, revision, search, verifiers
from ladder.countdown import TRAIN_SEEDS, Problem, load_problems, without_held_out
from ladder.rungs import LADDER, REVISION_LADDER, SEARCH_LADDER
from ladder.train import train, train_lengths
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
    parser = argparse.ArgumentParser(prog="python -m ladder", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--lengths", type=int, nargs="+", default=[], metavar="STEPS", help="as NAME-STEPS")
    options = parser.parse_args()
    names = options.names or known
    if unknown := set(names) - set(known):
        sys.exit(f"Unknown names {sorted(unknown)}; choose from {known}.")
    if options.lengths:
        sys.exit(to_lengths(options.names, options.lengths))
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


def to_lengths(names: Sequence[str], lengths: Sequence[int]) -> str | None:
    """Train rungs of countdown to several lengths; what is wrong with what was asked, or None."""
    rungs = [rung for rung in LADDER if rung.name in names]
    if len(rungs) < max(len(names), 1) or min(lengths) < 1:
        return f"Name rungs of {[rung.name for rung in LADDER]} and lengths of 1 step or more."
    course = countdown.make_course(load_cached_problems(CACHE / "problems.pkl"))
    for rung in rungs:
        train_lengths(rung, lengths, course, out=CHECKPOINTS, cache=CACHE)
    return None


if __name__ == "__main__":
    main()
