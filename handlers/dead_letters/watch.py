"""Keeps count of the letters that wait for a decision, and removes closed ones in time. Decides on none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from lanes import Sample, Telemetry
from stores import DeadLetters, Depth, StoreError

_log = logging.getLogger(__name__)

COUNTED = 100_000
"""Letters that a count looks at, the oldest first; of more, the metric tells as many."""
SWEPT = 1_000
"""Letters that one look removes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchStatistics:
    depths: tuple[Depth, ...]
    """As of the last look that worked."""
    looked_at: datetime | None
    """When that was."""
    swept: int
    """Letters removed since the start."""


class DeadLetterWatch:
    """Looks into the store every `interval`, so that no scrape of the metrics does.

    One look is under way at a time, at most a query and a removal; while the store is away the last count
    stays, and its age tells.
    """

    def __init__(
        self,
        letters: DeadLetters,
        telemetry: Telemetry,
        *,
        retention: timedelta,
        interval: timedelta,
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`retention`: how long a letter stays that was replayed or discarded."""
        self._letters = letters
        self._retention = retention
        self._interval = interval
        self._clock = clock
        self._sleep = sleep
        self._depths: tuple[Depth, ...] = ()
        self._looked_at: datetime | None = None
        self._swept = 0
        self._task: asyncio.Task[None] | None = None
        telemetry.read(self._samples)

    async def open(self) -> None:
        """Look from now on, the first time at once."""
        self._task = asyncio.create_task(self._run(), name="dead-letter-watch")

    async def aclose(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def look(self) -> None:
        """Count what is open, remove what was closed long ago."""
        now = self._clock()
        try:
            self._depths = await self._letters.depths(limit=COUNTED)
            self._looked_at = now
            swept = await self._letters.sweep(now - self._retention, limit=SWEPT)
        except StoreError as error:
            _log.warning("dead letters were not counted: %s", error)
            return
        if swept:
            self._swept += swept
            _log.info(
                "removed %d dead letters that were replayed or discarded more than %s ago",
                swept,
                self._retention,
            )

    def statistics(self) -> WatchStatistics:
        return WatchStatistics(depths=self._depths, looked_at=self._looked_at, swept=self._swept)

    async def _run(self) -> None:
        while True:
            await self.look()
            await self._sleep(self._interval.total_seconds())

    def _samples(self) -> Iterator[Sample]:
        now = self._clock()
        for depth in self._depths:
            labels = (depth.queue, depth.reason)
            age = (now - depth.oldest).total_seconds()
            yield Sample("sidelane_dead_letters", labels, depth.count)
            yield Sample("sidelane_dead_letter_oldest_seconds", labels, max(age, 0.0))
        if self._looked_at is not None:
            age = (now - self._looked_at).total_seconds()
            yield Sample("sidelane_dead_letters_counted_seconds_ago", (), age)
        yield Sample("sidelane_dead_letters_swept", (), self._swept)
