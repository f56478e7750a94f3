"""python -m ladder [rung ...]: train the named rungs, all of them by default, smallest first."""

import pickle
import sys
from multiprocessing import Pool
from pathlib import Path

from ladder.countdown import TRAIN_SEEDS, Problem, load_problems, without_held_out
from ladder.rungs import LADDER
from ladder.train import train

HERE = Path(__file__).parent


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
    names = sys.argv[1:] or [rung.name for rung in LADDER]
    unknown = set(names) - {rung.name for rung in LADDER}
    if unknown:
        sys.exit(f"Unknown rungs {sorted(unknown)}; choose from {[rung.name for rung in LADDER]}.")
    problems = load_cached_problems(HERE / "cache" / "problems.pkl")
    for rung in LADDER:
        if rung.name in names:
            train(rung, problems, out=HERE / "checkpoints", cache=HERE / "cache")


if __name__ == "__main__":
    main()
