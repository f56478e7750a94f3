"""Remembers in a run what the probe of a model's thinking found, so that it is asked once."""

import json
from collections.abc import Sequence
from pathlib import Path

from harness.probe import NUM_PROBES, Probe, is_too_short, probe_thinking
from harness.traces import Context
from harness.types import Engine, Prompt
from results.shards import write_whole


async def check_thinking(
    engine: Engine, context: Context, prompts: Sequence[Prompt], *, root: Path, deepest: int
) -> None:
    """Probe once an identity whether thinking opens, closes and is forced as configured; raises ValueError if not.

    And once more with a deeper grid, where the one before was too short for any trace to close. deepest: the grid's
    largest budget, in tokens.
    """
    path = root / "probes" / f"{context.identity}.json"
    before = read_probe(path)
    if before is not None and not is_too_short(before, deepest):
        return
    probed = await probe_thinking(engine, context, prompts[:NUM_PROBES], max_thinking_tokens=deepest)
    path.parent.mkdir(exist_ok=True)
    write_whole(path, (json.dumps(probed._asdict(), indent=2) + "\n").encode())


def read_probe(path: Path) -> Probe | None:
    """What was found before; None where nothing was, or the file is damaged."""
    try:
        return Probe(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
