"""Reads the durations of Google's messages in seconds; it never writes one."""

from __future__ import annotations

from typing import Any


def seconds(message: Any, field: str, default: float) -> float:
    """Field `field` of a proto-plus message, or `default` where it is not set.

    It is read raw, so that a duration beyond every `timedelta` is still a number that can be refused.
    """
    if field not in message:
        return default
    duration = getattr(type(message).pb(message), field)
    return float(duration.seconds + duration.nanos / 1e9)
