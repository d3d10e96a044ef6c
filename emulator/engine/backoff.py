"""Says when a failed task goes again and when it goes no more; pure functions of a queue's retry settings."""

from __future__ import annotations

import math

from emulator.engine.settings import RetryConfig

RETENTION = 31 * 24 * 3600.0
"""Seconds after its creation at which a task is deleted, dispatched or not."""


def interval(retry: RetryConfig, failures: int) -> float:
    """Seconds from the failure of attempt number `failures` (1 is the first) to the next attempt.

    Doubles `max_doublings` times from `min_backoff`, then grows by the last step, up to `max_backoff`: with
    10 s, 300 s and 3 doublings it is 10, 20, 40, 80, 160, 240, 300, 300.
    """
    doublings = min(failures - 1, retry.max_doublings)
    steps = max(1, failures - retry.max_doublings)
    try:
        grown = math.ldexp(retry.min_backoff, doublings) * steps
    except OverflowError:
        return retry.max_backoff
    return min(retry.max_backoff, grown)


def gives_up(retry: RetryConfig, *, attempts: int, first_attempt_at: float, now: float) -> bool:
    """Whether a task that failed `attempts` times is deleted instead of going again.

    Of the limits that are set (`max_attempts`, `max_retry_duration`), all must be reached.
    """
    limits_attempts = retry.max_attempts != -1
    limits_duration = retry.max_retry_duration > 0
    if not limits_attempts and not limits_duration:
        return False
    attempts_used = not limits_attempts or attempts >= retry.max_attempts
    duration_used = not limits_duration or now - first_attempt_at >= retry.max_retry_duration
    return attempts_used and duration_used
