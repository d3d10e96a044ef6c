"""Counts what happened during the last minute, to the second; it knows no clock."""

from __future__ import annotations

from collections import deque

_MINUTE = 60


class LastMinute:
    """One count for each of the last 60 seconds in which there was something."""

    def __init__(self) -> None:
        self._seconds: deque[int] = deque()
        self._counts: deque[int] = deque()

    def add(self, now: float) -> None:
        """Something happened at `now`, in seconds."""
        self._forget(now)
        if self._seconds and self._seconds[-1] == int(now):
            self._counts[-1] += 1
        else:
            self._seconds.append(int(now))
            self._counts.append(1)

    def count(self, now: float) -> int:
        """How often something happened during the minute before `now`."""
        self._forget(now)
        return sum(self._counts)

    def _forget(self, now: float) -> None:
        while self._seconds and self._seconds[0] <= int(now) - _MINUTE:
            self._seconds.popleft()
            self._counts.popleft()
