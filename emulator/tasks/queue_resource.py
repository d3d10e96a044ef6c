"""Checks a Queue message, fills in its defaults and reads its settings; it never stores one."""

from __future__ import annotations

import grpc

from emulator.engine.settings import QueueSettings, checked_rate_limits, checked_retry_config
from emulator.errors import ApiError
from emulator.tasks.messages import RUNNING, Pb, Queue, seconds_of, set_seconds

_UNSERVED = ("app_engine_routing_override", "http_target")


def checked_queue(given: Pb) -> Pb:
    """The queue as it is stored and answered: defaults filled in, output-only fields of the caller ignored.

    Raises InvalidArgumentError, or ApiError UNIMPLEMENTED for a field that is not served.
    """
    for field in _UNSERVED:
        if given.HasField(field):
            raise ApiError(
                grpc.StatusCode.UNIMPLEMENTED,
                f"Queue.{field} is not served by the Sidelane emulator yet: give the target with each task.",
            )
    settings = settings_of(given)
    queue = Queue(name=given.name, state=RUNNING)
    limits, retry = settings.rate_limits, settings.retry
    queue.rate_limits.max_dispatches_per_second = limits.max_dispatches_per_second
    queue.rate_limits.max_burst_size = limits.max_burst_size
    queue.rate_limits.max_concurrent_dispatches = limits.max_concurrent_dispatches
    queue.retry_config.max_attempts = retry.max_attempts
    queue.retry_config.max_doublings = retry.max_doublings
    set_seconds(queue.retry_config.min_backoff, retry.min_backoff)
    set_seconds(queue.retry_config.max_backoff, retry.max_backoff)
    if retry.max_retry_duration:  # the service leaves "unlimited" out
        set_seconds(queue.retry_config.max_retry_duration, retry.max_retry_duration)
    if given.HasField("stackdriver_logging_config"):
        queue.stackdriver_logging_config.CopyFrom(given.stackdriver_logging_config)
    return queue


def settings_of(queue: Pb) -> QueueSettings:
    """What the queue is set to, defaults filled in. Raises InvalidArgumentError."""
    limits, retry = queue.rate_limits, queue.retry_config
    return QueueSettings(
        rate_limits=checked_rate_limits(
            max_dispatches_per_second=limits.max_dispatches_per_second,
            max_concurrent_dispatches=limits.max_concurrent_dispatches,
        ),
        retry=checked_retry_config(
            max_attempts=retry.max_attempts,
            max_retry_duration=seconds_of(retry.max_retry_duration),
            min_backoff=seconds_of(retry.min_backoff),
            max_backoff=seconds_of(retry.max_backoff),
            max_doublings=retry.max_doublings,
        ),
    )
