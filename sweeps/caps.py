"""What one job may spend, what it has spent, and an engine that sends no request beyond.
Knows nothing of samples.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

from harness.types import CapReachedError, Completion, Model, Request
from sweeps.counted import Counted

SECONDS_AN_HOUR, PRICED_TOKENS = 3600, 1e6


class Spent(NamedTuple):
    """What a job has spent so far; usd is 0 of a model without a price."""

    tokens: int
    device_hours: float
    usd: float


@dataclass(frozen=True)
class Cap:
    """The most that one job may spend from its start on; None is no cap.

    tokens: that the engine writes, those of the probe with them. device_hours: hours since the engine was started,
    loading included, times its devices (one where it runs elsewhere). usd: tokens read and written at
    `model.price`.
    """

    tokens: int | None = None
    device_hours: float | None = None
    usd: float | None = None

    def __post_init__(self) -> None:
        for name, most in self.given.items():
            if not 0 < most < math.inf:
                raise ValueError(f"cap.{name} must be above 0, or null for no cap; got {most}.")

    @property
    def given(self) -> dict[str, float]:
        """The caps that there are."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: most for name, most in told.items() if most is not None}

    def reached(self, spent: Spent) -> str | None:
        """The first cap that was reached; None where there is none."""
        return next((name for name, most in self.given.items() if getattr(spent, name) >= most), None)


def check_cap(cap: Cap, model: Model) -> None:
    """Raise ValueError where what a cap counts is not known."""
    if cap.usd is not None and not model.price:
        raise ValueError(
            f"cap.usd counts tokens at the model's price, and {model.name} has none. Give the dollars for a "
            "million tokens read and written, as in model.price={prompt:0.1,decoded:0.4}, or give cap.tokens or "
            "cap.device_hours."
        )


def price_tokens(price: Mapping[str, float], *, num_read: float, num_written: float) -> float:
    """Dollars for tokens; 0 without a price."""
    return (price.get("prompt", 0) * num_read + price.get("decoded", 0) * num_written) / PRICED_TOKENS


class Capped:
    """`counted`, through which nothing more is sent once what was spent has reached the cap.

    Requests that are under way then come to their end. A cap that was reached stays so, though a request that
    fails may take back tokens that it had written. clock: in seconds; started: when the engine was started, by
    that.
    """

    def __init__(
        self,
        counted: Counted,
        cap: Cap,
        *,
        price: Mapping[str, float],
        num_devices: int,
        started: float,
        clock: Callable[[], float],
    ) -> None:
        self.counted, self.cap = counted, cap
        self._price, self._num_devices, self._started, self._clock = price, num_devices, started, clock
        self._reached: str | None = None

    async def complete(self, request: Request) -> Completion:
        if self.cap.given and self._reached is None:
            self._reached = self.cap.reached(self.spent)
        if self._reached is not None:
            raise CapReachedError(f"cap.{self._reached} is reached.")
        return await self.counted.complete(request)

    @property
    def spent(self) -> Spent:
        num_tokens, hours = self.counted.num_tokens, (self._clock() - self._started) / SECONDS_AN_HOUR
        usd = price_tokens(self._price, num_read=self.counted.num_read, num_written=num_tokens)
        return Spent(num_tokens, hours * max(self._num_devices, 1), usd)

    def tell(self) -> str | None:
        """The cap that stopped the job, and what was spent; None where none did."""
        if self._reached is None:
            return None
        most, spent = self.cap.given[self._reached], getattr(self.spent, self._reached)
        return {
            "tokens": f"{most:,} tokens, {spent:,} written",
            "device_hours": f"{most:,g} device hours, {spent:,.3g} used",
            "usd": f"{most:,g} dollars, {spent:,.4g} spent",
        }[self._reached]
