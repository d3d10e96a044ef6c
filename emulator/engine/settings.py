"""Holds what a queue is set to: defaults, bounds and the service's words for a bad value. Pure values.

Bounds and defaults are those of the protos of google.cloud.tasks.v2; a zero on the wire means "not set".
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.errors import InvalidArgumentError

MAX_BURST_SIZE = 100
"""The token bucket's size. It is output only; the service publishes no rule for rates below 500."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """How fast a queue dispatches: a token bucket, and how many dispatches may run at a time."""

    max_dispatches_per_second: float = 500.0
    max_burst_size: int = MAX_BURST_SIZE
    max_concurrent_dispatches: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryConfig:
    """When a failed task goes again, and when no more. Durations are seconds."""

    max_attempts: int = 100
    """The first attempt included; -1 is unlimited."""
    max_retry_duration: float = 0.0
    """From the first attempt on; 0 is unlimited."""
    min_backoff: float = 0.1
    max_backoff: float = 3600.0
    max_doublings: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    rate_limits: RateLimits = RateLimits()
    retry: RetryConfig = RetryConfig()


def checked_rate_limits(*, max_dispatches_per_second: float, max_concurrent_dispatches: int) -> RateLimits:
    """The limits that these values of a request set. Raises InvalidArgumentError."""
    _refuse_negative("RateLimits.maxDispatchesPerSecond", max_dispatches_per_second)
    _refuse_above("RateLimits.maxDispatchesPerSecond", max_dispatches_per_second, 500)
    _refuse_negative("RateLimits.maxConcurrentDispatches", max_concurrent_dispatches)
    _refuse_above("RateLimits.maxConcurrentDispatches", max_concurrent_dispatches, 5000)
    default = RateLimits()
    return RateLimits(
        max_dispatches_per_second=max_dispatches_per_second or default.max_dispatches_per_second,
        max_concurrent_dispatches=max_concurrent_dispatches or default.max_concurrent_dispatches,
    )


def checked_retry_config(
    *,
    max_attempts: int,
    max_retry_duration: float,
    min_backoff: float,
    max_backoff: float,
    max_doublings: int,
    zero_doublings: bool = False,
) -> RetryConfig:
    """The retry that these values of a request set. Raises InvalidArgumentError.

    `zero_doublings`: a `max_doublings` of 0 was given, rather than left out.
    """
    if max_attempts < -1:
        raise InvalidArgumentError("RetryConfig.maxAttempts must be greater or equal to -1.")
    _refuse_negative("RetryConfig.maxRetryDuration", max_retry_duration)
    _refuse_negative("RetryConfig.minBackoff", min_backoff)
    _refuse_negative("RetryConfig.maxBackoff", max_backoff)
    _refuse_negative("RetryConfig.maxDoublings", max_doublings)
    default = RetryConfig()
    retry = RetryConfig(
        max_attempts=max_attempts or default.max_attempts,
        max_retry_duration=float(int(max_retry_duration)),  # whole seconds, as the proto says
        min_backoff=min_backoff or default.min_backoff,
        max_backoff=max_backoff or default.max_backoff,
        max_doublings=max_doublings if max_doublings or zero_doublings else default.max_doublings,
    )
    if retry.min_backoff > retry.max_backoff:
        raise InvalidArgumentError(
            "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff."
        )
    return retry


def check_sampling_ratio(ratio: float) -> None:
    """Raises InvalidArgumentError."""
    if not 0 <= ratio <= 1:
        raise InvalidArgumentError("StackdriverLoggingConfig.samplingRatio must be between 0.0 and 1.0.")


def _refuse_negative(field: str, value: float) -> None:
    if not value >= 0:  # not-a-number compares with nothing
        raise InvalidArgumentError(f"{field} cannot be negative.")


def _refuse_above(field: str, value: float, limit: int) -> None:
    if value > limit:
        raise InvalidArgumentError(f"{field} must be less than or equal to {limit}.")
