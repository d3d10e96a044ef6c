"""Makes equal calls that are under way at the same time one call, whose result all of them get.

It remembers nothing: a call that comes after the end of another one is made anew. All of it belongs to one
event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleFlightStatistics:
    under_way: int
    """Keys with a call under way."""
    max_keys: int
    waiting: int
    """Callers of all these."""
    joined: int
    """Callers since the start that found their call under way."""
    alone: int
    """Callers since the start that called for themselves, since as many keys as may be were under way."""


@dataclass(slots=True)
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    waiting: int = 0


class SingleFlight(Generic[T]):
    """`await flights.run(key, call)`: calls, or waits for the call of this key that is under way.

    A call goes on for as long as anybody waits for it: it is cancelled with its last caller, and a caller
    that leaves takes nothing from the others. What it raises is raised to all of them. With `max_keys` keys
    under way, a call for one more is made for its caller alone.
    """

    def __init__(self, *, max_keys: int = 1024) -> None:
        self._max_keys = max_keys
        self._flights: dict[str, _Flight[T]] = {}
        self._joined = 0
        self._alone = 0

    async def run(self, key: str, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        flight = self._flights.get(key)
        if flight is not None:
            self._joined += 1
        elif len(self._flights) < self._max_keys:
            flight = self._flights[key] = _Flight(asyncio.create_task(call()))
            flight.task.add_done_callback(lambda task: self._ended(key, task))
        else:
            self._alone += 1
            return await call()
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                flight.task.cancel()
                self._forget(key, flight.task)  # who comes now joins no call that is about to end

    def statistics(self) -> SingleFlightStatistics:
        return SingleFlightStatistics(
            under_way=len(self._flights),
            max_keys=self._max_keys,
            waiting=sum(flight.waiting for flight in self._flights.values()),
            joined=self._joined,
            alone=self._alone,
        )

    def _ended(self, key: str, task: asyncio.Task[T]) -> None:
        self._forget(key, task)
        if not task.cancelled():
            task.exception()  # its callers have it; where all have left, nobody shall be told of it

    def _forget(self, key: str, task: asyncio.Task[T]) -> None:
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]
