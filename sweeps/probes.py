"""Remembers in a run what the probe of a model's thinking and answers found, so that it is asked once."""

import json
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from harness.probe import NUM_PROBES, Probe, is_too_short, probe_thinking
from harness.traces import Context
from harness.types import CapReachedError, Engine, Prompt, Task
from results.whole import write_whole

SEEDLESS = (
    "samples of one prompt with different seeds began with the same words. If the server ignores seeds or answers "
    "from a cache, more samples add nothing. A very certain model can do the same."
)
UNPROBED = (
    "the cap is reached in the probe of its thinking, of which nothing is kept, so that the next run pays for it "
    "again: give a larger cap, or probe=false."
)


async def check_thinking(
    engine: Engine,
    context: Context,
    prompts: Sequence[Prompt],
    *,
    task: Task,
    root: Path,
    name: str,
    deepest: int,
    most_calls: int = 0,
    unfenced: bool = False,
) -> None:
    """Probe once an identity whether thinking opens, closes and is forced as configured, and answers can be read.

    Raises ValueError if not, CapReachedError where that takes more than the job may spend. And once more with a
    deeper grid, where the one before was too short for any trace to close. deepest: the grid's largest budget, in
    tokens; most_calls: of tools. unfenced: as of grade_texts.
    """
    path = root / "probes" / f"{context.identity}.json"
    before = read_probe(path)
    if before is not None and not is_too_short(before, deepest):
        return
    asked = prompts[:NUM_PROBES]
    try:
        with tqdm(total=len(asked), desc=f"{name:>16}", unit=" probes", mininterval=0, leave=False) as bar:
            probed = await probe_thinking(
                engine,
                context,
                asked,
                max_thinking_tokens=deepest,
                most_calls=most_calls,
                task=task,
                unfenced=unfenced,
                on_probe=bar.update,
            )
    except CapReachedError:
        print(f"{name}: {UNPROBED}", flush=True)
        raise
    if probed.ignores_seeds:
        print(f"{name}: {SEEDLESS}", flush=True)
    path.parent.mkdir(exist_ok=True)
    write_whole(path, (json.dumps(probed._asdict(), indent=2) + "\n").encode())


def read_probe(path: Path) -> Probe | None:
    """What was found before; None where nothing was, or the file is damaged."""
    try:
        return Probe(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
