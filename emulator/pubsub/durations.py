"""Reads and writes the durations of Google's messages; it bounds none."""

from __future__ import annotations

from typing import Any

from google.protobuf import duration_pb2


def seconds(message: Any, field: str, default: float) -> float:
    """Field `field` of a proto-plus message, or `default` where it is not set.

    It is read raw, so that a duration beyond every `timedelta` is still a number that can be refused.
    """
    if field not in message:
        return default
    duration = getattr(type(message).pb(message), field)
    return float(duration.seconds + duration.nanos / 1e9)


def microseconds(message: Any, field: str) -> int | None:
    """The same in whole microseconds; None where it is not set."""
    return round(seconds(message, field, 0.0) * 1_000_000) if field in message else None


def duration(length: float) -> duration_pb2.Duration:
    """Of `length` seconds."""
    written = duration_pb2.Duration()
    written.FromMicroseconds(round(length * 1_000_000))
    return written
