"""Reads the header with which a target asks to be left alone for a while. Pure; waits for nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_LONGEST = 10**9


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date (RFC 9110, 10.2.3), as the time from now; anything else counts as not said.

    It is what the target says: clamping it is up to the caller.
    """
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return timedelta(seconds=min(int(value), _LONGEST))
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(then.replace(tzinfo=then.tzinfo or UTC) - now, timedelta(0))
