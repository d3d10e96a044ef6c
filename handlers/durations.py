"""Notes how long the calls of one queue's targets take, and says which targets are slow. Bounds nothing.

A call counts while it is under way: a target is slow before its first slow call has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from handlers.recent import Recent

FORGOTTEN_AFTER = 60.0
"""Seconds after the last call: one cold start is no habit."""


@dataclass(slots=True, eq=False)
class Timing:
    """One call under way."""

    began: float
    counts: bool = False
    """Whether its end tells how long the target's calls take: a time-out only tells how long we waited, and a
    call that was broken off tells nothing."""


@dataclass(slots=True)
class _Calls:
    under_way: list[Timing] = field(default_factory=list)
    """The oldest first."""
    took: float = 0.0
    """Seconds, of the last call that counts."""
    ended_at: float = 0.0


class Durations:
    """Remembers 10,000 targets.

    Args:
        slow_after: seconds; None: no target is slow.
        seconds: the time since the epoch.
    """

    def __init__(self, slow_after: float | None, *, seconds: Callable[[], float]) -> None:
        self._slow_after = slow_after
        self._seconds = seconds
        self._calls: Recent[_Calls] = Recent(_Calls)

    @contextmanager
    def timed(self, target: str) -> Iterator[Timing]:
        """Time the call that the block makes."""
        calls, call = self._calls.of(target), Timing(self._seconds())
        calls.under_way.append(call)
        try:
            yield call
        finally:
            calls.under_way.remove(call)
            if call.counts:
                calls.ended_at = self._seconds()
                calls.took = calls.ended_at - call.began

    def is_slow(self, target: str) -> bool:
        """Whether its last call took too long, or one under way does."""
        if self._slow_after is None:
            return False
        return max(self.waited(target), self.took(target)) > self._slow_after

    def waited(self, target: str) -> float:
        """Seconds that its oldest call has been under way; 0 without one."""
        under_way = self._calls.of(target).under_way
        return self._seconds() - under_way[0].began if under_way else 0.0

    def took(self, target: str) -> float:
        """Seconds that its last call took; 0 if that is not known, or long ago."""
        calls = self._calls.of(target)
        return calls.took if self._seconds() - calls.ended_at < FORGOTTEN_AFTER else 0.0

    def slow_calls(self) -> int:
        """How many calls are under way that take too long."""
        if self._slow_after is None:
            return 0
        longest_ago = self._seconds() - self._slow_after
        return sum(call.began < longest_ago for calls in self._calls for call in calls.under_way)
