"""Gathers what a job draws and appends it to the store, with a log of how fast it came."""

import asyncio
import contextlib
import dataclasses
import datetime
import time
from array import array
from pathlib import Path
from typing import Any

from harness.samples import Sampled
from results import store
from results.schema import ANSWERS, FAILURES, SEARCHES, THROUGHPUT, TRACES, Table
from sweeps.provenance import Device

# An answer comes behind its trace, and behind what its path cost where there was a search: it tells that all is
# there.
ORDER = (SEARCHES, TRACES, ANSWERS, FAILURES)
# So many looks at the clock from one flush to the next.
FLUSH_CHECKS, MIN_CHECK_SECONDS = 10, 0.1


class Writer:
    """Appends finished samples every `flush_seconds`, a trace always before its answers.

    A kill loses what was gathered since the last flush, so `flush_seconds` of finished samples at most, as long as
    `keep_flushing` runs beside: samples alone would wait for the next one to end. num_drawn: samples, or paths of
    searches, that are there whole; num_lost_tokens: of searches that did not come to their end.
    """

    def __init__(
        self, root: Path, name: str, identity: str, *, device: Device, samples_in_flight: int, flush_seconds: float
    ) -> None:
        self._root, self._name, self._identity = root, name, identity
        self._device, self._samples_in_flight, self._flush_seconds = device, samples_in_flight, flush_seconds
        self._rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in ORDER}
        self._job = _now()
        self._started = self._flushed = time.monotonic()
        self._num_samples = self._num_tokens = 0
        self.num_drawn = self.num_failed = self.num_lost_tokens = 0

    def add(self, sampled: Sampled) -> None:
        self.num_drawn += sampled.num_drawn
        self.num_lost_tokens += sampled.num_lost_tokens
        if sampled.is_empty:
            return
        # Until the next flush a token takes four bytes of an array, and more than eight of a tuple.
        self._rows[TRACES.name] += [
            self._row(trace)
            | {"num_thinking_tokens": trace.num_thinking_tokens, "token_ids": array("i", trace.token_ids)}
            for trace in sampled.traces
        ]
        self._rows[SEARCHES.name] += [self._row(search) for search in sampled.searches]
        self._rows[ANSWERS.name] += [self._row(answer) for answer in sampled.answers]
        if sampled.failure is not None:
            self._rows[FAILURES.name].append(self._failure(sampled))
            self.num_failed += 1
        self._num_samples += 1
        self._num_tokens += sampled.num_tokens
        self._flush_if_due()

    async def keep_flushing(self) -> None:
        """Flush in time for as long as this runs."""
        while True:
            await asyncio.sleep(max(self._flush_seconds / FLUSH_CHECKS, MIN_CHECK_SECONDS))
            # Of a full disk the next sample tells, or the end.
            with contextlib.suppress(OSError):
                self._flush_if_due()

    def _flush_if_due(self) -> None:
        if self._num_samples and time.monotonic() - self._flushed > self._flush_seconds:
            self.flush()

    def flush(self) -> None:
        """Append everything gathered; raises OSError where the disk is full, and keeps what is not stored yet."""
        for table in ORDER:
            self._append(table, self._rows[table.name])
            # Forgotten as soon as it is stored: were the next append to fail, this one must not be repeated.
            self._rows[table.name] = []
        if self._num_samples:
            self._append(THROUGHPUT, [self._interval()])
        self._flushed, self._num_samples, self._num_tokens = time.monotonic(), 0, 0
        store.keep_few(self._root, (*ORDER, THROUGHPUT), self._name)

    def _append(self, table: Table, rows: list[dict[str, Any]]) -> None:
        store.append(self._root, table, rows, writer=self._name)

    def _interval(self) -> dict[str, Any]:
        now = time.monotonic()
        return {
            "identity": self._identity,
            "job": self._job,
            "elapsed_seconds": now - self._started,
            "seconds": now - self._flushed,
            "num_samples": self._num_samples,
            "num_tokens": self._num_tokens,
            "device": self._device.name,
            "num_devices": self._device.num_devices,
            "samples_in_flight": self._samples_in_flight,
        }

    def _failure(self, sampled: Sampled) -> dict[str, Any]:
        key = {"prompt_id": sampled.key.prompt.prompt_id, "pool": sampled.key.pool, "sample": sampled.key.sample}
        return {"identity": self._identity, "time": _now(), "error": sampled.failure, **key}

    def _row(self, value: Any) -> dict[str, Any]:
        row = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        if (certainty := row.pop("certainty", None)) is not None:
            # Until the next flush a number takes four bytes.
            row |= {name: array("f", values) for name, values in certainty._asdict().items()}
        if (call := row.pop("call", None)) is not None:
            row |= dataclasses.asdict(call)
        return row | {"identity": self._identity}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
