"""Commits a change of Pub/Sub's state and wakes those who wait for it; it knows neither calls nor tables."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TypeVar

from emulator.abandoned import end_of
from emulator.engine.clock import Clock
from emulator.pubsub import times
from emulator.store import Store

T = TypeVar("T")

PUSH_SUBSCRIPTIONS = "push subscriptions"
"""Woken when a subscription is created, deleted, or changed between pull and push."""

DEAD_LETTERS = "dead letters"
"""Woken when the last attempt of a message has begun, or ends at another time."""


class Wakeups:
    """Lets coroutines wait for news of a subscription, by its name, or for a moment of the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def listen(self, name: str) -> Iterator[asyncio.Event]:
        """An event that is set at each wake-up. Clear it before looking, so that no news falls in between."""
        woken = asyncio.Event()
        waiting = self._waiting.setdefault(name, set())
        waiting.add(woken)
        try:
            yield woken
        finally:
            waiting.discard(woken)
            if not waiting:
                self._waiting.pop(name, None)

    def wake(self, name: str) -> None:
        for woken in self._waiting.get(name, ()):
            woken.set()

    async def wait(self, woken: asyncio.Event, until: int | None) -> None:
        """Return when `woken` is set, at the latest at `until` (microseconds; None: no end)."""
        if until is None:
            await woken.wait()
            return
        if until <= times.now(self._clock):
            return
        timer = self._clock.call_at(until / 1_000_000, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()


class Changes:
    """Writes to the store so that whom a change concerns is woken even if its caller has gone meanwhile."""

    def __init__(self, store: Store, wakeups: Wakeups) -> None:
        self._store = store
        self._wakeups = wakeups
        self._running: set[asyncio.Task[object]] = set()  # one for each call or push under way

    async def commit(
        self, job: Callable[[sqlite3.Connection], T], *, concerns: Callable[[T], Collection[str]]
    ) -> T:
        """What `job` returned, once it is on disk and the names that `concerns` makes of it are woken."""
        change = asyncio.create_task(self._commit(job, concerns))
        self._running.add(change)
        change.add_done_callback(self._running.discard)
        return await end_of(change)

    async def aclose(self) -> None:
        """Wait for the changes under way."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _commit(
        self, job: Callable[[sqlite3.Connection], T], concerns: Callable[[T], Collection[str]]
    ) -> T:
        result = await self._store.write(job)
        for name in concerns(result):
            self._wakeups.wake(name)
        return result
