"""What all instances know of the targets of one queue, as this one read it last. Decides nothing.

A target in use is read once a second at most, and written when somebody has a change to tell. A store that
is away fails nothing: this instance goes on with what it knows, as if alone, and asks again after a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from handlers.recent import Recent
from stores import Health, StoreError, TargetState, TargetStates, Traffic

_log = logging.getLogger(__name__)

READ_EVERY = 1.0
"""Seconds for which what was read of a target is good."""
BUDGET = 1.0
"""Seconds that a read or a change may take."""
AWAY_FOR = 5.0
"""Seconds for which a store that is away is not asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownStatistics:
    targets: int
    """Remembered."""
    reads: int
    """Since the start, as are the following."""
    changes: int
    failed: int
    """Reads and changes that the store did not do."""


@dataclass(slots=True)
class _Known:
    state: TargetState = field(default_factory=TargetState)
    read_at: float | None = None
    reading: asyncio.Event | None = None


class KnownTargets:
    """Remembers 10,000 targets; of one that was forgotten the state is read again.

    Args:
        seconds: the time since the epoch.
    """

    def __init__(self, queue: str, states: TargetStates, *, seconds: Callable[[], float]) -> None:
        self._queue = queue
        self._states = states
        self._seconds = seconds
        self._known: Recent[_Known] = Recent(_Known)
        self._away_until = 0.0
        self._reads = 0
        self._changes = 0
        self._failed = 0

    async def read(self, target: str) -> TargetState:
        """The state of a second ago at most, or, with the store away, as it was last known."""
        known = self._known.of(target)
        if known.reading is not None:
            await known.reading.wait()
        elif known.read_at is None or self._seconds() - known.read_at >= READ_EVERY:
            await self._read(target, known)
        return known.state

    def of(self, target: str) -> TargetState:
        """The state as it is known here, unread."""
        return self._known.of(target).state

    async def change(self, target: str, change: Callable[[Traffic], Traffic]) -> Traffic:
        """The traffic as `change` left it; with the store away, what it makes of what is known here."""
        known = self._known.of(target)
        if self._seconds() < self._away_until:
            traffic = change(known.state.traffic)
        else:
            self._changes += 1
            try:
                async with asyncio.timeout(BUDGET):
                    traffic = await self._states.change_traffic(self._queue, target, change)
            except (StoreError, TimeoutError) as error:
                self._is_away(error)
                traffic = change(known.state.traffic)
        known.state = replace(known.state, traffic=traffic)
        return traffic

    def learn(self, target: str, health: Health) -> None:
        """Somebody here has changed the target's health to this."""
        known = self._known.of(target)
        known.state = replace(known.state, health=health)

    def statistics(self) -> KnownStatistics:
        return KnownStatistics(
            targets=len(self._known), reads=self._reads, changes=self._changes, failed=self._failed
        )

    async def _read(self, target: str, known: _Known) -> None:
        now = self._seconds()
        if now < self._away_until:
            return
        self._reads += 1
        known.read_at = now
        known.reading = asyncio.Event()
        try:
            async with asyncio.timeout(BUDGET):
                known.state = await self._states.read(self._queue, target)
        except (StoreError, TimeoutError) as error:
            self._is_away(error)
        finally:
            known.reading.set()
            known.reading = None

    def _is_away(self, error: Exception) -> None:
        self._failed += 1
        self._away_until = self._seconds() + AWAY_FOR
        _log.warning(
            "what instances share of the targets of %s is away, this one goes on alone: %s",
            self._queue,
            error or type(error).__name__,
        )
