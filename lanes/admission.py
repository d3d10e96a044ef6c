"""Lets a request of a lane go, or says why not: places of its target and of the lane, then the breaker."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

from lanes.breaker import BreakerSettings
from lanes.bulkhead import Bulkheads, BulkheadSettings, BulkheadStatistics
from lanes.circuit_breakers import Attempt, BreakerStatistics, CircuitBreakers, Transition
from lanes.errors import LaneSaturated
from lanes.settings import LaneSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionStatistics:
    lane: BulkheadStatistics
    targets: BulkheadStatistics | None
    """None where a target may take the whole lane."""
    breakers: BreakerStatistics | None
    """None where no target is ever left alone."""


class Admission:
    """`async with admission.of(target) as attempt: …` and a verdict on the attempt.

    The breaker comes last, so that what waits for a place never holds the one probe of a target; a target
    whose breaker is open is refused before any wait all the same.
    """

    def __init__(
        self,
        name: str,
        settings: LaneSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_wait: Callable[[float], None] | None = None,
        on_transition: Callable[[Transition], None] | None = None,
    ) -> None:
        self._name = name
        self._lane = Bulkheads(
            BulkheadSettings(
                max_concurrent=settings.max_connections,
                max_waiting=settings.max_waiting,
                max_wait=settings.max_wait,
            ),
            on_wait=on_wait,
            refusal=LaneSaturated,
        )
        self._targets = None
        if settings.max_per_target is not None:
            self._targets = Bulkheads(BulkheadSettings(max_concurrent=settings.max_per_target))
        self._breakers = None
        if settings.breaker_failures is not None:
            self._breakers = CircuitBreakers(
                BreakerSettings(
                    consecutive_failures=settings.breaker_failures,
                    open_for=settings.breaker_open_for,
                    probe_age=settings.deadline,
                ),
                clock=clock,
                on_transition=on_transition,
            )

    @asynccontextmanager
    async def of(self, target: str) -> AsyncIterator[Attempt]:
        """Raises BreakerOpen, BulkheadFull, or LaneSaturated."""
        if self.retry_at(target) is not None:
            self._attempt(target)  # refuses
        of_target = nullcontext() if self._targets is None else self._targets.place(target)
        async with of_target, self._lane.place(self._name):
            with self._attempt(target) as attempt:
                yield attempt

    def retry_at(self, target: str) -> float | None:
        """When to come back to a target whose breaker is open, in the clock's seconds; None when now."""
        return None if self._breakers is None else self._breakers.retry_at(target)

    def statistics(self) -> AdmissionStatistics:
        return AdmissionStatistics(
            lane=self._lane.statistics(),
            targets=None if self._targets is None else self._targets.statistics(),
            breakers=None if self._breakers is None else self._breakers.statistics(),
        )

    def _attempt(self, target: str) -> Attempt:
        return Attempt(None, target, 0) if self._breakers is None else self._breakers.admit(target)
