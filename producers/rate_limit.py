"""Bounds how often one caller may use a group of routes. It never waits: who is over learns when to return.

Each process bounds for itself: n instances let through up to n times as much.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt

from lanes import Rates, RateSettings, RateStatistics
from producers.errors import TooManyRequests

MAX_CALLERS = 10_000
"""Callers remembered for each group. Beyond, a new one is let in uncounted: it is not to pay for others."""


class Group(StrEnum):
    """What is counted together."""

    EVENTS = "events"
    """What streams and conversations report."""
    SIGN_IN = "sign-in"
    THIRD_PARTIES = "third-parties"
    """What makes us ask others, who bound us too."""
    UPLOADS = "uploads"


class RateLimit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    per_second: PositiveFloat
    burst: PositiveInt
    """Requests at once after a rest."""


LIMITS: Mapping[Group, RateLimit] = {
    Group.EVENTS: RateLimit(per_second=20, burst=200),
    Group.SIGN_IN: RateLimit(per_second=0.2, burst=10),
    Group.THIRD_PARTIES: RateLimit(per_second=1, burst=30),
    Group.UPLOADS: RateLimit(per_second=0.5, burst=20),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a caller has left, for the headers of
    https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/."""

    group: Group
    limit: RateLimit
    left: int

    def headers(self) -> dict[str, str]:
        whole = math.ceil(self.limit.burst / self.limit.per_second)
        return {
            "RateLimit-Policy": f'"{self.group}";q={self.limit.burst};w={whole}',
            "RateLimit": f'"{self.group}";r={self.left};t={math.ceil(1 / self.limit.per_second)}',
        }


class RateLimiter:
    """A bucket for each (group, caller), refilled steadily."""

    def __init__(
        self, limits: Mapping[Group, RateLimit] = LIMITS, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock`: seconds."""
        self._limits = {**LIMITS, **limits}
        self._clock = clock
        self._rates = {
            group: Rates(
                RateSettings(per_second=limit.per_second, burst=limit.burst, jitter=0),
                clock=clock,
                random=lambda: 0.0,
                max_targets=MAX_CALLERS,
            )
            for group, limit in self._limits.items()
        }

    def take(self, group: Group, caller: str) -> Room:
        """Count one request. Raises `TooManyRequests`, and counts it not, where the bucket is empty."""
        rates, limit = self._rates[group], self._limits[group]
        free_at = rates.peek(caller)
        now = self._clock()  # read later than by `peek`, which answers its own now where a slot is free
        wait = free_at - now
        if wait > 0:
            raise TooManyRequests(
                f"more than {limit.per_second:g} requests a second ({group}); come back in {wait:.3g} s",
                wait=wait,
                headers=Room(group=group, limit=limit, left=0).headers(),
            )
        rates.reserve(caller)
        booked = max(0.0, rates.state(caller).booked_until - now)
        return Room(group=group, limit=limit, left=max(0, limit.burst - math.ceil(booked * limit.per_second)))

    def statistics(self) -> Mapping[Group, RateStatistics]:
        return {group: rates.statistics() for group, rates in self._rates.items()}
