"""Counts the dispatch tokens of one queue; it never decides which task takes one."""

from __future__ import annotations

_ONE = 1 - 1e-3  # a clock of floats may come a microsecond early, which is half a thousandth at rate 500


class TokenBucket:
    """Starts full with `burst` tokens; refills continuously at `rate` tokens a second, fractions included.

    A refill in the past of the last one (a clock that was set back) adds nothing.
    """

    def __init__(self, *, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._refilled_at = now

    def take(self, now: float) -> bool:
        """Take one token if there is one."""
        self._refill(now)
        if self._tokens < _ONE:
            return False
        self._tokens -= 1  # may leave a debt of a thousandth, so rounding never adds up to a higher rate
        return True

    def next_token_at(self, now: float) -> float:
        """When `take` succeeds next if nobody takes a token until then."""
        self._refill(now)
        return now + max(0.0, 1 - self._tokens) / self._rate

    def change(self, *, rate: float, burst: int, now: float) -> None:
        """Go on at another rate, with the tokens that are there."""
        self._refill(now)
        self._rate, self._burst = rate, burst
        self._tokens = min(self._tokens, float(burst))

    def _refill(self, now: float) -> None:
        elapsed = max(0.0, now - self._refilled_at)
        self._tokens = min(float(self._burst), self._tokens + elapsed * self._rate)
        self._refilled_at = now
