"""Books slots in the lines of one queue's targets, which all instances share. Never waits for a slot.

A line is the virtual schedule of ITU-T I.371's generic cell rate algorithm, and its end is all that is
shared: every slot before it is somebody's. An instance books a stretch of slots with one write and gives them
out itself, more of them while the demand grows; slots that nobody came for lapse when their time has passed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from handlers.known_targets import KnownTargets
from handlers.recent import Recent
from lanes import RateSettings
from stores import Traffic

MOST_SLOTS = 64
"""Of a stretch: what an instance that dies or has no more use for them costs the others."""
MOST_AHEAD = 10.0
"""Seconds that a stretch covers at most, unless it is one slot: the same at low rates."""
UNBOOKED_EVERY = 20
"""Intervals: a call that comes so long after the last one is worth no write. Up to 20 instances add one
target's rate to itself by it; what they book later makes up for it."""

_EARLY = 1e-3  # of an interval: what rounding may make a slot come late


@dataclass(slots=True)
class _Line:
    cursor: float = 0.0
    """The first slot of our stretch that is free."""
    end: float = 0.0
    """Of our stretch."""
    known_end: float = 0.0
    """Of the whole line, by what we booked, or should have."""
    went_at: float = float("-inf")
    """When a call went unbooked."""
    size: int = 0
    """Slots of our stretch."""
    given: int = 0
    """Those of them that somebody got."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Lines:
    """The lines of targets at one pace each; remembers 10,000, whose ends are in the store.

    Args:
        pace: the rate of every target.
        seconds: the time since the epoch.
        random: from 0 up to 1; spreads slots within their interval.
    """

    def __init__(
        self,
        pace: RateSettings,
        known: KnownTargets,
        *,
        seconds: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._pace = pace
        self._known = known
        self._seconds = seconds
        self._random = random
        self._lines: Recent[_Line] = Recent(_Line)

    async def goes_now(self, target: str) -> bool:
        """Book the present for a call, if nobody has; not while others stand in the line."""
        line, interval = self._lines.of(target), self._pace.interval
        async with line.lock:
            now = self._seconds()
            if not _has_slot(line, now, interval):
                end = self._end(target, line)
                if self._is_ahead(end, now):
                    return False
                if now - line.went_at >= UNBOOKED_EVERY * interval:
                    line.went_at = now
                    line.known_end = max(end, now) + interval
                    return True
                await self._book(target, line, now, max(1, self._pace.burst // 2), interval)
            if self._is_ahead(line.cursor, now):
                return False
            _give(line, max(line.cursor, now), interval)
            return True

    async def slot(
        self, target: str, *, not_before: float, useful_until: float, interval: float | None = None
    ) -> float:
        """Book a slot at the end of the line, one interval from now at the earliest.

        Args:
            not_before: earlier slots are in vain.
            useful_until: a later slot is answered, and left to others.
            interval: seconds between slots, if more than the pace's.
        """
        line, apart = self._lines.of(target), max(self._pace.interval, interval or 0.0)
        async with line.lock:
            earliest = max(not_before, self._seconds() + apart)
            if not _has_slot(line, earliest, apart):
                at = max(earliest, self._end(target, line))
                if at > useful_until:
                    return at
                await self._book(target, line, at, MOST_SLOTS, apart)
            at = max(line.cursor, earliest)
            if at > useful_until:
                return at
            _give(line, at, apart)
            return at + self._random() * self._pace.jitter * apart

    def booked(self) -> int:
        """Targets whose line has slots ahead, by what is known here."""
        now = self._seconds()
        return sum(line.known_end > now for line in self._lines)

    def _end(self, target: str, line: _Line) -> float:
        return max(line.known_end, self._known.of(target).traffic.booked_until)

    def _is_ahead(self, slot: float, now: float) -> bool:
        """Whether it is later than a target that rests may be called; it saves up a burst."""
        saved = (self._pace.burst - 1) * self._pace.interval
        return slot - saved > now + _EARLY * self._pace.interval

    async def _book(self, target: str, line: _Line, at: float, most: int, interval: float) -> None:
        """A stretch from the end of the line on, or from `at` if that is later."""
        used_up = line.given == line.size
        size = 2 * line.size if used_up else line.given
        size = max(1, min(size, most, int(MOST_AHEAD / interval)))
        from_here = max(at, line.known_end)
        begin = from_here

        def book(known: Traffic) -> Traffic:
            nonlocal begin
            begin = max(from_here, known.booked_until)
            return replace(known, booked_until=begin + size * interval)

        await self._known.change(target, book)
        line.cursor, line.end = begin, begin + size * interval
        line.known_end = max(line.known_end, line.end)
        line.size, line.given = size, 0


def _has_slot(line: _Line, at: float, interval: float) -> bool:
    """Whether our stretch has one at that time or later."""
    return max(line.cursor, at) + interval <= line.end + _EARLY * interval


def _give(line: _Line, slot: float, interval: float) -> None:
    line.cursor = slot + interval
    line.given += 1
