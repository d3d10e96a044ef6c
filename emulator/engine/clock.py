"""Tells the emulator the time and wakes it; it never decides what happens then."""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call that is yet to happen."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """The time, in seconds since the Unix epoch, and calls at a moment of it.

    Both are used on the event loop alone. A call may come a little early by the wall clock: look at `now()`.
    """

    def now(self) -> float: ...

    def call_at(self, moment: float, callback: Callable[[], object]) -> Timer: ...


async def sleep_until(clock: Clock, moment: float) -> None:
    """Return at `moment` of `clock`, or at once if it is past."""
    while clock.now() < moment:
        woken = asyncio.Event()
        timer = clock.call_at(moment, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()


class SystemClock:
    """The machine's wall clock and the running event loop's timers."""

    def now(self) -> float:
        return time.time()

    def call_at(self, moment: float, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(max(0.0, moment - time.time()), callback)


class _AdjustableTimer:
    """A call on an AdjustableClock: its moment, and the timer of the event loop that stands for it."""

    __slots__ = ("_callback", "_waiting", "handle", "moment")

    def __init__(self, moment: float, callback: Callable[[], object], waiting: set[_AdjustableTimer]) -> None:
        self.moment = moment
        self._callback = callback
        self._waiting = waiting
        self.handle: asyncio.TimerHandle | None = None

    def arm(self, seconds: float) -> None:
        if self.handle is not None:
            self.handle.cancel()
        self.handle = asyncio.get_running_loop().call_later(max(0.0, seconds), self._call)

    def cancel(self) -> None:
        self._waiting.discard(self)
        if self.handle is not None:
            self.handle.cancel()

    def _call(self) -> None:
        self._waiting.discard(self)
        self._callback()


class AdjustableClock:
    """The machine's wall clock, which can be moved forward; never back, and only for this process."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._waiting: set[_AdjustableTimer] = set()

    @property
    def ahead(self) -> float:
        """Seconds by which it was moved ahead of the wall clock."""
        return self._ahead

    def now(self) -> float:
        return time.time() + self._ahead

    def call_at(self, moment: float, callback: Callable[[], object]) -> Timer:
        timer = _AdjustableTimer(moment, callback, self._waiting)
        self._waiting.add(timer)
        timer.arm(moment - self.now())
        return timer

    def advance(self, seconds: float) -> None:
        """Move forward; calls whose moment that passes come at once, in the order of their moments.

        Raises ValueError for a number that is negative or not finite.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"the clock moves forward by a finite number of seconds, not by {seconds}")
        self._ahead += seconds
        now = self.now()
        for timer in sorted(self._waiting, key=lambda timer: timer.moment):
            timer.arm(timer.moment - now)


class _VirtualTimer:
    """A call on a VirtualClock; its place among the others is (moment, order of asking)."""

    __slots__ = ("callback", "cancelled", "moment", "order")

    def __init__(self, moment: float, order: int, callback: Callable[[], object]) -> None:
        self.moment = moment
        self.order = order
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def __lt__(self, other: _VirtualTimer) -> bool:
        return (self.moment, self.order) < (other.moment, other.order)


class VirtualClock:
    """A clock that stands still until it is advanced."""

    def __init__(self, now: float = 1_758_700_000.0) -> None:
        self._now = now
        self._timers: list[_VirtualTimer] = []
        self._asked = 0
        self._timer_set = asyncio.Event()

    def now(self) -> float:
        return self._now

    def call_at(self, moment: float, callback: Callable[[], object]) -> Timer:
        self._asked += 1
        timer = _VirtualTimer(moment, self._asked, callback)
        heapq.heappush(self._timers, timer)
        self._timer_set.set()
        return timer

    def next_call(self) -> float | None:
        """The moment of the next call, or None when none is waiting."""
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0].moment if self._timers else None

    async def wait_for_timer(self, *, by: float = math.inf) -> float:
        """Return the moment of the next call, once there is one no later than `by`."""
        while (moment := self.next_call()) is None or moment > by:
            self._timer_set.clear()
            await self._timer_set.wait()
        return moment

    def advance_to(self, moment: float) -> None:
        """Move to `moment`, making the calls on the way, each at its own time and in order."""
        while (due := self.next_call()) is not None and due <= moment:
            timer = heapq.heappop(self._timers)
            self._now = max(self._now, due)
            timer.callback()
        self._now = max(self._now, moment)

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`, making the calls on the way."""
        self.advance_to(self._now + seconds)
