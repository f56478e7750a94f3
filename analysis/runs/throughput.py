"""How fast a run's models wrote while they were drawn, from the jobs' log. Knows one table, no cost model."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.costs.shapes import PerToken
from results import schema, store


class Measured(NamedTuple):
    """Tokens a device-second, and in words on what and with how many samples in flight."""

    per_token: PerToken
    where: str


def read(root: Path) -> dict[str, Measured]:
    """By identity: the tokens its jobs wrote over seconds times devices;
    none of a job whose devices are not known.

    The log does not part reading from writing, so that a written token carries what was read for it, prompts and
    traces given back, and reading costs nothing more. Starting the engine is not in the log.
    """
    log = store.scan(root, schema.THROUGHPUT).to_pandas().astype({"identity": object, "device": object})
    log["device_seconds"] = log["seconds"] * log["num_devices"]
    found = {}
    for identity, rows in log.groupby("identity"):
        num_tokens, device_seconds = int(rows["num_tokens"].sum()), float(rows["device_seconds"].sum())
        if num_tokens and device_seconds:
            found[str(identity)] = Measured(PerToken(np.inf, num_tokens / device_seconds), _where(rows))
    return found


def in_words(places: Iterable[str | None]) -> str:
    """Where these were measured, each place once."""
    return " and ".join(dict.fromkeys(place for place in places if place))


def _where(rows: pd.DataFrame) -> str:
    known = sorted(rows["samples_in_flight"].dropna().unique())
    flying = (
        f"{' or '.join(f'{number:.0f}' for number in known)} samples" if known else "an unknown number of samples"
    )
    devices = sorted(rows["device"].dropna().unique()) or ["an unknown device"]
    return f"{flying} in flight on {' or '.join(devices)}"
