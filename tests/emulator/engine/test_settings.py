"""A queue's defaults and bounds, with the service's words."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.engine.settings import RateLimits, RetryConfig, checked_rate_limits, checked_retry_config
from emulator.errors import InvalidArgumentError

UNSET: dict[str, Any] = {
    "max_attempts": 0,
    "max_retry_duration": 0,
    "min_backoff": 0,
    "max_backoff": 0,
    "max_doublings": 0,
}


def test_what_is_not_set_is_the_default() -> None:
    limits = checked_rate_limits(max_dispatches_per_second=0, max_concurrent_dispatches=0)
    assert limits == RateLimits(
        max_dispatches_per_second=500, max_burst_size=100, max_concurrent_dispatches=1000
    )
    assert checked_retry_config(**UNSET) == RetryConfig(
        max_attempts=100, max_retry_duration=0, min_backoff=0.1, max_backoff=3600, max_doublings=16
    )


def test_what_is_set_is_kept() -> None:
    limits = checked_rate_limits(max_dispatches_per_second=0.1, max_concurrent_dispatches=5000)
    assert limits.max_dispatches_per_second == 0.1
    retry = checked_retry_config(
        max_attempts=-1, max_retry_duration=90.9, min_backoff=0.05, max_backoff=0.07, max_doublings=1
    )
    assert retry == RetryConfig(
        max_attempts=-1, max_retry_duration=90, min_backoff=0.05, max_backoff=0.07, max_doublings=1
    )


def test_a_zero_of_max_doublings_may_be_meant() -> None:
    assert checked_retry_config(**UNSET, zero_doublings=True) == RetryConfig(max_doublings=0)


@pytest.mark.parametrize(
    ("rate", "concurrent", "message"),
    [
        (-0.1, 0, "RateLimits.maxDispatchesPerSecond cannot be negative."),
        (float("nan"), 0, "RateLimits.maxDispatchesPerSecond cannot be negative."),
        (500.1, 0, "RateLimits.maxDispatchesPerSecond must be less than or equal to 500."),
        (0, -1, "RateLimits.maxConcurrentDispatches cannot be negative."),
        (0, 5001, "RateLimits.maxConcurrentDispatches must be less than or equal to 5000."),
    ],
)
def test_rate_limits_out_of_bounds(rate: float, concurrent: int, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        checked_rate_limits(max_dispatches_per_second=rate, max_concurrent_dispatches=concurrent)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_attempts": -2}, "RetryConfig.maxAttempts must be greater or equal to -1."),
        ({"max_doublings": -1}, "RetryConfig.maxDoublings cannot be negative."),
        ({"min_backoff": -1}, "RetryConfig.minBackoff cannot be negative."),
        ({"max_backoff": -1}, "RetryConfig.maxBackoff cannot be negative."),
        ({"max_retry_duration": -1}, "RetryConfig.maxRetryDuration cannot be negative."),
        (
            {"min_backoff": 10, "max_backoff": 5},
            "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
        ),
        (
            {"max_backoff": 0.05},  # below the default of the other
            "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
        ),
    ],
)
def test_retry_out_of_bounds(fields: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        checked_retry_config(**{**UNSET, **fields})
    assert caught.value.message == message
