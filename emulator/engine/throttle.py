"""Says how far a queue slows down for a target that is overloaded; it dispatches nothing and knows no clock.

The service documents that it does so on 429, 503 and Retry-After, and no numbers: those here are our choice.
"""

from __future__ import annotations

from emulator.engine.exchange import End, Response
from emulator.engine.settings import RetryConfig

FLOOR = 0.01
"""Of its rate, which a queue always keeps."""
CUT = 0.5
"""Of its rate, which each cut leaves."""
CUT_PERIOD = 1.0
"""Seconds in which a queue is cut once at most, since answers of one moment say the same."""
RECOVERY = 0.02
"""Of its full rate, which a queue gets back each second."""
LONGEST_WAIT = 3600.0
"""Seconds for which a Retry-After counts at least, where `max_backoff` is shorter."""


class Throttle:
    """The share of a queue's rate that is left: cut by a factor, given back at a steady pace, never 0."""

    def __init__(self) -> None:
        self._share = 1.0
        self._cut_at = 0.0

    def cut(self, now: float) -> None:
        """The target is overloaded."""
        share = self.share(now)
        if share < 1 and now - self._cut_at < CUT_PERIOD:
            return
        self._share = max(FLOOR, share * CUT)
        self._cut_at = now

    def share(self, now: float) -> float:
        """From 0.01 to 1."""
        return min(1.0, self._share + RECOVERY * max(0.0, now - self._cut_at))


def is_overload(end: End, *, app_engine: bool) -> bool:
    """Whether an attempt that ended so slows its queue down: 429 and 503, from App Engine 503 alone."""
    return isinstance(end, Response) and (end.status == 503 or (end.status == 429 and not app_engine))


def wait_asked_for(end: End, retry: RetryConfig) -> float:
    """Seconds for which the target asked by Retry-After, with 429 or 503, not to be called; 0 if not."""
    if not isinstance(end, Response) or end.status not in (429, 503) or end.retry_after is None:
        return 0.0
    return min(end.retry_after, max(retry.max_backoff, LONGEST_WAIT))
