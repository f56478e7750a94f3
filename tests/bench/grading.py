"""make bench PART=grading: answers a second behind the walls,
beside the plain loop without any in the same rounds.

A generator of reasoning-gym whose scorer compares, and one whose scorer evaluates, which costs a process an
answer.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from harness.fence.gaps import find_fence
from harness.grading import grade_texts
from harness.tasks.reasoning_gym import ReasoningGym
from sweeps.launchers.plan import print_table

NUM_PROMPTS, NUM_WORKERS = 50, 2


class Speed(NamedTuple):
    """Answers a second of the plain loop in one process and of the graders, and the ratio of the two, medians."""

    scorer: str
    answers: str
    plain: str
    fenced: str
    ratio: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparing", default="chain_sum")
    parser.add_argument("--evaluating", default="countdown")
    parser.add_argument("--answers", type=int, default=20_000, help="of the evaluating one a twentieth")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    sizes = {given.comparing: given.answers, given.evaluating: given.answers // 20}
    print(find_fence())
    print_table([Speed._fields, *(measure(name, size, given.rounds) for name, size in sizes.items())])


def measure(name: str, num_answers: int, rounds: int) -> Speed:
    """The two in turns, since other work on the machine then slows both."""
    task = ReasoningGym(name, 0, NUM_PROMPTS)
    prompts = task.load()
    # Every other one is right; no two are the same, as equal ones are graded once.
    golds = [(prompt, task.write_gold(prompt)) for prompt in prompts]
    texts = [(golds[i % NUM_PROMPTS], i) for i in range(num_answers)]
    written = [(prompt, gold + " " * (i // NUM_PROMPTS) if i % 2 else f"{i}+1") for (prompt, gold), i in texts]
    pairs = [(prompt.prompt_id, text) for prompt, text in written]
    ways: Sequence[Callable[[], object]] = (
        lambda: [task.grade(prompt, text) for prompt, text in written],
        lambda: grade_texts(task, pairs, num_workers=NUM_WORKERS),
    )
    speeds = [[num_answers / _time(way) for way in ways] for _ in range(rounds)]
    plain, fenced = (median(column) for column in zip(*speeds, strict=True))
    ratio = median(fenced / plain for plain, fenced in speeds)
    return Speed(name, f"{num_answers:,}", f"{plain:,.0f}", f"{fenced:,.0f}", f"{ratio:.4f}")


def _time(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
