"""Checks a Queue message, fills in its defaults and reads its settings; it never stores one."""

from __future__ import annotations

from emulator.engine.settings import (
    QueueSettings,
    RateLimits,
    RetryConfig,
    check_sampling_ratio,
    checked_rate_limits,
    checked_retry_config,
)
from emulator.tasks.app_engine import routed
from emulator.tasks.http_target import check_http_target
from emulator.tasks.messages import RUNNING, Pb, Queue, duration_of, seconds_of, set_seconds


def checked_queue(given: Pb, *, zero_doublings: bool = False) -> Pb:
    """The queue as it is stored and answered: defaults filled in, output-only fields of the caller ignored.

    `zero_doublings`: a `max_doublings` of 0 was given, rather than left out; it is kept. (A zero on the wire
    is no different from a field that is not there, so others have to know.)

    Raises InvalidArgumentError.
    """
    queue = Queue(name=given.name, state=RUNNING)
    _fill_rate_limits(queue.rate_limits, given.rate_limits)
    _fill_retry(queue.retry_config, given.retry_config, zero_doublings)
    if given.HasField("app_engine_routing_override"):
        queue.app_engine_routing_override.CopyFrom(routed(given.app_engine_routing_override, given.name))
    if given.HasField("http_target"):
        check_http_target(given.http_target)
        queue.http_target.CopyFrom(given.http_target)
    if given.HasField("stackdriver_logging_config"):
        check_sampling_ratio(given.stackdriver_logging_config.sampling_ratio)
        queue.stackdriver_logging_config.CopyFrom(given.stackdriver_logging_config)
    return queue


def settings_of(stored: Pb) -> QueueSettings:
    """What a queue made by `checked_queue` is set to. A zero in it means zero."""
    limits, retry = stored.rate_limits, stored.retry_config
    return QueueSettings(
        rate_limits=RateLimits(
            max_dispatches_per_second=limits.max_dispatches_per_second,
            max_burst_size=limits.max_burst_size,
            max_concurrent_dispatches=limits.max_concurrent_dispatches,
        ),
        retry=RetryConfig(
            max_attempts=retry.max_attempts,
            max_retry_duration=seconds_of(retry.max_retry_duration),
            min_backoff=seconds_of(retry.min_backoff),
            max_backoff=seconds_of(retry.max_backoff),
            max_doublings=retry.max_doublings,
        ),
    )


def _fill_rate_limits(stored: Pb, given: Pb) -> None:
    limits = checked_rate_limits(
        max_dispatches_per_second=given.max_dispatches_per_second,
        max_concurrent_dispatches=given.max_concurrent_dispatches,
    )
    stored.max_dispatches_per_second = limits.max_dispatches_per_second
    stored.max_burst_size = limits.max_burst_size
    stored.max_concurrent_dispatches = limits.max_concurrent_dispatches


def _fill_retry(stored: Pb, given: Pb, zero_doublings: bool) -> None:
    retry = checked_retry_config(
        max_attempts=given.max_attempts,
        max_retry_duration=duration_of(given.max_retry_duration, "RetryConfig.maxRetryDuration"),
        min_backoff=duration_of(given.min_backoff, "RetryConfig.minBackoff"),
        max_backoff=duration_of(given.max_backoff, "RetryConfig.maxBackoff"),
        max_doublings=given.max_doublings,
        zero_doublings=zero_doublings,
    )
    stored.max_attempts = retry.max_attempts
    stored.max_doublings = retry.max_doublings
    set_seconds(stored.min_backoff, retry.min_backoff)
    set_seconds(stored.max_backoff, retry.max_backoff)
    if retry.max_retry_duration:  # the service leaves "unlimited" out
        set_seconds(stored.max_retry_duration, retry.max_retry_duration)
